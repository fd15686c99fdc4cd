//! `overfitting`: the validation loss ends at least 20 % above its minimum while the train loss fell
//! by at least 20 % since then. The end is the mean of the last tenth of epochs, so that one noisy
//! value does not decide.

use deepfix_model::{Severity, above};

use super::{Limits, Verdict};
use crate::run::{Run, at_epoch, fact, finding};

pub(super) fn detect(run: &Run, limits: &Limits<'_>) -> Verdict {
    let (Some(train), Some(val)) = (&run.train_loss, &run.val_loss) else {
        return Verdict::needs("a train and a validation loss");
    };
    // Losses of single batches need company to mean anything.
    let train = &train.smoothed(if train.sampled { 5 } else { 1 });
    let Some(best) = val.lowest().filter(|_| val.len() >= 4) else { return Verdict::needs("four finite validation losses") };
    let (lowest, Some(end), Some(train_end)) = (val.y[best], val.end_level(), train.end_level()) else { return Verdict::sound() };
    let Some(train_then) = train.at_place(val.place[best]) else { return Verdict::sound() };
    if lowest <= 0.0 || train_then <= 0.0 || !end.is_finite() || !train_end.is_finite() {
        return Verdict::sound();
    }
    let (rise, fall) = (end / lowest - 1.0, 1.0 - train_end / train_then);
    let (rise_limit, fall_limit) = (limits.get("overfitting.rise"), limits.get("overfitting.fall"));
    if rise < rise_limit || fall < fall_limit {
        return Verdict::sound();
    }
    let severity = if rise >= 1.0 { Severity::High } else { Severity::Medium };
    let after = (val.len() - 1 - best) as f64;
    Verdict::found(
        finding("overfitting", at_epoch(val.x[best]), severity, above(rise, rise_limit, 1.0 - 0.3 / (after + 1.0)))
            .title(format!(
                "`{}` rises {:.0} % above its best of epoch {} while training goes on",
                val.key,
                rise * 100.0,
                deepfix_model::fmt_number(val.x[best])
            ))
            .evidence(
                fact("validation_rise", val, rise, "mean of the last tenth of epochs over the lowest value, minus 1")
                    .versus(">=", rise_limit),
            )
            .evidence(fact("lowest_validation_loss", val, lowest, "smallest value").unit("loss"))
            .evidence(
                fact("train_fall", train, fall, "1 minus the mean of the last tenth over the value at validation's best epoch")
                    .versus(">=", fall_limit),
            )
            .fix(
                "stop at the best validation epoch, then regularise",
                "what is learnt after that point is the training rows themselves",
            )
            .step("early stopping on the validation loss, restoring the best weights")
            .step("weight decay, dropout, augmentation, or fewer units; more data helps most")
            .impact(format!(
                "validation loss {} instead of {}",
                deepfix_model::fmt_number(lowest),
                deepfix_model::fmt_number(end)
            )),
    )
}
