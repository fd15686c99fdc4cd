//! `early_stopping_missed`: the best validation epoch lies in the first half, the last one is at
//! least 15 % worse, and nothing would have stopped the run.

use deepfix_model::{Evidence, Severity, above};

use super::{Limits, Verdict};
use crate::run::{Run, fact, finding};

pub(super) fn detect(run: &Run, limits: &Limits<'_>) -> Verdict {
    let Some(val) = run.val_loss.as_ref().filter(|c| c.len() >= 4) else { return Verdict::needs("four validation losses") };
    if run.params.early_stopping() == Some(true) {
        return Verdict::sound();
    }
    let (Some(best), Some(end)) = (val.lowest(), val.end_level()) else { return Verdict::needs("finite validation losses") };
    let lowest = val.y[best];
    let limit = limits.get("early_stopping_missed.rise");
    let rise = end / lowest - 1.0;
    let first_half = (best as f64) < (val.len() as f64) / 2.0;
    if lowest <= 0.0 || !first_half || !end.is_finite() || rise < limit {
        return Verdict::sound();
    }
    let wasted = val.len() - 1 - best;
    // What the parameters do not say may still be configured elsewhere.
    let certainty = if run.params.is_empty() { 0.85 } else { 1.0 } * (1.0 - 0.2 / (wasted as f64 + 1.0));
    Verdict::found(
        finding("early_stopping_missed", "run".to_owned(), Severity::Medium, above(rise, limit, certainty))
            .title(format!("{wasted} of {} epochs came after the best one, and nothing stopped the run", val.len()))
            .evidence(
                fact("final_rise", val, rise, "mean of the last tenth of epochs over the lowest value, minus 1")
                    .versus(">=", limit),
            )
            .evidence(
                Evidence::new("best_epoch_position", format!("series:{}", val.key), best as f64 / val.len() as f64)
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
            .impact(format!("{wasted} epochs ({:.0} % of the run) saved", 100.0 * wasted as f64 / val.len() as f64)),
    )
}
