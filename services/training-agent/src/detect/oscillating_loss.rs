//! `oscillating_loss`: after the first quarter the epoch loss changes direction at least 45 % of the
//! time, by 15 % of its level on average. Where the train loss is logged for single batches only, its
//! jumps are sampling noise, and the validation loss stands in for it.

use deepfix_model::{Severity, above};

use super::{Limits, Verdict};
use crate::run::{Run, fact, finding};

pub(super) fn detect(run: &Run, limits: &Limits<'_>) -> Verdict {
    let means = run.train_loss.as_ref().filter(|c| !c.sampled).or(run.val_loss.as_ref());
    let Some(curve) = means.filter(|c| c.len() >= 8) else {
        return Verdict::needs("eight epochs of mean train loss or of validation loss");
    };
    let tail: Vec<f64> = curve.y[curve.len() / 4..].to_vec();
    if tail.iter().any(|v| !v.is_finite()) {
        return Verdict::sound();
    }
    let steps: Vec<f64> = tail.windows(2).map(|w| w[1] - w[0]).collect();
    let turns = steps.windows(2).filter(|w| w[0] * w[1] < 0.0).count() as f64 / (steps.len() - 1).max(1) as f64;
    let level = tail.iter().map(|v| v.abs()).sum::<f64>() / tail.len() as f64;
    if level == 0.0 {
        return Verdict::sound();
    }
    let swing = steps.iter().map(|s| s.abs()).sum::<f64>() / steps.len() as f64 / level;
    // A loss near zero swings by large parts of nothing.
    let start = run.start_level().unwrap_or(level);
    let (turns_limit, swing_limit) = (limits.get("oscillating_loss.turns"), limits.get("oscillating_loss.swing"));
    if turns < turns_limit || swing < swing_limit || level < 0.02 * start {
        return Verdict::sound();
    }
    let strength = (turns / turns_limit).min(swing / swing_limit);
    // The standard error of a rate of turns over so many epochs.
    let error = (0.25 / steps.len() as f64).sqrt();
    Verdict::found(
        finding("oscillating_loss", "loss".to_owned(), Severity::Medium, above(strength, 0.9, 1.0 - error / 2.0))
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
            .fix(
                "lower the learning rate to a third, or enlarge the batch",
                "steps jump over the minimum instead of settling in it",
            )
            .step("let the rate decay (cosine, or by plateau)")
            .step("shuffle every epoch; an order of rows that repeats looks the same"),
    )
}
