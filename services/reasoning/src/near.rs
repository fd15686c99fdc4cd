//! Faults that are near: what came most of the way to a finding, said as notes with what to do while there is time.

use std::collections::BTreeMap;

use deepfix_model::{ColumnCard, ColumnSide, Finding, MetricChange, Note, Num, fmt_number};

use crate::retraining::{DECLINE_MEDIUM, percent};

/// Share of the way to a finding from which it is near (our choice).
const NEAR: f64 = 0.7;
/// Most notes of a kind.
const MOST: usize = 5;
/// Standard errors from which two missing rates differ by more than chance (our choice).
const BEYOND_CHANCE: f64 = 3.0;

/// How far a fault is, and what is said of it.
struct Way {
    share: f64,
    subject: String,
    column: Option<String>,
    text: String,
}

/// What the notes rest on.
pub(crate) struct Measured<'a> {
    pub(crate) columns: &'a [ColumnCard],
    pub(crate) changes: &'a [MetricChange],
    pub(crate) thresholds: &'a BTreeMap<String, Num>,
}

/// Notes on what came furthest without a finding, each kind by itself.
pub(crate) fn notes(measured: &Measured<'_>, findings: &[Finding]) -> Vec<Note> {
    let limit = |name: &str| measured.thresholds.get(name).map(|limit| limit.0).filter(|limit| *limit > 0.0);
    let of_columns = |way: &dyn Fn(&ColumnCard) -> Option<Way>| -> Vec<Way> {
        let calm = measured.columns.iter().filter(|card| !findings.iter().any(|f| f.columns.contains(&card.name)));
        calm.filter_map(way).collect()
    };
    let kinds = [
        of_columns(&drift),
        limit("high_missing_rate.medium").map_or_else(Vec::new, |limit| of_columns(&|card| missing(card, limit))),
        limit("constant_column.share").map_or_else(Vec::new, |limit| of_columns(&|card| constant(card, limit))),
        limit("null_rate_shift.medium").map_or_else(Vec::new, |limit| of_columns(&|card| missing_shift(card, limit))),
        measured.changes.iter().filter_map(decline).collect(),
    ];
    kinds.into_iter().flat_map(nearest).collect()
}

/// The nearest of a kind as notes.
fn nearest(mut ways: Vec<Way>) -> impl Iterator<Item = Note> {
    ways.retain(|way| (NEAR..1.0).contains(&way.share));
    ways.sort_by(|a, b| b.share.total_cmp(&a.share).then_with(|| a.subject.cmp(&b.subject)));
    ways.into_iter().take(MOST).map(|way| {
        let mut note = Note::new("near_threshold", way.subject, way.text);
        note.columns.extend(way.column);
        note
    })
}

fn of_column(card: &ColumnCard, share: f64, text: String) -> Way {
    Way { share, subject: format!("column:{}", card.name), column: Some(card.name.clone()), text }
}

/// The larger of both sides' values of something.
fn larger(card: &ColumnCard, of: impl Fn(&ColumnSide) -> Option<f64>) -> Option<f64> {
    [&card.train, &card.test].into_iter().flatten().filter_map(of).max_by(f64::total_cmp)
}

fn missing_rate(side: &ColumnSide) -> Option<f64> {
    (side.rows > 0).then(|| side.missing as f64 / side.rows as f64)
}

fn drift(card: &ColumnCard) -> Option<Way> {
    let way = |m: &deepfix_model::ColumnMeasure| m.beyond_chance.0 / m.threshold.0;
    let most = card.measures.iter().filter(|m| way(m).is_finite()).max_by(|a, b| way(a).total_cmp(&way(b)))?;
    let (value, limit) = (fmt_number(most.beyond_chance.0), fmt_number(most.threshold.0));
    let text = format!(
        "`{}` is near a drift finding ({} {value} beyond chance, a finding from {limit}): ask where it comes from before the next period's data decides, and keep a profile of this one to compare with (deepfix profile)",
        card.name,
        most.name.to_uppercase()
    );
    Some(of_column(card, way(most), text))
}

fn missing(card: &ColumnCard, limit: f64) -> Option<Way> {
    let rate = larger(card, missing_rate)?;
    let text = format!(
        "`{}` is {} missing, a finding from {}: find out who leaves it empty while most rows still have it",
        card.name,
        percent(rate),
        percent(limit)
    );
    Some(of_column(card, rate / limit, text))
}

fn constant(card: &ColumnCard, limit: f64) -> Option<Way> {
    let top = |side: &ColumnSide| {
        let present = side.rows.saturating_sub(side.missing);
        (present > 0 && side.top.is_some()).then(|| side.top_count as f64 / present as f64)
    };
    let share = larger(card, top)?;
    let text = format!(
        "`{}` holds one value in {} of its cells, a finding from {}: look whether a filter or a join is losing the others",
        card.name,
        percent(share),
        percent(limit)
    );
    Some(of_column(card, (1.0 - limit) / (1.0 - share), text))
}

