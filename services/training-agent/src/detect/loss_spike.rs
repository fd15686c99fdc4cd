//! `loss_spike`: an isolated jump of a logged train loss to three times its surroundings that comes back.
//! Worth knowing, rarely worth acting on: always low.

use deepfix_model::{Evidence, Severity, above, fmt_number};

use super::{Case, Verdict};
use crate::{
    run::finding,
    stats::{median, smallest},
};

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let facts = &case.facts;
    let points = case.run.dense_points();
    let y: Vec<f64> = points.iter().map(|p| p.value).collect();
    if y.len() < 40 {
        return Verdict::needs("forty logged train losses");
    }
    let explained = facts.nan
        || case.fired("exploding_loss")
        || case.fired("oscillating_loss")
        || facts.update_rows.is_some_and(|r| r <= 2.0);
    if explained || smallest(&y) <= 0.0 {
        return Verdict::sound();
    }
    let limit = case.limits.get("loss_spike.times");
    let start = facts.start.unwrap_or(y[0]);
    let warm = (y.len() / 20).max(10);
    let spikes: Vec<(usize, f64)> = (warm..y.len() - 3)
        .filter_map(|i| {
            let (before, after) = (&y[i.saturating_sub(10)..i], &y[i + 1..(i + 11).min(y.len())]);
            // Where most neighbours are above a third of the value, so is their median.
            let near = before.iter().chain(after).filter(|v| **v * limit > y[i]).count();
            if 2 * near > before.len() + after.len() {
                return None;
            }
            let around: Vec<f64> = before.iter().chain(after).copied().collect();
            let level = median(&around);
            if y[i] < limit * level || y[i] - level < 0.25 * start {
                return None;
            }
            let scatter = 1.4826 * median(&around.iter().map(|v| (v - level).abs()).collect::<Vec<_>>());
            let later = &y[i + 1..(i + 1 + (y.len() / 10).max(3)).min(y.len())];
            let recovers = later.iter().any(|v| *v <= 1.2 * median(before));
            (y[i] - level >= 8.0 * scatter && recovers).then(|| (i, y[i] / level))
        })
        .collect();
    let Some(&(at, times)) = spikes.iter().max_by(|a, b| a.1.total_cmp(&b.1)) else { return Verdict::sound() };
    let point = points[at];
    let subject = point.step().map_or_else(|| format!("value:{at}"), |step| format!("step:{}", fmt_number(step)));
    Verdict::found(
        finding("loss_spike", subject, Severity::Low, above(times, limit, 0.9))
            .title(format!("the train loss jumps to {} times its surroundings and comes back", fmt_number(times)))
            .evidence(
                Evidence::new("spike", "loss", times)
                    .versus(">=", limit)
                    .method("value over the median of the ten before and after"),
            )
            .evidence(Evidence::new("spikes", "loss", spikes.len()).unit("spikes").method("such values in the log"))
            .fix("look at the batch of that step, and clip the gradient norm", "one batch of broken rows is enough")
            .step(case.facts.clip_step("so that such a batch cannot throw the weights far"))
            .step("log the rows of batches whose loss is three times the running mean"),
    )
}
