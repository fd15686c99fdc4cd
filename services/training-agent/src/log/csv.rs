//! Delimited logs: wide (one column per metric, most cells empty in Lightning's) and long
//! (`key,value,step`).

use ::csv::StringRecord;

use super::{
    Log, Point,
    read::{number, seconds},
};

pub(super) fn read(text: &str) -> Result<Log, String> {
    let mut reader = reader(delimiter(text)).from_reader(text.as_bytes());
    let columns = Columns::of(reader.headers().map_err(|e| e.to_string())?)?;
    let mut log = Log { format: columns.format(), ..Log::default() };
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| format!("cannot be read as CSV: {error}"))? {
        columns.take(&record, &mut |key, point| log.push(key, point));
    }
    Ok(log)
}

pub(super) fn delimiter(text: &str) -> u8 {
    if text.lines().next().is_some_and(|l| l.contains('\t') && !l.contains(',')) { b'\t' } else { b',' }
}

pub(super) fn reader(delimiter: u8) -> ::csv::ReaderBuilder {
    let mut builder = ::csv::ReaderBuilder::new();
    builder.delimiter(delimiter).flexible(true);
    builder
}

/// What each column of a log is.
#[derive(Debug)]
pub(super) struct Columns {
    header: Vec<String>,
    key: Option<usize>,
    value: Option<usize>,
    step: Option<usize>,
    epoch: Option<usize>,
    timestamp: Option<usize>,
    run_id: Option<usize>,
}

impl Columns {
    pub(super) fn of(header: &StringRecord) -> Result<Self, String> {
        let header: Vec<String> = header.iter().map(|h| h.trim().to_owned()).collect();
        if header.len() < 2 {
            return Err("has one column only; a log needs a step or epoch and at least one metric".to_owned());
        }
        let find = |names: &[&str]| header.iter().position(|h| names.iter().any(|n| h.eq_ignore_ascii_case(n)));
        Ok(Self {
            key: find(&["key", "metric", "name", "tag"]),
            value: find(&["value"]),
            step: find(&["step", "global_step", "iteration", "iter", "round", "_step"]),
            epoch: find(&["epoch"]),
            timestamp: find(&["timestamp", "time", "wall_time", "_timestamp", "wall time", "_runtime"]),
            run_id: find(&["run_id"]),
            header,
        })
    }

    fn format(&self) -> &'static str {
        if self.key.is_some() { "long CSV" } else { "wide CSV" }
    }

    /// The values of a row.
    pub(super) fn take(&self, record: &StringRecord, push: &mut impl FnMut(&str, Point)) {
        let at = |i: Option<usize>| i.and_then(|i| record.get(i)).and_then(number);
        let (step, epoch, time) = (at(self.step), at(self.epoch), at(self.timestamp).map(seconds));
        if let (Some(key), Some(value)) = (self.key, self.value) {
            if let (Some(name), Some(value)) = (record.get(key), at(Some(value))) {
                push(name.trim(), Point::new(step, epoch, time, value));
            }
            return;
        }
        for (i, cell) in record.iter().enumerate() {
            if [self.step, self.epoch, self.timestamp, self.run_id].contains(&Some(i)) {
                continue;
            }
            if let (Some(name), Some(value)) = (self.header.get(i), number(cell)) {
                push(name, Point::new(step, epoch, time, value));
            }
        }
    }
}
