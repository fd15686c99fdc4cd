//! `target_leakage`: one column predicts the label too well to be honest, alone.
//!
//! A merely strong feature is none: besides reaching the threshold alone, the column must beat what
//! all other columns reach together (naive Bayes over their bins), by a margin or by closing nine
//! tenths of the gap to perfect. Two candidates that have nothing in common within the classes are
//! both left out of the others (two leaks would hide each other; a correlation under 0.3 is our choice);
//! otherwise strength is the nature of the table, and each candidate is compared with all the rest. A
//! column with one value for each class is the label renamed, however well the rest does.
//!
//! The threshold is highest for measurements, which may honestly follow the label closely (a diamond's
//! weight and its price), lower for codes of few values, and lower still for whether a cell is empty at
//! all: a flag hardly does. Emptiness is judged for the class it tells best, for it often marks one of several.

use deepfix_agent::{Analysis, Sink, Stop};
use deepfix_model::{ArtifactKind, BugType, Checked, Evidence, Finding, Note, Severity, Split, above};
use rayon::prelude::*;

use super::{Data, aggregate, emit};
use crate::{
    stats::power::{self, Target, What},
    table::{Column, Kind, MISSING, Table, Values},
};

const ENOUGH: usize = 50;
/// Most distinct values of a code.
const CODE: usize = 12;
const CLASSES: usize = 50;
/// Share of rows from which a column with one value per class is the label renamed, however easy the label is to tell
/// from the rest (our choice).
const SAME: f64 = 0.95;

/// Whether a column looks like a measurement: numbers of many values, none of which (nor emptiness) is a fifth of
/// the rows (our choice). What an outcome fills in afterwards is zero or empty for the rest.
fn measured(column: &Column) -> bool {
    let Some(_) = column.numbers() else { return false };
    let most = crate::table::runs(column.sorted()).map(|(_, n)| n).max().unwrap_or(0);
    column.spread().distinct > CODE && most.max(column.rows() - column.present()) * 5 < column.rows()
}

/// The label as a target; `None` with the reason when it cannot be one.
pub(super) fn target(data: &Data, train: &Table, label: &str) -> Result<Target, String> {
    let column = train.column(label).ok_or("train has no label column")?;
    if column.present() < ENOUGH {
        return Err(format!("needs {ENOUGH} labelled rows, train has {}", column.present()));
    }
    if data.regression {
        return match &column.values {
            Values::Numbers(values) => {
                let present: Vec<bool> = values.iter().map(|x| x.is_finite()).collect();
                Ok(Target::new(What::Number(values.clone()), train.lots(), |i| present[i]))
            }
            Values::Words { .. } => Err("a regression label must be a number".to_owned()),
        };
    }
    let (classes, k) = class_codes(column)?;
    let present: Vec<bool> = classes.iter().map(|&c| c != usize::MAX).collect();
    Ok(Target::new(What::Classes(classes, k), train.lots(), |i| present[i]))
}

pub(super) fn class_codes(column: &Column) -> Result<(Vec<usize>, usize), String> {
    let k = column.counts().len();
    if !(2..=CLASSES).contains(&k) {
        return Err(format!("needs 2 to {CLASSES} classes, the label has {k}"));
    }
    let codes = match &column.values {
        Values::Words { codes, .. } => codes.iter().map(|&c| if c == MISSING { usize::MAX } else { c as usize }).collect(),
        Values::Numbers(values) => {
            let mut distinct: Vec<f64> = values.iter().copied().filter(|x| !x.is_nan()).collect();
            distinct.sort_unstable_by(f64::total_cmp);
            distinct.dedup();
            values.iter().map(|x| if x.is_nan() { usize::MAX } else { distinct.partition_point(|d| d < x) }).collect()
        }
    };
    Ok((codes, k))
}

