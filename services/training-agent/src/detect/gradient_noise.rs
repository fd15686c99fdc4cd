//! `gradient_noise`: gradient norms vary by as much as their mean over at least half of the run: the batch
//! is too small to point anywhere. Medium only where the batch is small.

use deepfix_model::{Evidence, Severity, above, fmt_number};

use super::{Case, Verdict};
use crate::{
    run::finding,
    stats::{finite, largest, mean, median, median_smooth},
};

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let facts = &case.facts;
    let norms = finite(&facts.norms);
    if norms.len() < 200 {
        return Verdict::needs("two hundred logged gradient norms");
    }
    if facts.clip.is_some_and(|clip| largest(&norms) <= 1.01 * clip) {
        return Verdict::needs("gradient norms from before clipping");
    }
    if facts.nan || case.fired("exploding_loss") {
        return Verdict::sound();
    }
    let norms = &norms[norms.len() / 10..];
    // Many values are thinned: a running median of 51 over a million of them is no better for it.
    let step = norms.len().div_ceil(20_000).max(1);
    let thinned: Vec<f64> = norms.iter().step_by(step).copied().collect();
    let level = median_smooth(&thinned, 51);
    let scaled: Vec<f64> = thinned.iter().zip(&level).map(|(g, m)| g / m.max(1e-300)).filter(|z| *z <= 10.0).collect();
    let variation: Vec<f64> = scaled
        .chunks_exact(50)
        .map(|window| {
            let m = mean(window);
            (window.iter().map(|z| (z - m).powi(2)).sum::<f64>() / 50.0).sqrt() / m
        })
        .collect();
    let limit = case.limits.get("gradient_noise.variation");
    let share = variation.iter().filter(|cv| **cv >= limit).count() as f64 / variation.len().max(1) as f64;
    if share < 0.5 || variation.is_empty() {
        return Verdict::sound();
    }
    let typical = median(&variation);
    let severity = if facts.batch.is_some_and(|b| b < 16.0) { Severity::Medium } else { Severity::Low };
    let advice = facts.update_rows.map_or_else(
        || "enlarge the batch, or accumulate gradients".to_owned(),
        |rows| {
            format!(
                "enlarge the batch from {} to about {} rows",
                fmt_number(rows),
                fmt_number((rows * typical * typical * 4.0).ceil())
            )
        },
    );
    Verdict::found(
        finding("gradient_noise", "gradient".to_owned(), severity, above(typical, 0.9 * limit, 0.85))
            .title("gradient norms vary by as much as their mean: noise outweighs direction")
            .evidence(
                Evidence::new("variation", "gradient", typical)
                    .versus(">=", limit)
                    .method("standard deviation over mean of the norm over its running median of 51, in windows of 50; median"),
            )
            .evidence(
                Evidence::new("noisy_share", "gradient", share)
                    .versus(">=", 0.5)
                    .unit("share of windows")
                    .method("windows at or above the limit"),
            )
            .fix(advice, "the noise of a mean falls with the root of its rows: four times the rows halve it")
            .step("accumulate_grad_batches reaches the same without more memory"),
    )
}
