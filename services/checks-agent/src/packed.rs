//! Tables as Deepchecks packs them: base64 of zlib of JSON, one list per column.

use std::io::Read;

use base64::Engine;
use flate2::read::ZlibDecoder;
use serde_json::Value;

use crate::judge::number;

/// Largest table that is unpacked; those of the suites are a few KiB.
const MAX: u64 = 4 << 20;

/// The columns of a packed table, by name; `None` when it is none, or too large.
pub(crate) fn columns(value: &Value) -> Option<serde_json::Map<String, Value>> {
    let packed = value.get("values")?.as_str()?;
    let bytes = base64::engine::general_purpose::STANDARD.decode(packed).ok()?;
    let mut text = Vec::new();
    ZlibDecoder::new(&bytes[..]).take(MAX + 1).read_to_end(&mut text).ok()?;
    if text.len() as u64 > MAX {
        return None;
    }
    match deepfix_artifact::parse_json(&text).ok()? {
        Value::Object(columns) => Some(columns),
        _ => None,
    }
}

/// A segment of rows.
#[derive(Debug, PartialEq)]
pub(crate) struct Segment {
    pub(crate) score: f64,
    pub(crate) columns: Vec<String>,
    pub(crate) rows: f64,
}

/// The weakest segment of Weak Segments Performance, and the average it is held against.
pub(crate) fn weakest(value: &Value) -> Option<(Segment, f64)> {
    let average = value.get("avg_score").and_then(number)?;
    let table = columns(value.get("weak_segments_list")?)?;
    let first = |name: &str| table.get(name)?.get(0);
    let score = table.iter().find(|(name, _)| name.ends_with("Score")).and_then(|(_, column)| column.get(0)?.as_f64())?;
    let names =
        ["Feature1", "Feature2"].into_iter().filter_map(|n| first(n)?.as_str().filter(|s| !s.is_empty()).map(str::to_owned));
    // The rows' numbers, as text within the text.
    let samples: Vec<Value> = serde_json::from_str(first("Samples in Segment")?.as_str()?).ok()?;
    let rows = samples.len() as f64;
    Some((Segment { score, columns: names.collect(), rows }, average))
}
