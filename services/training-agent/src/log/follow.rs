//! A log that grows, read once: what came since is taken line by line (record by record of event files), so that
//! following a run costs as much as reading its log, however often it is looked at.

use deepfix_artifact::{decode_text, looks_binary, parse_json};
use deepfix_live::{Cadence, Point, RunHistory};

use super::{
    csv, events, json,
    read::{is_prose, mlflow_key, mlflow_line},
    text::{self, Printed},
};

/// Text that may come before its format must be clear, and longest line.
const MOST_HELD: usize = 1 << 20;
/// Longest quoted cell of lines that is waited for; what goes on for longer is a stray quote.
const LONGEST_CELL: usize = 16 << 10;
/// Longest record of an event file that is waited for.
const MOST_RECORD: usize = 256 << 20;

/// What a step of a [`Follower`] came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Enough has come for another look; there may be more to take.
    Due,
    /// All that came is taken.
    Taken,
    /// The log is not one that is read line by line, or its format is not clear yet: read it whole.
    Whole,
}

/// Reads a log that grows.
#[derive(Debug)]
pub struct Follower {
    file_name: String,
    kind: Kind,
    /// Bytes that make no whole line yet; of event files all that are not taken yet.
    held: Vec<u8>,
    /// Whole lines, those before `at` taken.
    lines: String,
    at: usize,
}

#[derive(Debug)]
enum Kind {
    Unclear,
    Whole,
    Events,
    Table {
        columns: csv::Columns,
        delimiter: u8,
    },
    Objects,
    /// MLflow's file store.
    Values,
    Printed(Printed),
}

impl Follower {
    /// Of a log by this name, which says what one of MLflow's files holds.
    #[must_use]
    pub fn new(file_name: &str) -> Self {
        Self { file_name: file_name.to_owned(), kind: Kind::Unclear, held: Vec::new(), lines: String::new(), at: 0 }
    }

    /// Hands over the bytes that came since.
    pub fn feed(&mut self, bytes: &[u8]) {
        if matches!(self.kind, Kind::Whole) {
            return;
        }
        if matches!(self.kind, Kind::Events) {
            self.held.drain(..std::mem::take(&mut self.at));
        }
        self.held.extend_from_slice(bytes);
        if matches!(self.kind, Kind::Unclear) && events::is_events(&self.held) {
            self.kind = Kind::Events;
        }
        if !matches!(self.kind, Kind::Events) {
            self.take_lines();
        }
        if self.held.len() > if matches!(self.kind, Kind::Events) { MOST_RECORD } else { MOST_HELD } {
            self.give_up();
        }
    }

    /// Moves whole lines from the bytes held, and tells the format by the first ones.
    fn take_lines(&mut self) {
        let begins = matches!(self.kind, Kind::Unclear) && self.lines.is_empty();
        if begins && (looks_binary(&self.held) || self.held.starts_with(&[0xff, 0xfe]) || self.held.starts_with(&[0xfe, 0xff])) {
            // What is cut in the middle of its first record is binary too, until the rest of it comes.
            if self.held.len() > MOST_HELD {
                self.give_up();
            }
            return;
        }
        let Some(end) = self.held.iter().rposition(|b| matches!(b, b'\n' | b'\r')) else { return };
        let table = matches!(self.kind, Kind::Table { .. } | Kind::Unclear) && end < LONGEST_CELL;
        if table && !self.held[..=end].iter().filter(|b| **b == b'"').count().is_multiple_of(2) {
            // The last line end is within a quoted cell.
            return;
        }
        let decoded = decode_text(&self.held[..=end]);
        self.lines.drain(..std::mem::take(&mut self.at));
        self.lines.push_str(&String::from_utf8_lossy(&decoded.text));
        self.held.drain(..=end);
        if matches!(self.kind, Kind::Unclear) {
            self.decide();
            if matches!(self.kind, Kind::Unclear) && self.lines.len() > MOST_HELD {
                self.give_up();
            }
        }
    }

    fn give_up(&mut self) {
        (self.kind, self.held, self.lines, self.at) = (Kind::Whole, Vec::new(), String::new(), 0);
    }

