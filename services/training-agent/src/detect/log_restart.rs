//! `log_restart`: step or epoch goes backwards, or repeats, within one logged name: the log of a
//! resumed run holds two histories. A fact; no statistics.

use deepfix_model::{Evidence, Severity};

use super::{Limits, Verdict};
use crate::{
    log::{Quantity, Series},
    run::{Run, at_epoch, finding},
};

pub(super) fn detect(run: &Run, _: &Limits<'_>) -> Verdict {
    let series: Vec<&Series> =
        run.log.series.iter().filter(|s| !matches!(s.role.quantity, Quantity::Unknown) && s.points.len() >= 2).collect();
    if series.is_empty() || series.iter().all(|s| s.points.iter().all(|p| p.step.is_none() && p.epoch.is_none())) {
        return Verdict::needs("steps or epochs in the log");
    }
    let Some((series, index, repeats, backwards)) = series.iter().filter_map(|s| restart(s)).min_by_key(|r| r.1) else {
        return Verdict::Looked(series.len(), Vec::new());
    };
    let (before, after) = (series.points[index - 1], series.points[index]);
    let place = after.epoch.map_or_else(|| format!("step:{}", after.step.unwrap_or_default()), at_epoch);
    let show = |p: &crate::log::Point| {
        let part =
            |name: &str, v: Option<f64>| v.map_or_else(String::new, |v| format!("{name} {}", deepfix_model::fmt_number(v)));
        [part("epoch", p.epoch), part("step", p.step)].into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join(" ")
    };
    // A step that goes back is beyond doubt; a mere repeat may be a logger's double entry.
    let confidence =
        if backwards { 0.95 + 0.04 * (1.0 - 1.0 / repeats as f64) } else { 0.7 + 0.2 * (1.0 - 1.0 / repeats as f64) };
    Verdict::Looked(
        1,
        vec![
            finding("log_restart", place, Severity::Medium, (confidence * 100.0).round() / 100.0)
                .title(format!("the log goes back from {} to {}", show(&before), show(&after)))
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
    let mut places = Vec::new();
    let mut backwards = false;
    for (i, pair) in series.points.windows(2).enumerate() {
        let (a, b) = (pair[0], pair[1]);
        let back =
            matches!((a.step, b.step), (Some(x), Some(y)) if y < x) || matches!((a.epoch, b.epoch), (Some(x), Some(y)) if y < x);
        let repeat =
            a.step.is_some() && a.step == b.step && a.epoch == b.epoch && !matches!(series.role.quantity, Quantity::LearningRate);
        if back || repeat {
            places.push(i + 1);
            backwards |= back;
        }
    }
    places.first().map(|&first| (series, first, places.len(), backwards))
}
