//! The detectors, one fault a file: each takes a run and says what it found, or why it could not tell.

mod checkpoint_not_best;
mod data_leakage;
mod dying_relu;
mod early_stopping_missed;
mod exploding_loss;
mod log_restart;
mod mismatch;
mod nan_loss;
mod not_learning;
mod oscillating_loss;
mod overfitting;
mod vanishing_gradient;

use std::collections::BTreeMap;

use deepfix_model::Finding;

use crate::run::Run;

/// What a detector says.
pub(crate) enum Verdict {
    /// It looked at so many subjects and found these faults.
    Looked(usize, Vec<Finding>),
    /// What it would need.
    CannotTell(String),
}

impl Verdict {
    fn sound() -> Self {
        Self::Looked(1, Vec::new())
    }

    fn found(finding: Finding) -> Self {
        Self::Looked(1, vec![finding])
    }

    fn needs(what: &str) -> Self {
        Self::CannotTell(format!("needs {what}"))
    }
}

/// Thresholds in force.
pub(crate) struct Limits<'a>(pub(crate) &'a BTreeMap<String, f64>);

impl Limits<'_> {
    fn get(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or_else(|| panic!("threshold {name} is not described"))
    }
}

type Detector = fn(&Run, &Limits<'_>) -> Verdict;

/// Every detector by its code.
pub(crate) const DETECTORS: &[(&str, Detector)] = &[
    ("nan_loss", nan_loss::detect),
    ("exploding_loss", exploding_loss::detect),
    ("not_learning", not_learning::detect),
    ("overfitting", overfitting::detect),
    ("early_stopping_missed", early_stopping_missed::detect),
    ("oscillating_loss", oscillating_loss::detect),
    ("data_leakage", data_leakage::detect),
    ("log_restart", log_restart::detect),
    ("dying_relu", dying_relu::detect),
    ("vanishing_gradient", vanishing_gradient::detect),
    ("checkpoint_not_best", checkpoint_not_best::detect),
    ("artifact_mismatch", mismatch::detect),
];

/// Default thresholds; each origin is in the code's page under `knowledge/`.
pub(crate) const THRESHOLDS: &[(&str, f64)] = &[
    ("checkpoint_not_best.rise", 0.15),
    ("data_leakage.epochs", 3.0),
    ("data_leakage.score", 0.98),
    ("dying_relu.share", 0.60),
    ("early_stopping_missed.rise", 0.15),
    ("exploding_loss.end", 3.0),
    ("exploding_loss.rise", 10.0),
    ("exploding_loss.val_rise", 30.0),
    ("not_learning.accuracy_gain", 0.03),
    ("not_learning.share_of_prior", 0.97),
    ("oscillating_loss.swing", 0.15),
    ("oscillating_loss.turns", 0.45),
    ("overfitting.fall", 0.20),
    ("overfitting.rise", 0.20),
    ("vanishing_gradient.ratio", 1e-3),
    ("vanishing_gradient.share_of_prior", 0.7),
];
