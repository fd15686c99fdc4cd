//! What a server says of a run, as it was meant.

use std::collections::BTreeMap;

use deepfix_errors::{Error, ErrorCode};
use serde::Deserialize;
use serde_json::Value;

/// The server's databases hold no infinity: they store the largest double instead.
const INFINITE: f64 = f64::MAX;

/// A run, without the histories of its metrics.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// The name people gave it.
    pub name: String,
    /// `RUNNING`, `FINISHED`, `FAILED`, …
    pub status: String,
    /// Its experiment's id.
    pub experiment: String,
    /// Where its artifacts lie.
    pub artifact_uri: String,
    /// Name of every metric with its last value.
    pub metrics: BTreeMap<String, f64>,
    /// Its parameters.
    pub params: BTreeMap<String, String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Names of the datasets that were logged as its inputs, with their role.
    pub datasets: Vec<(String, String)>,
    /// Ids of the models it logged (MLflow 3).
    pub models: Vec<String>,
}

/// A point of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Step.
    pub step: i64,
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// Value; may be NaN or infinite.
    pub value: f64,
}

/// Where artifacts lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Of a run.
    Run(String),
    /// Of a logged model.
    Model(String),
}

/// A file of a run or model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path below the run's or model's folder.
    pub path: String,
    /// Size in bytes, 0 where the server does not say.
    pub size: u64,
}

#[derive(Deserialize)]
struct Pair {
    key: String,
    #[serde(default)]
    value: Value,
}

/// A number as the server writes it.
pub(super) fn number(value: &Value) -> f64 {
    let value = match value {
        Value::String(text) => text.parse().unwrap_or(f64::NAN),
        other => other.as_f64().unwrap_or(f64::NAN),
    };
    if value.abs() >= INFINITE { f64::INFINITY.copysign(value) } else { value }
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl Run {
    pub(super) fn read(run: &Value) -> Option<Self> {
        let info = run.get("info")?;
        let field = |name: &str| info.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let pairs = |name: &str| -> Vec<Pair> {
            run.pointer(&format!("/data/{name}")).cloned().and_then(|v| serde_json::from_value(v).ok()).unwrap_or_default()
        };
        let tags: BTreeMap<String, String> = pairs("tags").into_iter().map(|p| (p.key, text(&p.value))).collect();
        let name = Some(field("run_name")).filter(|n| !n.is_empty()).or_else(|| tags.get("mlflow.runName").cloned());
        let inputs = run.pointer("/inputs/dataset_inputs").and_then(Value::as_array).into_iter().flatten();
        let datasets = inputs
            .filter_map(|input| {
                let role = input
                    .get("tags")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .find_map(|tag| (tag.get("key")?.as_str()? == "mlflow.data.context").then(|| text(&tag["value"])));
                Some((input.pointer("/dataset/name")?.as_str()?.to_owned(), role.unwrap_or_default()))
            })
            .collect();
        let models = run.pointer("/outputs/model_outputs").and_then(Value::as_array).into_iter().flatten();
        Some(Self {
            id: Some(field("run_id")).filter(|id| !id.is_empty()).unwrap_or_else(|| field("run_uuid")),
            name: name.unwrap_or_default(),
            status: field("status"),
            experiment: field("experiment_id"),
            artifact_uri: field("artifact_uri"),
            metrics: pairs("metrics").into_iter().map(|p| (p.key, number(&p.value))).collect(),
            params: pairs("params").into_iter().map(|p| (p.key, text(&p.value))).collect(),
            tags,
            datasets,
            models: models.filter_map(|m| m.get("model_id")?.as_str().map(str::to_owned)).collect(),
        })
    }
}

/// Ids are put into addresses: letters, digits, `-` and `_`.
pub(super) fn checked_id(id: &str) -> Result<&str, Error> {
    let fine = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if id.is_empty() || id.len() > 64 || !id.bytes().all(fine) {
        return Err(Error::new(ErrorCode::InvalidArgument, format!("{id:?} is no id of an MLflow run")));
    }
    Ok(id)
}

/// Whether a path stays below its folder.
pub(super) fn is_plain(path: &str) -> bool {
    !path.is_empty()
        && !path.starts_with('/')
        && !path.contains(['\\', '\0'])
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}
