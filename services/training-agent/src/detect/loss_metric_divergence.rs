//! `loss_metric_divergence`: the validation loss ends well above its minimum while validation accuracy is at
//! least as good as it was there: the model grows overconfident, not worse at its task.

use deepfix_model::{Severity, above, fmt_number};

use super::{Case, Verdict};
use crate::{
    rise::{Rise, percent},
    run::{at_epoch, fact, finding},
    stats::{is_finite, mean, sure, tail},
};

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let run = case.run;
    let score = run.val_accuracy.as_ref().or(run.val_auc.as_ref());
    let (Some(val), Some(score)) = (&run.val_loss, score) else {
        return Verdict::needs("a validation loss and accuracy (or AUC)");
    };
    if val.len() < 4 || score.len() != val.len() {
        return Verdict::needs("validation loss and accuracy of the same four epochs or more");
    }
    if run.diverged() || !is_finite(&score.y) {
        return Verdict::sound();
    }
    // An accuracy that tells nothing cannot contradict the loss.
    if case.fired("no_generalization") || case.fired("majority_class_collapse") {
        return Verdict::sound();
    }
    let limit = case.limits.get("loss_metric_divergence.rise");
    let Some(facts) = Rise::of(run).filter(|f| f.rise >= limit) else { return Verdict::sound() };
    let rows = run.params.validation_rows();
    let (then, last) = (score.y[facts.best], score.y[score.len() - 1]);
    let gain = mean(tail(&score.y, 10)).max(last) - then;
    if gain < rows.map_or(-1e-4, |rows| -0.51 / rows) {
        return Verdict::sound();
    }
    let error = rows.map_or(0.03, |rows| ((then * (1.0 - then)).max(1e-4) / rows).sqrt());
    let real = facts.is_real(limit);
    let certainty = 0.75 + 0.25 * (gain / error / 2.0).clamp(0.0, 1.0);
    let confidence = if real { above(facts.rise, limit * 0.95, certainty) } else { 0.5 };
    let best = val.x[facts.best];
    Verdict::found(
        finding("loss_metric_divergence", at_epoch(best), if real { Severity::Medium } else { Severity::Low }, sure(confidence))
            .title(format!("`{}` rises {} while `{}` does not fall", val.key, percent(facts.rise), score.key))
            .evidence(
                fact("validation_rise", val, facts.rise, "last value, or median of the last tenth, over the lowest value, minus 1").versus(">=", limit),
            )
            .evidence(
                fact("score_gain", score, gain, "the better of the last value and the mean of the last tenth, minus the score at the loss's minimum")
                    .versus(">=", rows.map_or(-1e-4, |rows| -0.51 / rows)),
            )
            .evidence(fact("score_error", score, error, "standard error of the score for so many validation rows"))
            .fix(
                format!("choose the epoch by the metric that matters, and calibrate if probabilities are used (loss is best at epoch {})", fmt_number(best)),
                "the loss grows by few rows that are wrong with ever more certainty",
            )
            .step("label smoothing of 0.05 to 0.1, or temperature scaling on the validation split")
            .step("weight decay or early stopping when calibrated probabilities are needed"),
    )
}
