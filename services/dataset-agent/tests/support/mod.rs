//! Tables made from a fixed sequence, and what the agent says of them.

#![allow(dead_code, unreachable_pub, missing_debug_implementations, reason = "shared by test files, each of which uses its part")]

use std::fmt::Write as _;

use deepfix_agent::{Local, Options, Reader, run_local};
use deepfix_dataset_agent::DatasetAgent;
use deepfix_model::{Artifact, ArtifactKind, ArtifactSource, Finding};

/// xorshift64* (Vigna 2016).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Sum of twelve uniforms, minus six: near enough to a normal variable.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// A table as rows of text cells.
#[derive(Clone)]
pub struct Table {
    pub header: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Five honest features of mixed kind, the label `y` following two of them with noise.
    pub fn sound(seed: u64, n: usize) -> Self {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let header = ["age", "income", "city", "visits", "score", "y"].map(str::to_owned).to_vec();
        let rows = (0..n)
            .map(|_| {
                let (age, income, score) = (40.0 + 12.0 * random.normal(), (10.0 + random.normal()).exp(), random.normal());
                let city = ["Bern", "Basel", "Genf", "Zug"][(random.next() % 4) as usize];
                let visits = random.next() % 30;
                let y = u8::from(0.8 * score + 0.02 * (age - 40.0) + random.normal() > 0.3);
                vec![
                    format!("{age:.3}"),
                    format!("{income:.2}"),
                    city.to_owned(),
                    visits.to_string(),
                    format!("{score:.5}"),
                    y.to_string(),
                ]
            })
            .collect();
        Self { header, rows }
    }

    pub fn column(&mut self, name: &str, mut cell: impl FnMut(usize, &[String]) -> String) {
        match self.header.iter().position(|h| h == name) {
            Some(at) => {
                for (i, row) in self.rows.iter_mut().enumerate() {
                    row[at] = cell(i, row);
                }
            }
            None => {
                self.header.push(name.to_owned());
                for (i, row) in self.rows.iter_mut().enumerate() {
                    let value = cell(i, row);
                    row.push(value);
                }
            }
        }
    }

    pub fn csv(&self) -> Vec<u8> {
        let mut out = self.header.join(",") + "\n";
        for row in &self.rows {
            let _ = writeln!(out, "{}", row.join(","));
        }
        out.into_bytes()
    }
}

pub fn inline(kind: ArtifactKind, bytes: Vec<u8>) -> Artifact {
    Artifact { kind, format: String::new(), file_name: String::new(), source: ArtifactSource::Inline(bytes.into()) }
}

pub fn look(train: &Table, test: Option<&Table>, options: Options) -> Local {
    let mut artifacts = vec![inline(ArtifactKind::Train, train.csv())];
    artifacts.extend(test.map(|t| inline(ArtifactKind::Test, t.csv())));
    run_local(&DatasetAgent, &Reader::new(&Default::default()), artifacts, options).expect("runs")
}

pub fn labelled() -> Options {
    Options { label: "y".to_owned(), ..Options::default() }
}

/// The findings when a fault is put into train, test or both, and that no other code shows.
pub fn only(code: &str, inject: impl Fn(&mut Table, &mut Table)) -> Vec<Finding> {
    let (mut train, mut test) = (Table::sound(1, 3000), Table::sound(2, 1500));
    inject(&mut train, &mut test);
    let local = look(&train, Some(&test), labelled());
    assert_eq!(local.codes(), [code], "{:#?}", local.findings.iter().map(|f| &f.title).collect::<Vec<_>>());
    for finding in &local.findings {
        assert!(!finding.title.is_empty() && !finding.recommendation.action.is_empty() && !finding.evidence.is_empty());
        assert!((0.0..=1.0).contains(&finding.confidence));
    }
    local.findings
}

/// A frame of chunks of so many rows.
fn chunked(csv: &[u8], rows: usize) -> polars::prelude::DataFrame {
    use polars::prelude::{CsvReader, SerReader};
    let frame = CsvReader::new(std::io::Cursor::new(csv)).finish().expect("reads");
    let slice = |at: usize| frame.slice(i64::try_from(at).expect("small"), rows);
    let mut chunked = slice(0);
    for at in (rows..frame.height()).step_by(rows) {
        chunked.vstack_mut(&slice(at)).expect("the same columns");
    }
    chunked
}

/// The table as an Arrow file, in batches of so many rows.
pub fn arrow(csv: &[u8], rows: usize) -> Vec<u8> {
    use polars::prelude::{IpcWriter, SerWriter};
    let mut out = Vec::new();
    IpcWriter::new(&mut out).finish(&mut chunked(csv, rows)).expect("in memory");
    out
}

/// The table as an Arrow stream, in batches of so many rows.
pub fn arrow_stream(csv: &[u8], rows: usize) -> Vec<u8> {
    use polars_arrow::io::ipc::write::{StreamWriter, WriteOptions};
    let frame = chunked(csv, rows);
    let mut out = Vec::new();
    let mut writer = StreamWriter::new(&mut out, WriteOptions { compression: None });
    let schema = polars::prelude::SchemaExt::to_arrow(&**frame.schema(), polars::prelude::CompatLevel::oldest());
    writer.start(&schema, None).expect("in memory");
    for chunk in frame.iter_chunks(polars::prelude::CompatLevel::oldest(), false) {
        writer.write(&chunk, None).expect("in memory");
    }
    writer.finish().expect("in memory");
    out
}
