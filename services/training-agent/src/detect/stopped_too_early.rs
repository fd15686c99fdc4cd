//! `stopped_too_early`: both losses still fall fast at the end, well above nothing left to learn, and what
//! four more budgets would give is worth it. The gain is extrapolated from the validation loss: its rate of
//! fall, and how fast that rate fades over the end of the run. A rate that fades because the schedule decays
//! would not, had the budget been longer; short runs with such a schedule are reported low.

use deepfix_model::{Severity, above, fmt_number};

use super::{Case, Verdict};
use crate::{
    rise::is_perplexity,
    run::{fact, finding},
    stats::{is_finite, smallest, sure, theil_sen},
};

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let (run, limits) = (case.run, &case.limits);
    let (Some(val), Some(train)) = (&run.val_loss, &run.train_loss) else {
        return Verdict::needs("a train and a validation loss");
    };
    if val.len() < 3 || train.len() < 2 {
        return Verdict::needs("train and validation loss over three epochs");
    }
    let usable = is_finite(&val.y) && is_finite(&train.y) && smallest(&val.y) > 0.0 && smallest(&train.y) > 0.0;
    // Stopped by validation before its budget: on purpose.
    let stopped =
        run.params.early_stopping() == Some(true) && run.params.planned().is_none_or(|planned| (val.logged() as f64) < planned);
    if !usable || run.diverged() || is_perplexity(&val.key) || stopped {
        return Verdict::sound();
    }
    let Some((unit, known)) = run.unit() else { return Verdict::sound() };
    let (rate, level) = (limits.get("stopped_too_early.rate"), limits.get("stopped_too_early.level"));
    let Some(smoothed) = run.smoothed_train(5) else { return Verdict::sound() };
    let n = val.len();
    let (train_level, val_level) = (smoothed[smoothed.len() - 1] / unit, val.y[n - 1] / unit);
    let short = (4..=6).contains(&n);
    let floor = if short { level / 2.0 } else { level };
    let between = |l: f64| (floor..=1.05).contains(&l);
    let lowest = val.lowest().unwrap_or(0);
    if !between(train_level) || !between(val_level) || lowest < n - if short { 1 } else { 2 } {
        return Verdict::sound();
    }
    let (val_rate, gain) = outlook(&val.x, &val.y);
    let train_rate = if train.len() >= 3 { outlook(&train.x, &smoothed).0 } else { val_rate };
    let slow_trees = run.is_boosting() && run.params.number(&["eta", "learning_rate"]).unwrap_or(0.3) < 0.02;
    if train_rate < rate || val_rate < 0.67 * rate || slow_trees {
        return Verdict::sound();
    }
    let needed = (4.0_f64 / 3.0).ln() * if short { 1.0 } else { 2.0 };
    let by_schedule = gain < needed;
    if by_schedule {
        let last_step = (val.y[n - 2] / val.y[n - 1]).ln();
        if !(short && decays(case) && !run.pretrained() && last_step >= 0.01 && train_rate >= 1.5 * rate) {
            return Verdict::sound();
        }
    }
    let certainty = if known { 1.0 } else { 0.8 }
        * if short {
            1.0
        } else if n <= 10 {
            0.9
        } else {
            0.8
        }
        * if train.sampled || train.len() < 3 { 0.85 } else { 1.0 }
        * if by_schedule { 0.8 } else { 1.0 };
    let confidence = sure(above(train_rate.min(1.5 * val_rate), 0.8 * rate, certainty));
    let severity = if by_schedule { Severity::Low } else { Severity::Medium };
    Verdict::found(
        finding("stopped_too_early", "run".to_owned(), severity, confidence)
            .title(format!("training ended while the loss still fell by {:.1} % per epoch", 100.0 * train_rate))
            .evidence(
                fact("train_rate", train, train_rate, "fall of the logarithm per epoch over the last third (Theil-Sen)")
                    .versus(">=", rate)
                    .unit("per epoch"),
            )
            .evidence(
                fact("validation_rate", val, val_rate, "the same of the validation loss")
                    .versus(">=", 0.67 * rate)
                    .unit("per epoch"),
            )
            .evidence(
                fact(
                    "expected_log_gain",
                    val,
                    gain,
                    "fall of the logarithm over four more budgets, if its rate fades as it did over the end of the run",
                )
                .versus(">=", needed),
            )
            .evidence(
                fact("validation_level", val, val_level, "last value over the loss of guessing (or the first value)")
                    .versus(">=", floor),
            )
            .fix(
                format!("train for {} epochs, with early stopping on the validation loss", fmt_number((5 * n) as f64)),
                format!("validation loss may come down to about {} of what it is", fmt_number((-gain).exp())),
            )
            .step("stretch the schedule over the longer run")
            .impact(format!(
                "expected validation loss {} instead of {} (extrapolated)",
                fmt_number(val.y[n - 1] * (-gain).exp()),
                fmt_number(val.y[n - 1])
            )),
    )
}

/// Rate of fall of the logarithm per epoch over the last third, and what four more budgets would add to it.
fn outlook(x: &[f64], y: &[f64]) -> (f64, f64) {
    let n = y.len();
    let m = n.div_ceil(3).max(4).min(n);
    let logs: Vec<f64> = y[n - m..].iter().map(|v| v.ln()).collect();
    let (first, last) = (x[0], x[n - 1]);
    let x = &x[n - m..];
    let half = m / 2;
    let (early, late) = (-theil_sen(&x[..=half], &logs[..=half]), -theil_sen(&x[m - half - 1..], &logs[m - half - 1..]));
    let shift = (x[m - 1] - x[half]).max(1.0);
    let fading = if early <= 0.0 { 1.0 } else { (late / early).clamp(1e-6, 1.0).powf(1.0 / shift) };
    let more = 4.0 * (last - first) * (1.0 + 1.0 / (n - 1).max(1) as f64);
    let sum = if fading > 0.9999 { more } else { fading * (1.0 - fading.powf(more)) / (1.0 - fading) };
    (-theil_sen(x, &logs), late.max(0.0) * sum)
}

fn decays(case: &Case<'_>) -> bool {
    let name = case.run.params.lower(&["lr_scheduler", "lr_scheduler_type", "scheduler", "sched"]).unwrap_or_default();
    let rates = &case.facts.rates;
    let top = rates.iter().copied().fold(0.0, f64::max);
    ["cosine", "linear", "poly", "onecycle", "one_cycle", "exp", "decay"].iter().any(|word| name.contains(word))
        || rates.len() >= 3 && top > 0.0 && rates[rates.len() - 1] < 0.5 * top
}
