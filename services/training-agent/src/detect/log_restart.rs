//! `log_restart`: step or epoch goes backwards, or repeats, within one logged name: the log of a
//! resumed run holds two histories. A fact; no statistics.

use deepfix_model::{Evidence, Severity};

use super::{Case, Verdict};
use crate::{
    log::{Quantity, Series},
    run::{at_epoch, finding},
};

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let run = case.run;
    let series: Vec<&Series> =
        run.log.series.iter().filter(|s| !matches!(s.role.quantity, Quantity::Unknown) && s.points().len() >= 2).collect();
    if series.is_empty() || series.iter().all(|s| s.points().iter().all(|p| p.step().is_none() && p.epoch().is_none())) {
        return Verdict::needs("steps or epochs in the log");
    }
    let Some((series, index, repeats, backwards)) = series.iter().filter_map(|s| restart(s)).min_by_key(|r| (!r.3, r.1)) else {
        return Verdict::Looked(series.len(), Vec::new());
    };
    let (before, after) = (series.points()[index - 1], series.points()[index]);
    let place = after.epoch().map_or_else(|| format!("step:{}", after.step().unwrap_or_default()), at_epoch);
    let show = |p: &crate::log::Point| {
        let part =
            |name: &str, v: Option<f64>| v.map_or_else(String::new, |v| format!("{name} {}", deepfix_model::fmt_number(v)));
        [part("epoch", p.epoch()), part("step", p.step())].into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join(" ")
    };
    // A step that goes back is beyond doubt; a mere repeat may be a logger's double entry.
    let confidence =
        if backwards { 0.95 + 0.04 * (1.0 - 1.0 / repeats as f64) } else { 0.7 + 0.2 * (1.0 - 1.0 / repeats as f64) };
    let severity = if backwards || repeats > 1 { Severity::Medium } else { Severity::Low };
    Verdict::Looked(
        1,
        vec![
            finding("log_restart", place, severity, (confidence * 100.0).round() / 100.0)
                .title(if backwards {
                    format!("the log goes back from {} to {}", show(&before), show(&after))
                } else {
                    format!("the log repeats {}", show(&after))
                })
                .evidence(
                    Evidence::new("returns", format!("series:{}", series.key), repeats)
                        .versus(">", 0.0)
                        .unit("places")
                        .method("places where step or epoch is not larger than before, within one logged name")
                        .source(format!("first at value {} of {}", index + 1, series.key)),
                )
                .fix(
                    "keep the last value of each step, and resume with the right step",
                    "averages, best epochs and plots mix two histories",
                )
                .step("df = df.drop_duplicates(\"step\", keep=\"last\")")
                .step("restore optimizer, scheduler and step counter together with the weights"),
        ],
    )
}

/// First index at which the series goes back or repeats, how often it does, and whether it goes back.
fn restart(series: &Series) -> Option<(&Series, usize, usize, bool)> {
    let points = &series.points();
    let distinct = points.iter().filter_map(|p| p.step()).any(|s| Some(s) != points[0].step());
    let falls: Vec<_> = points.windows(2).filter(|w| matches!((w[0].step(), w[1].step()), (Some(a), Some(b)) if b < a)).collect();
    // A batch counter begins again with each epoch.
    let first = points.iter().find_map(|p| p.step());
    let with_epoch = falls.iter().all(|w| matches!((w[0].epoch(), w[1].epoch()), (Some(a), Some(b)) if b > a));
    // Without epochs: it returns to the same first step twice or more.
    let to_first = falls.len() >= 2 && falls.iter().all(|w| w[1].step() == first && w[0].epoch().is_none());
    let counter = !falls.is_empty() && (with_epoch || to_first);
    // All steps alike: none was given (MLflow's default).
    let steps = distinct && !counter;
    let (mut back, mut repeats) = (Vec::new(), Vec::new());
    for (i, pair) in points.windows(2).enumerate() {
        let (a, b) = (pair[0], pair[1]);
        let falls = matches!((a.epoch(), b.epoch()), (Some(x), Some(y)) if y < x)
            || steps && matches!((a.step(), b.step()), (Some(x), Some(y)) if y < x);
        if falls {
            back.push(i + 1);
        } else if steps
            && a.step().is_some()
            && a.step() == b.step()
            && a.epoch() == b.epoch()
            && series.role.quantity != Quantity::LearningRate
        {
            repeats.push(i + 1);
        }
    }
    if back.is_empty() {
        // The last evaluation once more, or several values a step by design.
        let once_more = repeats.len() == 1 && repeats[0] == points.len() - 1;
        if once_more || 2 * (repeats.len() + 1) > points.len() {
            return None;
        }
    }
    let first = back.first().or(repeats.first()).copied()?;
    Some((series, first, back.len() + repeats.len(), !back.is_empty()))
}
