//! `POST /v1/analyses`: JSON or multipart in; the report, or the events as they happen, out.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{FromRequest, Multipart, Request, State},
    http::{HeaderMap, header},
    response::{
        IntoResponse, Response,
        sse::{self, KeepAlive, Sse},
    },
};
use bytes::BytesMut;
use deepfix_errors::{Error, ErrorCode};
use deepfix_model::{Artifact, ArtifactKind, ArtifactSource};
use deepfix_rpc::Deadline;
use futures::StreamExt;

use super::{Failure, Shared, body};
use crate::{
    Gateway,
    admission::Admission,
    analysis::{self, Events},
    grpc,
    spec::{Spec, SpecJson},
};

/// Parts up to this size stay in memory; larger ones go to the store.
const IN_MEMORY: usize = 4 << 20;

pub(super) async fn analyse(State(gateway): Shared, headers: HeaderMap, request: Request) -> Result<Response, Failure> {
    let mut admission = gateway.doors.admit()?;
    let content_type = header_text(&headers, &header::CONTENT_TYPE);
    let spec = if content_type.starts_with("multipart/form-data") {
        from_multipart(&gateway, request, &mut admission).await?
    } else {
        from_json(&gateway, request, &mut admission).await?
    };
    let mut spec = spec.check(&gateway)?;
    settle(&gateway, &mut spec).await?;
    if header_text(&headers, &header::ACCEPT).contains("text/event-stream") {
        return Ok(stream(gateway, admission, spec));
    }
    let report = analysis::run(gateway, admission, spec, Events::nowhere()).await?;
    Ok(Json(report).into_response())
}

/// Largest artifact that travels inside a message to an agent.
pub(crate) const IN_MESSAGE: usize = 48 << 20;

/// Moves what is too large for a message into the store.
pub(super) async fn settle(gateway: &Gateway, spec: &mut Spec) -> Result<(), Error> {
    for (index, artifact) in spec.artifacts.iter_mut().enumerate() {
        let ArtifactSource::Inline(bytes) = &artifact.source else { continue };
        if bytes.len() <= IN_MESSAGE {
            continue;
        }
        let Some(store) = &gateway.store else {
            let message = format!(
                "is {} bytes, too large to hand in inline on a server without uploads (store.path is empty); send a sample",
                bytes.len()
            );
            return Err(
                Error::new(ErrorCode::TooLarge, "an artifact is too large").with_field(format!("artifacts[{index}]"), message)
            );
        };
        let mut upload = store.begin().await?;
        upload.write(bytes.clone()).await?;
        artifact.source = ArtifactSource::Uri(upload.finish().await?.uri);
    }
    Ok(())
}

/// A header in lower case: media types know no other.
fn header_text(headers: &HeaderMap, name: &header::HeaderName) -> String {
    headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_ascii_lowercase()
}

fn stream(gateway: Arc<Gateway>, admission: Admission, spec: Spec) -> Response {
    let mut id = 0_u64;
    let events = grpc::events(gateway, admission, spec).map(move |event| {
        id += 1;
        let (name, data) = match &event {
            Ok(event) => (event.name(), serde_json::to_string(event)),
            Err(error) => {
                super::failure::log(error);
                ("error", serde_json::to_string(&serde_json::json!({ "error": error })))
            }
        };
        let data = data.unwrap_or_else(|error| format!("{{\"error\":{{\"message\":\"{error}\"}}}}"));
        Ok::<_, Infallible>(sse::Event::default().id(id.to_string()).event(name).data(data))
    });
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(10))).into_response();
    // Proxies must hand events on as they come.
    response.headers_mut().insert("x-accel-buffering", header::HeaderValue::from_static("no"));
    response
}

async fn from_json(gateway: &Gateway, request: Request, admission: &mut Admission) -> Result<Spec, Error> {
    let bytes = body::collect(request, gateway, admission).await?;
    let json: SpecJson = serde_json::from_slice(&bytes).map_err(|error| {
        let code = if error.is_data() { ErrorCode::InvalidArgument } else { ErrorCode::MalformedBody };
        Error::new(code, format!("the body is not an analysis request: {error}")).with_field("body", error.to_string())
    })?;
    json.try_into()
}

/// Largest text part.
const TEXT: usize = 64 << 10;

