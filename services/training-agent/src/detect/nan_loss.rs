//! `nan_loss`: a logged loss is not a number. One such value is certain; how late it comes in the
//! run, and whether later ones are finite again, says how much it costs.

use deepfix_model::{Evidence, Severity};

use super::{Case, Verdict};
use crate::{
    log::{Quantity, Series, Side},
    run::{at_epoch, finding},
};

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let run = case.run;
    let losses: Vec<&Series> =
        [Side::Train, Side::Validation].into_iter().flat_map(|side| run.log.with(side, Quantity::Loss)).collect();
    if losses.is_empty() {
        return Verdict::needs("a logged loss");
    }
    let first = losses
        .iter()
        .filter_map(|series| {
            let index = series.points().iter().position(|p| !p.value.is_finite())?;
            Some((index, *series))
        })
        .min_by_key(|(index, series)| (series.points()[*index].step().map_or(u64::MAX, f64::to_bits), *index));
    let Some((index, series)) = first else { return Verdict::Looked(losses.len(), Vec::new()) };
    let point = series.points()[index];
    let bad: u64 = losses.iter().map(|s| s.history.not_finite()).sum();
    let all: u64 = losses.iter().map(|s| s.seen()).sum();
    let recovers = series.points().last().is_some_and(|p| p.value.is_finite());
    let subject = point.epoch().map_or_else(|| format!("step:{}", point.step().unwrap_or(point.index() as f64)), at_epoch);
    let place = subject.replace(':', " ");
    let share = bad as f64 / all as f64;
    let confidence = ((if recovers { 0.85 } else { 0.95 }) + 0.04 * share).min(0.99);
    Verdict::Looked(
        losses.len(),
        vec![
            finding("nan_loss", subject.clone(), Severity::High, (confidence * 100.0).round() / 100.0)
                .title(format!("`{}` is {} from {place} on", series.key, if point.value.is_nan() { "NaN" } else { "infinite" }))
                .evidence(
                    Evidence::new("first_not_finite", format!("series:{}", series.key), point.value)
                        .method("first logged loss that is NaN or infinite")
                        .source(format!("value {} of {} of {}", point.index() + 1, series.seen(), series.key)),
                )
                .evidence(
                    Evidence::new("not_finite_values", "losses", bad)
                        .versus(">", 0.0)
                        .unit("values")
                        .method("logged losses that are NaN or infinite")
                        .source(format!("of {all} logged losses")),
                )
                .fix(
                    "lower the learning rate to a tenth and clip gradients to norm 1",
                    "once a loss is NaN every weight it updates becomes NaN, and nothing later in the run counts",
                )
                .step("torch.autograd.set_detect_anomaly(True) on the step before names the operation")
                .step("look for log, division and sqrt near zero, and for inputs that are not finite")
                .step("keep the loss in fp32 under mixed precision"),
        ],
    )
}
