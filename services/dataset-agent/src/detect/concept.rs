//! `concept_shift`: the features agree between the splits, the label given the features does not.
//! A model of train is scored on train's rows out of fold and on test's rows. Where the features have
//! not moved, the two scores differ by chance only; a fall beyond three and a half standard errors and a
//! twentieth means that the answer to the same question changed. The columns in whose bins the errors grew most
//! unevenly are named as carriers.

use deepfix_agent::{Analysis, Sink, Stop};
use deepfix_model::{ArtifactKind, BugType, Checked, Evidence, Finding, Note, Severity, Split, above};

use super::{
    Data, emit,
    model::{Judged, Learnt},
};
use crate::{
    stats::{power::auc, trees::Answers},
    table::Column,
};

/// Scores of a model: of train out of fold, of test, and the standard error of their difference.
struct Scores {
    measure: &'static str,
    train: f64,
    test: f64,
    error: f64,
}

pub(crate) fn detect(
    analysis: &mut Analysis<'_>,
    sink: &mut Sink<'_>,
    data: &Data,
    learnt: &Result<Learnt, String>,
    moved: bool,
) -> Result<(), Stop> {
    let learnt = match learnt {
        Ok(learnt) if data.test.is_some() => learnt,
        Ok(_) => {
            analysis.checked(Checked::not("concept_shift", "needs a train and a test split"));
            return Ok(());
        }
        Err(why) => {
            analysis.checked(Checked::not("concept_shift", why));
            return Ok(());
        }
    };
    let Some(judged) = learnt.judge(data, &analysis.cancel()) else {
        analysis.checked(Checked::not("concept_shift", "test has fewer than 60 rows with a class that train knows"));
        return Ok(());
    };
    let moved = moved || changed_inputs(data, learnt);
    let (medium, high) = (analysis.threshold("concept_shift.medium"), analysis.threshold("concept_shift.high"));
    let Some(scores) = score(learnt, &judged) else {
        analysis.checked(Checked::not("concept_shift", "the columns tell nothing of the label in train, or it has one class"));
        return Ok(());
    };
    let fall = scores.train - scores.test;
    let label = data.label.clone().unwrap_or_default();
    let mut findings = Vec::new();
    if fall >= medium && fall >= 3.5 * scores.error {
        if moved {
            analysis.note(
                Note::new(
                    "concept_shift",
                    "label",
                    format!(
                        "a model of train falls from {} {:.2} to {:.2} on test; the columns reported as moved may explain it",
                        scores.measure, scores.train, scores.test
                    ),
                )
                .column(&label),
            );
        } else {
            let carriers = carriers(learnt, &judged);
            let mut columns = vec![label.clone()];
            columns.extend(carriers.iter().take(2).map(|c| c.0.clone()));
            let severity = if fall >= high { Severity::High } else { Severity::Medium };
            let certainty = 1.0 - (-(fall / scores.error)).exp();
            let shown = carriers.first().map_or_else(String::new, |c| format!(", most of all along `{}`", c.0));
            let mut finding = Finding::new("concept_shift", ArtifactKind::Test, "label", severity, above(fall, medium * 0.7, certainty))
                .title(format!("the same features mean another `{label}` in test{shown}"))
                .columns(columns)
                .split(Split::Both)
                .bug(BugType::Performance)
                .evidence(
                    Evidence::new("score_fall", "label", fall)
                        .versus(">=", medium)
                        .method(format!(
                            "{} of boosted trees on train's rows out of fold, minus that on test's rows; no column was found to have moved",
                            scores.measure
                        ))
                        .source(format!(
                            "train {:.3} ({} rows), test {:.3} ({} rows), standard error of the difference {:.3}",
                            scores.train,
                            learnt.rows.len(),
                            scores.test,
                            judged.rows.len(),
                            scores.error
                        )),
                );
            for (name, excess) in carriers.iter().take(2) {
                finding = finding.evidence(
                    Evidence::new("error_change_over_bins", format!("column:{name}"), *excess)
                        .method("chi-square per bin of the change of mean residual between the splits, over the bins of this column; 1 by chance"),
                );
            }
            findings.push(
                finding
                    .fix(
                        "find out what changed between the splits: a definition, a process, an annotator; then relabel or retrain",
                        "no amount of the old rows teaches the new answer",
                    )
                    .step("compare label rates within the bins of the columns named, split by split")
                    .step("retrain on rows from after the change, or add what tells the two apart as a column"),
            );
        }
    }
    emit(analysis, sink, "concept_shift", judged.rows.len(), findings)
}

/// Whether a column that was learnt from is missing from test, has another type, or is filled otherwise.
fn changed_inputs(data: &Data, learnt: &Learnt) -> bool {
    let Some((train, test)) = data.both() else { return false };
    let rate = |c: &Column| (c.missing + c.blanked) as f64 / c.rows().max(1) as f64;
    learnt.columns.iter().any(|name| match (train.column(name), test.column(name)) {
        (Some(a), Some(b)) => !a.kind.agrees(b.kind) || (rate(a) - rate(b)).abs() >= 0.05,
        _ => true,
    })
}

