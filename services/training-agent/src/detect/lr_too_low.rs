//! `lr_too_low`: the run is slow or flat, and the learning rate is small by what can be known of it: the way
//! Adam can have moved a weight, the distance the weights did go, the rate over the usual one of its
//! optimizer. Never beside another cause that explains it.

use deepfix_model::{Evidence, Severity, above, fmt_number};

use super::{Case, Verdict, slow_convergence};
use crate::{facts::Optimizer, run::finding, stats::smallest};

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let (run, facts, limits) = (case.run, &case.facts, &case.limits);
    if facts.game {
        return Verdict::needs("a loss that measures progress; adversarial and reinforcement losses do not");
    }
    if facts.pace.len() < 6 {
        return Verdict::needs("six epochs");
    }
    let slow = case.found.get("slow_convergence").is_some_and(|s| *s > Severity::Low);
    let blocked = case.other_cause()
        || facts.nan
        || case.fired("exploding_loss")
        || case.fired("oscillating_loss")
        || smallest(&facts.pace) <= 0.0;
    if facts.tree {
        let Some(eta) = facts.rate.filter(|_| slow) else { return Verdict::sound() };
        let limit = limits.get("slow_convergence.way");
        let way = 1.0 - (1.0 - eta.min(1.0)).powf(facts.logged_epochs as f64);
        return Verdict::found(advise(
            case,
            finding("lr_too_low", "learning_rate".to_owned(), Severity::Medium, above(limit / way.max(1e-9), 1.0, 0.97))
                .title(format!("eta {} is too small for {} rounds", fmt_number(eta), facts.logged_epochs))
                .evidence(Evidence::new("way", "learning_rate", way).versus("<", limit).method("1 - (1 - eta)^rounds")),
        ));
    }
    if blocked {
        return Verdict::sound();
    }
    let (way, travel) = (facts.way(run), facts.travel);
    let usual = limits.get("lr_too_low.relative") * if facts.optimizer == Some(Optimizer::Sgd) { 0.5 } else { 1.0 };
    let (way_limit, travel_limit) = (limits.get("lr_too_low.way"), limits.get("lr_too_low.travel"));
    let votes: Vec<bool> = [way.map(|w| w < way_limit), travel.map(|t| t < travel_limit), facts.relative.map(|r| r <= usual)]
        .into_iter()
        .flatten()
        .collect();
    let yes = votes.iter().filter(|v| **v).count();
    let unanimous = yes == votes.len() && yes > 0;
    let Some(pace) = slow_convergence::pace(case) else { return Verdict::sound() };
    let rest = facts.end().zip(facts.start).map_or(1.0, |(end, start)| end / start);
    let stuck = case.fired("not_learning");
    // Weights that verifiably went nowhere, with a loss near guessing, whatever the shape of the curve.
    let nowhere = unanimous
        && votes.len() >= 2
        && facts.relative.is_some_and(|r| r <= limits.get("lr_too_low.relative") / 1.5)
        && rest >= 0.75
        && pace.fallen < 0.30
        || stuck && !slow && unanimous && facts.relative.is_some_and(|r| r < 0.05);
    let (severity, confidence) = if votes.is_empty() {
        if !slow {
            return Verdict::sound();
        }
        (Severity::Low, 0.5)
    } else if slow && 2 * yes >= votes.len() || nowhere {
        // A fine-tuning rate is small on purpose.
        let meant = facts.finetune
            || facts.resumed
            || facts.prior.is_none()
                && facts.optimizer == Some(Optimizer::Adam)
                && facts.rate.is_some_and(|r| (5e-6..=2e-4).contains(&r))
                && !slow;
        let strength = [
            way.map(|w| way_limit / w),
            travel.map(|t| travel_limit / t),
            facts.relative.map(|r| limits.get("lr_too_low.relative") / r),
        ];
        let strength = strength.into_iter().flatten().fold(0.0, f64::max);
        (if meant { Severity::Low } else { Severity::Medium }, above(strength, 0.8, if unanimous && slow { 0.97 } else { 0.8 }))
    } else {
        return Verdict::sound();
    };
    let shown =
        facts.rate.map_or_else(|| "the learning rate".to_owned(), |rate| format!("a learning rate of {}", fmt_number(rate)));
    let mut out = finding("lr_too_low", "learning_rate".to_owned(), severity, confidence)
        .title(format!("{shown} moves the weights too little to learn in {} epochs", facts.logged_epochs))
        .evidence(
            Evidence::new("fallen", "loss", pace.fallen)
                .unit("share")
                .method("1 minus the mean of the last tenth over the first value"),
        );
    if let Some(relative) = facts.relative {
        out = out.evidence(
            Evidence::new("times_usual", "learning_rate", relative)
                .versus("<=", usual)
                .method("learning rate over 0.001 (Adam, RMSprop) or, after momentum, over 0.1 (SGD)"),
        );
    }
    if let Some(way) = way {
        out = out.evidence(
            Evidence::new("adam_way", "learning_rate", way)
                .versus("<", way_limit)
                .method("mean rate times steps times the root of the width: how far Adam can move a weight, in typical weights"),
        );
    }
    if let Some(travel) = travel {
        out = out.evidence(
            Evidence::new("travel", "weights", travel)
                .versus("<", travel_limit)
                .method("mean update ratio per epoch times epochs, median over layers")
                .source("layer_stats"),
        );
    }
    Verdict::found(advise(case, out))
}

fn advise(case: &Case<'_>, finding: deepfix_model::Finding) -> deepfix_model::Finding {
    let facts = &case.facts;
    let target = match (facts.tree, facts.optimizer, facts.rate) {
        (true, _, Some(eta)) => {
            // The eta at which nine tenths of the way are possible.
            let eta_needed = 1.0 - 0.1_f64.powf(1.0 / facts.logged_epochs as f64);
            format!(
                "raise eta from {} to {} or more, or give it {} rounds",
                fmt_number(eta),
                fmt_number(eta_needed),
                fmt_number((0.1_f64.ln() / (1.0 - eta.min(0.99)).ln()).ceil())
            )
        }
        (_, Some(Optimizer::Sgd), Some(rate)) => format!("raise the learning rate from {} to 0.01 to 0.1", fmt_number(rate)),
        (_, _, Some(rate)) => format!("raise the learning rate from {} to 3e-4 to 1e-3", fmt_number(rate)),
        _ => "raise the learning rate ten times, then thirty".to_owned(),
    };
    finding
        .fix(target, "steps this small do not reach the minimum within the run")
        .step("a range test over one epoch: raise the rate from 1e-6 until the loss rises, take a third of that")
        .step("check that the optimizer got the rate that was configured (logged lr against the parameters)")
}
