//! `lr_plateau`: for a third of the run, at a constant learning rate, the train loss gains less than 1 % and
//! hovers, well above nothing: a lower rate would go on. A hint: always low.

use deepfix_model::{Evidence, Severity, fmt_number};

use super::{Case, Verdict};
use crate::{
    facts::Pace,
    run::finding,
    stats::{largest, smallest, smooth, turns_and_swing},
};

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let (run, facts) = (case.run, &case.facts);
    let p = &facts.pace;
    let n = p.len();
    if n < 12 || facts.pace_of != Pace::Train {
        return Verdict::needs("twelve epochs of mean train loss");
    }
    let explained = facts.nan
        || facts.tree
        || facts.game
        || case.other_cause()
        || ["exploding_loss", "not_learning", "oscillating_loss"].iter().any(|code| case.fired(code));
    if explained || smallest(p) <= 0.0 {
        return Verdict::sound();
    }
    let third = n / 3;
    let level_curve = smooth(p, 5);
    let gain = 1.0 - smallest(&level_curve[n - third..]) / smallest(&level_curve[..n - third]);
    let late = &facts.rates[facts.rates.len() - (facts.rates.len() / 3).max(2).min(facts.rates.len())..];
    let schedule = run.params.lower(&["lr_scheduler", "scheduler", "lr_scheduler_type"]).unwrap_or_default();
    let constant = if facts.rates.len() >= 4 {
        largest(late) <= 1.01 * smallest(late)
    } else {
        facts.rates.is_empty() && matches!(schedule.as_str(), "none" | "constant" | "const")
    };
    let (turns, _) = turns_and_swing(&p[n - third..]);
    let limit = case.limits.get("lr_plateau.gain");
    if gain >= limit || !constant || facts.level().is_none_or(|l| l <= 0.1) || turns < 0.3 {
        return Verdict::sound();
    }
    let advice = facts.rate.map_or_else(String::new, |rate| format!(" to {}", fmt_number(rate / 10.0)));
    Verdict::found(
        finding("lr_plateau", "learning_rate".to_owned(), Severity::Low, 0.6)
            .title("the loss stands still for a third of the run at a constant learning rate")
            .evidence(
                Evidence::new("late_gain", "loss", gain)
                    .versus("<", limit)
                    .method("1 minus the best running mean of five in the last third over the best before"),
            )
            .evidence(
                Evidence::new("late_turns", "loss", turns)
                    .versus(">=", 0.3)
                    .unit("share")
                    .method("epochs of the last third at which the loss changes direction"),
            )
            .fix(
                format!("lower the learning rate{advice} where the loss stops falling"),
                "the steps are as long as what is left of the way",
            )
            .step("ReduceLROnPlateau(patience=3, factor=0.1), or a cosine over the run"),
    )
}