fn missing_shift(card: &ColumnCard, limit: f64) -> Option<Way> {
    let (train, test) = (card.train.as_ref()?, card.test.as_ref()?);
    let (a, b) = (missing_rate(train)?, missing_rate(test)?);
    let (n, m) = (train.rows as f64, test.rows as f64);
    let pooled = (train.missing + test.missing) as f64 / (n + m);
    let chance = BEYOND_CHANCE * (pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m)).sqrt();
    let text = format!(
        "`{}` is missing in {} of train's rows and in {} of test's, a finding from a difference of {}: ask what changed where it is collected",
        card.name,
        percent(a),
        percent(b),
        percent(limit)
    );
    let difference = (a - b).abs();
    (difference > chance).then(|| of_column(card, difference / limit, text))
}

fn decline(change: &MetricChange) -> Option<Way> {
    let text = format!(
        "{} is {} worse than in the earlier run, which asks for retraining from {}: measure again with another seed, and look at the newest rows first",
        change.metric,
        percent(change.decline),
        percent(DECLINE_MEDIUM)
    );
    let share = change.decline / DECLINE_MEDIUM;
    share.is_finite().then(|| Way { share, subject: format!("metric:{}", change.metric), column: None, text })
}

#[cfg(test)]
mod tests {
    use deepfix_model::{ArtifactKind, ColumnMeasure, Severity};

    use super::*;

    fn card(name: &str) -> ColumnCard {
        let (train, test) = (None, None);
        ColumnCard { name: name.to_owned(), kind: "numeric".to_owned(), train, test, labels: Vec::new(), measures: Vec::new() }
    }

    fn moved(name: &str, psi: f64) -> ColumnCard {
        let measure = ColumnMeasure { name: "psi".to_owned(), value: Num(psi), beyond_chance: Num(psi), threshold: Num(0.25) };
        ColumnCard { measures: vec![measure], ..card(name) }
    }

    fn side(rows: u64, missing: u64, top_count: u64) -> Option<ColumnSide> {
        let top = Some("a".to_owned());
        let (min, median, max, bins) = (None, None, None, Vec::new());
        Some(ColumnSide { rows, missing, distinct: 2, min, median, max, top, top_count, bins })
    }

    fn subjects(columns: &[ColumnCard], changes: &[MetricChange], findings: &[Finding]) -> Vec<(String, String)> {
        let limits = [("high_missing_rate.medium", 0.5), ("constant_column.share", 0.99), ("null_rate_shift.medium", 0.05)];
        let thresholds = limits.into_iter().map(|(name, limit)| (name.to_owned(), Num(limit))).collect();
        let notes = notes(&Measured { columns, changes, thresholds: &thresholds }, findings);
        notes.into_iter().map(|n| (n.subject, n.text)).collect()
    }

    #[test]
    fn columns_near_a_finding_are_named_and_those_with_one_are_not() {
        let cards = [moved("calm", 0.05), moved("near", 0.2), moved("nearer", 0.24), moved("moved", 0.4), moved("known", 0.22)];
        let finding = Finding::new("unit_change", ArtifactKind::Train, "column:known", Severity::High, 0.9).column("known");
        let notes = subjects(&cards, &[], &[finding]);
        assert_eq!(notes.iter().map(|n| n.0.as_str()).collect::<Vec<_>>(), ["column:nearer", "column:near"]);
        assert!(notes[0].1.contains("PSI 0.24 beyond chance, a finding from 0.25"), "{}", notes[0].1);
    }

    #[test]
    fn missing_cells_single_values_and_declines_are_told_before_they_are_findings() {
        let cards = [
            ColumnCard { train: side(1000, 450, 10), ..card("emptying") },
            ColumnCard { train: side(1000, 100, 10), ..card("fine") },
            ColumnCard { train: side(1000, 0, 988), ..card("settling") },
            ColumnCard { train: side(10_000, 0, 10), test: side(10_000, 400, 10), ..card("shifting") },
            // The same difference in small splits may be chance.
            ColumnCard { train: side(50, 1, 1), test: side(50, 3, 1), ..card("small") },
        ];
        let change =
            |decline| MetricChange { metric: "val_auc".to_owned(), higher_is_better: true, before: 0.9, after: 0.86, decline };
        let notes = subjects(&cards, &[change(0.044), change(0.02)], &[]);
        let names: Vec<&str> = notes.iter().map(|n| n.0.as_str()).collect();
        assert_eq!(names, ["column:emptying", "column:settling", "column:shifting", "metric:val_auc"]);
        assert!(notes[0].1.contains("45 % missing, a finding from 50 %"), "{}", notes[0].1);
        assert!(notes[3].1.contains("4.4 % worse"), "{}", notes[3].1);
    }
}
