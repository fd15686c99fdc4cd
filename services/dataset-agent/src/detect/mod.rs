//! The detectors, one fault a file. Each says how its statistic was chosen.

pub(crate) mod aggregate;
pub(crate) mod balance;
pub(crate) mod categories;
pub(crate) mod category_variants;
pub(crate) mod columns;
pub(crate) mod concept;
pub(crate) mod conflicts;
pub(crate) mod correlation;
pub(crate) mod distribution;
pub(crate) mod hints;
pub(crate) mod ids;
pub(crate) mod leakage;
pub(crate) mod missingness;
pub(crate) mod mixed_nulls;
pub(crate) mod mixed_types;
pub(crate) mod model;
pub(crate) mod near_rows;
pub(crate) mod noise;
mod noise_number;
pub(crate) mod outliers;
pub(crate) mod redundant;
pub(crate) mod rows;
pub(crate) mod schema;
pub(crate) mod sentinel_values;
pub(crate) mod size;
pub(crate) mod text;
pub(crate) mod time;

use deepfix_agent::{Analysis, Sink, Stop};
use deepfix_model::{ArtifactKind, Finding, Split};

use crate::table::{Column, Table};

/// Values with the number of cells that hold each.
pub(crate) type Cells = Vec<(String, usize)>;

/// Everything the detectors share.
#[derive(Debug)]
pub(crate) struct Data {
    pub(crate) train: Option<Table>,
    pub(crate) test: Option<Table>,
    /// The label column, when it exists in a split.
    pub(crate) label: Option<String>,
    /// The column that dates the rows, when it exists.
    pub(crate) datetime: Option<String>,
    pub(crate) regression: bool,
    /// Columns that number or name the rows.
    pub(crate) ids: hashbrown::HashSet<String>,
}

impl Data {
    /// Splits at hand, with their names.
    pub(crate) fn splits(&self) -> impl Iterator<Item = (Split, &Table)> {
        let train = self.train.as_ref().map(|t| (Split::Train, t));
        train.into_iter().chain(self.test.as_ref().map(|t| (Split::Test, t)))
    }

    /// Both splits.
    pub(crate) fn both(&self) -> Option<(&Table, &Table)> {
        self.train.as_ref().zip(self.test.as_ref())
    }

    /// Columns of both splits, in train's order.
    pub(crate) fn common(&self) -> Vec<String> {
        let Some((train, test)) = self.both() else { return Vec::new() };
        train.names().iter().filter(|name| test.column(name).is_some()).cloned().collect()
    }

    /// Whether a column is a feature.
    pub(crate) fn is_feature(&self, name: &str) -> bool {
        self.label.as_deref() != Some(name) && self.datetime.as_deref() != Some(name) && !self.ids.contains(name)
    }

    /// Every column name, train's first.
    pub(crate) fn names(&self) -> Vec<String> {
        crate::table::all_names(&self.splits().map(|(_, table)| table).collect::<Vec<_>>())
    }

    /// A column in each split that has it.
    pub(crate) fn columns<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (Split, &'a Column)> {
        self.splits().filter_map(move |(split, table)| table.column(name).map(|column| (split, column)))
    }
}

impl Data {
    /// What a finding about a column is about.
    pub(crate) fn subject(&self, name: &str) -> String {
        if self.label.as_deref() == Some(name) { "label".to_owned() } else { format!("column:{name}") }
    }
}

/// The split of a fault that was seen in these.
pub(crate) fn seen_in(splits: &[Split]) -> Split {
    match splits {
        [one] => *one,
        _ => Split::Both,
    }
}

/// Values with their cells, the first few.
pub(crate) fn listed(values: &[(String, usize)]) -> String {
    let shown: Vec<String> = values
        .iter()
        .take(6)
        .map(|(value, n)| {
            let value: String = value.chars().take(40).collect();
            format!("{value:?} ({n})")
        })
        .collect();
    let more = values.len().saturating_sub(6);
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}

/// Confidence of a fault that is counted, not estimated: from `base` for a single cell towards 0.98.
pub(crate) fn by_count(base: f64, cells: usize) -> f64 {
    let n = cells as f64;
    ((base + (0.98 - base) * n / (n + 10.0)) * 100.0).round() / 100.0
}

/// Emits findings in order, and how many of how many subjects had the fault.
pub(crate) fn emit(
    analysis: &mut Analysis<'_>,
    sink: &mut Sink<'_>,
    code: &str,
    subjects: usize,
    findings: Vec<Finding>,
) -> Result<(), Stop> {
    analysis.checked(deepfix_model::Checked::done(code, subjects, findings.len()));
    findings.into_iter().try_for_each(|mut finding| {
        finding.confidence = calibrated(finding.confidence);
        finding.recommendation.confidence = finding.confidence;
        sink.finding(finding)
    })
}

/// A detector's own confidence, made what such findings turned out to be: right more often than it states
/// (`bench/faults/dataset`, half to develop on: 0.99 of those of 0.96, 0.93 of 0.75, 0.79 of 0.65). The log odds are
/// shifted (Platt 1999, slope 1) by about half of what that half asks for, since other tables are less kind.
fn calibrated(confidence: f64) -> f64 {
    const SHIFT: f64 = 0.8;
    let odds = (confidence / (1.0 - confidence).max(1e-9)) * SHIFT.exp();
    ((odds / (1.0 + odds)).min(0.99) * 100.0).round() / 100.0
}

/// The artifact that a split is.
pub(crate) fn artifact(split: Split) -> ArtifactKind {
    if split == Split::Test { ArtifactKind::Test } else { ArtifactKind::Train }
}

/// A share as people read it.
pub(crate) fn percent(share: f64) -> String {
    let points = share * 100.0;
    if points > 0.0 && points < 0.1 { format!("{points:.2} %") } else { format!("{points:.1} %") }
}
