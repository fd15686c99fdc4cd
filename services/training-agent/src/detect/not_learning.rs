//! `not_learning`: the train loss never gets below 97 % of what a model reaches that knows only how
//! often each label occurs, and accuracy never beats the most frequent class by 3 points. Without
//! class counts the first values stand for that level, which is weaker and said so. A train loss
//! logged for single batches falls below by chance: then its mean over the last third counts, with one
//! standard error allowed, and the validation loss has to be flat too.

use deepfix_model::{Evidence, Severity, above};

use super::{Case, Verdict};
use crate::{
    facts::is_guessing,
    run::{fact, finding},
    stats::{differences, finite, largest, mean, neighbour_noise, smallest, sure},
};

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let (run, limits, facts) = (case.run, &case.limits, &case.facts);
    if facts.game {
        return Verdict::needs("a loss that measures progress; adversarial and reinforcement losses do not");
    }
    let Some(curve) = run.train_loss.as_ref().filter(|_| facts.y.len() >= 3) else {
        return Verdict::needs("a train loss over three epochs");
    };
    let share = limits.get("not_learning.share_of_prior");
    let prior = facts.prior.filter(|p| *p > 0.0);
    let Some(level) = prior.or_else(|| facts.start.filter(|_| facts.y.len() >= 8)) else {
        return Verdict::needs("class counts, the target's variance, or eight epochs, to know the level without learning");
    };
    let y = finite(&facts.y);
    if y.len() < 3 {
        return Verdict::needs("three finite train losses");
    }
    // One cause, one finding: NaN has its own, and single batches that swing tell nothing.
    if facts.nan || facts.sampled && (facts.v.is_empty() || case.fired("oscillating_loss")) {
        return Verdict::sound();
    }
    let (lowest, floor) = if facts.sampled {
        let late = &y[y.len() - (y.len() / 3).max(4).min(y.len())..];
        let m = mean(late);
        let error = (late.iter().map(|v| (v - m).powi(2)).sum::<f64>() / late.len() as f64 / late.len() as f64).sqrt();
        (m, (0.9 * level).max(share * level - error))
    } else {
        (smallest(&y), share * level)
    };
    if lowest < floor {
        return Verdict::sound();
    }
    if facts.sampled {
        // The validation split has a level of its own: flat will do.
        let v = finite(&facts.v);
        if v.is_empty() || smallest(&v) < share * level && v[0] - smallest(&v) > 0.05 * v[0] {
            return Verdict::sound();
        }
    }
    let gain = limits.get("not_learning.accuracy_gain");
    let majority = run.params.majority(false);
    let top = |c: &crate::log::Curve| largest(&finite(&c.y));
    let best = run.train_accuracy.as_ref().map(top).filter(|v| v.is_finite());
    if best.zip(majority).is_some_and(|(best, majority)| best > majority + gain) {
        return Verdict::sound();
    }
    let val_best = run.val_accuracy.as_ref().map(top).filter(|v| v.is_finite());
    if val_best.zip(run.params.majority(true)).is_some_and(|(best, majority)| best > majority + 2.0 * gain) {
        return Verdict::sound();
    }
    if prior.is_none() {
        // The start is not the level of guessing: a run that began well is flat too.
        let falls = differences(&y).iter().filter(|d| **d < 0.0).count() as f64 / (y.len() - 1) as f64;
        let third = (y.len() / 3).max(1);
        let noise = neighbour_noise(&y) / 2.0_f64.sqrt();
        let fall = mean(&y[..third]) - mean(&y[y.len() - third..]);
        if falls >= 0.8 || fall > (2.0 * noise / (third as f64).sqrt()).max(0.02 * level) || best.is_some_and(|b| b >= 0.8) {
            return Verdict::sound();
        }
    }
    let guessing = is_guessing(lowest, run.params.classes()) && !run.params.lower(&["loss"]).is_some_and(|l| l.contains("mse"));
    let severity = if prior.is_some() {
        Severity::High
    } else if guessing && !facts.finetune && !facts.resumed {
        Severity::Medium
    } else {
        Severity::Low
    };
    let smooth = curve;
    // Few epochs may simply be too few; a known prior makes the level certain.
    let certainty = (1.0 - 1.0 / (curve.len() as f64 + 1.0)) * if prior.is_some() { 1.0 } else { 0.75 };
    let mut out = finding("not_learning", "loss".to_owned(), severity, above(lowest.max(share * level), share * level, certainty).max(0.9 * certainty))
        .title("the network learns nothing: its loss stays at the level of guessing")
        .evidence(
            fact("lowest_over_guessing", smooth, lowest / level, if prior.is_some() {
                "lowest epoch loss (of single batches: mean of the last third) over the loss of a model that knows only the label's distribution (class entropy in nats, or the target's variance)"
            } else {
                "lowest epoch loss over the smallest of the first three values; class counts were not given"
            })
            .versus(">=", floor / level),
        );
    out.confidence = sure(out.confidence);
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
