//! A run as detectors see it.

use deepfix_artifact::checkpoint::Checkpoint;
use deepfix_model::{ArtifactKind, BugType, Evidence, Finding, Severity};

use crate::{
    layers::LayerStats,
    log::{Curve, Log, Point, Quantity, Side},
    params::Params,
    stats::smooth,
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
    pub(crate) val_f1: Option<Curve>,
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
        let val_f1 = log
            .with(Side::Validation, Quantity::Metric)
            .find(|s| s.key.to_lowercase().contains("f1"))
            .map(crate::log::Series::per_epoch);
        let (mut train_loss, mut val_loss) = match (train_loss, val_loss) {
            (None, None) => (error(Side::Train), error(Side::Validation)),
            both => both,
        };
        comparable(&log, &mut train_loss, &mut val_loss);
        let (train_accuracy, val_accuracy) = as_shares(train_accuracy, val_accuracy);
        let (val_auc, val_f1) = as_shares(val_auc, val_f1);
        Self { params, layers: None, checkpoint: None, train_loss, val_loss, train_accuracy, val_accuracy, val_auc, val_f1, log }
    }

    /// Boosted trees: rounds instead of epochs, each of which adds a tree.
    pub(crate) fn is_boosting(&self) -> bool {
        const METRICS: [&str; 12] =
            ["logloss", "mlogloss", "error", "merror", "rmse", "mae", "auc", "aucpr", "map", "ndcg", "l1", "l2"];
        let ends =
            |key: &str| METRICS.iter().any(|m| key.to_lowercase().replace(['@', '-'], " ").split(' ').any(|w| w.ends_with(m)));
        self.log.format == "boosting evals_result" && self.log.series.iter().all(|s| ends(&s.key))
            || self.params.given(&["num_boost_round", "n_estimators", "booster", "num_leaves", "boosting_type"]).is_some()
    }

    /// Every point of the train loss that was logged most often.
    pub(crate) fn dense_points(&self) -> &[Point] {
        let losses = self.log.with(Side::Train, Quantity::Loss).filter(|s| s.role.plain);
        losses.max_by_key(|s| s.seen()).map_or(&[], |s| s.points())
    }

    /// The train loss, smoothed over so many values where it is that of single batches.
    pub(crate) fn smoothed_train(&self, window: usize) -> Option<Vec<f64>> {
        let train = self.train_loss.as_ref()?;
        Some(if train.sampled { smooth(&train.y, window) } else { train.y.clone() })
    }

    /// The scale of the loss, and whether it is the loss of guessing; else it is the first value logged.
    pub(crate) fn unit(&self) -> Option<(f64, bool)> {
        if let Some(prior) = self.prior_loss().filter(|p| *p > 0.0) {
            return Some((prior, true));
        }
        let curve = self.train_loss.as_ref().or(self.val_loss.as_ref())?;
        let first = curve.y.iter().copied().find(|v| v.is_finite())?;
        (first > 0.0).then_some((first, false))
    }

    /// A loss that is not finite, or ends at three times that of guessing: other rules make no sense then.
    pub(crate) fn diverged(&self) -> bool {
        let curves = [&self.train_loss, &self.val_loss];
        if curves.into_iter().flatten().any(|c| c.y.iter().any(|v| !v.is_finite())) {
            return true;
        }
        let last = self.train_loss.as_ref().and_then(Curve::last);
        matches!((self.unit(), last), (Some((unit, true)), Some(last)) if last > 3.0 * unit)
    }

    /// Stopped by its patience before the epochs that were planned.
    pub(crate) fn stopped_early(&self) -> bool {
        let logged = self.val_loss.as_ref().map_or(0, Curve::logged) as f64;
        self.params.early_stopping() == Some(true) && self.params.planned().is_some_and(|planned| logged < planned)
    }

    /// Begins from weights that were trained elsewhere.
    pub(crate) fn pretrained(&self) -> bool {
        const NAMES: [&str; 14] = [
            "pretrained",
            "from_pretrained",
            "pretrained_model_name_or_path",
            "finetune",
            "fine_tune",
            "finetuning",
            "finetune_from",
            "model_name_or_path",
            "_name_or_path",
            "peft_type",
            "lora_r",
            "base_model",
            "init_from",
            "init_checkpoint",
        ];
        // nanoGPT names where it begins: `scratch` is nowhere, `resume` is its own past.
        let nowhere =
            |name: &str| self.params.lower(&[name]).is_some_and(|v| matches!(v.as_str(), "scratch" | "random" | "resume"));
        NAMES.iter().any(|name| self.params.is_on(name) && !nowhere(name))
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

/// Scores between 0 and 1, also where they are logged in percent; what is neither is no such score.
fn as_shares(mut a: Option<Curve>, mut b: Option<Curve>) -> (Option<Curve>, Option<Curve>) {
    let top = [&a, &b].into_iter().flatten().flat_map(|c| &c.y).copied().filter(|v| v.is_finite()).fold(0.0, f64::max);
    if top > 100.0 {
        return (None, None);
    }
    if top > 1.5 {
        [&mut a, &mut b].into_iter().flatten().for_each(|curve| curve.y.iter_mut().for_each(|v| *v /= 100.0));
    }
    (a, b)
}

/// Gives both curves places of one kind: steps where both log them, else epochs, else shares of the run.
fn comparable(log: &Log, train: &mut Option<Curve>, val: &mut Option<Curve>) {
    let (Some(train), Some(val)) = (train, val) else { return };
    let points = |key: &str| log.series.iter().find(|s| s.key == key).map_or(&[][..], |s| s.points());
    let both = |has: fn(&Point) -> bool| [&train.key, &val.key].into_iter().all(|key| points(key).iter().all(has));
    if both(|p| p.step().is_some()) {
        return;
    }
    let epochs = both(|p| p.epoch().is_some());
    for curve in [train, val] {
        let last = (curve.x.len().max(2) - 1) as f64;
        curve.place = if epochs { curve.x.clone() } else { (0..curve.x.len()).map(|i| i as f64 / last).collect() };
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
        curve.logged(),
        curve.key
    ))
}

/// `epoch:12`, with whole epochs shown whole.
pub(crate) fn at_epoch(x: f64) -> String {
    format!("epoch:{}", deepfix_model::fmt_number(x))
}
