//! What is written of a job, under which keys.

use std::time::{SystemTime, UNIX_EPOCH};

use deepfix_errors::{Error, ErrorCode};
use deepfix_model::civil;
use deepfix_source::objects::{Path, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How a job ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct End {
    /// The result, or why there is none.
    pub(crate) outcome: Result<Value, String>,
    pub(crate) at: String,
}

/// A job as it is now.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) id: String,
    /// Who may ask for it; empty where everybody may.
    pub(crate) owner: String,
    pub(crate) created: String,
    pub(crate) end: Option<End>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Accepted {
    pub(super) created: String,
    #[serde(default)]
    pub(super) owner: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Keyed {
    pub(super) id: String,
    pub(super) body: String,
}

pub(super) fn failed(error: StoreError) -> Error {
    let shown = Error::new(ErrorCode::Unavailable, "the job store does not answer; try again");
    tracing::error!(%error, id = shown.id, "job store failed");
    shown
}

pub(super) fn damaged(error: serde_json::Error) -> Error {
    let shown = Error::new(ErrorCode::Internal, "the job's record is damaged");
    tracing::error!(%error, id = shown.id, "job record unreadable");
    shown
}

/// Whether a text can be the id of a job; anything else names none.
pub(super) fn is_id(id: &str) -> bool {
    let digits = |text: &str, n: usize| text.len() == n && text.bytes().all(|b| b.is_ascii_digit());
    id.strip_prefix("job_").and_then(|rest| rest.split_once('_')).is_some_and(|(when, tail)| {
        digits(when, 14) && tail.len() == 8 && tail.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase())
    })
}

pub(super) fn key(id: &str, state: &str) -> Path {
    Path::from_iter(["jobs", id, state])
}

/// Now, as `20261120150656` or as ISO 8601 without a zone (UTC).
pub(crate) fn stamp(iso: bool) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (year, month, day, h, m, s) = civil(i64::try_from(now.as_secs()).unwrap_or(i64::MAX / 2));
    let micros = now.subsec_micros();
    if iso {
        format!("{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}.{micros:06}")
    } else {
        format!("{year:04}{month:02}{day:02}{h:02}{m:02}{s:02}")
    }
}
