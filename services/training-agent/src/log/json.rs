//! JSON logs: Hugging Face's `trainer_state.json`, XGBoost's `evals_result`, MLflow's metric
//! history, the DeepFix SDK's columns, and one object per line.

use serde_json::{Map, Value};

use super::{
    Log, Point,
    read::{number, seconds},
};

fn value_of(value: &Value) -> Option<f64> {
    match value {
        Value::Number(n) => n.as_f64(),
        // Python writes bare NaN; the reader made it a string.
        Value::String(s) => number(s),
        _ => None,
    }
}

pub(super) fn read(value: &Value) -> Result<Log, String> {
    let object = match value {
        Value::Array(rows) => return rows_of(rows, "JSON rows"),
        Value::Object(object) => object,
        _ => return Err("is JSON but no log: an object or an array is expected".to_owned()),
    };
    if let Some(Value::Array(history)) = object.get("log_history") {
        return rows_of(history, "Hugging Face trainer state");
    }
    // CatBoost's `catboost_training.json`.
    if let (Some(Value::Array(iterations)), Some(meta)) = (object.get("iterations"), object.get("meta")) {
        return Ok(catboost(iterations, meta));
    }
    if let Some(Value::Array(points)) = object.get("metrics") {
        return rows_of(points, "MLflow metric history");
    }
    if let Some(metrics) = object.get("metrics_values").filter(|v| !v.is_null()) {
        return read(metrics);
    }
    if object.values().all(Value::is_array) {
        return columns(object);
    }
    if object.values().all(is_indexed) {
        // pandas' `to_json`: each column an object from row number to value.
        let columns: Map<String, Value> = object
            .iter()
            .map(|(name, cells)| {
                (name.clone(), Value::Array(cells.as_object().into_iter().flat_map(Map::values).cloned().collect()))
            })
            .collect();
        return self::columns(&columns);
    }
    if object.values().all(Value::is_object) {
        return evals_result(object);
    }
    Err("is JSON of no log known here (Hugging Face trainer_state, XGBoost evals_result, MLflow history, columns)".to_owned())
}

/// One object per line; `None` when a line is no object.
pub(super) fn read_lines(text: &str) -> Option<Log> {
    let rows: Vec<Value> = text
        .lines()
        .filter(|l| !l.trim().is_empty())
        .map(|line| deepfix_artifact::parse_json(line.as_bytes()).ok().filter(Value::is_object))
        .collect::<Option<_>>()?;
    rows_of(&rows, "NDJSON").ok()
}

fn rows_of(rows: &[Value], format: &'static str) -> Result<Log, String> {
    let mut log = Log { format, ..Log::default() };
    for row in rows.iter().filter_map(Value::as_object) {
        take(row, &mut |key, point| log.push(key, point));
    }
    Ok(log)
}

/// The values of a row.
pub(super) fn take(row: &Map<String, Value>, push: &mut impl FnMut(&str, Point)) {
    let at = |names: &[&str]| names.iter().find_map(|n| row.get(*n)).and_then(value_of);
    let (step, epoch) = (at(&["step", "global_step", "_step", "iteration"]), at(&["epoch"]));
    let time = at(&["timestamp", "_timestamp", "wall_time"]).map(seconds);
    if let (Some(key), Some(value)) = (row.get("key").and_then(Value::as_str), row.get("value").and_then(value_of)) {
        push(key, Point::new(step, epoch, time, value));
        return;
    }
    // The closing entry of Hugging Face sums the run up; its loss is a mean over all of it.
    if row.contains_key("train_runtime") {
        return;
    }
    for (key, value) in row {
        if matches!(
            key.as_str(),
            "step" | "global_step" | "_step" | "epoch" | "iteration" | "timestamp" | "_timestamp" | "_runtime" | "wall_time"
        ) {
            continue;
        }
        if let Some(value) = value_of(value) {
            push(key, Point::new(step, epoch, time, value));
        }
    }
}

/// `{"meta": {"learn_metrics": [{"name"}], "test_metrics": …}, "iterations": [{"learn": […], "test": […]}]}`
fn catboost(iterations: &[Value], meta: &Value) -> Log {
    let mut log = Log { format: "boosting evals_result", ..Log::default() };
    for (round, row) in iterations.iter().enumerate() {
        let at = row.get("iteration").and_then(value_of).unwrap_or(round as f64);
        for (side, names, key) in [("train", "learn_metrics", "learn"), ("eval", "test_metrics", "test")] {
            for (i, value) in row.get(key).and_then(Value::as_array).into_iter().flatten().enumerate() {
                let name =
                    meta.get(names).and_then(|m| m.get(i)).and_then(|m| m.get("name")).and_then(Value::as_str).unwrap_or("loss");
                if let Some(value) = value_of(value) {
                    log.push(&format!("{side} {name}"), Point::new(Some(at), Some(at), None, value));
                }
            }
        }
    }
    log
}

fn is_indexed(value: &Value) -> bool {
    value.as_object().is_some_and(|cells| {
        let row = |key: &str| key.bytes().all(|b| b.is_ascii_digit());
        !cells.is_empty() && cells.iter().all(|(key, cell)| row(key) && !cell.is_object() && !cell.is_array())
    })
}

/// Columns as lists: long (`key`, `value`, `step`) or wide.
fn columns(object: &Map<String, Value>) -> Result<Log, String> {
    let list = |name: &str| object.get(name).and_then(Value::as_array);
    let mut log = Log { format: "JSON columns", ..Log::default() };
    let (steps, epochs) = (list("step").or_else(|| list("global_step")), list("epoch"));
    let times = list("timestamp").or_else(|| list("wall_time"));
    let at = |list: Option<&Vec<Value>>, i: usize| list.and_then(|l| l.get(i)).and_then(value_of);
    if let (Some(keys), Some(values)) = (list("key"), list("value")) {
        for (i, (key, value)) in keys.iter().zip(values).enumerate() {
            if let (Some(key), Some(value)) = (key.as_str(), value_of(value)) {
                log.push(key, Point::new(at(steps, i), at(epochs, i), at(times, i).map(seconds), value));
            }
        }
        return Ok(log);
    }
    for (key, values) in object {
        if matches!(key.as_str(), "step" | "global_step" | "epoch" | "timestamp" | "wall_time" | "run_id") {
            continue;
        }
        for (i, value) in values.as_array().into_iter().flatten().enumerate() {
            if let Some(value) = value_of(value) {
                log.push(key, Point::new(at(steps, i), at(epochs, i), at(times, i).map(seconds), value));
            }
        }
    }
    Ok(log)
}

/// `{"train": {"logloss": […]}, "eval": {…}}`, one value per boosting round.
fn evals_result(object: &Map<String, Value>) -> Result<Log, String> {
    let mut log = Log { format: "boosting evals_result", ..Log::default() };
    let sides = object.len();
    for (position, (side, metrics)) in object.iter().enumerate() {
        // XGBoost's scikit-learn interface names them validation_0, validation_1: train comes first.
        let side = match side.as_str() {
            "validation_0" | "valid_0" if sides > 1 && position == 0 => "train",
            other => other,
        };
        for (metric, values) in metrics.as_object().into_iter().flatten() {
            for (round, value) in values.as_array().into_iter().flatten().enumerate() {
                if let Some(value) = value_of(value) {
                    log.push(&format!("{side} {metric}"), Point::new(Some(round as f64), Some(round as f64), None, value));
                }
            }
        }
    }
    Ok(log)
}
