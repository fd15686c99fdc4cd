//! Which format a log is in, told by content.

use deepfix_artifact::{Limits, decode_text, decompress, looks_binary, parse_json};

use super::{Log, Point, csv, json};

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

/// A time stamp in seconds: what is too large for that counts milliseconds, as MLflow does.
pub(crate) fn seconds(stamp: f64) -> f64 {
    if stamp > 1e11 { stamp / 1000.0 } else { stamp }
}

/// Reads a log.
pub(crate) fn read(bytes: &[u8], file_name: &str, limits: Limits) -> Result<Log, String> {
    let plain = decompress(bytes, limits).map_err(|e| e.to_string())?;
    if looks_binary(&plain) {
        return Err("is binary and no log known here; hand in CSV, JSON or the files of an MLflow run".to_owned());
    }
    let decoded = decode_text(&plain);
    let text = std::str::from_utf8(&decoded.text).map_err(|e| e.to_string())?;
    let log = match text.trim_start().as_bytes().first() {
        None => return Err("holds nothing; was the run stopped before its first log line?".to_owned()),
        Some(b'{' | b'[') => match parse_json(&decoded.text) {
            Ok(value) => json::read(&value)?,
            // One object per line.
            Err(whole) => json::read_lines(text).ok_or_else(|| whole.to_string())?,
        },
        Some(_) => mlflow_file(text, file_name).map_or_else(|| csv::read(text), Ok)?,
    };
    if log.points() == 0 {
        return Err("has a header and no value; was the run stopped before its first log line?".to_owned());
    }
    Ok(log)
}

/// One file of MLflow's file store: `timestamp value step` per line, named after its metric.
fn mlflow_file(text: &str, file_name: &str) -> Option<Log> {
    let key = file_name.rsplit(['/', '\\']).next().filter(|n| !n.is_empty()).unwrap_or("metric");
    let mut log = Log { format: "MLflow file store", ..Log::default() };
    for line in text.lines().filter(|l| !l.trim().is_empty()) {
        let mut parts = line.split_ascii_whitespace();
        let (stamp, value, step) = (parts.next()?, number(parts.next()?)?, parts.next().and_then(number));
        if stamp.parse::<u64>().is_err() || parts.next().is_some() {
            return None;
        }
        log.push(key, Point { step, epoch: None, time: number(stamp).map(seconds), value });
    }
    Some(log)
}
