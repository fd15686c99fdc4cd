//! `untrained_layer`: a layer still at its initialisation beside layers that were trained: a norm at
//! exactly one and zero, or a matrix distributed as the framework's default draws it, to the last detail
//! (bound, spread, mean, uniformity).

use deepfix_artifact::checkpoint::Tensor;
use deepfix_model::{Evidence, Finding, Severity, fmt_number};

use super::{Looked, Weights, about};
use crate::{
    summary::Summary,
    tensors::{for_each, matrix},
};

/// Kolmogorov-Smirnov distance times the root of n that chance exceeds once in a hundred (Smirnov 1948).
const KS: f64 = 1.63;
/// A norm of fewer channels may stand at one and zero by rounding.
const CHANNELS: usize = 16;

pub(super) fn detect(weights: &Weights<'_>) -> Looked {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
    let least = weights.limit("untrained_layer.elements") as usize;
    let matrices: Vec<&(&Tensor, Summary)> =
        weights.weights().filter(|(t, s)| s.bad() == 0 && matrix(t).is_some() && t.elements() >= least).collect();
    let mut fresh: Vec<(&Tensor, Finding)> = Vec::new();
    for (tensor, summary) in matrices.iter().copied() {
        if let Some(finding) = as_drawn(weights, tensor, summary) {
            fresh.push((tensor, finding));
        }
    }
    // Every matrix as drawn: the whole model was never trained, which is one finding.
    let all = !matrices.is_empty() && fresh.len() == matrices.len();
    let norms = norms(weights);
    let looked = matrices.len() + norms.len();
    if all {
        let first = fresh.swap_remove(0);
        let matrices = matrices.len();
        return (
            looked,
            vec![
                first.1.title(format!("all {matrices} matrices of the model are as they were initialised: it was never trained")),
            ],
        );
    }
    // A norm at its start proves nothing in a model of which nothing else is known to be trained.
    let trained = matrices.len() > fresh.len();
    let untouched = norms.into_iter().filter(|_| trained).flatten();
    (looked, fresh.into_iter().map(|f| f.1).chain(untouched).collect())
}

fn advise(finding: Finding) -> Finding {
    finding
        .fix(
            "hand this layer's parameters to the optimizer, and check that gradients reach it",
            "it holds what was drawn at random, not what was learnt",
        )
        .step("load the weights with strict=True: without it, names that do not match are left at their start in silence")
        .step("compare with the pretrained file this model should have begun from")
}

/// Against PyTorch's default for linear and convolution layers: uniform within one over the root of the
/// inputs.
fn as_drawn(weights: &Weights<'_>, tensor: &Tensor, summary: &Summary) -> Option<Finding> {
    let n = tensor.elements() as f64;
    let (_, inputs) = matrix(tensor)?;
    let bound = 1.0 / (inputs as f64).sqrt();
    let spread = bound / 3.0_f64.sqrt();
    let mean = summary.sum / n;
    let std = (summary.norm * summary.norm / n - mean * mean).max(0.0).sqrt();
    let tolerance = if n >= 10_000.0 { 0.02 } else { 0.05 };
    let plausible = summary.largest <= bound * (1.0 + 1e-4)
        && summary.largest >= 0.98 * bound
        && (std / spread - 1.0).abs() <= tolerance
        && mean.abs() <= 3.0 * spread / n.sqrt();
    if !plausible {
        return None;
    }
    let mut values = Vec::with_capacity(tensor.elements());
    for_each(tensor, weights.files, |_, v| values.push(v));
    values.sort_by(f64::total_cmp);
    let distance = values
        .iter()
        .enumerate()
        .map(|(i, v)| {
            let expected = ((v / bound + 1.0) / 2.0).clamp(0.0, 1.0);
            (expected - i as f64 / n).abs().max(((i + 1) as f64 / n - expected).abs())
        })
        .fold(0.0, f64::max);
    if distance >= KS / n.sqrt() {
        return None;
    }
    let subject = format!("layer:{}", tensor.name);
    Some(advise(
        about("untrained_layer", tensor, Severity::High, 0.93)
            .title(format!("`{}` is as PyTorch initialises it: it was not trained", tensor.name))
            .evidence(
                Evidence::new("largest_over_bound", &subject, summary.largest / bound)
                    .versus("<=", 1.0)
                    .method("largest magnitude over 1 / sqrt(inputs), the bound of the default initialisation"),
            )
            .evidence(
                Evidence::new("std_over_expected", &subject, std / spread).method(format!(
                    "standard deviation over that of a uniform draw; within {} %",
                    fmt_number(tolerance * 100.0)
                )),
            )
            .evidence(
                Evidence::new("ks_to_uniform", &subject, distance)
                    .versus("<", KS / n.sqrt())
                    .method("Kolmogorov-Smirnov distance to the uniform distribution, against its 1 % point")
                    .source(format!("{} weights", tensor.elements())),
            ),
    ))
}

/// Norm layers: for each the finding, when its weights are all one and its biases all zero.
fn norms(weights: &Weights<'_>) -> Vec<Option<Finding>> {
    let all: Vec<&(&Tensor, Summary)> = weights.weights().collect();
    all.iter()
        .filter(|(t, _)| t.shape.len() == 1 && t.shape[0] >= CHANNELS && t.name.ends_with("weight"))
        .filter_map(|(tensor, summary)| {
            let bias_name = format!("{}bias", tensor.name.strip_suffix("weight")?);
            let (bias, bias_summary) = all.iter().find(|(t, _)| t.name == bias_name && t.shape == tensor.shape)?;
            let ones = summary.smallest == 1.0 && summary.highest == 1.0 && summary.bad() == 0;
            let zeros = bias_summary.largest == 0.0 && bias_summary.bad() == 0;
            Some((ones && zeros).then(|| {
                advise(
                    about("untrained_layer", tensor, Severity::Medium, 0.95)
                        .title(format!("`{}` is exactly one and its bias exactly zero: no step has moved it", tensor.name))
                        .evidence(
                            Evidence::new("weights_equal_to_one", format!("layer:{}", tensor.name), tensor.shape[0])
                                .versus("==", tensor.shape[0] as f64)
                                .unit("channels")
                                .method("every element read"),
                        )
                        .evidence(
                            Evidence::new("biases_equal_to_zero", format!("layer:{}", bias.name), bias.shape[0])
                                .versus("==", bias.shape[0] as f64)
                                .unit("channels")
                                .method("every element read"),
                        ),
                )
            }))
        })
        .collect()
}
