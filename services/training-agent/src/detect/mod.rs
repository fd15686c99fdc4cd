//! The detectors, one fault a file: each takes a run and says what it found, or why it could not tell.

mod batch_size_too_small;
mod boosting_overfit;
mod calibration;
mod checkpoint_not_best;
mod clipping_too_aggressive;
mod data_leakage;
mod dying_relu;
mod early_stopping_missed;
mod exploding_gradient;
mod exploding_loss;
mod frozen_layer;
mod gradient_noise;
mod input_not_normalized;
mod log_restart;
mod loss_metric_divergence;
mod loss_spike;
mod lr_plateau;
mod lr_schedule_misconfigured;
mod lr_too_high;
mod lr_too_low;
mod majority_class_collapse;
mod memorization;
mod metric_mismatch;
mod mismatch;
mod missing_validation;
mod nan_loss;
mod no_generalization;
mod not_learning;
mod oscillating_loss;
mod overfitting;
mod precision_overflow;
mod saturated_activation;
mod slow_convergence;
mod stalled_run;
mod state_not_restored;
mod stopped_too_early;
mod underfitting;
mod val_better_than_train;
mod vanishing_gradient;
mod xgb_early_stop_unset;

use std::collections::BTreeMap;

pub(crate) use calibration::calibrated;

use deepfix_model::{Finding, Severity};

use crate::{facts::Facts, run::Run};

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

/// What a detector is given: the run, facts that several need, and what the detectors before it found.
pub(crate) struct Case<'a> {
    pub(crate) run: &'a Run,
    pub(crate) limits: Limits<'a>,
    pub(crate) facts: Facts,
    found: BTreeMap<&'static str, Severity>,
}

impl<'a> Case<'a> {
    pub(crate) fn new(run: &'a Run, thresholds: &'a BTreeMap<String, f64>) -> Self {
        Self { run, limits: Limits(thresholds), facts: Facts::of(run), found: BTreeMap::new() }
    }

    /// Remembers what a detector found.
    pub(crate) fn keep(&mut self, code: &'static str, findings: &[Finding]) {
        if let Some(worst) = findings.iter().map(|f| f.severity).max() {
            self.found.insert(code, worst);
        }
    }

    fn fired(&self, code: &str) -> bool {
        self.found.contains_key(code)
    }

    /// A cause that explains a slow or stuck run by itself.
    fn other_cause(&self) -> bool {
        const CAUSES: [&str; 8] = [
            "dying_relu",
            "saturated_activation",
            "vanishing_gradient",
            "frozen_layer",
            "clipping_too_aggressive",
            "lr_schedule_misconfigured",
            "input_not_normalized",
            "batch_size_too_small",
        ];
        CAUSES.iter().any(|code| self.found.get(code).is_some_and(|severity| *severity > Severity::Low))
    }
}

