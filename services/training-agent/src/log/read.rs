//! Which format a log is in, told by content.

use deepfix_artifact::{Limits, decode_text, decompress, looks_binary, parse_json};

use super::{Log, Point, csv, events, json, text};

/// A number as logs write it; words that are no number give `None`.
pub(crate) fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    match text.to_ascii_lowercase().as_str() {
        "" | "none" | "null" => None,
        "nan" | "-nan" => Some(f64::NAN),
        "inf" | "+inf" | "infinity" => Some(f64::INFINITY),
        "-inf" | "-infinity" => Some(f64::NEG_INFINITY),
        _ => text.parse().ok(),
    }
}

/// A time stamp in seconds: what is too large for that counts milliseconds, as MLflow
/// does, or less.
pub(crate) fn seconds(stamp: f64) -> f64 {
    match stamp {
        s if s > 1e17 => s / 1e9,
        s if s > 1e14 => s / 1e6,
        s if s > 1e11 => s / 1e3,
        s => s,
    }
}

/// Reads a log.
pub(crate) fn read(bytes: &[u8], file_name: &str, limits: Limits) -> Result<Log, String> {
    let plain = decompress(bytes, limits).map_err(|e| e.to_string())?;
    let mut log = parse(&plain, file_name)?;
    log.drop_empty_cells();
    log.adopt_epochs();
    if log.points() == 0 {
        return Err("has a header and no value; was the run stopped before its first log line?".to_owned());
    }
    Ok(log)
}

fn parse(plain: &[u8], file_name: &str) -> Result<Log, String> {
    if events::is_events(plain) {
        return Ok(events::read(plain));
    }
    if looks_binary(plain) {
        return Err(
            "is binary and no log known here; hand in CSV, JSON, TensorBoard events or the files of an MLflow run".to_owned()
        );
    }
    let decoded = decode_text(plain);
    let text = std::str::from_utf8(&decoded.text).map_err(|e| e.to_string())?;
    match text.trim_start().as_bytes().first() {
        None => Err("holds nothing; was the run stopped before its first log line?".to_owned()),
        Some(b'{' | b'[') => match parse_json(&decoded.text) {
            Ok(value) => json::read(&value),
            // One object per line, or what a booster prints: `[12] train-logloss:0.5`.
            Err(whole) => json::read_lines(text).or_else(|| text::read(text)).ok_or_else(|| whole.to_string()),
        },
        Some(_) => match mlflow_file(text, file_name) {
            Some(log) => Ok(log),
            // A header of two names and more is a table; anything else may be what a program printed.
            None => match csv::read(text) {
                Ok(table) if table.points() > 0 && !is_prose(text) => Ok(table),
                other => text::read(text).map_or(other, Ok),
            },
        },
    }
}

/// Whether the first line is no header: it holds a number beside words, or no delimiter at all.
pub(super) fn is_prose(text: &str) -> bool {
    let first = text.trim_start().lines().next().unwrap_or_default();
    let cells: Vec<&str> = first.split([',', '\t']).map(str::trim).collect();
    cells.len() < 2 || cells.iter().any(|cell| cell.contains(['=', ':']) && cell.contains(|c: char| c.is_ascii_digit()))
}

/// One file of MLflow's file store: `timestamp value step` per line, named after its metric.
fn mlflow_file(text: &str, file_name: &str) -> Option<Log> {
    let mut log = Log { format: "MLflow file store", ..Log::default() };
    for line in text.lines().filter(|l| !l.trim().is_empty()) {
        log.push(mlflow_key(file_name), mlflow_line(line)?);
    }
    Some(log)
}

/// The metric that a file of MLflow's file store holds.
pub(super) fn mlflow_key(file_name: &str) -> &str {
    file_name.rsplit(['/', '\\']).next().filter(|n| !n.is_empty()).unwrap_or("metric")
}

pub(super) fn mlflow_line(line: &str) -> Option<Point> {
    let mut parts = line.split_ascii_whitespace();
    let (stamp, value, step) = (parts.next()?, number(parts.next()?)?, parts.next().and_then(number));
    if stamp.parse::<u64>().is_err() || parts.next().is_some() {
        return None;
    }
    Some(Point::new(step, None, number(stamp).map(seconds), value))
}
