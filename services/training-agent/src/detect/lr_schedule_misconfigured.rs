//! `lr_schedule_misconfigured`: the schedule starves the run: it spends most epochs at less than a tenth of
//! the configured rate, or is still warming up when the run ends. The configured rate counts as the peak,
//! because a run that never leaves its warm-up never logs it. Without logged rates only contradictions in
//! the parameters are said, with a curve that stands still as witness.

use deepfix_model::{Evidence, Severity, above, below, fmt_number};

use super::{Case, Verdict};
use crate::{
    run::finding,
    stats::{differences, largest, mean, span},
};

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let facts = &case.facts;
    if facts.tree {
        return Verdict::sound();
    }
    if facts.pace.len() < 4 {
        return Verdict::needs("four epochs");
    }
    match facts.peak_rate.filter(|peak| facts.rates.len() >= 4 && *peak > 0.0) {
        Some(peak) => by_rates(case, peak),
        None => by_parameters(case),
    }
}

/// Span of the second half of the run, and of its last two thirds, over its first value.
fn stillness(pace: &[f64]) -> (f64, f64) {
    let first = pace[0].abs().max(1e-300);
    (span(&pace[pace.len() / 2..]) / first, span(&pace[pace.len() / 3..]) / first)
}

fn by_rates(case: &Case<'_>, peak: f64) -> Verdict {
    let (run, facts) = (case.run, &case.facts);
    let (rates, level) = (&facts.rates, facts.level());
    let flat = stillness(&facts.pace).0 < case.limits.get("lr_schedule_misconfigured.flat");
    let (first, last) = (rates[0], rates[rates.len() - 1]);
    let rises = differences(rates).iter().all(|d| *d >= -1e-12 * peak) && last > 1.5 * first && first <= 0.5 * last;
    if rises {
        let reach = run.params.number(&["learning_rate", "lr", "max_lr", "base_lr"]).map(|rate| last / rate);
        let warmup = run.params.number(&["warmup_steps", "num_warmup_steps"]);
        let longer = warmup.zip(facts.steps).is_some_and(|(warmup, steps)| warmup > steps);
        let short = reach.is_some_and(|reach| reach < 0.7) && linearity(rates) > 0.98;
        if (short || longer) && level.is_none_or(|l| l > 0.10) {
            let far = reach.map_or_else(String::new, |reach| format!(", at {:.0} % of its learning rate", reach * 100.0));
            // How many times the run would have to go on: by the rate reached, else by the steps.
            let times = reach.map(|r| 1.0 / r.max(1e-9)).or(warmup.zip(facts.steps).map(|(w, s)| w / s)).unwrap_or(1.0);
            let mut out =
                finding("lr_schedule_misconfigured", "learning_rate".to_owned(), Severity::Medium, above(times, 1.2, 0.95))
                    .title(format!("the run ends while it is warming up{far}"));
            if let Some(reach) = reach {
                out = out.evidence(
                    Evidence::new("reached_rate", "learning_rate", reach)
                        .versus("<", if short { 0.7 } else { 1.0 })
                        .method("last logged learning rate over the configured one; the rate never falls"),
                );
            }
            if let (Some(warmup), Some(steps)) = (warmup, facts.steps) {
                out = out.evidence(
                    Evidence::new("warmup_steps", "learning_rate", warmup)
                        .versus(">", steps)
                        .unit("steps")
                        .method("warm-up in the parameters, against the steps of the run"),
                );
            }
            let advised = facts.steps.map_or_else(
                || "5 % of the steps".to_owned(),
                |s| format!("{} steps (5 % of the run)", fmt_number((0.05 * s).ceil())),
            );
            return Verdict::found(
                out.fix(format!("warm up for {advised}"), "the network never saw the rate it was meant to learn at")
                    .step("count warm-up in optimizer steps, not epochs or batches of one device"),
            );
        }
    }
    let share_limit = case.limits.get("lr_schedule_misconfigured.share");
    let share = rates.iter().filter(|r| **r >= 0.1 * peak).count() as f64 / rates.len() as f64;
    let budget = mean(rates) / peak;
    let unlearnt = level.is_none_or(|l| l > case.limits.get("lr_schedule_misconfigured.level"));
    let starves = share < share_limit && unlearnt || share < 0.8 * share_limit && flat && level.is_some_and(|l| l > 0.15);
    // ReduceLROnPlateau lowers the rate because the loss is flat, not the other way round.
    let answers = schedule(case).contains("plateau") && !flat;
    if !starves || budget >= case.limits.get("lr_schedule_misconfigured.budget") || answers {
        return Verdict::sound();
    }
    let severity = match level {
        // Where the loss has no level, what the rate cost is not known.
        None => Severity::Low,
        Some(level) if level < 0.6 => Severity::Medium,
        Some(_) => Severity::High,
    };
    Verdict::found(
        finding(
            "lr_schedule_misconfigured",
            "learning_rate".to_owned(),
            severity,
            below(share, share_limit, if flat { 0.97 } else { 0.85 }),
        )
        .title(format!("the learning rate is spent after {:.0} % of the run", share * 100.0))
        .evidence(
            Evidence::new("share_at_rate", "learning_rate", share)
                .versus("<", share_limit)
                .unit("share of logged rates")
                .method("logged learning rates of at least a tenth of the peak (the larger of logged and configured)")
                .source(format!("{} values", rates.len())),
        )
        .evidence(
            Evidence::new("mean_over_peak", "learning_rate", budget)
                .versus("<", case.limits.get("lr_schedule_misconfigured.budget"))
                .method("mean logged rate over the peak; a cosine over the whole run has 0.5"),
        )
        .evidence(Evidence::new("loss_level", "run", level.unwrap_or(f64::NAN)).method("loss at the end over that of guessing"))
        .fix(
            format!("let the schedule span the run: {}", span_advice(case)),
            "most epochs ran at a rate too small to move the weights",
        )
        .step("check the unit: T_max, gamma and step_size count calls of scheduler.step(), which may be per epoch or per batch")
        .step("plot the rate over steps before training"),
    )
}

