//! `oscillating_loss`: after the first quarter the epoch loss changes direction at least 45 % of the
//! time, by 15 % of its level on average and by 7 % in the median (one spike is no oscillation). Where
//! the train loss is logged for single batches only, its jumps are sampling noise; the validation loss
//! stands in for it, which wobbles by itself and so has to swing by more, and train has to be unsettled
//! too.

use deepfix_model::{Severity, above};

use super::{Case, Verdict};
use crate::{
    run::{fact, finding},
    stats::{differences, finite, is_finite, mean, median, sure, tail, turns_and_swing},
};

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let (run, limits, facts) = (case.run, &case.limits, &case.facts);
    if facts.game {
        return Verdict::needs("a loss that measures progress; adversarial and reinforcement losses swing by design");
    }
    let means = run.train_loss.as_ref().filter(|_| !facts.sampled && facts.y.len() >= 8);
    let on_validation = means.is_none();
    let Some(curve) = means.or(run.val_loss.as_ref().filter(|c| c.len() >= 8)) else {
        return Verdict::needs("eight epochs of mean train loss or of validation loss");
    };
    // Without epochs the facts hold block means; single steps swing by nature.
    let y = if on_validation { &curve.y } else { &facts.y };
    let settled = &y[y.len() / 4..];
    if !is_finite(settled) || settled.iter().any(|v| *v < 0.0) {
        return Verdict::sound();
    }
    let (turns, swing) = turns_and_swing(settled);
    let level = mean(settled);
    let steps: Vec<f64> = differences(settled).into_iter().map(f64::abs).collect();
    let middle = median(&steps) / level.max(f64::MIN_POSITIVE);
    // A loss near zero swings by large parts of nothing.
    let start = facts.start.unwrap_or(level);
    let turns_limit = limits.get("oscillating_loss.turns");
    let wider = if on_validation { limits.get("oscillating_loss.validation") } else { 1.0 };
    let swing_limit = limits.get("oscillating_loss.swing") * wider;
    let median_limit = limits.get("oscillating_loss.median") * if on_validation { 2.5 } else { 1.0 };
    if turns < turns_limit || swing < swing_limit || middle < median_limit || level < 0.03 * start {
        return Verdict::sound();
    }
    if on_validation && facts.y.len() >= 6 {
        let train = finite(&facts.y);
        let train = &train[train.len() / 4..];
        let (turns, swing) = turns_and_swing(train);
        // Validation that climbs and swings while train goes to nothing is overfitting.
        if swing < 0.10 || turns < 0.3 || mean(tail(train, 4)) < 0.05 * start {
            return Verdict::sound();
        }
    }
    let strength = (turns / turns_limit).min(swing / swing_limit);
    // The standard error of a rate of turns over so many epochs.
    let error = (0.25 / steps.len() as f64).sqrt();
    Verdict::found(
        finding("oscillating_loss", "loss".to_owned(), Severity::Medium, sure(above(strength, 0.9, 1.0 - error / 2.0)))
            .title(format!("`{}` swings by {:.0} % of its level from epoch to epoch", curve.key, swing * 100.0))
            .evidence(
                fact(
                    "direction_changes",
                    curve,
                    turns,
                    "share of epochs after the first quarter at which the loss changes direction",
                )
                .versus(">=", turns_limit)
                .unit("share"),
            )
            .evidence(
                fact(
                    "mean_swing",
                    curve,
                    swing,
                    "mean absolute change between epochs over the mean absolute loss, after the first quarter",
                )
                .versus(">=", swing_limit),
            )
            .evidence(
                fact("median_swing", curve, middle, "median absolute change between epochs over the mean loss")
                    .versus(">=", median_limit),
            )
            .fix(
                "lower the learning rate to a third, or enlarge the batch",
                "steps jump over the minimum instead of settling in it",
            )
            .step("let the rate decay (cosine, or by plateau)")
            .step("shuffle every epoch; an order of rows that repeats looks the same"),
    )
}
