//! Detectors over all tensors of a file, one fault a file. The per-tensor faults that one pass shows by
//! itself (values that are no number, equal rows, zero rows) are in `tensors.rs`.

mod dtypes;
mod duplicates;
mod gain;
mod header;
mod optimizer;
mod precision;
mod quantization;
mod rank;
mod shapes;
mod untrained;

use std::{collections::BTreeMap, sync::OnceLock};

use deepfix_artifact::checkpoint::{Checkpoint, Tensor};
use deepfix_model::{Finding, Severity};

use crate::{files::Files, summary::Summary};

/// A file whose tensors were looked at.
pub(crate) struct Weights<'a> {
    pub(crate) checkpoint: &'a Checkpoint,
    pub(crate) files: &'a Files,
    /// Floating tensors with what one pass over each told.
    pub(crate) seen: Vec<(&'a Tensor, Summary)>,
    thresholds: &'a BTreeMap<String, f64>,
    /// Tensors of equal bytes, compared once for the two detectors that ask.
    equal: OnceLock<duplicates::Groups<'a>>,
}

impl<'a> Weights<'a> {
    pub(crate) fn new(
        checkpoint: &'a Checkpoint,
        files: &'a Files,
        seen: Vec<(&'a Tensor, Summary)>,
        thresholds: &'a BTreeMap<String, f64>,
    ) -> Self {
        Self { checkpoint, files, seen, thresholds, equal: OnceLock::new() }
    }

    fn limit(&self, name: &str) -> f64 {
        self.thresholds.get(name).copied().unwrap_or_else(|| panic!("threshold {name} is not described"))
    }

    /// Tensors that are weights: optimizer state and its kin are none.
    fn weights(&self) -> impl Iterator<Item = &(&'a Tensor, Summary)> {
        self.seen.iter().filter(|(tensor, _)| !is_state(&tensor.name))
    }
}

/// State of an optimizer or an average of weights, by its name.
pub(crate) fn is_state(name: &str) -> bool {
    let name = name.to_lowercase();
    ["optimizer", "exp_avg", "momentum", "ema", "lr_scheduler"].iter().any(|part| name.contains(part))
}

/// How many subjects were looked at, and what was found.
type Looked = (usize, Vec<Finding>);

type Detector = fn(&Weights<'_>) -> Looked;

/// Every detector by its code.
pub(crate) const DETECTORS: [(&str, Detector); 11] = [
    ("exploding_weight_norm", gain::detect),
    ("untrained_layer", untrained::detect),
    ("duplicated_layers", duplicates::layers),
    ("tied_weights_duplicated", duplicates::tied),
    ("mixed_dtype", dtypes::detect),
    ("precision_loss", precision::detect),
    ("shape_config_mismatch", shapes::detect),
    ("oversized_header", header::detect),
    ("low_rank_collapse", rank::detect),
    ("missing_optimizer_state", optimizer::detect),
    ("quantization_mismatch", quantization::detect),
];

/// Default thresholds; each origin is in the code's page under `knowledge/`.
pub(crate) const THRESHOLDS: [(&str, f64); 11] = [
    ("duplicated_layers.elements", 1000.0),
    ("exploding_weight_norm.gain", 10.0),
    ("exploding_weight_norm.high", 100.0),
    ("exploding_weight_norm.times_median", 20.0),
    ("exploding_weight_norm.value", 1000.0),
    ("low_rank_collapse.directions", 2.0),
    ("low_rank_collapse.share", 0.10),
    ("oversized_header.bytes", 10_000_000.0),
    ("precision_loss.edge", 0.001),
    ("precision_loss.small", 0.10),
    ("untrained_layer.elements", 1000.0),
];

/// A finding about one layer.
fn about(code: &str, tensor: &Tensor, severity: Severity, confidence: f64) -> Finding {
    Finding::new(code, deepfix_model::ArtifactKind::Checkpoint, format!("layer:{}", tensor.name), severity, confidence)
        .bug(deepfix_model::BugType::Search)
}