async fn from_multipart(gateway: &Gateway, request: Request, admission: &mut Admission) -> Result<Spec, Error> {
    let malformed = |error: String| Error::new(ErrorCode::MalformedBody, format!("the multipart body cannot be read: {error}"));
    let limit = gateway.config.max_body.0;
    let overall = body::patience(limit, gateway.config.body_idle_timeout.0);
    let mut parts = Multipart::from_request(request, &()).await.map_err(|error| malformed(error.body_text()))?;
    let mut json = SpecJson::default();
    let mut artifacts = Vec::new();
    let mut named = Vec::new();
    while let Some(mut field) = body::within(gateway, overall, parts.next_field()).await? {
        let name = field.name().unwrap_or_default().to_owned();
        if let Some(kind) = ArtifactKind::from_name(&name) {
            let file_name = field.file_name().unwrap_or_default().to_owned();
            let source = part(gateway, overall, field, admission).await?;
            artifacts.push(Artifact { kind, format: String::new(), file_name, source });
            continue;
        }
        if named.contains(&name) {
            return Err(Error::field(name, "is given twice"));
        }
        let mut text = Vec::new();
        while let Some(chunk) = body::within(gateway, overall, field.chunk()).await? {
            if text.len() + chunk.len() > TEXT {
                return Err(Error::field(name, format!("is longer than {TEXT} bytes")));
            }
            text.extend_from_slice(&chunk);
        }
        let text = String::from_utf8(text).map_err(|_| Error::field(name.clone(), "is not UTF-8"))?;
        set(&mut json, &name, text)?;
        named.push(name);
    }
    let mut spec = Spec::try_from(json)?;
    spec.artifacts = artifacts;
    Ok(spec)
}

/// The content of a part: in memory when small, in the store when large.
async fn part(
    gateway: &Gateway,
    overall: Deadline,
    mut field: axum::extract::multipart::Field<'_>,
    admission: &mut Admission,
) -> Result<ArtifactSource, Error> {
    let mut memory = BytesMut::new();
    let mut upload = None;
    while let Some(chunk) = body::within(gateway, overall, field.chunk()).await? {
        if upload.is_none()
            && memory.len() + chunk.len() > IN_MEMORY
            && let Some(store) = &gateway.store
        {
            let mut begun = store.begin().await?;
            begun.write(memory.split().freeze()).await?;
            upload = Some(begun);
        }
        match &mut upload {
            Some(upload) => upload.write(chunk).await?,
            None => {
                admission.hold(chunk.len())?;
                memory.extend_from_slice(&chunk);
            }
        }
    }
    match upload {
        Some(upload) => Ok(ArtifactSource::Uri(upload.finish().await?.uri)),
        None => Ok(ArtifactSource::Inline(memory.freeze())),
    }
}

fn set(json: &mut SpecJson, name: &str, text: String) -> Result<(), Error> {
    let parsed = |text: &str| serde_json::from_str(text).map_err(|error| Error::field(name, format!("is not JSON: {error}")));
    match name.replace('_', "-").as_str() {
        "label" => json.label = Some(text),
        "datetime" => json.datetime = Some(text),
        "task" => json.task = Some(text).filter(|t| t != "auto"),
        "dataset-name" => json.dataset_name = Some(text),
        "model-name" => json.model_name = Some(text),
        "language" => json.language = Some(text),
        "agents" => json.agents = Some(text.split(',').map(|a| a.trim().to_owned()).filter(|a| !a.is_empty()).collect()),
        "min-confidence" => {
            json.min_confidence = Some(text.trim().parse().map_err(|_| Error::field(name, format!("{text:?} is no number")))?);
        }
        "mask-examples" => {
            json.mask_examples =
                Some(text.trim().parse().map_err(|_| Error::field(name, format!("{text:?} is not true or false")))?);
        }
        "knowledge-namespace" => json.knowledge_namespace = Some(text),
        "only" => json.only = Some(text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()),
        "mlflow-run" => json.mlflow_run = Some(text),
        "tracking-uri" => json.tracking_uri = Some(text),
        "log-back" => {
            json.log_back = Some(text.trim().parse().map_err(|_| Error::field(name, format!("{text:?} is not true or false")))?);
        }
        "thresholds" => {
            json.thresholds = Some(serde_json::from_value(parsed(&text)?).map_err(|e| Error::field(name, e.to_string()))?)
        }
        "confidence-thresholds" => {
            json.confidence_thresholds =
                Some(serde_json::from_value(parsed(&text)?).map_err(|e| Error::field(name, e.to_string()))?)
        }
        "metric-roles" => {
            json.metric_roles = Some(serde_json::from_value(parsed(&text)?).map_err(|e| Error::field(name, e.to_string()))?)
        }
        "timeouts" => {
            json.timeouts = Some(serde_json::from_value(parsed(&text)?).map_err(|e| Error::field(name, e.to_string()))?)
        }
        _ => {
            let kinds: Vec<String> = ArtifactKind::ALL.iter().map(|k| k.name().replace('_', "-")).collect();
            return Err(Error::field(
                name,
                format!(
                    "is no part known here; artifacts are {}; text parts are label, datetime, task, dataset-name, model-name, language, agents, min-confidence, mask-examples, mlflow-run, tracking-uri, log-back, thresholds, confidence-thresholds, metric-roles, knowledge-namespace, only, timeouts",
                    kinds.join(", ")
                ),
            ));
        }
    }
    Ok(())
}
