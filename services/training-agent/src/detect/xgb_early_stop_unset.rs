//! `xgb_early_stop_unset`: a boosted model kept adding trees after its best round and nothing was set to stop
//! it. DART drops trees and has no best round to keep.

use deepfix_model::{Evidence, Severity, above, fmt_number};

use super::{Case, Verdict};
use crate::{
    run::{fact, finding},
    stats::{is_finite, median, median_smooth, tail},
};

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let run = case.run;
    if !run.is_boosting() {
        return Verdict::needs("a log of boosted trees");
    }
    let Some(val) = run.val_loss.as_ref().filter(|c| c.len() >= 10 && is_finite(&c.y)) else {
        return Verdict::needs("ten rounds of an evaluation set");
    };
    let dart = run.params.lower(&["booster", "boosting_type", "boosting"]).is_some_and(|b| b == "dart");
    let Some(best) = val
        .lowest()
        .filter(|_| run.params.early_stopping() != Some(true) && !dart && run.params.given(&["best_iteration"]).is_none())
    else {
        return Verdict::sound();
    };
    let smooth = median_smooth(&val.y, 5);
    let smooth_best = (0..smooth.len()).min_by(|&a, &b| smooth[a].total_cmp(&smooth[b])).unwrap_or(0);
    let last = 0.8 * val.len() as f64;
    let lowest = val.y[best];
    let limit = case.limits.get("xgb_early_stop_unset.rise");
    let rise = median(tail(&val.y, 10)) / lowest - 1.0;
    if lowest <= 0.0 || best as f64 >= last || smooth_best as f64 >= last || rise < limit {
        return Verdict::sound();
    }
    let rounds = (val.logged() / 10).clamp(10, 50);
    Verdict::found(
        finding(
            "xgb_early_stop_unset",
            format!("round:{}", fmt_number(val.x[best])),
            if rise >= 0.10 { Severity::Medium } else { Severity::Low },
            above(rise, limit, if run.params.is_empty() { 0.8 } else { 0.95 }),
        )
        .title(format!("{} of {} rounds came after the best one, and nothing stopped them", val.after(best), val.logged()))
        .evidence(
            fact("validation_rise", val, rise, "median of the last tenth of rounds over the lowest value, minus 1")
                .versus(">=", limit),
        )
        .evidence(
            Evidence::new("best_round", format!("series:{}", val.key), val.x[best])
                .versus("<", 0.8 * val.logged() as f64)
                .unit("round")
                .method("round of the lowest validation loss, against four fifths of the rounds"),
        )
        .fix(
            format!("early_stopping_rounds={rounds}, and predict with best_iteration"),
            "later trees fit what is left of train's noise",
        )
        .step("with a smaller eta the best round comes later and is usually better"),
    )
}
