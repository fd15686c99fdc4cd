//! Submitted analyses: `/v2/analyse` and `/v2/jobs`.

use std::time::Duration;

use axum::{
    Json,
    extract::{
        Path, Query, Request, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use deepfix_errors::{Error, ErrorCode};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Refused, Shared, answer, request};
use crate::{
    Gateway,
    analysis::{self, Events},
    jobs::{End, Job},
};

/// The SDK gives up on a submission after 5 s; a result within 4 s saves it a poll of 5 s.
const HOLD_SUBMIT: Duration = Duration::from_secs(4);
/// The SDK gives up on a poll after 2 s.
const HOLD_POLL: Duration = Duration::from_millis(1500);
/// Most jobs listed at once.
const LISTED: usize = 100;

fn object(job: &Job) -> Value {
    match &job.end {
        Some(End { outcome: Ok(result), at }) => answer::completed(&job.id, result, &job.created, at),
        Some(End { outcome: Err(error), at }) => {
            json!({ "job_id": job.id, "status": "FAILED", "result": null, "error": error, "created_at": job.created, "updated_at": at })
        }
        None => {
            json!({ "job_id": job.id, "status": "PROCESSING", "result": null, "error": null, "created_at": job.created, "updated_at": job.created })
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Who may ask for the caller's jobs: the digest of the key that let it in, where keys are asked for.
fn owner_of(gateway: &Gateway, headers: &HeaderMap) -> String {
    let key = headers.get(header::AUTHORIZATION).filter(|_| !gateway.config.api_keys.as_os_str().is_empty());
    key.map(|key| hex(&Sha256::digest(key.as_bytes()))).unwrap_or_default()
}

/// The digest of an idempotency key, by which it is kept; each owner has keys of its own.
fn key_of(owner: &str, headers: &HeaderMap) -> Option<String> {
    headers.get("idempotency-key").map(|key| hex(&Sha256::digest([owner.as_bytes(), b"/", key.as_bytes()].concat())))
}

pub(super) async fn submit(State(gateway): Shared, request: Request) -> Result<Response, Refused> {
    let mut admission = gateway.doors.admit()?;
    let owner = owner_of(&gateway, request.headers());
    let key = key_of(&owner, request.headers());
    let asked = request::read(&gateway, request, &mut admission).await?;
    let body = if key.is_some() { hex(&Sha256::digest(&asked.body)) } else { String::new() };
    let about = asked.about;
    let work = {
        let gateway = gateway.clone();
        Box::pin(async move {
            if let Some(why) = asked.undecodable {
                return Err(Error::new(ErrorCode::InvalidArgument, format!("Error decoding request: {why}")));
            }
            let report = analysis::run(gateway, admission, asked.spec, Events::nowhere()).await?;
            Ok(answer::result(&report, &about))
        })
    };
    let job = gateway.jobs.submit(&owner, key.as_deref().map(|key| (key, body.as_str())), work).await?;
    let job = gateway.jobs.wait(&job.id, HOLD_SUBMIT).await?.unwrap_or(job);
    Ok((StatusCode::ACCEPTED, Json(object(&job))).into_response())
}

fn found(job: Option<Job>) -> Result<Json<Value>, Refused> {
    job.map(|job| Json(object(&job))).ok_or_else(|| Refused(StatusCode::NOT_FOUND, Value::String("Job not found".to_owned())))
}

type Id = Result<Path<String>, PathRejection>;

pub(super) async fn poll(State(gateway): Shared, headers: HeaderMap, id: Id) -> Result<Json<Value>, Refused> {
    let Ok(Path(id)) = id else { return found(None) };
    let owner = owner_of(&gateway, &headers);
    found(gateway.jobs.wait(&id, HOLD_POLL).await?.filter(|job| job.owner == owner))
}

pub(super) async fn cancel(State(gateway): Shared, headers: HeaderMap, id: Id) -> Result<Json<Value>, Refused> {
    let Ok(Path(id)) = id else { return found(None) };
    found(gateway.jobs.cancel(&owner_of(&gateway, &headers), &id).await?)
}

#[derive(Deserialize)]
pub(super) struct Page {
    limit: Option<usize>,
    before: Option<String>,
}

/// Jobs, newest first, without their results.
pub(super) async fn list(
    State(gateway): Shared,
    headers: HeaderMap,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<Value>, Refused> {
    let refuse = |what: &str| {
        let detail = json!([{ "type": "value_error", "loc": ["query", "limit"], "msg": what, "input": {} }]);
        Refused(StatusCode::UNPROCESSABLE_ENTITY, detail)
    };
    let Query(page) = page.map_err(|error| refuse(&error.body_text()))?;
    let limit = page.limit.unwrap_or(LISTED);
    if !(1..=LISTED).contains(&limit) {
        return Err(refuse("limit must be between 1 and 100"));
    }
    let (jobs, more) = gateway.jobs.list(&owner_of(&gateway, &headers), limit, page.before.as_deref()).await?;
    let next = jobs.last().filter(|_| more).map(|job| job.id.clone());
    let short: Vec<Value> = jobs
        .iter()
        .map(|job| {
            let (status, error, updated) = match &job.end {
                Some(End { outcome: Ok(_), at }) => ("COMPLETED", None, at),
                Some(End { outcome: Err(error), at }) => ("FAILED", Some(error), at),
                None => ("PROCESSING", None, &job.created),
            };
            json!({ "job_id": job.id, "status": status, "error": error, "created_at": job.created, "updated_at": updated })
        })
        .collect();
    Ok(Json(json!({ "jobs": short, "next": next })))
}
