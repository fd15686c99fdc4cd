//! `exploding_loss`: the train loss climbs to ten times its starting level (the validation loss to
//! thirty times) and stays above three times, or climbs so before it is NaN.

use deepfix_model::{Severity, above};

use super::{Case, Verdict};
use crate::{
    log::Curve,
    run::{at_epoch, fact, finding},
    stats::{median, median_smooth, tail},
};

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let (run, limits) = (case.run, &case.limits);
    if case.facts.game && !case.facts.nan {
        return Verdict::needs("a loss that measures progress; adversarial and reinforcement losses do not");
    }
    let odd_init = case.facts.odd_init;
    let Some(start) = run.start_level() else { return Verdict::needs("a positive train loss") };
    let dense = dense_curve(case);
    let found = run
        .train_loss
        .as_ref()
        .filter(|curve| !curve.sampled || curve.len() < 20)
        .and_then(|curve| explodes(curve, start, limits.get("exploding_loss.rise"), limits.get("exploding_loss.end"), odd_init))
        .or_else(|| {
            let dense = dense.as_ref()?;
            let points = run.dense_points();
            let early: Vec<f64> = points[..(points.len() / 20).max(3)].iter().map(|p| p.value).collect();
            let first = median(&early);
            let start = if first.is_finite() { start.max(first) } else { start };
            explodes(dense, start, limits.get("exploding_loss.rise"), limits.get("exploding_loss.end"), odd_init)
        })
        .or_else(|| {
            let curve = run.val_loss.as_ref()?;
            let start = run.prior_loss().or_else(|| curve.y.iter().copied().find(|v| v.is_finite() && *v > 0.0))?;
            explodes(curve, start, limits.get("exploding_loss.val_rise"), limits.get("exploding_loss.end"), odd_init)
        });
    let Some(Explosion { curve, start, peak, rise, at, end }) = found else { return Verdict::sound() };
    let ratio = peak / start;
    let (action, why) = if case.facts.climbs_steadily() {
        (
            "check the sign of the loss: it climbs in nearly every epoch, as if that were asked for",
            "minimising the negative of a loss drives it up without end",
        )
    } else {
        ("lower the learning rate to a tenth, and clip gradients to norm 1", "each step overshoots further than the one before")
    };
    let subject = at_epoch(at);
    Verdict::found(
        finding("exploding_loss", subject, Severity::High, above(ratio, rise, 1.0))
            .title(format!("`{}` climbs to {} times its starting level", curve.key, deepfix_model::fmt_number(ratio)))
            .evidence(
                fact("peak_over_start", curve, ratio, "largest value over the starting level (the loss of the label's distribution when class counts or the target's variance are known, else the smallest of the first three values)")
                    .versus(">=", rise),
            )
            .evidence(fact("starting_level", curve, start, "as above"))
            .evidence(fact("end_over_start", curve, end / start, "last value over the starting level").versus(">=", limits.get("exploding_loss.end")))
            .fix(action, why)
            .step("check the scale of inputs and targets")
            .step("warm the learning rate up over the first few hundred steps"),
    )
}

struct Explosion<'a> {
    curve: &'a Curve,
    start: f64,
    peak: f64,
    rise: f64,
    at: f64,
    end: f64,
}

/// The densest train loss: medians of five, because single batches scatter, with an end of several
/// values. What is not finite stays.
fn dense_curve(case: &Case<'_>) -> Option<Curve> {
    let points = case.run.dense_points();
    if points.len() < 20 {
        return None;
    }
    let key = case.run.train_loss.as_ref()?.key.clone();
    let places: Vec<f64> = (0..points.len()).map(|i| points[i].epoch().or(points[i].step()).unwrap_or(i as f64)).collect();
    let raw: Vec<f64> = points.iter().map(|p| p.value).collect();
    let mut y = median_smooth(&raw, 5);
    let last = y.len() - 1;
    y[last] = median(tail(&raw, 20)).max(y[last].min(median(tail(&raw, 5))));
    for (smooth, value) in y.iter_mut().zip(&raw) {
        if !value.is_finite() {
            *smooth = *value;
        }
    }
    let at = (0..places.len()).collect();
    Some(Curve { key, x: places.clone(), place: places, y, at, sampled: true })
}

fn explodes(curve: &Curve, start: f64, rise: f64, end: f64, odd_init: bool) -> Option<Explosion<'_>> {
    // Infinity is a value that grew beyond the type; NaN is none.
    let peak = (0..curve.len()).filter(|&i| !curve.y[i].is_nan()).max_by(|&a, &b| curve.y[a].total_cmp(&curve.y[b]))?;
    let ends_bad = curve.y.iter().any(|v| !v.is_finite());
    let last = curve.last()?;
    let first = curve.y.first().copied().filter(|v| v.is_finite()).unwrap_or(start);
    // A run that begins high and comes down was badly initialised or has raw targets; it was not driven
    // apart, unless no initialisation gives such a value.
    let climbs = ends_bad || peak > 0 && curve.y[peak] >= 3.0 * first || curve.y[peak] >= 1000.0 * start;
    let by_init = odd_init && peak == 0 && !ends_bad;
    let high = climbs && !by_init && curve.y[peak] >= rise * start && (ends_bad || last >= end * start);
    high.then(|| Explosion { curve, start, peak: curve.y[peak], rise, at: curve.x[peak], end: last })
}
