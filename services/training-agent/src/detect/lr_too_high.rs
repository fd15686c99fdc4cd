//! `lr_too_high`: a symptom of steps that are too long (a loss that explodes, is not a number, swings, units
//! that died, a run held at guessing) together with a rate that is large for its optimizer. The weaker the
//! symptom, the larger the rate has to be. Other fathers of the same symptom keep it silent: initial
//! weights, saturation, bad data, batches of one row.

use deepfix_model::{Evidence, Severity, above, fmt_number};

use super::{Case, Verdict};
use crate::{
    facts::{Optimizer, Pace},
    log::Quantity,
    run::finding,
    stats::{finite, largest, mean, turns_and_swing},
};

/// A symptom, the rate over the usual one that it needs, and how strong it is.
struct Symptom {
    what: &'static str,
    needs: f64,
    strength: Strength,
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Clone, Copy)]
enum Strength {
    Hovers,
    Dead,
    Swings,
    Diverges,
}

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let (run, facts) = (case.run, &case.facts);
    if facts.tree {
        return Verdict::sound();
    }
    if facts.y.is_empty() && facts.v.is_empty() {
        return Verdict::needs("a loss");
    }
    let Some(symptom) = symptom(case) else { return Verdict::sound() };
    let exploded = case.fired("exploding_loss");
    if facts.odd_init && (symptom.strength < Strength::Swings || exploded)
        || case.fired("saturated_activation") && (exploded || !facts.nan)
    {
        return Verdict::sound();
    }
    let y = finite(&facts.y);
    if facts.nan && !exploded {
        // NaN out of the blue at a calm level: the data or an operation, not the rate.
        let calm = y.len() >= 3 && largest(&y) < 2.0 * facts.start.unwrap_or(f64::INFINITY);
        if calm && facts.relative.is_none_or(|r| r < 30.0) {
            return Verdict::sound();
        }
    }
    if exploded && facts.climbs_steadily() && facts.relative.is_none_or(|r| r < 50.0) {
        return Verdict::sound();
    }
    let tiny_batch = facts.update_rows.is_some_and(|rows| rows <= 2.0);
    if symptom.strength == Strength::Swings && tiny_batch && facts.relative.is_none_or(|r| r < 10.0) {
        return Verdict::sound();
    }
    // Large networks take smaller rates.
    let scale = if facts.transformer || facts.finetune { 20.0 } else { 1.0 };
    let (severity, confidence) = match facts.relative {
        Some(relative) if relative * scale >= symptom.needs => {
            let certainty = match symptom.what {
                EXPLODES => 0.97,
                "becomes NaN" => 0.90,
                "swings" => 0.92,
                _ => 0.85,
            };
            let severity = if symptom.strength == Strength::Diverges { Severity::High } else { Severity::Medium };
            (severity, above(relative * scale, symptom.needs / 2.0, certainty))
        }
        Some(_) => return Verdict::sound(),
        None => {
            let infinite = run.log.series.iter().any(|s| {
                matches!(s.role.quantity, Quantity::Loss | Quantity::GradientNorm)
                    && s.points().iter().any(|p| p.value.is_infinite())
            });
            match symptom.what {
                EXPLODES => (Severity::Medium, 0.65),
                "becomes NaN" if infinite => (Severity::Medium, 0.6),
                "swings" => (Severity::Low, 0.55),
                _ => return Verdict::sound(),
            }
        }
    };
    let mut out = finding("lr_too_high", "learning_rate".to_owned(), severity, confidence)
        .title(match facts.rate {
            Some(rate) => format!("a learning rate of {} is too high: the run {}", fmt_number(rate), symptom.what),
            None => format!("the learning rate is likely too high: the run {}", symptom.what),
        })
        .evidence(Evidence::new("symptom", "run", symptom.what).method("the strongest sign of steps that are too long"));
    if let Some(relative) = facts.relative {
        out = out.evidence(
            Evidence::new("times_usual", "learning_rate", relative * scale)
                .versus(">=", symptom.needs)
                .method("learning rate over 0.001 (Adam, RMSprop) or, after momentum, over 0.1 (SGD); times 20 for transformers and fine-tuning"),
        );
    }
    let advised = facts.rate.zip(facts.relative).map(|(rate, relative)| {
        // The usual rate, and no more than a tenth of the present one.
        (rate / (relative * scale)).min(rate / 10.0)
    });
    let action = match (advised, facts.optimizer) {
        (Some(rate), _) => format!("lower the learning rate to {}", fmt_number(rate)),
        (None, Some(Optimizer::Sgd)) => "lower the learning rate ten times, to 0.01 to 0.1 for SGD".to_owned(),
        (None, _) => "lower the learning rate ten times".to_owned(),
    };
    let warmup =
        facts.steps.map_or_else(|| "5 % of the steps".to_owned(), |s| format!("{} steps", fmt_number((0.05 * s).ceil())));
    Verdict::found(
        out.fix(action, "each step jumps over the minimum, or out of the region where the gradient means anything")
            .step(format!("warm the rate up over {warmup}"))
            .step(facts.clip_step("if single batches throw it out")),
    )
}

const EXPLODES: &str = "explodes";

fn symptom(case: &Case<'_>) -> Option<Symptom> {
    let (facts, limits) = (&case.facts, &case.limits);
    let of = |what, needs, strength| Some(Symptom { what, needs, strength });
    if case.fired("exploding_loss") {
        return of(EXPLODES, limits.get("lr_too_high.exploding"), Strength::Diverges);
    }
    if facts.nan {
        return of("becomes NaN", limits.get("lr_too_high.nan"), Strength::Diverges);
    }
    if case.fired("oscillating_loss") {
        return of("swings", limits.get("lr_too_high.oscillating"), Strength::Swings);
    }
    if case.fired("dying_relu") {
        return of("kills its units", limits.get("lr_too_high.dead"), Strength::Dead);
    }
    let (y, level) = (finite(&facts.y), facts.level()?);
    let start = facts.start.filter(|_| facts.prior.is_some() && y.len() >= 5 && !case.other_cause())?;
    let tail = &y[y.len() - (y.len() / 3).max(2)..];
    let high = mean(tail) / start;
    let v = finite(&facts.v);
    let peak = largest(&y).max(if v.is_empty() { 0.0 } else { largest(&v) }) / start;
    let stuck = case.fired("not_learning");
    if !facts.odd_init && peak >= 20.0 && high > 0.5 && largest(&y) > 3.0 * y[y.len() - 1] {
        return of("is thrown far out in its first epochs", 3.0, Strength::Hovers);
    }
    if !facts.odd_init && peak >= 3.0 && high > 0.5 && level > 0.5 && largest(&y) > 2.0 * mean(tail) {
        return of("is thrown out and does not come back", 30.0, Strength::Hovers);
    }
    if high >= 0.85 && level >= 0.85 && (stuck || !facts.sampled || y.len() >= 10) {
        return of("is held at the level of guessing", 100.0, Strength::Hovers);
    }
    if stuck {
        return of("learns nothing", 40.0, Strength::Hovers);
    }
    if facts.pace_of == Pace::Train && facts.pace.len() >= 8 && level > 0.3 {
        let (turns, swing) = turns_and_swing(&facts.pace[facts.pace.len() / 4..]);
        if turns >= 0.45 && swing >= 0.10 {
            return of("hovers high above its minimum", 100.0, Strength::Hovers);
        }
    }
    None
}
