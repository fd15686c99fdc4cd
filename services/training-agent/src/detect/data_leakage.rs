//! `data_leakage`: the validation score stands near its ceiling from the first epochs, which honest
//! data of any difficulty does not give. What a log cannot show is how easy the task is, so the
//! confidence stays moderate: columns decide (`target_leakage`), and reasoning joins the two.

use deepfix_model::{Severity, above};

use super::{Limits, Verdict};
use crate::{
    log::Curve,
    run::{Run, at_epoch, fact, finding},
};

pub(super) fn detect(run: &Run, limits: &Limits<'_>) -> Verdict {
    let limit = limits.get("data_leakage.score");
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small count of epochs")]
    let epochs = limits.get("data_leakage.epochs").max(1.0) as usize;
    let majority = run.params.majority(true);
    let early = |curve: &Curve| (0..curve.len().min(epochs)).filter(|&i| curve.y[i] >= limit).min();
    let accuracy = run.val_accuracy.as_ref().filter(|c| c.len() >= 2).and_then(|c| {
        // Always answering the most frequent class must not look like a leak.
        let room = 1.0 - majority.unwrap_or(0.5);
        early(c).filter(|&i| room > 0.05 && (1.0 - c.y[i]) <= 0.25 * room).map(|i| (c, i, "accuracy"))
    });
    let auc = run.val_auc.as_ref().filter(|c| c.len() >= 2).and_then(|c| early(c).map(|i| (c, i, "AUC")));
    if run.val_accuracy.is_none() && run.val_auc.is_none() {
        return Verdict::needs("a validation accuracy or AUC");
    }
    let Some((curve, at, name)) = accuracy.or(auc) else { return Verdict::sound() };
    // Ten classes and more that are told apart at once are usual for clean images of digits and
    // clothes; a leak is one of many reasons there.
    if run.params.class_counts(false).is_some_and(|c| c.len() >= 10) {
        return Verdict::CannotTell(
            "many classes are learnt in one epoch on easy data; columns would have to show a leak".to_owned(),
        );
    }
    let score = curve.y[at];
    let classes = run.params.class_counts(false).map_or(2, |c| c.len());
    // The nearer to the ceiling and the earlier, the surer; easy data exists.
    let confidence = above(1.0 - limit, (1.0 - score).max(1e-9), 0.85 - 0.05 * at as f64 - if classes > 2 { 0.1 } else { 0.0 });
    Verdict::found(
        finding("data_leakage", at_epoch(curve.x[at]), Severity::Medium, confidence)
            .title(format!("validation {name} is {score:.3} at epoch {} already", deepfix_model::fmt_number(curve.x[at])))
            .evidence(
                fact(
                    "early_validation_score",
                    curve,
                    score,
                    "largest epoch value among the first three that reaches the threshold",
                )
                .versus(">=", limit),
            )
            .evidence(fact("epochs_looked_at", curve, epochs.min(curve.len()) as f64, "first epochs of the run").unit("epochs"))
            .fix(
                "look for the column or the rows that give the answer away before believing this score",
                "a score at its ceiling before anything was learnt comes from the data, not the network",
            )
            .step("train on each column alone; the leak is the one that suffices")
            .step("check that no row, customer or day is on both sides of the split"),
    )
}
