//! The DeepFix Python SDK's routes, as `docs/sdk.md` describes them: the same analysis, answered in
//! the SDK's form. What the SDK never reads is not parsed: each part of the body is cut out as it
//! stands and handed to the agent that knows it.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Json, Router,
    extract::{Path, Request, State, rejection::PathRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use deepfix_errors::{Error, occurrence_id};
use deepfix_model::{AgentStatus, Artifact, ArtifactKind, ArtifactSource, BugType, Finding, Report, civil};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use tokio::sync::watch;

use super::{Shared, body, failure};
use crate::{
    Gateway,
    admission::Admission,
    analysis::{self, Events},
    spec::Spec,
};

/// The agent under which the SDK looks for the joined result.
const CROSS: &str = "CrossArtifactReasoningAgent";
/// The SDK gives up on a submission after 5 s; a result within 4 s saves it a poll of 5 s.
const HOLD_SUBMIT: Duration = Duration::from_secs(4);
/// The SDK gives up on a poll after 2 s.
const HOLD_POLL: Duration = Duration::from_millis(1500);
/// Jobs kept for polling; the oldest go first.
const MANY_JOBS: usize = 1000;

pub(super) fn routes() -> Router<Arc<Gateway>> {
    let mut router = Router::new();
    for prefix in ["", "/api"] {
        router = router
            .route(&format!("{prefix}/v1/analyse"), post(blocking).fallback(not_allowed))
            .route(&format!("{prefix}/v1/analyze"), post(blocking).fallback(not_allowed))
            .route(&format!("{prefix}/v2/analyse"), post(submit).fallback(not_allowed))
            .route(&format!("{prefix}/v2/analyze"), post(submit).fallback(not_allowed))
            .route(&format!("{prefix}/v2/jobs/{{id}}"), get(poll).fallback(not_allowed));
    }
    router.route("/api/health", get(super::health))
}

async fn not_allowed() -> Refused {
    Refused(StatusCode::METHOD_NOT_ALLOWED, Value::String("Method Not Allowed".to_owned()))
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    dataset_artifacts: Option<&'a RawValue>,
    #[serde(borrow, default)]
    training_artifacts: Option<&'a RawValue>,
    #[serde(borrow, default)]
    deepchecks_artifacts: Option<&'a RawValue>,
    #[serde(borrow, default)]
    model_checkpoint_artifacts: Option<&'a RawValue>,
    #[serde(default)]
    dataset_name: Option<String>,
    #[serde(default)]
    model_name: Option<String>,
    #[serde(default)]
    language: Option<String>,
}

#[derive(Deserialize)]
struct Training<'a> {
    #[serde(borrow, default)]
    metrics_values: Option<&'a RawValue>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
    #[serde(default)]
    metrics_path: Option<String>,
}

/// A refused request in the SDK's form.
struct Refused(StatusCode, Value);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "detail": self.1 }))).into_response()
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        failure::log(&error);
        Self(failure::status(&error), Value::String(format!("{error} (error {})", error.id)))
    }
}

/// A part as an artifact; `null` is none.
fn artifact(body: &Bytes, part: Option<&RawValue>, kind: ArtifactKind, format: &str) -> Option<Artifact> {
    let text = part?.get();
    (text != "null").then(|| Artifact {
        kind,
        format: format.to_owned(),
        file_name: format!("{}.json", kind.name()),
        // The part shares the body's memory.
        source: ArtifactSource::Inline(body.slice_ref(text.as_bytes())),
    })
}

