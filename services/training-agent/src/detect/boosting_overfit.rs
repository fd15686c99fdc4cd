//! `boosting_overfit`: after its best round the validation loss of a boosted model climbs steadily while train
//! goes on falling.

use deepfix_model::{Evidence, Severity, above, fmt_number};

use super::{Case, Verdict};
use crate::{
    rise::{Rise, percent},
    run::{fact, finding},
};

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let run = case.run;
    if !run.is_boosting() {
        return Verdict::needs("a log of boosted trees");
    }
    let Some(val) = run.val_loss.as_ref().filter(|c| c.len() >= 10 && run.train_loss.is_some()) else {
        return Verdict::needs("ten rounds of a train and an evaluation set");
    };
    let limit = case.limits.get("boosting_overfit.rise");
    let Some(facts) = Rise::of(run).filter(|f| f.rise >= limit) else { return Verdict::sound() };
    let after = facts.epochs - 1 - facts.best;
    let Some(fall) = facts.fall.filter(|f| *f >= 0.05 && after >= 5 && facts.trend >= 0.4) else { return Verdict::sound() };
    let severity = if facts.rise >= 0.5 {
        Severity::High
    } else if facts.rise >= 0.10 {
        Severity::Medium
    } else {
        Severity::Low
    };
    let best = val.x[facts.best];
    Verdict::found(
        finding(
            "boosting_overfit",
            format!("round:{}", fmt_number(best)),
            severity,
            above(facts.rise, limit, 1.0 - 0.3 / ((after + 1) as f64).sqrt()),
        )
        .title(format!("trees after round {} make validation {} worse", fmt_number(best), percent(facts.rise)))
        .evidence(
            fact("validation_rise", val, facts.rise, "last value, or median of the last tenth, over the lowest value, minus 1")
                .versus(">=", limit),
        )
        .evidence(
            Evidence::new("train_fall", "series:train", fall)
                .versus(">=", 0.05)
                .method("1 minus train's end over its value at the best round"),
        )
        .evidence(
            Evidence::new("steadiness", format!("series:{}", val.key), facts.trend)
                .versus(">=", 0.4)
                .method("share of rising minus falling pairs of rounds after the best one"),
        )
        .fix(
            format!("keep {} rounds, then shallower trees or a smaller eta", fmt_number(best + 1.0)),
            "each tree after it fits what is left of train's noise",
        )
        .step("max_depth 3 to 5, min_child_weight 5, subsample and colsample_bytree 0.8")
        .step("eta 0.03 with early stopping on the evaluation set"),
    )
}
