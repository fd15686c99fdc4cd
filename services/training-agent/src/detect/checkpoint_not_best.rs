//! `checkpoint_not_best`: the stored checkpoint is of a later epoch than the best one, and its
//! validation loss is well above the best one's.

use deepfix_model::{ArtifactKind, BugType, Evidence, Finding, Severity, above};

use super::{Case, Verdict};
use crate::{rise::logs_of_perplexity, run::fact};

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let (run, limits) = (case.run, &case.limits);
    let Some(checkpoint) = &run.checkpoint else { return Verdict::needs("a checkpoint") };
    let Some(val) = run.val_loss.as_ref().filter(|c| c.len() >= 2) else { return Verdict::needs("validation losses") };
    let number = |key: &str| checkpoint.metadata.get(key).and_then(|v| v.parse::<f64>().ok());
    let (Some(epoch), Some(best)) = (number("epoch"), val.lowest()) else {
        return Verdict::needs("the checkpoint's epoch in its metadata");
    };
    // Tools count epochs from 0 or from 1; the step, where both know it, leaves no doubt.
    let last_place = val.place.last().copied().unwrap_or(0.0);
    let by_step = number("global_step").filter(|step| val.place != val.x && *step <= 1.5 * last_place + 1.0);
    let stored = match by_step {
        Some(step) => val.place.iter().rposition(|p| *p <= step + 1.0),
        None => val.x.iter().rposition(|x| *x <= epoch),
    };
    let Some(stored) = stored else { return Verdict::sound() };
    let limit = limits.get("checkpoint_not_best.rise");
    let y = logs_of_perplexity(&val.key, &val.y);
    let (lowest, value) = (y[best], y[stored]);
    let rise = value / lowest - 1.0;
    if lowest <= 0.0 || stored <= best || rise.is_nan() || rise < limit {
        return Verdict::sound();
    }
    let severity = if rise >= 0.5 { Severity::High } else { Severity::Medium };
    let show = deepfix_model::fmt_number;
    Verdict::found(
        Finding::new("checkpoint_not_best", ArtifactKind::Checkpoint, "artifact:checkpoint", severity, above(rise, limit, 0.99))
            .title(format!("the checkpoint is of epoch {}, the best was epoch {}", show(epoch), show(val.x[best])))
            .bug(BugType::Search)
            .evidence(
                Evidence::new("checkpoint_epoch", "artifact:checkpoint", epoch)
                    .versus(">", val.x[best])
                    .unit("epoch")
                    .method("epoch in the checkpoint's metadata, against the epoch of the lowest validation loss"),
            )
            .evidence(
                fact("checkpoint_rise", val, rise, "validation loss at the checkpoint's epoch over the lowest, minus 1")
                    .versus(">=", limit),
            )
            .evidence(fact("lowest_validation_loss", val, lowest, "smallest value").unit("loss"))
            .fix(
                "save by the monitored metric and deploy the best checkpoint",
                "the file at hand is a worse model than the run had",
            )
            .step("ModelCheckpoint(monitor=\"val_loss\", mode=\"min\", save_top_k=1)")
            .impact(format!("validation loss {} instead of {}", show(lowest), show(value))),
    )
}