type Detector = fn(&Case<'_>) -> Verdict;

/// Every detector by its code. Later ones read what earlier ones found, so that one cause gives one
/// finding.
pub(crate) const DETECTORS: &[(&str, Detector)] = &[
    ("nan_loss", nan_loss::detect),
    ("exploding_loss", exploding_loss::detect),
    ("oscillating_loss", oscillating_loss::detect),
    ("not_learning", not_learning::detect),
    ("dying_relu", dying_relu::detect),
    ("saturated_activation", saturated_activation::detect),
    ("vanishing_gradient", vanishing_gradient::detect),
    ("frozen_layer", frozen_layer::detect),
    ("input_not_normalized", input_not_normalized::detect),
    ("clipping_too_aggressive", clipping_too_aggressive::detect),
    ("batch_size_too_small", batch_size_too_small::detect),
    ("lr_schedule_misconfigured", lr_schedule_misconfigured::detect),
    ("slow_convergence", slow_convergence::detect),
    ("lr_too_low", lr_too_low::detect),
    ("lr_too_high", lr_too_high::detect),
    ("exploding_gradient", exploding_gradient::detect),
    ("log_restart", log_restart::detect),
    ("state_not_restored", state_not_restored::detect),
    ("loss_spike", loss_spike::detect),
    ("lr_plateau", lr_plateau::detect),
    ("gradient_noise", gradient_noise::detect),
    ("overfitting", overfitting::detect),
    ("early_stopping_missed", early_stopping_missed::detect),
    ("checkpoint_not_best", checkpoint_not_best::detect),
    ("majority_class_collapse", majority_class_collapse::detect),
    ("no_generalization", no_generalization::detect),
    ("loss_metric_divergence", loss_metric_divergence::detect),
    ("memorization", memorization::detect),
    ("underfitting", underfitting::detect),
    ("stopped_too_early", stopped_too_early::detect),
    ("val_better_than_train", val_better_than_train::detect),
    ("data_leakage", data_leakage::detect),
    ("missing_validation", missing_validation::detect),
    ("metric_mismatch", metric_mismatch::detect),
    ("stalled_run", stalled_run::detect),
    ("precision_overflow", precision_overflow::detect),
    ("xgb_early_stop_unset", xgb_early_stop_unset::detect),
    ("boosting_overfit", boosting_overfit::detect),
    ("artifact_mismatch", mismatch::detect),
];

/// Default thresholds; each origin is in the code's page under `knowledge/`.
pub(crate) const THRESHOLDS: &[(&str, f64)] = &[
    ("batch_size_too_small.rows", 2.0),
    ("batch_size_too_small.scatter", 0.10),
    ("boosting_overfit.rise", 0.05),
    ("checkpoint_not_best.rise", 0.14),
    ("clipping_too_aggressive.ratio", 5.0),
    ("clipping_too_aggressive.share", 0.95),
    ("data_leakage.epochs", 3.0),
    ("data_leakage.score", 0.98),
    ("dying_relu.share", 0.60),
    ("early_stopping_missed.rise", 0.14),
    ("exploding_gradient.rise", 100.0),
    ("exploding_loss.end", 3.0),
    ("exploding_loss.rise", 10.0),
    ("exploding_loss.val_rise", 30.0),
    ("gradient_noise.variation", 1.0),
    ("input_not_normalized.absmax", 30.0),
    ("input_not_normalized.level", 0.35),
    ("loss_metric_divergence.rise", 0.23),
    ("loss_spike.times", 3.0),
    ("lr_plateau.gain", 0.01),
    ("lr_schedule_misconfigured.budget", 0.15),
    ("lr_schedule_misconfigured.flat", 0.005),
    ("lr_schedule_misconfigured.level", 0.35),
    ("lr_schedule_misconfigured.share", 0.30),
    ("lr_too_high.dead", 30.0),
    ("lr_too_high.exploding", 3.0),
    ("lr_too_high.nan", 10.0),
    ("lr_too_high.oscillating", 8.0),
    ("lr_too_low.relative", 0.30),
    ("lr_too_low.travel", 0.12),
    ("lr_too_low.way", 0.50),
    ("majority_class_collapse.distance", 0.012),
    ("majority_class_collapse.imbalance", 0.60),
    ("memorization.gap", 0.10),
    ("memorization.train", 0.98),
    ("no_generalization.train_gain", 0.15),
    ("no_generalization.validation_gain", 0.02),
    ("not_learning.accuracy_gain", 0.03),
    ("not_learning.share_of_prior", 0.97),
    ("oscillating_loss.median", 0.07),
    ("oscillating_loss.swing", 0.15),
    ("oscillating_loss.turns", 0.45),
    ("oscillating_loss.validation", 1.67),
    ("overfitting.fall", 0.18),
    ("overfitting.rise", 0.18),
    ("precision_overflow.share", 0.01),
    ("saturated_activation.share", 0.60),
    ("slow_convergence.bend", 0.50),
    ("slow_convergence.fallen", 0.30),
    ("slow_convergence.rest", 0.70),
    ("slow_convergence.way", 0.70),
    ("stalled_run.seconds", 600.0),
    ("stalled_run.times", 10.0),
    ("state_not_restored.distance", 0.25),
    ("state_not_restored.rise", 0.70),
    ("stopped_too_early.level", 0.25),
    ("stopped_too_early.rate", 0.03),
    ("underfitting.gap", 1.35),
    ("underfitting.level", 0.40),
    ("underfitting.slope", 0.02),
    ("val_better_than_train.gap", 0.05),
    ("val_better_than_train.ratio", 0.80),
    ("val_better_than_train.share", 0.60),
    ("vanishing_gradient.ratio", 1e-3),
    ("vanishing_gradient.share_of_prior", 0.7),
    ("xgb_early_stop_unset.rise", 0.01),
];
