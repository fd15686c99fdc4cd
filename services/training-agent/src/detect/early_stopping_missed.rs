//! `early_stopping_missed`: the best validation epoch lies in the first half, the end is well above it,
//! and nothing would have stopped the run. As with `overfitting`, noise decides the severity.

use deepfix_model::{Evidence, Severity, above};

use super::{Case, Verdict};
use crate::{
    rise::Rise,
    run::{fact, finding},
    stats::sure,
};

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let (run, limits) = (case.run, &case.limits);
    let Some(val) = run.val_loss.as_ref().filter(|c| c.len() >= 4) else { return Verdict::needs("four validation losses") };
    if run.params.early_stopping() == Some(true) || run.diverged() {
        return Verdict::sound();
    }
    let Some(facts) = Rise::of(run) else { return Verdict::sound() };
    let limit = limits.get("early_stopping_missed.rise");
    let (rise, best) = (facts.rise, facts.best);
    // Train that rises by half as well is divergence, not lateness.
    if (best as f64) >= facts.epochs as f64 / 2.0 || rise < limit || facts.fall.is_some_and(|fall| fall < -0.5) {
        return Verdict::sound();
    }
    let real = facts.is_real(limit);
    let (wasted, epochs) = (val.after(best), val.logged());
    // What the parameters do not say may still be configured elsewhere.
    let certainty = if run.params.is_empty() { 0.85 } else { 1.0 }
        * (1.0 - 0.2 / (wasted as f64 + 1.0))
        * if facts.fall.unwrap_or(1.0) < 0.05 { 0.85 } else { 1.0 };
    let confidence = if real { above(rise, limit * 0.95, certainty) } else { 0.5 };
    let severity = if real { Severity::Medium } else { Severity::Low };
    Verdict::found(
        finding("early_stopping_missed", "run".to_owned(), severity, sure(confidence))
            .title(format!("{wasted} of {epochs} epochs came after the best one, and nothing stopped the run"))
            .evidence(
                fact("final_rise", val, rise, "last value, or median of the last tenth, over the lowest value, minus 1")
                    .versus(">=", limit),
            )
            .evidence(fact(
                "smoothed_rise",
                val,
                facts.smoothed(),
                "the same on a running median; noise decides between low and medium",
            ))
            .evidence(
                Evidence::new("best_epoch_position", format!("series:{}", val.key), val.at[best] as f64 / epochs as f64)
                    .versus("<", 0.5)
                    .unit("share of the run")
                    .method("position of the lowest validation loss in the run"),
            )
            .evidence(
                Evidence::new("early_stopping", "params", run.params.early_stopping().map_or("not given", |_| "off"))
                    .method("early_stopping, patience and their kin in the parameters"),
            )
            .fix(
                "stop when validation has not improved for a few epochs",
                "the rest of the run only cost time and made the model worse",
            )
            .step("EarlyStopping(monitor=\"val_loss\", patience=5), with the best weights restored")
            .impact(format!("{wasted} epochs ({:.0} % of the run) saved", 100.0 * wasted as f64 / epochs as f64)),
    )
}