fn score(learnt: &Learnt, judged: &Judged) -> Option<Scores> {
    match (&learnt.answers, &judged.answers) {
        (Answers::Numbers(a), Answers::Numbers(b)) => {
            let r2 = |answers: &[f64], predicted: &[Vec<f64>]| {
                let n = answers.len() as f64;
                let mean = answers.iter().sum::<f64>() / n;
                let total: f64 = answers.iter().map(|y| (y - mean).powi(2)).sum();
                let squares: Vec<f64> = answers.iter().zip(predicted).map(|(y, p)| (y - p[0]).powi(2)).collect();
                let left: f64 = squares.iter().sum();
                // Delta method: the spread of squared errors over the total.
                let spread = squares.iter().map(|s| (s - left / n).powi(2)).sum::<f64>().sqrt();
                (total > 0.0).then_some((1.0 - left / total, spread / total))
            };
            let ((train, e), (test, f)) = (r2(a, &learnt.held_out)?, r2(b, &judged.predicted)?);
            (train > 0.1).then_some(Scores { measure: "R²", train, test: test.max(-1.0), error: e.hypot(f).max(0.01) })
        }
        (Answers::Classes(a, k), Answers::Classes(b, _)) => {
            // One class against the rest, averaged over classes seen in both.
            let aucs = |classes: &[usize], predicted: &[Vec<f64>], class: usize| {
                let positives = classes.iter().filter(|&&c| c == class).count() as f64;
                let negatives = classes.len() as f64 - positives;
                let a = auc(predicted.iter().zip(classes).map(|(p, &c)| (p[class], c == class)).collect())?;
                // Hanley and McNeil 1982.
                let (q1, q2) = (a / (2.0 - a), 2.0 * a * a / (1.0 + a));
                let variance = (a * (1.0 - a) + (positives - 1.0) * (q1 - a * a) + (negatives - 1.0) * (q2 - a * a))
                    / (positives * negatives);
                Some((a, variance.max(1e-6)))
            };
            let first = usize::from(*k == 2);
            let (mut train, mut test, mut error, mut n) = (0.0, 0.0, 0.0, 0.0);
            for class in first..*k {
                let (Some((p, v)), Some((q, w))) = (aucs(a, &learnt.held_out, class), aucs(b, &judged.predicted, class)) else {
                    continue;
                };
                (train, test, error, n) = (train + p, test + q, error + (v + w).sqrt(), n + 1.0);
            }
            (n > 0.0).then(|| Scores { measure: "AUC", train: train / n, test: test / n, error: error / n })
        }
        _ => None,
    }
}

/// Residual of a row: label minus prediction (of the last class where there are two, of the label's
/// own class otherwise).
fn residuals(answers: &Answers, predicted: &[Vec<f64>]) -> Vec<f64> {
    match answers {
        Answers::Numbers(v) => v.iter().zip(predicted).map(|(y, p)| y - p[0]).collect(),
        Answers::Classes(c, 2) => c.iter().zip(predicted).map(|(&y, p)| y as f64 - p[1]).collect(),
        Answers::Classes(c, _) => c.iter().zip(predicted).map(|(&y, p)| 1.0 - p[y]).collect(),
    }
}

/// Columns by how unevenly the mean residual changed over their bins: name and statistic.
fn carriers(learnt: &Learnt, judged: &Judged) -> Vec<(String, f64)> {
    let (a, b) = (residuals(&learnt.answers, &learnt.held_out), residuals(&judged.answers, &judged.predicted));
    let mut out: Vec<(String, f64)> = learnt
        .columns
        .iter()
        .enumerate()
        .map(|(c, name)| {
            let bins = |column: &[u8], residual: &[f64]| {
                let mut bins = vec![(0.0_f64, 0.0_f64, 0.0_f64); 256];
                for (&bin, &r) in column.iter().zip(residual) {
                    let bin = &mut bins[bin as usize / 4];
                    *bin = (bin.0 + r, bin.1 + r * r, bin.2 + 1.0);
                }
                bins
            };
            let (p, q) = (bins(&learnt.bins()[c], &a), bins(&judged.bins[c], &b));
            let (mut chi, mut used) = (0.0, 0.0_f64);
            for (x, y) in p.iter().zip(&q) {
                if x.2 < 5.0 || y.2 < 5.0 {
                    continue;
                }
                let (mx, my) = (x.0 / x.2, y.0 / y.2);
                let variance = (x.1 / x.2 - mx * mx).max(1e-9) / x.2 + (y.1 / y.2 - my * my).max(1e-9) / y.2;
                chi += (mx - my).powi(2) / variance;
                used += 1.0;
            }
            (name.clone(), if used > 1.0 { chi / used } else { 0.0 })
        })
        .collect();
    out.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    out.retain(|c| c.1 > 2.0);
    out
}
