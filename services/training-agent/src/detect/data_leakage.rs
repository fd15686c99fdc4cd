//! `data_leakage`: the validation score stands near its ceiling from the first epochs and stays there.
//! Easy honest data does that too; what it hardly does is to be *perfect* at once: both losses down to a
//! few hundredths of guessing, train as good as validation, and the score's lower bound above what
//! chance of a small split allows. Only then is it medium; all else is low, and columns decide
//! (`target_leakage`), which reasoning joins.

use deepfix_model::{Severity, fmt_number};

use super::{Case, Verdict};
use crate::{
    log::Curve,
    run::{Run, at_epoch, fact, finding},
    stats::{is_finite, largest, median, sure, tail},
};

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let (run, limits) = (case.run, &case.limits);
    let limit = limits.get("data_leakage.score");
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small count of epochs")]
    let epochs = limits.get("data_leakage.epochs").max(1.0) as usize;
    let usable = |curve: &'_ &Curve| curve.len() >= 2 && is_finite(&curve.y);
    let accuracy = run.val_accuracy.as_ref().filter(usable).map(|c| (c, "accuracy"));
    let auc = run.val_auc.as_ref().filter(usable).map(|c| (c, "AUC"));
    if accuracy.is_none() && auc.is_none() {
        return Verdict::needs("two finite validation accuracies or AUCs");
    }
    // Accuracy first; where it does not reach the limit, as on rare classes, AUC may.
    let reached = |(curve, name)| {
        let curve: &Curve = curve;
        (0..curve.len().min(epochs)).find(|&i| curve.y[i] >= limit).map(|at| (curve, name, at))
    };
    let Some((curve, name, at)) = accuracy.and_then(reached).or_else(|| auc.and_then(reached)) else { return Verdict::sound() };
    let score = curve.y[at];
    // Always answering the most frequent class must not look like a leak.
    let room = 1.0 - run.params.majority(true).unwrap_or(0.5);
    let by_majority = name == "accuracy" && (room <= 0.05 || 1.0 - score > 0.25 * room);
    if by_majority || median(&curve.y[at..]) < limit - 0.01 {
        return Verdict::sound();
    }
    let classes = run.params.classes().unwrap_or(2.0);
    let counted: Option<f64> = run.params.class_counts(false).map(|c| c.iter().sum());
    let rows = run.params.number(&["num_train", "n_train", "train_size"]).or(counted);
    if classes >= 10.0 && rows.is_none_or(|rows| rows / classes > 200.0) {
        return Verdict::CannotTell(
            "many classes with many rows are learnt in one epoch on easy data; columns would have to show a leak".to_owned(),
        );
    }
    let lower = lower_bound(score, run.params.validation_rows());
    let level = loss_level(run, classes);
    let perfect = level.is_some_and(|level| level <= 0.03) && train_agrees(run, at, classes);
    let strong = perfect && lower >= 0.965 && !run.pretrained() && !case.fired("val_better_than_train");
    let confidence = if strong {
        0.9 - 0.05 * at as f64 - if classes > 2.0 { 0.1 } else { 0.0 } - if lower >= limit { 0.0 } else { 0.1 }
    } else {
        0.35
    };
    let severity = if strong { Severity::Medium } else { Severity::Low };
    let mut out = finding("data_leakage", at_epoch(curve.x[at]), severity, sure(confidence))
        .title(format!("validation {name} is {score:.3} at epoch {} already", fmt_number(curve.x[at])))
        .evidence(
            fact("early_validation_score", curve, score, "first of the first three values that reaches the threshold")
                .versus(">=", limit),
        )
        .evidence(fact(
            "score_lower_bound",
            curve,
            lower,
            "95 % lower bound of the score for so many validation rows (rule of three when there is no error)",
        ))
        .evidence(fact("epochs_looked_at", curve, epochs.min(curve.len()) as f64, "first epochs of the run").unit("epochs"));
    if let (Some(level), Some(val)) = (level, &run.val_loss) {
        out = out.evidence(
            fact("validation_loss_over_guessing", val, level, "median of the last tenth over the loss of guessing")
                .versus(if level <= 0.03 { "<=" } else { ">" }, 0.03),
        );
    }
    Verdict::found(
        out.fix(
            "look for the column or the rows that give the answer away before believing this score",
            "a score at its ceiling before anything was learnt comes from the data, not the network",
        )
        .step("train on each column alone; the leak is the one that suffices")
        .step("check that no row, customer or day is on both sides of the split"),
    )
}

/// One-sided 95 % bound; three over the rows when there is no error at all (Hanley and Lippman-Hand 1983).
fn lower_bound(score: f64, rows: Option<f64>) -> f64 {
    match rows {
        Some(rows) if score >= 1.0 - 1e-9 => score - 3.0 / rows,
        Some(rows) => score - 1.64 * (score * (1.0 - score) / rows).sqrt(),
        None => score - 0.01,
    }
}

/// Where the validation loss ends, over the loss of guessing.
fn loss_level(run: &Run, classes: f64) -> Option<f64> {
    let val = run.val_loss.as_ref().filter(|c| !c.y.is_empty() && is_finite(&c.y))?;
    Some(median(tail(&val.y, 10)) / guessing(run, classes)?)
}

fn guessing(run: &Run, classes: f64) -> Option<f64> {
    let Some((unit, known)) = run.unit() else { return Some(classes.ln()) };
    // Without class counts the first epoch has learnt already: guess evenly.
    Some(if known || run.train_loss.is_none() { unit } else { unit.max(classes.ln()) })
}

/// A leak into the columns shows in train as it does in validation.
fn train_agrees(run: &Run, at: usize, classes: f64) -> bool {
    let low = |curve: &Curve| guessing(run, classes).is_none_or(|unit| median(tail(&curve.y, 10)) / unit <= 0.05);
    let loss = run.train_loss.as_ref().filter(|c| is_finite(&c.y)).is_none_or(low);
    let learnt = |curve: &Curve| largest(&curve.y[..curve.len().min(at + 2)]) >= 0.95;
    loss && run.train_accuracy.as_ref().filter(|c| c.len() > at && is_finite(&c.y)).is_none_or(learnt)
}
