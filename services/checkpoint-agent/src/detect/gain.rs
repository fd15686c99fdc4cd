//! `exploding_weight_norm`: a matrix whose gain, the root mean square of its weights times the root of its
//! inputs, is far above what any initialisation gives and training keeps (0.33 to 2.7 in healthy networks
//! we measured), or far above the other matrices of the file; or single weights above a thousand.

use deepfix_model::{Evidence, Finding, Severity, above, fmt_number};

use super::{Looked, Weights, about};
use crate::tensors::{is_matrix_by_design, matrix};

pub(super) fn detect(weights: &Weights<'_>) -> Looked {
    let gains: Vec<_> = weights
        .weights()
        .filter(|(tensor, summary)| summary.bad() == 0 && !is_matrix_by_design(&tensor.name))
        .filter_map(|(tensor, summary)| {
            let (_, inputs) = matrix(tensor)?;
            let rms = summary.norm / (tensor.elements() as f64).sqrt();
            Some((*tensor, summary, rms * (inputs as f64).sqrt()))
        })
        .collect();
    let mut sorted: Vec<f64> = gains.iter().map(|g| g.2).collect();
    sorted.sort_by(f64::total_cmp);
    let median = sorted.get(sorted.len() / 2).copied().unwrap_or(1.0);
    let (limit, high) = (weights.limit("exploding_weight_norm.gain"), weights.limit("exploding_weight_norm.high"));
    let (times, value) = (weights.limit("exploding_weight_norm.times_median"), weights.limit("exploding_weight_norm.value"));
    let findings = gains
        .iter()
        .filter_map(|(tensor, summary, gain)| -> Option<Finding> {
            // With fewer than four matrices the median says little.
            let apart = gains.len() >= 4 && *gain >= times * median && *gain >= 0.5 * limit;
            if *gain < limit && !apart && summary.largest <= value {
                return None;
            }
            let strength = (gain / limit).max(summary.largest / value).max(if apart { gain / (times * median) } else { 0.0 });
            let severity = if *gain >= high { Severity::High } else { Severity::Medium };
            let subject = format!("layer:{}", tensor.name);
            Some(
                about("exploding_weight_norm", tensor, severity, above(strength, 1.0, 0.97))
                    .title(format!(
                        "`{}` has weights {} times as large as usual",
                        tensor.name,
                        fmt_number(gain / median.max(0.33))
                    ))
                    .evidence(
                        Evidence::new("gain", &subject, *gain)
                            .versus(if *gain >= limit { ">=" } else { "<" }, limit)
                            .method("root mean square of the weights times the root of a unit's inputs"),
                    )
                    .evidence(
                        Evidence::new("median_gain", "layers", median).method("the same, median over the matrices of the file"),
                    )
                    .evidence(
                        Evidence::new("largest_weight", &subject, summary.largest)
                            .versus(if summary.largest > value { ">" } else { "<=" }, value)
                            .method("largest magnitude"),
                    )
                    .fix(
                        "go back to a checkpoint before the weights grew, and lower the learning rate or clip gradients",
                        "outputs of this layer drown everything else, and the next step may overflow",
                    )
                    .step("plot this layer's norm over checkpoints: the step at which it leaves the others names the cause")
                    .step("weight decay of 0.01 keeps norms from drifting"),
            )
        })
        .collect();
    (gains.len(), findings)
}
