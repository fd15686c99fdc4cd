//! `conflicting_labels`: rows with the same features and different labels. In a coarse table such
//! rows are natural, so pairs are compared with what chance makes, as for `duplicate_rows`.

use deepfix_agent::{Analysis, Sink, Stop};
use deepfix_model::{BugType, Checked, Evidence, Finding, Note, Severity, counted_above};
use hashbrown::HashMap;

use super::{
    Data, artifact, emit, percent,
    rows::{Pairs, pairs_within},
};
use crate::table::{Column, Values};

pub(crate) fn detect(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, data: &Data) -> Result<(), Stop> {
    let Some(label) = data.label.clone() else {
        analysis.checked(Checked::not("conflicting_labels", "no label was named"));
        return Ok(());
    };
    let (medium, high) = (analysis.threshold("conflicting_labels.medium"), analysis.threshold("conflicting_labels.high"));
    let (mut findings, mut looked) = (Vec::new(), 0);
    for (split, table) in data.splits() {
        let Some(column) = table.column(&label) else { continue };
        // A date tells rows apart as any feature does.
        let names: Vec<String> = table.names().iter().filter(|n| **n != label && !data.ids.contains(*n)).cloned().collect();
        if names.is_empty() {
            continue;
        }
        looked += table.rows();
        let hashes = table.row_sums(&names);
        analysis.wanted()?;
        let conflicts = Conflicts::of(&hashes, column, data.regression);
        let share = conflicts.rows as f64 / hashes.len() as f64;
        if share < medium || conflicts.rows < 4 {
            continue;
        }
        let chance = pairs_within(&hashes, table, &names);
        let Some(Pairs { observed, expected }) = chance.filter(Pairs::beyond_chance) else {
            analysis.note(
                Note::new(
                    "conflicting_labels",
                    "label",
                    format!(
                        "{} of {}'s rows share all features with a row of another label, as is natural in a table of such coarse columns",
                        percent(share),
                        split.name()
                    ),
                )
                .column(&label),
            );
            continue;
        };
        let severity = if share >= high { Severity::High } else { Severity::Medium };
        findings.push(
            Finding::new("conflicting_labels", artifact(split), "label", severity, counted_above(share, medium, 1.0 - expected / observed))
                .title(format!("{} of {}'s rows have the features of another row and a different label", percent(share), split.name()))
                .column(&label)
                .split(split)
                .bug(BugType::Performance)
                .evidence(
                    Evidence::new("conflicting_rate", "label", share)
                        .versus(">=", medium)
                        .unit("share")
                        .method(if data.regression {
                            "rows equal to another in every feature whose labels differ by more than a hundredth of the label's standard deviation, over all rows"
                        } else {
                            "rows equal to another in every feature and not in the label, over all rows"
                        })
                        .source(format!("{} of {} rows; first pairs (row numbers from 0): {}", conflicts.rows, hashes.len(), conflicts.first.join(", "))),
                )
                .evidence(
                    Evidence::new("equal_pairs", "rows", observed)
                        .versus(">=", (Pairs { observed, expected }).limit())
                        .unit("pairs")
                        .method("pairs of rows with equal features, against what chance makes from the most varied column: three times the expected number, and beyond a Poisson count of that mean"),
                )
                .fix(
                    "decide these rows by hand, or drop every row of such a group",
                    "no model can fit both answers; they set a floor under the error",
                )
                .step("groups = df.groupby(features)[label].nunique(); groups[groups > 1]")
                .step("find out which of two sources or annotators wrote each label"),
        );
    }
    emit(analysis, sink, "conflicting_labels", looked, findings)
}

struct Conflicts {
    rows: usize,
    first: Vec<String>,
}

impl Conflicts {
    fn of(hashes: &[u64], label: &Column, regression: bool) -> Self {
        let answers: Vec<f64> = match &label.values {
            Values::Numbers(values) => values.clone(),
            Values::Words { codes, .. } => {
                codes.iter().map(|&c| if c == crate::table::MISSING { f64::NAN } else { f64::from(c) }).collect()
            }
        };
        let tolerance = if regression { 0.01 * crate::stats::drift::standard_deviation(label.sorted()) } else { 0.0 };
        // Per group: first row, rows, lowest and highest answer.
        let mut groups: HashMap<u64, (usize, usize, f64, f64)> = HashMap::with_capacity(hashes.len());
        let mut first = Vec::new();
        for (i, (&hash, &answer)) in hashes.iter().zip(&answers).enumerate().filter(|(_, (_, a))| !a.is_nan()) {
            let group = groups.entry(hash).or_insert((i, 0, answer, answer));
            group.1 += 1;
            (group.2, group.3) = (group.2.min(answer), group.3.max(answer));
            if first.len() < 3 && group.1 > 1 && (answers[group.0] - answer).abs() > tolerance {
                first.push(format!("{} and {i}", group.0));
            }
        }
        Self { rows: groups.values().filter(|g| g.3 - g.2 > tolerance).map(|g| g.1).sum(), first }
    }
}
