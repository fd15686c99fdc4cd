//! `slow_convergence`: the loss falls steadily, in a straight line of learning rate spent, and has come
//! only a small part of the way. A rate far below the usual one, with weights that moved little, needs
//! less to be seen in the curve. Boosted trees have gone at most 1 - (1 - eta)^rounds of their way.

use deepfix_model::{Evidence, Severity, below, fmt_number};

use super::{Case, Verdict};
use crate::{
    run::finding,
    stats::{differences, noise, smallest, theil_sen},
};

/// What the curve shows of its pace.
pub(super) struct Slow {
    bend: f64,
    /// Share of its first value that the loss has fallen by.
    pub(super) fallen: f64,
    /// Loss at the end over that of guessing.
    rest: f64,
    signal: f64,
    low_rate: bool,
}

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let facts = &case.facts;
    if facts.game {
        return Verdict::needs("a loss that measures progress; adversarial and reinforcement losses do not");
    }
    // A run that learns nothing, or that something else holds back, is not on its way.
    if !facts.tree && (case.fired("not_learning") || case.other_cause()) {
        return Verdict::sound();
    }
    if facts.pace.len() < 6 || facts.bend.is_none() {
        return Verdict::needs("six epochs at a learning rate");
    }
    if smallest(&facts.pace) <= 0.0 {
        return Verdict::needs("a positive loss");
    }
    let (slow, severity, confidence, way) = if facts.tree {
        let Some(eta) = facts.rate.filter(|_| facts.logged_epochs >= 10) else {
            return Verdict::needs("eta and ten rounds");
        };
        let way = 1.0 - (1.0 - eta.min(1.0)).powf(facts.logged_epochs as f64);
        let limit = case.limits.get("slow_convergence.way");
        let Some(slow) = pace(case).filter(|s| way < limit && s.bend >= case.limits.get("slow_convergence.bend")) else {
            return Verdict::sound();
        };
        (slow, Severity::Medium, below(way, limit, 0.97), Some((way, limit)))
    } else {
        if facts.nan {
            return Verdict::sound();
        }
        let Some(slow) = pace(case).filter(|s| is_slow(case, s)) else { return Verdict::sound() };
        let (severity, confidence) = if facts.resumed || facts.finetune && facts.rate.is_none_or(|rate| rate >= 5e-6) {
            (Severity::Low, 0.4)
        } else {
            (Severity::Medium, below(slow.fallen, if slow.low_rate { 0.60 } else { 0.45 }, 0.95))
        };
        (slow, severity, confidence, None)
    };
    let mut out = finding("slow_convergence", "loss".to_owned(), severity, confidence)
        .title(format!(
            "the loss is still on its way: down by {:.0} % in {} epochs, in a straight line",
            slow.fallen * 100.0,
            facts.logged_epochs
        ))
        .evidence(
            Evidence::new("bend", "loss", slow.bend)
                .versus(">=", if slow.low_rate { 0.35 } else { case.limits.get("slow_convergence.bend") })
                .method(
                    "fall over the second half of the learning rate spent, over that of the first half: 1 is a straight line",
                ),
        )
        .evidence(
            Evidence::new("fallen", "loss", slow.fallen)
                .unit("share")
                .method("1 minus the mean of the last tenth over the first value"),
        )
        .evidence(Evidence::new("rest", "loss", slow.rest).method("loss at the end over that of guessing"))
        .evidence(
            Evidence::new("signal", "loss", slow.signal)
                .versus(">=", 3.0)
                .method("fall over the last quarter (Theil-Sen) over the noise from epoch to epoch"),
        );
    if let Some((way, limit)) = way {
        out = out.evidence(
            Evidence::new("way", "learning_rate", way)
                .versus("<", limit)
                .method("1 - (1 - eta)^rounds: the most that trees of this rate can have learnt"),
        );
    }
    let factor = if slow.rest > 0.9 { 30.0 } else { 10.0 };
    let advice = facts.rate.map_or_else(
        || format!("raise the learning rate {} times", fmt_number(factor)),
        |rate| format!("raise the learning rate from {} to about {}", fmt_number(rate), fmt_number(rate * factor)),
    );
    Verdict::found(
        out.fix(advice, "each epoch does little, and the run ends before it arrives")
            .step("a learning-rate range test: the largest rate at which the loss still falls, divided by 3")
            .step("normalise the inputs; train longer only if the rate cannot rise"),
    )
}

pub(super) fn pace(case: &Case<'_>) -> Option<Slow> {
    let (run, facts) = (case.run, &case.facts);
    let p = &facts.pace;
    let n = p.len();
    let quarter = (n / 4).max(2);
    let late = &p[n - (quarter + 1).min(n)..];
    let places: Vec<f64> = (0..late.len()).map(|i| i as f64).collect();
    let rate = -theil_sen(&places, late);
    // `noise` with its 0.6745 is 1.4826 times the median.
    let signal = if rate > 0.0 { (rate * quarter as f64 / noise(p).max(1e-12)).min(1e6) } else { 0.0 };
    let end = facts.end()?;
    let (way, travel) = (facts.way(run), facts.travel);
    let low_rate = facts.relative.is_some_and(|r| r <= 0.15)
        && (way.is_some() || travel.is_some())
        && way.is_none_or(|w| w < 0.5)
        && travel.is_none_or(|t| t < 0.4)
        && facts.prior.is_some();
    let rest = end / facts.start.unwrap_or(p[0]).max(1e-300);
    Some(Slow { bend: facts.bend?, fallen: 1.0 - end / p[0], rest, signal, low_rate })
}

fn is_slow(case: &Case<'_>, slow: &Slow) -> bool {
    let (facts, limits) = (&case.facts, &case.limits);
    let down = differences(&facts.pace).iter().filter(|d| **d < 0.0).count() as f64 / (facts.pace.len() - 1) as f64;
    if slow.signal < 3.0 || down < 0.7 || slow.fallen <= 0.0 {
        return false;
    }
    if slow.low_rate && slow.bend >= 0.35 && slow.rest >= 0.45 && slow.fallen < 0.6 {
        return true;
    }
    // A start above guessing has its first fall for nothing.
    let most = limits.get("slow_convergence.fallen") * if slow.rest < 1.0 { 1.0 } else { 1.5 };
    slow.bend >= limits.get("slow_convergence.bend")
        && slow.fallen < most
        && slow.rest >= limits.get("slow_convergence.rest")
        && facts.relative.is_none_or(|r| r <= 3.0)
}
