//! `not_learning`: the train loss never gets below 97 % of what a model reaches that knows only how
//! often each label occurs, and accuracy never beats the most frequent class by 3 points. Without
//! class counts the first values stand for that level, which is weaker and said so. A train loss
//! logged for single batches falls below by chance: then its average over a third of the run counts
//! (by 10 %), and the validation loss has to agree.

use deepfix_model::{Evidence, Severity, above};

use super::{Limits, Verdict};
use crate::run::{Run, fact, finding};

pub(super) fn detect(run: &Run, limits: &Limits<'_>) -> Verdict {
    let Some(curve) = run.train_loss.as_ref().filter(|c| c.len() >= 3) else {
        return Verdict::needs("a train loss over three epochs");
    };
    let share = limits.get("not_learning.share_of_prior");
    let prior = run.prior_loss();
    let Some(level) = prior.or_else(|| (curve.len() >= 8).then(|| run.start_level()).flatten()).filter(|v| *v > 0.0) else {
        return Verdict::needs("class counts, the target's variance, or eight epochs, to know the level without learning");
    };
    let window = if curve.sampled { (curve.len() / 3).max(5) } else { 1 };
    let smooth = curve.smoothed(window);
    let Some(lowest) = smooth.lowest().map(|i| smooth.y[i]) else { return Verdict::needs("a finite train loss") };
    if lowest < if curve.sampled { 0.9 * level } else { share * level } {
        return Verdict::sound();
    }
    if curve.sampled {
        let val = run.val_loss.as_ref().and_then(|c| c.lowest().map(|i| c.y[i]));
        if val.is_none_or(|v| v < share * level) {
            return Verdict::sound();
        }
    }
    let falls = curve.y.windows(2).filter(|w| w[1] < w[0]).count() as f64 / (curve.len() - 1) as f64;
    // Without the level of guessing, a loss that falls steadily is one that is being learnt slowly.
    if prior.is_none() && falls >= 0.8 {
        return Verdict::sound();
    }
    let severity = if prior.is_some() { Severity::High } else { Severity::Medium };
    let gain = limits.get("not_learning.accuracy_gain");
    let majority = run.params.majority(false);
    let best = run.train_accuracy.as_ref().map(|c| c.y.iter().copied().filter(|v| v.is_finite()).fold(0.0, f64::max));
    if let (Some(best), Some(majority)) = (best, majority)
        && best > majority + gain
    {
        return Verdict::sound();
    }
    let val_best = run.val_accuracy.as_ref().map(|c| c.y.iter().copied().filter(|v| v.is_finite()).fold(0.0, f64::max));
    if let (Some(best), Some(majority)) = (val_best, run.params.majority(true))
        && best > majority + 2.0 * gain
    {
        return Verdict::sound();
    }
    // Few epochs may simply be too few; a known prior makes the level certain.
    let certainty = (1.0 - 1.0 / (curve.len() as f64 + 1.0)) * if prior.is_some() { 1.0 } else { 0.8 };
    let mut out = finding("not_learning", "loss".to_owned(), severity, above(lowest.max(share * level), share * level, certainty).max(0.9 * certainty))
        .title("the network learns nothing: its loss stays at the level of guessing")
        .evidence(
            fact("lowest_over_guessing", &smooth, lowest / level, if prior.is_some() {
                "lowest epoch loss over the loss of a model that knows only the label's distribution (class entropy in nats, or the target's variance)"
            } else {
                "lowest epoch loss over the smallest of the first three values; class counts were not given"
            })
            .versus(">=", if curve.sampled { 0.9 } else { share }),
        );
    out.confidence = (out.confidence * 100.0).round() / 100.0;
    if let (Some(best), Some(majority)) = (best, majority) {
        out = out.evidence(
            Evidence::new("best_train_accuracy", "series:accuracy", best)
                .versus("<=", majority + gain)
                .method("largest logged train accuracy, against the share of the most frequent class plus 3 points"),
        );
    }
    Verdict::found(
        out.fix(
            "overfit a single batch first; then look at learning rate, labels and layers that cannot change",
            "a network that cannot memorise 32 rows has a defect no amount of training mends",
        )
        .step("loss of one batch must go to nearly 0 within a few hundred steps")
        .step("try the learning rate ten times higher and lower")
        .step("print which parameters have a gradient, and whether it is 0"),
    )
}