pub(crate) fn detect(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, data: &Data) -> Result<(), Stop> {
    let (Some(train), Some(label)) = (&data.train, data.label.as_deref()) else {
        analysis.checked(Checked::not("target_leakage", "needs train and its label (--label)"));
        return Ok(());
    };
    let target = match target(data, train, label) {
        Ok(target) => target,
        Err(why) => {
            analysis.note(Note::new("target_leakage", "label", format!("leakage was not looked for: {why}")));
            analysis.checked(Checked::not("target_leakage", why));
            return Ok(());
        }
    };
    let (measure, limit) = if data.regression {
        ("r2", analysis.threshold("target_leakage.r2"))
    } else {
        ("auc", analysis.threshold("target_leakage.auc"))
    };
    let code_limit = analysis.threshold("target_leakage.auc_code");
    let empty_limit = analysis.threshold("target_leakage.auc_empty");
    let (margin, empty_margin) = (analysis.threshold("target_leakage.margin"), analysis.threshold("target_leakage.margin_empty"));
    let cancel = analysis.cancel();
    let names: Vec<String> = train.names().iter().filter(|n| data.is_feature(n)).cloned().collect();
    let scores: Vec<f64> = names
        .par_iter()
        .map(|name| match train.column(name) {
            // A date that predicts a number is a trend, and dates are split by, not learnt from.
            Some(column) if !cancel.is_cancelled() && column.present() > 0 && column.kind != Kind::Time => {
                power::alone(column, &target)
            }
            _ => 0.0,
        })
        .collect();
    let mut findings = Vec::new();
    let mut aggregates = hashbrown::HashSet::new();
    for (i, name) in names.iter().enumerate() {
        if let Some(share) = aggregate::of_label(data, label, name) {
            aggregates.insert(i);
            findings.push(aggregate::finding(name, share, train.rows()));
        }
    }
    let measured_limit =
        analysis.threshold(if data.regression { "target_leakage.r2_measured" } else { "target_leakage.auc_measured" });
    let limit_of = |i: usize| match train.column(&names[i]) {
        Some(column) if column.spread().distinct <= CODE && !data.regression => code_limit,
        Some(column) if measured(column) => measured_limit,
        _ => limit,
    };
    let candidates: Vec<usize> = (0..names.len()).filter(|&i| scores[i] >= limit_of(i) && !aggregates.contains(&i)).collect();
    let emptied: Vec<(usize, f64, usize)> = (0..names.len())
        .filter(|i| !data.regression && !candidates.contains(i) && !aggregates.contains(i))
        .filter_map(|i| {
            let column = train.column(&names[i])?;
            let gone = column.missing + column.blanked;
            if gone < 10 || column.present() < 10 {
                return None;
            }
            let (power, class) = power::absence(column, &target);
            (power >= empty_limit).then_some((i, power, class))
        })
        .collect();
    if !emptied.is_empty() {
        let sum = evidence(train, names.iter(), &target, &cancel);
        for (i, power, class) in emptied {
            let mut rest = sum.clone();
            if let Some(column) = train.column(&names[i]) {
                power::add_evidence(column, &target, &mut rest, -1.0);
            }
            let others = power::together_for(&rest, &target, class);
            if power - others >= empty_margin || (1.0 - power <= 0.1 * (1.0 - others) && power >= 0.99) {
                findings.push(finding(&names[i], ("auc_of_absence", power), others, empty_limit, empty_margin, &target));
            }
        }
    }
    if !candidates.is_empty() {
        let few = match candidates[..] {
            [_] => true,
            [a, b] => train
                .column(&names[a])
                .zip(train.column(&names[b]))
                .is_some_and(|(a, b)| power::within_classes(a, b, &target).abs() < 0.3),
            _ => false,
        };
        let sum = evidence(
            train,
            names.iter().enumerate().filter(|(i, _)| !few || !candidates.contains(i)).map(|(_, n)| n),
            &target,
            &cancel,
        );
        for &i in &candidates {
            let mut rest = sum.clone();
            if !few && let Some(column) = train.column(&names[i]) {
                power::add_evidence(column, &target, &mut rest, -1.0);
            }
            // What several columns reach together is never less than what one of them reaches alone.
            let best =
                (0..names.len()).filter(|j| *j != i && (!few || !candidates.contains(j))).map(|j| scores[j]).fold(0.0, f64::max);
            let others = power::together(&rest, &target).max(best);
            let closes_gap = 1.0 - scores[i] <= 0.1 * (1.0 - others) && scores[i] >= 0.99;
            let renames = train.column(&names[i]).and_then(|c| power::renames(c, &target)).is_some_and(|share| share >= SAME);
            if scores[i] - others < margin && !closes_gap && !renames {
                continue;
            }
            findings.push(finding(&names[i], (measure, scores[i]), others, limit_of(i), margin, &target));
        }
    }
    emit(analysis, sink, "target_leakage", names.len(), findings)
}

