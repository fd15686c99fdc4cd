//! Delimited logs: wide (one column per metric, most cells empty in Lightning's) and long
//! (`key,value,step`).

use super::{
    Log, Point,
    read::{number, seconds},
};

pub(super) fn read(text: &str) -> Result<Log, String> {
    let delimiter = if text.lines().next().is_some_and(|l| l.contains('\t') && !l.contains(',')) { b'\t' } else { b',' };
    let mut reader = ::csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(text.as_bytes());
    let header: Vec<String> = reader.headers().map_err(|e| e.to_string())?.iter().map(|h| h.trim().to_owned()).collect();
    let find = |names: &[&str]| header.iter().position(|h| names.iter().any(|n| h.eq_ignore_ascii_case(n)));
    let key = find(&["key", "metric", "name", "tag"]);
    let value = find(&["value"]);
    let step = find(&["step", "global_step", "iteration", "iter", "round", "_step"]);
    let epoch = find(&["epoch"]);
    if header.len() < 2 {
        return Err("has one column only; a log needs a step or epoch and at least one metric".to_owned());
    }
    let timestamp = find(&["timestamp", "time", "wall_time", "_timestamp", "wall time", "_runtime"]);
    let run_id = find(&["run_id"]);
    let mut log = Log { format: if key.is_some() { "long CSV" } else { "wide CSV" }, ..Log::default() };
    for record in reader.records() {
        let record = record.map_err(|error| format!("cannot be read as CSV: {error}"))?;
        let at = |i: Option<usize>| i.and_then(|i| record.get(i)).and_then(number);
        let (step_value, epoch_value, time) = (at(step), at(epoch), at(timestamp).map(seconds));
        if let (Some(key), Some(value)) = (key, value) {
            if let (Some(name), Some(value)) = (record.get(key), at(Some(value))) {
                log.push(name.trim(), Point::new(step_value, epoch_value, time, value));
            }
            continue;
        }
        for (i, cell) in record.iter().enumerate() {
            if Some(i) == step || Some(i) == epoch || Some(i) == timestamp || Some(i) == run_id {
                continue;
            }
            if let (Some(name), Some(value)) = (header.get(i), number(cell)) {
                log.push(name, Point::new(step_value, epoch_value, time, value));
            }
        }
    }
    Ok(log)
}