async fn read(gateway: &Gateway, request: Request, admission: &mut Admission) -> Result<Spec, Refused> {
    let bytes = body::collect(request, gateway, admission).await?;
    if bytes.iter().find(|b| !b.is_ascii_whitespace()).is_some_and(|b| *b == b'[') {
        let detail = json!([{ "type": "dict_type", "loc": ["body"], "msg": "Input should be a valid dictionary", "input": [] }]);
        return Err(Refused(StatusCode::UNPROCESSABLE_ENTITY, detail));
    }
    let unprocessable = |error: &serde_json::Error| {
        let kind = if error.is_data() { "type_error" } else { "json_invalid" };
        let detail = json!([{ "type": kind, "loc": ["body", error.column()], "msg": error.to_string(), "input": {} }]);
        Refused(StatusCode::UNPROCESSABLE_ENTITY, detail)
    };
    let parts: Body<'_> = serde_json::from_slice(&bytes).map_err(|e| unprocessable(&e))?;
    for (name, part) in [
        ("dataset_artifacts", parts.dataset_artifacts),
        ("training_artifacts", parts.training_artifacts),
        ("deepchecks_artifacts", parts.deepchecks_artifacts),
        ("model_checkpoint_artifacts", parts.model_checkpoint_artifacts),
    ] {
        if part.is_some_and(|p| !p.get().starts_with('{') && p.get() != "null") {
            let detail =
                json!([{ "type": "dict_type", "loc": ["body", name], "msg": "Input should be a valid dictionary", "input": {} }]);
            return Err(Refused(StatusCode::UNPROCESSABLE_ENTITY, detail));
        }
    }
    let mut artifacts: Vec<Artifact> = [
        artifact(&bytes, parts.dataset_artifacts, ArtifactKind::DatasetStatistics, "deepfix-sdk"),
        artifact(&bytes, parts.deepchecks_artifacts, ArtifactKind::Deepchecks, "deepfix-sdk"),
        artifact(&bytes, parts.model_checkpoint_artifacts, ArtifactKind::Checkpoint, "deepfix-sdk"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if let Some(raw) = parts.training_artifacts.filter(|p| p.get() != "null") {
        let training: Training<'_> = serde_json::from_str(raw.get()).map_err(|e| unprocessable(&e))?;
        artifacts.extend(artifact(&bytes, training.metrics_values, ArtifactKind::Metrics, "").map(|mut a| {
            a.file_name = training.metrics_path.clone().unwrap_or_else(|| "metrics_values.json".to_owned());
            a
        }));
        artifacts.extend(
            artifact(&bytes, training.params, ArtifactKind::Params, "")
                .filter(|_| training.params.is_some_and(|p| p.get() != "{}")),
        );
    }
    let mut spec = Spec {
        artifacts,
        dataset_name: parts.dataset_name.unwrap_or_default(),
        model_name: parts.model_name.unwrap_or_default(),
        language: parts.language.unwrap_or_default(),
        ..Spec::default()
    };
    super::analyses::settle(gateway, &mut spec).await?;
    Ok(spec)
}

async fn blocking(State(gateway): Shared, request: Request) -> Result<Json<Value>, Refused> {
    let mut admission = gateway.doors.admit()?;
    let spec = read(&gateway, request, &mut admission).await?;
    let (job, name) = (format!("sync_{}_{}", spec.dataset_name, stamp(false)), spec.dataset_name.clone());
    let report = analysis::run(gateway, admission, spec, Events::nowhere()).await?;
    let now = stamp(true);
    Ok(Json(completed(&job, &result(&report, &name), &now, &now)))
}

/// A job: when it was submitted, and its outcome with the time of it once there is one.
#[derive(Clone)]
struct Job {
    created: String,
    outcome: watch::Receiver<Option<Outcome>>,
}

type Outcome = (Result<Value, String>, String);

/// Jobs that were submitted, by id.
#[derive(Default)]
struct Jobs {
    by_id: HashMap<String, Job>,
    order: VecDeque<String>,
}

static JOBS: LazyLock<Mutex<Jobs>> = LazyLock::new(Mutex::default);

fn job_object(id: &str, created: &str, outcome: Option<&Outcome>) -> Value {
    match outcome {
        Some((Ok(result), updated)) => completed(id, result, created, updated),
        Some((Err(error), updated)) => {
            json!({ "job_id": id, "status": "FAILED", "result": null, "error": error, "created_at": created, "updated_at": updated })
        }
        None => {
            json!({ "job_id": id, "status": "PROCESSING", "result": null, "error": null, "created_at": created, "updated_at": created })
        }
    }
}

async fn submit(State(gateway): Shared, request: Request) -> Result<Response, Refused> {
    let mut admission = gateway.doors.admit()?;
    let spec = read(&gateway, request, &mut admission).await?;
    let id = format!("job_{}_{}", stamp(false), &occurrence_id()[..8]);
    let (sender, receiver) = watch::channel(None);
    let mut job = Job { created: stamp(true), outcome: receiver };
    {
        let mut jobs = JOBS.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.by_id.insert(id.clone(), job.clone());
        jobs.order.push_back(id.clone());
        if jobs.order.len() > MANY_JOBS
            && let Some(oldest) = jobs.order.pop_front()
        {
            jobs.by_id.remove(&oldest);
        }
    }
    let name = spec.dataset_name.clone();
    tokio::spawn(async move {
        let outcome = analysis::run(gateway, admission, spec, Events::nowhere()).await;
        let state = outcome.map(|report| result(&report, &name)).map_err(|error| error.to_string());
        sender.send_replace(Some((state, stamp(true))));
    });
    let outcome = wait(&mut job.outcome, HOLD_SUBMIT).await;
    Ok((StatusCode::ACCEPTED, Json(job_object(&id, &job.created, outcome.as_ref()))).into_response())
}

async fn wait(receiver: &mut watch::Receiver<Option<Outcome>>, limit: Duration) -> Option<Outcome> {
    match tokio::time::timeout(limit, receiver.wait_for(Option::is_some)).await {
        Ok(Ok(outcome)) => outcome.clone(),
        // The analysis ended without a word, which only a defect does.
        Ok(Err(_)) => Some((Err("the analysis ended abnormally".to_owned()), stamp(true))),
        Err(_) => None,
    }
}

async fn poll(id: Result<Path<String>, PathRejection>) -> Result<Json<Value>, Refused> {
    let job = id.ok().and_then(|Path(id)| {
        let jobs = JOBS.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.by_id.get(&id).cloned().map(|job| (id, job))
    });
    let Some((id, mut job)) = job else {
        return Err(Refused(StatusCode::NOT_FOUND, Value::String("Job not found".to_owned())));
    };
    let outcome = wait(&mut job.outcome, HOLD_POLL).await;
    Ok(Json(job_object(&id, &job.created, outcome.as_ref())))
}

/// The job object. Clients of before April 2026 read the result's keys at the top.
fn completed(id: &str, result: &Value, created: &str, updated: &str) -> Value {
    let mut job = json!({ "job_id": id, "status": "COMPLETED", "result": result, "error": null, "created_at": created, "updated_at": updated });
    if let (Some(job), Some(result)) = (job.as_object_mut(), result.as_object()) {
        for (key, value) in result {
            job.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
    job
}

fn sdk_agent(name: &str) -> (&'static str, &'static str) {
    match name {
        "dataset" => ("DatasetArtifactsAnalyzer", "DatasetArtifacts"),
        "training" => ("TrainingArtifactsAnalyzer", "TrainingArtifacts"),
        "checks" => ("DeepchecksArtifactsAnalyzer", "DeepchecksArtifacts"),
        "checkpoint" => ("ModelCheckpointArtifactsAnalyzer", "ModelCheckpointArtifacts"),
        _ => ("OtherArtifactsAnalyzer", "OtherArtifacts"),
    }
}

fn analysis_of(finding: &Finding) -> Value {
    let evidence = finding
        .evidence
        .iter()
        .take(6)
        .map(|e| {
            let versus = e.threshold.as_ref().map(|t| format!(" ({} {t})", e.comparator)).unwrap_or_default();
            format!("{} = {}{versus}", e.measure, e.value)
        })
        .collect::<Vec<_>>()
        .join("; ");
    json!({
        "findings": {
            "description": format!("[{}] {}", finding.code, finding.title),
            "evidence": evidence,
            "severity": finding.severity,
            "confidence": finding.confidence,
            "bug_type": finding.bug_type,
        },
        "recommendations": {
            "action": std::iter::once(finding.recommendation.action.as_str()).chain(finding.recommendation.steps.iter().map(String::as_str)).collect::<Vec<_>>().join("; "),
            "rationale": finding.recommendation.rationale,
            "confidence": finding.recommendation.confidence,
            "priority": finding.recommendation.priority,
        },
        "verification": null,
    })
}

/// The report as the SDK's `APIResponse`.
fn result(report: &Report, dataset_name: &str) -> Value {
    let analyzed: Vec<&str> =
        report.agents.iter().filter(|a| a.status != AgentStatus::Skipped).map(|a| sdk_agent(&a.name).1).collect();
    let mut agents: BTreeMap<&str, Value> = BTreeMap::new();
    let mut errors: BTreeMap<&str, Option<String>> = BTreeMap::new();
    for run in report.agents.iter().filter(|a| a.status != AgentStatus::Skipped) {
        let (name, artifact) = sdk_agent(&run.name);
        let analysis: Vec<Value> = report.findings.iter().filter(|f| f.agent == run.name).map(analysis_of).collect();
        let error = run.reason.clone();
        errors.insert(name, error.clone());
        agents.insert(
            name,
            json!({ "agent_name": name, "analysis": analysis, "analyzed_artifacts": [artifact], "retrieved_knowledge": [],
                    "additional_outputs": {}, "error_message": error }),
        );
    }
    // The SDK shows this agent alone, and fails when it has nothing to show.
    let mut joined: Vec<Value> = report
        .root_causes
        .iter()
        .map(|cause| {
            let explained: Vec<&Finding> = report.findings.iter().filter(|f| cause.explains.contains(&f.id)).collect();
            let first = explained.first();
            json!({
                "findings": { "description": format!("[{}] {}", cause.code, cause.text),
                    "evidence": explained.iter().map(|f| f.title.as_str()).collect::<Vec<_>>().join("; "),
                    "severity": explained.iter().map(|f| f.severity).max(), "confidence": cause.confidence,
                    "bug_type": first.and_then(|f| f.bug_type) },
                "recommendations": { "action": first.map_or("", |f| f.recommendation.action.as_str()),
                    "rationale": cause.would_decide.as_deref().unwrap_or_default(), "confidence": cause.confidence },
                "verification": null,
            })
        })
        .collect();
    joined.extend(report.findings.iter().map(analysis_of));
    let nothing_looked_at = analyzed.is_empty();
    if joined.is_empty() {
        let description =
            if nothing_looked_at { "nothing was handed in to look at" } else { "no issue found in what was looked at" };
        joined.push(json!({
            "findings": { "description": description, "evidence": report.summary, "severity": "low", "confidence": 0.9, "bug_type": BugType::Performance },
            "recommendations": { "action": "nothing to do", "rationale": "no fault exceeded its threshold", "confidence": 0.9 },
            "verification": null,
        }));
    }
    let knowledge: Vec<String> = {
        let mut titles: Vec<String> = report
            .findings
            .iter()
            .flat_map(|f| &f.recommendation.citations)
            .map(|c| format!("{}: {} ({})", c.page_id, c.title, c.url))
            .collect();
        titles.sort();
        titles.dedup();
        titles
    };
    let error = nothing_looked_at.then(|| "At least one analysis must be provided".to_owned());
    errors.insert(CROSS, error.clone());
    agents.insert(
        CROSS,
        json!({ "agent_name": CROSS, "analysis": joined, "analyzed_artifacts": analyzed, "retrieved_knowledge": knowledge,
                "additional_outputs": { "summary": report.summary, "readiness": report.readiness.score }, "error_message": error }),
    );
    json!({
        "agent_results": agents,
        "summary": report.summary,
        "additional_outputs": {},
        "error_messages": errors,
        "dataset_name": dataset_name,
    })
}

/// Now, as `20261120150656` or as ISO 8601 without a zone (UTC).
fn stamp(iso: bool) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (year, month, day, h, m, s) = civil(i64::try_from(now.as_secs()).unwrap_or(i64::MAX / 2));
    let micros = now.subsec_micros();
    if iso {
        format!("{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}.{micros:06}")
    } else {
        format!("{year:04}{month:02}{day:02}{h:02}{m:02}{s:02}")
    }
}
