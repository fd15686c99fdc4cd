//! `overfitting`: the validation loss ends well above its minimum while the train loss fell since then.
//! Whether to speak is decided by the curve as logged; how seriously, by whether a smoothed curve rose
//! beyond the noise as well: round a flat validation loss a lucky lowest value alone gives such a rise
//! in every second run of ten noisy epochs.

use deepfix_model::{Severity, above, fmt_number};

use super::{Case, Verdict};
use crate::{
    rise::{Rise, percent},
    run::{at_epoch, fact, finding},
    stats::{is_finite, sure},
};

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let (run, limits) = (case.run, &case.limits);
    let (Some(train), Some(val)) = (&run.train_loss, &run.val_loss) else {
        return Verdict::needs("a train and a validation loss");
    };
    if val.len() < 4 {
        return Verdict::needs("four validation losses");
    }
    let Some(facts) = Rise::of(run).filter(|_| is_finite(&train.y)) else { return Verdict::sound() };
    let (rise_limit, fall_limit) = (limits.get("overfitting.rise"), limits.get("overfitting.fall"));
    let Some(fall) = facts.fall.filter(|fall| *fall >= fall_limit && facts.rise >= rise_limit) else { return Verdict::sound() };
    let real = facts.is_real(rise_limit);
    let stops = run.params.early_stopping() == Some(true);
    let severity = if !real || run.stopped_early() {
        Severity::Low
    } else if facts.rise >= 1.0 {
        Severity::High
    } else {
        Severity::Medium
    };
    let after = (facts.epochs - 1 - facts.best) as f64;
    let certainty = (1.0 - 0.3 / (after + 1.0)) * if stops { 0.8 } else { 1.0 };
    let confidence = if real { above(facts.rise, rise_limit * 0.95, certainty) } else { 0.5 };
    let best = val.x[facts.best];
    Verdict::found(
        finding("overfitting", at_epoch(best), severity, sure(confidence))
            .title(format!(
                "`{}` rises {} above its best of epoch {} while training goes on",
                val.key,
                percent(facts.rise),
                fmt_number(best)
            ))
            .evidence(
                fact(
                    "validation_rise",
                    val,
                    facts.rise,
                    "last value, or median of the last tenth, over the lowest value, minus 1",
                )
                .versus(">=", rise_limit),
            )
            .evidence(fact(
                "smoothed_rise",
                val,
                facts.smoothed(),
                "the same on a running median; medium severity needs six tenths of the limit and twice the noise",
            ))
            .evidence(fact(
                "noise",
                val,
                facts.noise,
                "standard deviation of the logarithm from epoch to epoch, by second differences",
            ))
            .evidence(
                fact("train_fall", train, fall, "1 minus the mean of the last tenth over the value at validation's best epoch")
                    .versus(">=", fall_limit),
            )
            .fix(
                format!("stop at epoch {}, then regularise", fmt_number(best)),
                "what is learnt after that point is the training rows themselves",
            )
            .step("early stopping on the validation loss, restoring the best weights")
            .step("weight decay, dropout, augmentation, or fewer units; more data helps most")
            .impact(format!(
                "validation loss {} instead of {}",
                fmt_number(facts.lowest),
                fmt_number(facts.lowest * (1.0 + facts.rise))
            )),
    )
}
