//! `vanishing_gradient`: over the first half of training the first layer's gradient is, in the
//! median, less than a thousandth of the last layer's, while the loss stays near where it began.

use std::collections::HashSet;

use deepfix_model::{ArtifactKind, BugType, Evidence, Finding, Severity, below};

use super::{Case, Verdict};
use crate::{
    layers::LayerStats,
    stats::{finite, smallest, smooth},
};

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let (run, limits) = (case.run, &case.limits);
    let Some(layers) = &run.layers else { return Verdict::needs("layer statistics (--layer-stats)") };
    let Some((first, last, ratio, epochs)) = median_ratio(layers) else {
        return Verdict::needs("gradient norms of two weight layers");
    };
    let limit = limits.get("vanishing_gradient.ratio");
    let (Some(start), Some(curve)) = (run.start_level(), &run.train_loss) else { return Verdict::needs("a train loss") };
    let y = finite(&case.facts.y);
    let lowest = smallest(&smooth(&y, if case.facts.sampled { 5 } else { 1 }));
    let share = limits.get("vanishing_gradient.share_of_prior");
    // Exactly 0 is dead or cut off, not faded; after NaN nothing is a gradient.
    if ratio >= limit || ratio == 0.0 || case.facts.nan || lowest <= share * start {
        return Verdict::sound();
    }
    let subject = format!("layer:{first}");
    Verdict::found(
        Finding::new(
            "vanishing_gradient",
            ArtifactKind::LayerStats,
            &subject,
            Severity::High,
            below(ratio, limit, 1.0 - 0.2 / epochs as f64),
        )
        .title(format!("`{first}` gets {} of the gradient that `{last}` gets", deepfix_model::fmt_number(ratio)))
        .bug(BugType::Search)
        .evidence(
            Evidence::new("gradient_ratio", &subject, ratio)
                .versus("<", limit)
                .method(
                    "gradient norm of the first weight layer over the last's (the least above zero where it rounds to zero), median over the first half of the epochs logged",
                )
                .source(format!("layer_stats, {epochs} epochs")),
        )
        .evidence(
            Evidence::new("lowest_over_start", format!("series:{}", curve.key), lowest / start)
                .versus(">", share)
                .method("lowest epoch loss over the loss of guessing (or the first values)"),
        )
        .fix(
            "use ReLU with He initialisation, and residual connections or normalisation between layers",
            "the first layers stay as they were initialised, so the network is no deeper than its last ones",
        )
        .step("start with fewer layers; add them back one by one")
        .step("plot gradient norms by layer after one batch"),
    )
}

fn median_ratio(layers: &LayerStats) -> Option<(String, String, f64, usize)> {
    let epochs = layers.epochs();
    let half = &epochs[..epochs.len().div_ceil(2)];
    let weights: HashSet<&str> = layers.weight_layers().into_iter().collect();
    let mut ratios = Vec::new();
    let mut names = None;
    for epoch in half {
        let norms: Vec<(&str, f64)> = layers
            .weights_at(*epoch)
            .filter(|r| weights.contains(r.layer.as_str()))
            .filter_map(|r| Some((r.layer.as_str(), layers.cell(r, "grad_norm")?)))
            .collect();
        let (Some((first, a)), Some((last, b))) = (norms.first(), norms.last()) else { continue };
        if norms.len() < 2 || !(a.is_finite() && *b > 0.0) {
            continue;
        }
        names = Some(((*first).to_owned(), (*last).to_owned()));
        ratios.push(if *a > 0.0 { a / b } else { faded(&norms).map_or(0.0, |least| least / b) });
    }
    ratios.sort_by(f64::total_cmp);
    let (first, last) = names?;
    Some((first, last, ratios[ratios.len() / 2], ratios.len()))
}

/// The least gradient above zero, where gradients fade from the last layer down until they round to
/// zero. A layer that is dead or cut off stops them at once instead.
fn faded(norms: &[(&str, f64)]) -> Option<f64> {
    let seen: Vec<f64> = norms.iter().map(|(_, norm)| *norm).skip_while(|norm| *norm == 0.0).collect();
    let fades = seen.len() >= 3 && seen.windows(2).all(|w| w[0] < w[1]);
    seen.first().copied().filter(|_| fades)
}
