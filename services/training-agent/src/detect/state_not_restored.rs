//! `state_not_restored`: once, from well below, the loss returns to where training began and relives its
//! first epochs. A step that goes backwards in the log makes it surer but is not needed: resumed runs
//! often count on.

use deepfix_model::{Evidence, Severity, fmt_number};

use super::{Case, Verdict};
use crate::{
    run::{at_epoch, fact, finding},
    stats::{is_finite, mean, median, neighbour_noise, sure},
};

/// A jump back to the beginning.
struct Jump {
    at: usize,
    /// Share of the fall so far that was lost.
    rise: f64,
    /// Mean distance of the epochs after it from the first ones, over the fall.
    distance: f64,
}

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let (run, facts) = (case.run, &case.facts);
    let means = facts.y.len() >= 6 && !facts.sampled;
    let curve = if means { run.train_loss.as_ref() } else { run.val_loss.as_ref().filter(|c| c.len() >= 6) };
    let Some(curve) = curve else { return Verdict::needs("six epochs of mean train loss, or of validation loss") };
    let explained =
        facts.nan || facts.game || ["exploding_loss", "oscillating_loss", "lr_too_high"].iter().any(|code| case.fired(code));
    let y = if means { &facts.y } else { &facts.v };
    let Some(jump) = jump(y, case.limits.get("state_not_restored.rise"), case.limits.get("state_not_restored.distance"))
        .filter(|_| !explained)
    else {
        return Verdict::sound();
    };
    if means && facts.v.len() == y.len() && is_finite(&facts.v) {
        // Validation goes back as well: nearer to its own beginning than just before.
        let (first, before, now) = (facts.v[0], facts.v[jump.at - 1], facts.v[jump.at]);
        if (now - first).abs() > 0.8 * (before - first).abs() && (before - first).abs() > 0.05 * first {
            return Verdict::sound();
        }
    }
    let restarts = case.fired("log_restart");
    let confidence = if restarts { 0.97 } else { 0.85 } * (0.75 + 0.25 * jump.rise.min(1.0)) * (1.0 - 0.4 * jump.distance);
    let epoch = curve.x.get(jump.at).copied().filter(|_| curve.len() == y.len()).unwrap_or(jump.at as f64);
    Verdict::found(
        finding("state_not_restored", at_epoch(epoch), Severity::High, sure(confidence.min(0.97)))
            .title(format!("at epoch {} the loss is back where training began", fmt_number(epoch)))
            .evidence(
                fact(
                    "lost_progress",
                    curve,
                    jump.rise,
                    "loss regained over the fall since the first epoch (median of the three before)",
                )
                .versus(">=", case.limits.get("state_not_restored.rise")),
            )
            .evidence(
                fact(
                    "distance_to_first_epochs",
                    curve,
                    jump.distance,
                    "mean distance of the epochs after the jump from the first ones, over that fall",
                )
                .versus("<", case.limits.get("state_not_restored.distance")),
            )
            .evidence(Evidence::new("log_goes_back", "log", restarts).method("whether step or epoch goes backwards in the log"))
            .fix(
                "restore weights, optimizer, scheduler and step together when resuming",
                "the epochs before the restart were paid for and thrown away",
            )
            .step("torch.save({\"model\": …, \"optimizer\": …, \"scheduler\": …, \"step\": …}) and load all four")
            .step("after loading, the first logged loss must match the last one before"),
    )
}

fn jump(y: &[f64], rise_limit: f64, distance_limit: f64) -> Option<Jump> {
    let n = y.len();
    if n < 6 || y.iter().any(|v| !v.is_finite() || *v <= 0.0) {
        return None;
    }
    let (mut best, mut jumps): (Option<Jump>, usize) = (None, 0);
    for i in 3..n - 1 {
        let before = median(&y[i - 3..i]);
        let (gap, step) = (y[0] - before, y[i] - y[i - 1]);
        if gap < 0.25 * y[0] || gap < 6.0 * neighbour_noise(&y[i.saturating_sub(8).max(1)..i]) {
            continue;
        }
        jumps += usize::from(step > 0.35 * gap);
        let rise = (y[i] - before) / gap;
        if rise < rise_limit || step < 0.8 * rise_limit * gap || y[i] > 1.5 * y[0].max(y[1]) {
            continue;
        }
        // Back within an epoch is a spike, unless the first epochs were as fast.
        if y[i + 1] < before + 0.15 * gap && y[1] > y[0] - 0.6 * gap {
            continue;
        }
        let length = 5.min(n - i).min(i);
        let distance = |shift: usize| {
            let apart: Vec<f64> = (0..length - shift).map(|j| (y[i + j] - y[j + shift]).abs() / gap).collect();
            mean(&apart)
        };
        let distance = if length > 2 { distance(0).min(distance(1)) } else { distance(0) };
        if distance < distance_limit && best.as_ref().is_none_or(|b| rise > b.rise) {
            best = Some(Jump { at: i, rise, distance });
        }
    }
    best.filter(|_| jumps <= 2)
}