fn by_parameters(case: &Case<'_>) -> Verdict {
    let (run, facts) = (case.run, &case.facts);
    let schedule = schedule(case);
    if schedule.is_empty() {
        return Verdict::needs("logged learning rates, or a schedule in the parameters");
    }
    if matches!(schedule.as_str(), "none" | "constant" | "const") || schedule.contains("restart") || schedule.contains("cyclic") {
        return Verdict::sound();
    }
    let Some(level) = facts.level() else { return Verdict::sound() };
    let (second_half, two_thirds) = stillness(&facts.pace);
    let flat = second_half < case.limits.get("lr_schedule_misconfigured.flat");
    let ruler = two_thirds < 0.4 * case.limits.get("lr_schedule_misconfigured.flat");
    let epochs = facts.epochs.unwrap_or(facts.logged_epochs as f64);
    let number = |names: &[&str]| run.params.number(names);
    let decays = ["cos", "exp", "step", "linear", "poly", "decay"].iter().any(|name| schedule.contains(name));
    let unlearnt = level > case.limits.get("lr_schedule_misconfigured.level");
    let contradiction = |steps: f64| {
        if let Some(t) = number(&["T_max", "t_max", "decay_steps", "total_steps", "lr_decay_iters"])
            .filter(|t| *t < 0.3 * epochs && *t < 0.3 * steps)
        {
            return Some(("T_max", t, flat));
        }
        if let Some(w) = number(&["warmup_steps", "num_warmup_steps"]).filter(|w| *w > steps) {
            return Some(("warmup_steps", w, true));
        }
        let gamma = number(&["gamma", "decay_rate"]).filter(|_| schedule.contains("exp") && !case.other_cause());
        gamma.filter(|g| g.powf(steps / 3.0) < 0.01 && g.powf(epochs) < 0.3).map(|g| ("gamma", g, flat))
    };
    let known = facts.steps.and_then(contradiction).filter(|_| unlearnt);
    let still = ruler
        && decays
        && flat
        && level > 0.15
        && facts.pace.len() >= 8
        && !case.other_cause()
        && facts.relative.is_none_or(|r| r >= 0.3)
        && facts.start.is_none_or(|start| largest(&facts.pace) <= 5.0 * start);
    let evidence = match known {
        Some((name, value, true)) => Evidence::new("schedule_setting", name, value).method(format!("`{name}` in the parameters, for {} steps in {} epochs", fmt_number(facts.steps.unwrap_or(0.0)), fmt_number(epochs))),
        _ if still => Evidence::new("late_span", "loss", two_thirds)
            .versus("<", 0.4 * case.limits.get("lr_schedule_misconfigured.flat"))
            .method("span of the loss over the last two thirds of the run, over its first value: it stands as still as without learning rate"),
        _ => return Verdict::sound(),
    };
    Verdict::found(
        finding("lr_schedule_misconfigured", "learning_rate".to_owned(), Severity::Medium, 0.75)
            .title(format!("the schedule ({schedule}) leaves no learning rate for most of the run"))
            .evidence(evidence)
            .evidence(Evidence::new("loss_level", "run", level).method("loss at the end over that of guessing"))
            .fix(
                format!("let the schedule span the run: {}", span_advice(case)),
                "the loss stands still although nothing was learnt",
            )
            .step("log the learning rate; it decides between this and a rate that is too small")
            .step("check the unit: T_max, gamma and step_size count calls of scheduler.step()"),
    )
}

fn schedule(case: &Case<'_>) -> String {
    case.run.params.lower(&["lr_scheduler", "scheduler", "lr_scheduler_type", "schedule", "lr_schedule"]).unwrap_or_default()
}

fn span_advice(case: &Case<'_>) -> String {
    match (case.facts.epochs, case.facts.steps) {
        (Some(epochs), Some(steps)) => {
            format!("T_max = {} epochs, or {} when stepped per batch", fmt_number(epochs), fmt_number(steps))
        }
        (Some(epochs), None) => format!("T_max = {} epochs", fmt_number(epochs)),
        _ => "T_max = the number of times scheduler.step() is called".to_owned(),
    }
}

/// Pearson correlation with the position.
fn linearity(y: &[f64]) -> f64 {
    let n = y.len() as f64;
    let (mx, my) = ((n - 1.0) / 2.0, mean(y));
    let (mut xy, mut xx, mut yy) = (0.0, 0.0, 0.0);
    for (i, v) in y.iter().enumerate() {
        let (dx, dy) = (i as f64 - mx, v - my);
        xy += dx * dy;
        xx += dx * dx;
        yy += dy * dy;
    }
    xy / (xx * yy).sqrt().max(f64::MIN_POSITIVE)
}
