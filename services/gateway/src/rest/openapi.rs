//! The OpenAPI description of the REST routes. `docs/openapi.json` is this; a test holds the two,
//! and the routes, together.

use deepfix_errors::ErrorCode;
use deepfix_model::Report;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::spec::SpecJson;

/// The description.
#[must_use]
pub fn openapi() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|s| s.definitions_path = "/components/schemas".into());
    let mut generator = settings.into_generator();
    let report = generator.subschema_for::<Report>();
    let request = generator.subschema_for::<SpecJson>();
    let mut schemas = generator.take_definitions(true);
    schemas.insert("Error".to_owned(), error());
    schemas.insert("SdkRequest".to_owned(), sdk_request());
    schemas.insert("SdkJob".to_owned(), sdk_job());
    let failures = |codes: &[ErrorCode]| -> Value {
        let mut by_status: std::collections::BTreeMap<u16, Vec<&str>> = std::collections::BTreeMap::new();
        for code in codes {
            by_status.entry(code.http()).or_default().push(code.reason());
        }
        by_status
            .into_iter()
            .map(|(status, reasons)| {
                let body = json!({ "description": reasons.join(", "), "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } } });
                (status.to_string(), body)
            })
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let with = |ok: Value, codes: &[ErrorCode]| -> Value {
        let mut responses = failures(codes);
        responses["200"] = ok;
        responses
    };
    let text = |description: &str, kind: &str| json!({ "description": description, "content": { kind: { "schema": { "type": "string" } } } });
    let object = |description: &str| json!({ "description": description, "content": { "application/json": { "schema": { "type": "object" } } } });
    let job = |description: &str| json!({ "description": description, "content": { "application/json": { "schema": { "$ref": "#/components/schemas/SdkJob" } } } });
    let query = |name: &str, description: &str, required: bool, schema: Value| json!({ "name": name, "in": "query", "description": description, "required": required, "schema": schema });
    let file = json!({ "type": "string", "format": "binary" });
    let string = json!({ "type": "string" });
    let multipart: serde_json::Map<String, Value> = deepfix_model::ArtifactKind::ALL
        .into_iter()
        .map(|kind| (kind.name().replace('_', "-"), file.clone()))
        .chain(
            [
                "label",
                "datetime",
                "task",
                "dataset-name",
                "model-name",
                "language",
                "agents",
                "min-confidence",
                "mask-examples",
                "thresholds",
                "confidence-thresholds",
                "metric-roles",
                "knowledge-namespace",
                "only",
                "timeouts",
                "mlflow-run",
                "tracking-uri",
                "log-back",
            ]
            .into_iter()
            .map(|name| (name.to_owned(), string.clone())),
        )
        .collect();
    let analysis_errors = [
        ErrorCode::InvalidArgument,
        ErrorCode::MalformedBody,
        ErrorCode::TooLarge,
        ErrorCode::Overloaded,
        ErrorCode::Unavailable,
        ErrorCode::DeadlineExceeded,
        ErrorCode::Internal,
    ];
    json!({
        "openapi": "3.1.0",
        "info": { "title": "DeepFix", "version": env!("CARGO_PKG_VERSION"), "description": "Finds what is wrong with a model from its artifacts: evidence, root cause and fix, each with its source." },
        "paths": {
            "/": { "get": { "summary": "The page", "responses": { "200": text("HTML", "text/html") } } },
            "/health": { "get": { "summary": "Whether the gateway answers", "responses": { "200": object("status, version and the agents it knows") } } },
            "/openapi.json": { "get": { "summary": "This description", "responses": { "200": object("OpenAPI 3.1") } } },
            "/v1/analyses": { "post": {
                "summary": "Analyse artifacts",
                "description": "Answers the report. With `Accept: text/event-stream` it answers events accepted, agent_started, agent_progress, finding, agent_completed, agent_failed, agent_skipped, knowledge_retrieved, report (or error), each with an increasing id.",
                "requestBody": { "required": true, "content": {
                    "application/json": { "schema": request },
                    "multipart/form-data": { "schema": { "type": "object", "properties": multipart } } } },
                "responses": with(json!({ "description": "the report, or the events", "content": {
                    "application/json": { "schema": report }, "text/event-stream": { "schema": { "type": "string" } } } }), &analysis_errors) } },
            "/v1/artifacts": { "post": {
                "summary": "Upload an artifact",
                "requestBody": { "required": true, "content": { "application/octet-stream": { "schema": file.clone() }, "multipart/form-data": { "schema": { "type": "object", "properties": { "file": file } } } } },
                "responses": with(json!({ "description": "where it is", "content": { "application/json": { "schema": { "type": "object", "required": ["uri", "size", "digest"], "properties": { "uri": string.clone(), "size": { "type": "integer" }, "digest": string.clone() } } } } }),
                    &[ErrorCode::InvalidArgument, ErrorCode::TooLarge, ErrorCode::Unsupported, ErrorCode::Unavailable]) } },
            "/v1/agents": { "get": { "summary": "The agents, what they look for, and whether they answer", "responses": { "200": object("the agents") } } },
            "/v1/knowledge/search": { "get": {
                "summary": "Search the knowledge pages",
                "parameters": [query("q", "the question", true, json!({ "type": "string", "minLength": 1 })), query("limit", "how many pages", false, json!({ "type": "integer", "minimum": 1, "maximum": 100, "default": 10 })),
                    query("fault_code", "only pages about this code", false, string.clone()), query("theme", "only pages of this theme", false, string.clone()), query("task", "only pages about this task", false, string.clone()), query("namespace", "a team, whose own pages are searched beside the shared ones", false, string.clone())],
                "responses": with(object("distinct pages, best first, each with its best passage and its sources"), &[ErrorCode::InvalidArgument, ErrorCode::Unavailable]) } },
            "/v1/render": { "post": {
                "summary": "Render a report",
                "parameters": [query("format", "the document", true, json!({ "enum": ["html", "markdown", "sarif", "junit", "terminal", "json"] }))],
                "requestBody": { "required": true, "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Report" } } } },
                "responses": with(text("the document", "*/*"), &[ErrorCode::InvalidArgument, ErrorCode::TooLarge]) } },
            "/v1/analyse": { "post": { "summary": "The DeepFix SDK's blocking analysis (also /v1/analyze and under /api)", "requestBody": { "required": true, "content": { "application/json": { "schema": { "$ref": "#/components/schemas/SdkRequest" } } } }, "responses": sdk("200", "a completed job with its result") } },
            "/v2/analyse": { "post": { "summary": "The DeepFix SDK's job submission (also under /api)", "parameters": [{ "name": "Idempotency-Key", "in": "header", "required": false, "description": "the same key and body again give the same job, unless it failed", "schema": string.clone() }], "requestBody": { "required": true, "content": { "application/json": { "schema": { "$ref": "#/components/schemas/SdkRequest" } } } }, "responses": sdk("202", "the job, completed when it took under four seconds") } },
            "/v2/jobs": { "get": { "summary": "Jobs, newest first, without their results",
                "parameters": [query("limit", "how many", false, json!({ "type": "integer", "minimum": 1, "maximum": 100, "default": 100 })), query("before", "only those before this id", false, string.clone())],
                "responses": { "200": object("jobs, and the id to go on from"), "422": object("the SDK's form of a refused request") } } },
            "/v2/jobs/{id}": {
                "get": { "summary": "A job of the DeepFix SDK (also under /api)", "parameters": [{ "name": "id", "in": "path", "required": true, "schema": string.clone() }], "responses": { "200": job("the job"), "404": object("no such job") } },
                "delete": { "summary": "End a job that still runs", "parameters": [{ "name": "id", "in": "path", "required": true, "schema": string }], "responses": { "200": job("the job, as it ended"), "404": object("no such job") } } }
        },
        // Where no keys are configured, none is asked for.
        "security": [{}, { "key": [] }],
        "components": { "schemas": schemas, "securitySchemes": { "key": {
            "type": "http", "scheme": "bearer",
            "description": "a key of the server (gateway.api_keys); paths that tell nothing about anyone answer without" } } }
    })
}