/// Summed evidence of many columns, in their order (sums of doubles depend on it).
fn evidence<'a>(
    train: &Table,
    names: impl Iterator<Item = &'a String>,
    target: &Target,
    cancel: &deepfix_agent::Cancel,
) -> Vec<f64> {
    let mut sum = vec![0.0; power::evidence_len(target)];
    for name in names {
        if cancel.is_cancelled() {
            break;
        }
        if let Some(column) = train.column(name) {
            power::add_evidence(column, target, &mut sum, 1.0);
        }
    }
    sum
}

fn finding(name: &str, (measure, alone): (&str, f64), others: f64, limit: f64, margin: f64, target: &Target) -> Finding {
    let subject = format!("column:{name}");
    let shown = if measure == "r2" { "R²" } else { "AUC" };
    let empty = measure == "auc_of_absence";
    // Standard error of an AUC of this height, from the rows scored (Hanley and McNeil 1982, the
    // bound for equal classes): sqrt(a(1-a)/(n/2)).
    let error = (alone * (1.0 - alone) / (target.scored() as f64 / 2.0)).max(0.0).sqrt();
    let gap = (alone - others) / margin;
    let height = 0.6 + 0.4 * (alone - limit) / (1.0 - limit);
    let confidence = above(gap.max(1.0), 0.5, (1.0 - error) * height);
    // Honest features rarely come this close to perfect (0.97 is our choice).
    let severity = if alone >= 0.97 { Severity::High } else { Severity::Medium };
    Finding::new("target_leakage", ArtifactKind::Train, &subject, severity, confidence)
        .title(if empty {
            format!("whether `{name}` is empty gives the label away")
        } else {
            format!("column `{name}` gives the label away")
        })
        .column(name)
        .split(Split::Train)
        .bug(BugType::Performance)
        .evidence(
            Evidence::new(measure, &subject, alone)
                .versus(">=", limit)
                .method(if empty {
                    "of whether the cell is empty, alone, for the class it tells best"
                } else {
                    "of this column alone: the value's own ranking, or class rates (means) of bins learnt on one half of train's rows and scored on the other; the better counts"
                })
                .source(format!("{} rows of train, {} of them scored", target.rows.len(), target.scored())),
        )
        .evidence(
            Evidence::new(if measure == "r2" { "r2_of_all_others" } else { "auc_of_all_others" }, &subject, others)
                .versus("<=", alone - margin)
                .method("naive Bayes over the bins of all other columns, same halves, or the best of them alone if that is more; one other suspect is left out when the two have nothing in common within classes"),
        )
        .fix(
            format!("drop `{name}`, or freeze its value at the moment the prediction is made"),
            format!("it carries the answer: {shown} {alone:.2} alone, all other columns together {others:.2}"),
        )
        .step(format!("features = features.drop(columns=\"{name}\")"))
        .step(format!("ask when `{name}` is filled in: before the outcome is known it may stay, after it may not"))
        .impact(format!("without it expect {shown} near {others:.2} on new data"))
}
