//! `exploding_gradient`: the gradient norm grows to a hundred times the median of its first ten values while training is
//! impaired, or a network starts at a hundred times the usual because of its initial weights.

use deepfix_model::{ArtifactKind, BugType, Evidence, Finding, Severity, above, fmt_number};

use super::{Case, Verdict};
use crate::stats::{finite, largest, median};

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let (run, facts) = (case.run, &case.facts);
    let rise = case.limits.get("exploding_gradient.rise");
    let layer_norms: Vec<f64> =
        run.layers.iter().flat_map(|layers| layers.weights().filter_map(|row| layers.cell(row, "grad_norm"))).collect();
    if facts.norms.is_empty() && layer_norms.is_empty() {
        return Verdict::needs("grad_norm in the log or in layer statistics");
    }
    // Gradients scale with the loss.
    let scale = facts.start.unwrap_or(1.0).max(1.0);
    let (exploded, stuck) = (case.fired("exploding_loss"), case.fired("not_learning"));
    let impaired = facts.nan || exploded || stuck || case.fired("oscillating_loss") || case.fired("lr_too_high");
    let peak_of = |norms: &[f64]| if norms.iter().any(|v| v.is_infinite()) { f64::INFINITY } else { largest(&finite(norms)) };
    let usual = finite(&facts.norms);
    // Sparse logs begin after the blow-up, so their first values are no measure of calm.
    let calm = median(&usual[..usual.len().min(10)]).min(10.0 * scale);
    let calm = if calm.is_nan() { scale } else { calm.max(1e-300) };
    let peak = peak_of(&facts.norms);
    let first_loss = finite(&facts.y).first().copied();
    let (ratio, measured, over, how) = if impaired && !facts.norms.is_empty() && peak >= rise && peak >= rise * calm {
        (peak / calm, peak, calm, "largest gradient norm over the median of the first ten logged")
    } else if !layer_norms.is_empty()
        && (facts.nan || exploded || facts.odd_init && stuck)
        && peak_of(&layer_norms) >= rise * scale
    {
        let peak = peak_of(&layer_norms);
        (peak / scale, peak, scale, "largest gradient norm of a layer over the starting level of the loss (at least 1)")
    } else if let (true, Some(prior), Some(first)) = (facts.odd_init, facts.prior, first_loss)
        && first >= rise * prior
    {
        (first / prior, first, prior, "loss of the first epoch over that of guessing; the initial weights are of an unusual kind")
    } else {
        return Verdict::sound();
    };
    let title = if how.starts_with("loss") {
        format!("the run starts at {} times the loss of guessing: its initial weights are too large", fmt_number(ratio))
    } else {
        format!("gradients grow {} times beyond their usual size", fmt_number(ratio))
    };
    let kind = if facts.norms.is_empty() { ArtifactKind::LayerStats } else { ArtifactKind::Metrics };
    let finding = Finding::new("exploding_gradient", kind, "gradient", Severity::High, above(ratio, rise, 0.95))
        .title(title)
        .bug(BugType::Search)
        .evidence(Evidence::new("gradient_rise", "gradient", ratio).versus(">=", rise).method(how))
        .evidence(Evidence::new("peak", "gradient", measured).method("the larger of the two"))
        .evidence(Evidence::new("usual", "gradient", over).method("the smaller of the two"));
    let quartile = {
        let mut sorted = usual.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() * 3 / 4).copied().filter(|v| *v > 0.0 && usual.len() >= 10)
    };
    let clip = quartile.map_or(1.0, |q| q.min(10.0 * scale));
    Verdict::found(
        finding
            .fix(
                format!("clip the gradient norm at {}", fmt_number(clip)),
                "one step along such a gradient throws the weights further than all steps before",
            )
            .step(format!("torch.nn.utils.clip_grad_norm_(model.parameters(), {})", fmt_number(clip)))
            .step("initialise by He or Xavier, and normalise between layers")
            .step("halve the learning rate if the norm still climbs before it is clipped"),
    )
}
