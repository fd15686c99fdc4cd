//! A run as detectors see it.

use deepfix_artifact::checkpoint::Checkpoint;
use deepfix_model::{ArtifactKind, BugType, Evidence, Finding, Severity};

use crate::{
    layers::LayerStats,
    log::{Curve, Log, Quantity, Side},
    params::Params,
};

/// A run: its log and what else was handed in.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) log: Log,
    pub(crate) params: Params,
    pub(crate) layers: Option<LayerStats>,
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) train_loss: Option<Curve>,
    pub(crate) val_loss: Option<Curve>,
    pub(crate) train_accuracy: Option<Curve>,
    pub(crate) val_accuracy: Option<Curve>,
    pub(crate) val_auc: Option<Curve>,
}

impl Run {
    pub(crate) fn new(log: Log, params: Params) -> Self {
        let curve = |side, quantity| log.curve(side, quantity);
        let (train_loss, val_loss) = (curve(Side::Train, Quantity::Loss), curve(Side::Validation, Quantity::Loss));
        // Boosted trees and regressions may log an error only; then that is the loss.
        let error = |side| {
            log.with(side, Quantity::Metric)
                .find(|s| s.role.direction == crate::log::Direction::Lower)
                .map(crate::log::Series::per_epoch)
        };
        let accuracy = |side| curve(side, Quantity::Accuracy).or_else(|| accuracy_of_error(&log, side));
        let (train_accuracy, val_accuracy) = (accuracy(Side::Train), accuracy(Side::Validation));
        let val_auc = curve(Side::Validation, Quantity::Auc);
        let (train_loss, val_loss) = match (train_loss, val_loss) {
            (None, None) => (error(Side::Train), error(Side::Validation)),
            both => both,
        };
        Self { params, layers: None, checkpoint: None, train_loss, val_loss, train_accuracy, val_accuracy, val_auc, log }
    }

    /// Loss of a model that knows only the labels' distribution, in the unit of the train loss.
    pub(crate) fn prior_loss(&self) -> Option<f64> {
        let prior = self.params.prior_loss()?;
        let key = self.train_loss.as_ref().map_or("", |c| c.key.as_str()).to_lowercase();
        if key.contains("mae") || key.contains("error") {
            return None;
        }
        Some(if key.contains("rmse") { prior.sqrt() } else { prior })
    }

    /// Where the train loss stands without learning: the prior when known, else its first values.
    pub(crate) fn start_level(&self) -> Option<f64> {
        let curve = self.train_loss.as_ref()?;
        let first: Vec<f64> = curve.y.iter().copied().filter(|v| v.is_finite()).take(3).collect();
        let first = first.iter().copied().fold(f64::INFINITY, f64::min);
        self.prior_loss().or(first.is_finite().then_some(first)).filter(|v| *v > 0.0)
    }
}

/// XGBoost and LightGBM log the error rate: accuracy is what is left of 1.
fn accuracy_of_error(log: &Log, side: Side) -> Option<Curve> {
    let series = log.with(side, Quantity::Metric).find(|s| {
        let name = s.key.to_lowercase();
        name.ends_with("merror") || name.ends_with("error") && !name.contains("squared") && !name.contains("absolute")
    })?;
    let mut curve = series.per_epoch();
    curve.y.iter_mut().for_each(|v| *v = 1.0 - *v);
    Some(curve)
}

/// A finding about the run's log.
pub(crate) fn finding(code: &str, subject: String, severity: Severity, confidence: f64) -> Finding {
    Finding::new(code, ArtifactKind::Metrics, subject, severity, confidence).bug(BugType::Search)
}

/// A fact read off a curve.
pub(crate) fn fact(measure: &str, curve: &Curve, value: f64, method: &str) -> Evidence {
    Evidence::new(measure, format!("series:{}", curve.key), value).method(method).source(format!(
        "{} values of {}",
        curve.len(),
        curve.key
    ))
}

/// `epoch:12`, with whole epochs shown whole.
pub(crate) fn at_epoch(x: f64) -> String {
    format!("epoch:{}", deepfix_model::fmt_number(x))
}