    /// As [`super::read()`] decides over a whole log.
    fn decide(&mut self) {
        let text = self.lines.as_str();
        let mut lines = text.lines().filter(|l| !l.trim().is_empty());
        let several = text.lines().filter(|l| !l.trim().is_empty()).nth(1).is_some();
        let printed = || text::read(text).map_or(Kind::Unclear, |_| Kind::Printed(Printed::default()));
        self.kind = match text.trim_start().as_bytes().first() {
            None => Kind::Unclear,
            Some(b'{') if several => {
                if lines.all(|l| object(l).is_some()) {
                    Kind::Objects
                } else {
                    Kind::Whole
                }
            }
            Some(b'{') => Kind::Unclear,
            // What a booster prints; any other list is one JSON document.
            Some(b'[') if text::begins_with_round(text) => printed(),
            Some(b'[') => Kind::Whole,
            Some(_) if several && lines.all(|l| mlflow_line(l).is_some()) => Kind::Values,
            Some(_) => match csv::read(text) {
                Ok(table) if table.points() > 0 && !is_prose(text) => self.table(),
                _ => printed(),
            },
        };
    }

    /// Passes over the header.
    fn table(&mut self) -> Kind {
        let delimiter = csv::delimiter(&self.lines);
        let mut reader = csv::reader(delimiter).from_reader(self.lines.as_bytes());
        let Some(columns) = reader.headers().ok().and_then(|header| csv::Columns::of(header).ok()) else { return Kind::Whole };
        self.at = usize::try_from(reader.position().byte()).unwrap_or(0);
        Kind::Table { columns, delimiter }
    }

    /// Takes what came into a history, until a look is due.
    pub fn step(&mut self, run: &mut RunHistory, cadence: &mut Cadence) -> Step {
        let mut taker = Taker { run, cadence, alarm: false, full: false };
        let step = match &mut self.kind {
            Kind::Unclear | Kind::Whole => return Step::Whole,
            Kind::Events => loop {
                let mut rest = &self.held[self.at..];
                let whole = events::take(&mut rest, &mut |key, point| taker.push(key, point));
                self.at = self.held.len() - rest.len();
                match (whole, taker.due()) {
                    (_, Some(step)) => break step,
                    (true, None) => {}
                    (false, None) => break Step::Taken,
                }
            },
            Kind::Table { columns, delimiter } => {
                let rest = &self.lines.as_bytes()[self.at..];
                let mut reader = csv::reader(*delimiter).has_headers(false).from_reader(rest);
                let mut record = ::csv::StringRecord::new();
                let step = loop {
                    match reader.read_record(&mut record) {
                        Err(_) => break Step::Whole,
                        Ok(false) => break Step::Taken,
                        Ok(true) => columns.take(&record, &mut |key, point| taker.push(key, point)),
                    }
                    if let Some(step) = taker.due() {
                        break step;
                    }
                };
                self.at += usize::try_from(reader.position().byte()).unwrap_or(rest.len()).min(rest.len());
                step
            }
            by_line => loop {
                let Some(line) = self.lines[self.at..].split_inclusive(text::ENDS).next() else { break Step::Taken };
                self.at += line.len();
                let line = line.trim_end_matches(text::ENDS);
                let mut push = |key: &str, point| taker.push(key, point);
                let known = match by_line {
                    _ if line.trim().is_empty() => true,
                    Kind::Printed(printed) => {
                        printed.take(line, &mut push);
                        true
                    }
                    Kind::Objects => object(line).map(|row| json::take(&row, &mut push)).is_some(),
                    _ => mlflow_line(line).map(|point| push(mlflow_key(&self.file_name), point)).is_some(),
                };
                match taker.due() {
                    _ if !known => break Step::Whole,
                    Some(step) => break step,
                    None => {}
                }
            },
        };
        if step == Step::Whole {
            self.give_up();
        }
        step
    }
}

fn object(line: &str) -> Option<serde_json::Map<String, serde_json::Value>> {
    match parse_json(line.as_bytes()) {
        Ok(serde_json::Value::Object(row)) => Some(row),
        _ => None,
    }
}

/// Takes values into a history.
struct Taker<'a> {
    run: &'a mut RunHistory,
    cadence: &'a mut Cadence,
    alarm: bool,
    /// The run has more metrics than are followed.
    full: bool,
}

impl Taker<'_> {
    fn push(&mut self, key: &str, point: Point) {
        match self.run.push(key, point) {
            Ok(alarm) => self.alarm |= alarm,
            Err(_) => self.full = true,
        }
    }

    /// Whether to stop here.
    fn due(&mut self) -> Option<Step> {
        if self.full {
            return Some(Step::Whole);
        }
        let due = self.cadence.due(self.run.taken(), self.run.metrics().len(), std::mem::take(&mut self.alarm));
        due.then_some(Step::Due)
    }
}

#[cfg(test)]
mod tests {
    use deepfix_artifact::Limits;

    use super::*;
    use crate::log::{Log, read};