/// What the SDK sends.
fn sdk_request() -> Value {
    let optional = |of: Value| json!({ "anyOf": [of, { "type": "null" }] });
    let (text, object) = (json!({ "type": "string" }), json!({ "type": "object" }));
    let deepchecks = json!({ "type": "object", "required": ["dataset_name", "results"], "properties": {
        "dataset_name": text, "model_name": optional(text.clone()), "results": object, "config": optional(object.clone()) } });
    let training = json!({ "type": "object", "properties": {
        "metrics_path": optional(text.clone()), "metrics_values": {}, "params": optional(object.clone()) } });
    json!({ "type": "object", "properties": {
        "dataset_artifacts": optional(object.clone()), "training_artifacts": optional(training), "deepchecks_artifacts": optional(deepchecks),
        "model_checkpoint_artifacts": optional(object), "dataset_name": optional(text.clone()), "model_name": optional(text.clone()),
        "language": optional(text.clone()), "original_code": optional(text), "verify_repairs": { "type": "boolean" } } })
}

/// A job, as the SDK reads it. Clients of before April 2026 read the result's keys beside these.
fn sdk_job() -> Value {
    let text = json!({ "type": ["string", "null"] });
    json!({ "type": "object", "required": ["job_id", "status"], "properties": {
        "job_id": { "type": "string" }, "status": { "enum": ["PENDING", "PROCESSING", "COMPLETED", "FAILED"] },
        "result": { "type": ["object", "null"], "properties": {
            "agent_results": { "type": "object" }, "summary": text, "additional_outputs": { "type": "object" },
            "error_messages": { "type": ["object", "null"] }, "dataset_name": text } },
        "error": text, "created_at": text, "updated_at": text } })
}

/// Answers of the SDK's routes, refusals in its form.
fn sdk(status: &str, what: &str) -> Value {
    let object =
        |what: &str| json!({ "description": what, "content": { "application/json": { "schema": { "type": "object" } } } });
    json!({
        status: { "description": what, "content": { "application/json": { "schema": { "$ref": "#/components/schemas/SdkJob" } } } },
        "400": object("refused, such as an idempotency key used for another body, or a body that broke off"),
        "413": object("over a limit of size"), "422": object("not what the SDK sends"),
        "429": object("as much is under way as this server takes; try again"), "503": object("a store does not answer; try again"),
    })
}

fn error() -> Value {
    json!({ "type": "object", "required": ["error"], "properties": { "error": { "type": "object", "required": ["code", "message", "fields", "id"], "properties": {
        "code": { "enum": ErrorCode::ALL.map(ErrorCode::reason) },
        "message": { "type": "string" },
        "fields": { "type": "array", "items": { "type": "object", "properties": { "field": { "type": "string" }, "message": { "type": "string" } } } },
        "id": { "type": "string" } } } } })
}
