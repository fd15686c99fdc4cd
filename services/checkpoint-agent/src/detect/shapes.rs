//! `shape_config_mismatch`, from the file alone: a bias whose length is neither side of its matrix, or
//! running statistics of another size than their layer.

use std::collections::HashMap;

use deepfix_artifact::checkpoint::Tensor;
use deepfix_model::{Evidence, Severity};

use super::{Looked, Weights, about, is_state};

pub(super) fn detect(weights: &Weights<'_>) -> Looked {
    let by_name: HashMap<&str, &Tensor> =
        weights.checkpoint.tensors.iter().filter(|t| !is_state(&t.name)).map(|t| (t.name.as_str(), t)).collect();
    let mut looked = 0;
    let mut findings = Vec::new();
    for tensor in weights.checkpoint.tensors.iter().filter(|t| t.name.ends_with(".weight")) {
        let base = tensor.name.trim_end_matches("weight");
        for (part, ranks) in [("bias", 1..=2), ("running_mean", 1..=1), ("running_var", 1..=1)] {
            let Some(other) = by_name.get(format!("{base}{part}").as_str()) else { continue };
            // Fused and grouped kernels have shapes of their own.
            if !ranks.contains(&tensor.shape.len()) || other.shape.len() != 1 || is_state(&tensor.name) {
                continue;
            }
            looked += 1;
            // Some libraries store a matrix transposed: either side will do.
            if tensor.shape.contains(&other.shape[0]) {
                continue;
            }
            let subject = format!("layer:{}", tensor.name);
            findings.push(
                about("shape_config_mismatch", tensor, Severity::High, 0.95)
                    .title(format!("`{}` has {} values for a weight of shape {:?}", other.name, other.shape[0], tensor.shape))
                    .evidence(
                        Evidence::new("length", format!("layer:{}", other.name), other.shape[0])
                            .versus("in", format!("{:?}", tensor.shape))
                            .method("shapes as the file states them"),
                    )
                    .evidence(
                        Evidence::new("weight_shape", &subject, format!("{:?}", tensor.shape))
                            .method("shape as the file states it"),
                    )
                    .fix(
                        "find the code that resized one and not the other, and save again",
                        "loading fails, or broadcasts to something nobody meant",
                    )
                    .step("model.load_state_dict(state, strict=True) names every tensor that does not fit"),
            );
        }
    }
    (looked, findings)
}
