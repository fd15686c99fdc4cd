//! A column that is an aggregate of the label and contains the row itself: the mean of the label over
//! a group of rows, attached to each of them. Then the label's mean over all rows that share a value of
//! the column *is* that value, which no honest column does: exact equality needs no statistics.

use deepfix_model::{ArtifactKind, BugType, Evidence, Finding, Severity, Split};
use hashbrown::HashMap;

use super::Data;
use crate::table::{Column, Kind, MISSING, Values};

/// Share of rows that must agree, and how closely: six decimals are what exports keep.
const SHARE: f64 = 0.9;
/// Fewest groups that agree, and rows in groups whose labels differ.
const DISTINCT: usize = 5;
const ROWS: f64 = 20.0;

/// The label as numbers, one way per class for classes.
fn readings(label: &Column, regression: bool) -> Vec<Vec<f64>> {
    match &label.values {
        Values::Numbers(values) if regression => vec![values.clone()],
        Values::Numbers(values) => {
            let classes = label.few_numbers(12).unwrap_or_default();
            classes
                .iter()
                .map(|(class, _)| {
                    values.iter().map(|x| if x.is_nan() { f64::NAN } else { f64::from(u8::from(x == class)) }).collect()
                })
                .collect()
        }
        Values::Words { codes, words } if words.len() <= 12 => (0..words.len())
            .map(|class| {
                codes.iter().map(|&c| if c == MISSING { f64::NAN } else { f64::from(u8::from(c as usize == class)) }).collect()
            })
            .collect(),
        Values::Words { .. } => Vec::new(),
    }
}

/// Share of rows whose value is the label's mean over the rows that share it, when that is nearly all:
/// over train, or over both splits when it was computed before they were parted.
pub(super) fn of_label(data: &Data, label: &str, name: &str) -> Option<f64> {
    let train = data.train.as_ref()?;
    let column = train.column(name).filter(|c| c.kind == Kind::Number && c.present() >= 50)?;
    let distinct = column.spread().distinct;
    if distinct < DISTINCT || distinct * 10 > column.present() * 9 {
        return None;
    }
    // A mean lies between the extremes of what it is the mean of, in train or over both splits.
    let (low, high) = if data.regression {
        data.columns(label).fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (_, labels)| {
            let ends = (labels.sorted().first().copied().unwrap_or(low), labels.sorted().last().copied().unwrap_or(high));
            (low.min(ends.0), high.max(ends.1))
        })
    } else {
        (0.0, 1.0)
    };
    let within =
        column.sorted().first().is_some_and(|x| *x >= low - 1e-6) && column.sorted().last().is_some_and(|x| *x <= high + 1e-6);
    if !within {
        return None;
    }
    let pairs = |table: &crate::table::Table| -> Option<Vec<(Vec<f64>, Vec<f64>)>> {
        let values = table.column(name)?.numbers()?;
        Some(readings(table.column(label)?, data.regression).into_iter().map(|y| (values.to_vec(), y)).collect())
    };
    let of_train = pairs(train)?;
    let of_test = data.test.as_ref().and_then(pairs).unwrap_or_default();
    let mut best = 0.0_f64;
    for (i, (x, y)) in of_train.iter().enumerate() {
        best = best.max(agreement(x, y));
        if let Some((more_x, more_y)) = of_test.get(i).filter(|_| of_test.len() == of_train.len()) {
            best = best.max(agreement(&[&x[..], more_x].concat(), &[&y[..], more_y].concat()));
        }
    }
    (best >= SHARE).then_some(best)
}

fn agreement(x: &[f64], y: &[f64]) -> f64 {
    // Sum, rows, lowest and highest label of the rows that share a value.
    let mut groups: HashMap<u64, (f64, f64, f64, f64)> = HashMap::new();
    for (x, y) in x.iter().zip(y).filter(|(x, y)| x.is_finite() && y.is_finite()) {
        let group = groups.entry((x + 0.0).to_bits()).or_insert((0.0, 0.0, *y, *y));
        *group = (group.0 + y, group.1 + 1.0, group.2.min(*y), group.3.max(*y));
    }
    let (mut agree, mut all, mut agreeing) = (0.0, 0.0, 0);
    // Where all labels of a group are equal their mean is no news: a zero beside zeros, a copy.
    for (bits, (sum, n, ..)) in groups.into_iter().filter(|(_, g)| g.3 > g.2) {
        let x = f64::from_bits(bits);
        all += n;
        if (sum / n - x).abs() <= 2e-6 * x.abs().max(1.0) {
            agree += n;
            agreeing += 1;
        }
    }
    if all >= ROWS && agreeing >= DISTINCT { agree / all } else { 0.0 }
}

pub(super) fn finding(name: &str, share: f64, rows: usize) -> Finding {
    let subject = format!("column:{name}");
    let confidence = ((0.99 - 1.0 / (rows as f64).sqrt()) * 100.0).round() / 100.0;
    Finding::new("target_leakage", ArtifactKind::Train, &subject, Severity::High, confidence)
        .title(format!("column `{name}` is a mean of the label that counts the row itself"))
        .column(name)
        .split(Split::Train)
        .bug(BugType::Performance)
        .evidence(
            Evidence::new("rows_equal_to_label_mean", &subject, share)
                .versus(">=", SHARE)
                .unit("share")
                .method("rows whose value equals the mean of the label over all rows that share the value, to six decimals, over rows in groups whose labels differ")
                .source(format!("{rows} rows of train, with test's where the mean was taken over both")),
        )
        .fix(
            format!("compute `{name}` out of fold: without the row itself and without test"),
            "in small groups the mean is mostly the row's own answer",
        )
        .step("sklearn.preprocessing.TargetEncoder().fit_transform(X, y) cross-fits; groupby(...).transform(\"mean\") does not")
        .step("score again: what is lost was the row's own label")
}