    /// A log in pieces of so many bytes.
    fn followed(bytes: &[u8], piece: usize) -> Result<RunHistory, Step> {
        let (mut follower, mut run, mut cadence) = (Follower::new("metrics/val_loss"), RunHistory::default(), Cadence::default());
        let mut last = Step::Whole;
        for piece in bytes.chunks(piece) {
            follower.feed(piece);
            loop {
                last = follower.step(&mut run, &mut cadence);
                if last != Step::Due {
                    break;
                }
            }
        }
        if last == Step::Taken { Ok(run) } else { Err(last) }
    }

    fn values(log: &Log) -> Vec<(String, Vec<String>)> {
        let of = |p: &Point| format!("{:?} {:?} {:?} {:?}", p.step(), p.epoch(), p.time(), p.value);
        log.series.iter().map(|s| (s.key.clone(), s.points().iter().map(of).collect())).collect()
    }

    #[test]
    fn a_log_in_pieces_gives_what_it_gives_whole() {
        let rows = |f: &dyn Fn(u32) -> String| (0..40).map(f).collect::<String>();
        let lightning = "epoch,step,train_loss_step,val_loss\n".to_owned()
            + &rows(&|i| if i % 4 == 3 { format!("{},{i},,0.{i}\n", i / 4) } else { format!("{},{i},0.{i},\r\n", i / 4) });
        let long = "key\tvalue\tstep\n".to_owned()
            + &rows(&|i| format!("\"train\nloss\"\t{}\t{i}\n", if i == 7 { "nan".to_owned() } else { i.to_string() }));
        let objects = rows(&|i| format!("{{\"loss\": 0.{i}, \"step\": {i}, \"epoch\": {}}}\n", f64::from(i) / 10.0));
        let printed = "starting up\n".to_owned() + &rows(&|i| format!("epoch {i} train loss=0.{i} é val_acc 0.9\r"));
        let boosting = rows(&|i| format!("[{i}]\ttrain-logloss:0.{i}\teval-logloss:0.6\n"));
        let mlflow = rows(&|i| format!("17000000{i:05} 0.{i} {i}\n"));
        let texts = [lightning, long, objects, printed, boosting, mlflow].map(String::into_bytes);
        for log in texts.into_iter().chain([events::tests::file(60)]) {
            let whole = read(&log, "metrics/val_loss", Limits::default()).expect("a log");
            let text = String::from_utf8_lossy(&log);
            for piece in [1, 7, 100, log.len()] {
                let run = followed(&log, piece).unwrap_or_else(|step| panic!("{step:?} in pieces of {piece}: {text}"));
                assert_eq!(values(&Log::of_run(run)), values(&whole), "in pieces of {piece}: {text}");
            }
        }
    }

    #[test]
    fn what_has_no_lines_is_read_whole() {
        let state = serde_json::json!({"log_history": [{"loss": 1.0, "step": 1}, {"loss": 0.9, "step": 2}]});
        let pretty = serde_json::to_string_pretty(&state).expect("writes");
        let entry = |step: u32| serde_json::json!({"loss": 0.5, "learning_rate": 0.1, "grad_norm": 2.0, "step": step});
        let list = serde_json::to_string_pretty(&[1, 2, 3, 4].map(entry)).expect("writes");
        let long = serde_json::to_string_pretty(&serde_json::json!({"log_history": [entry(1), entry(2), entry(3), entry(4)]}))
            .expect("writes");
        for text in [pretty.as_str(), &list, &long, "epoch,loss\n1,0.5\n2,", "", "\u{1f}\u{8b}\u{8}\0\0\0\0"] {
            let expected = if text.starts_with("epoch") { Ok(1) } else { Err(Step::Whole) };
            assert_eq!(followed(text.as_bytes(), 5).map(|run| run.taken()), expected, "{text}");
        }
        // A stray quote keeps nothing back for long.
        let stray = "step,loss,note\n".to_owned()
            + &(0..2000).map(|i| format!("{i},0.4,{}\n", if i == 5 { "12\"" } else { "ordinary" })).collect::<String>();
        let taken = followed(stray.as_bytes(), 1000).map(|run| run.taken());
        assert!(taken.is_ok_and(|n| n > 1900), "{taken:?}");
        let wide = format!("step,{}\n1{}\n", (0..1200).map(|i| format!("m{i}")).collect::<Vec<_>>().join(","), ",1".repeat(1200));
        assert_eq!(followed(wide.as_bytes(), 1000).err(), Some(Step::Whole), "more metrics than are followed");
    }
}
