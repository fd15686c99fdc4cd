//! The detectors, one fault a file. Each says how its statistic was chosen.

pub(crate) mod balance;
pub(crate) mod categories;
pub(crate) mod columns;
pub(crate) mod distribution;
pub(crate) mod leakage;
pub(crate) mod rows;
pub(crate) mod schema;
pub(crate) mod time;

use deepfix_agent::{Analysis, Sink, Stop};
use deepfix_model::{ArtifactKind, Finding, Split};

use crate::table::Table;

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
        let there: hashbrown::HashSet<String> = test.names().into_iter().collect();
        train.names().into_iter().filter(|name| there.contains(name)).collect()
    }

    /// Whether a column is a feature.
    pub(crate) fn is_feature(&self, name: &str) -> bool {
        self.label.as_deref() != Some(name) && self.datetime.as_deref() != Some(name)
    }
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
    findings.into_iter().try_for_each(|finding| sink.finding(finding))
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
