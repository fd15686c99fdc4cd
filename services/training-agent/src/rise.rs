//! Where the validation loss turned, how far it rose since, and whether that is more than noise.

use crate::{
    run::Run,
    stats::{is_finite, mean, median, median_smooth, noise, smallest, tail},
};

/// The facts of a validation curve with a lowest point above zero.
#[derive(Debug)]
pub(crate) struct Rise {
    pub(crate) epochs: usize,
    /// Index of the lowest value.
    pub(crate) best: usize,
    pub(crate) lowest: f64,
    /// End over the lowest value, minus 1; the end is the last value or a robust end, whichever is higher.
    pub(crate) rise: f64,
    /// The same on a curve smoothed by a running median.
    smooth_rise: f64,
    /// Standard deviation of the noise of the logarithm.
    pub(crate) noise: f64,
    /// 1 minus the train loss at the end over that at the lowest point.
    pub(crate) fall: Option<f64>,
    /// The rise is at least 2 % of the loss's own scale: a loss near zero doubles for nothing.
    material: bool,
    /// Mean sign of all pairs after the lowest point: 1 rises steadily.
    pub(crate) trend: f64,
}

impl Rise {
    /// `None` when the curve holds what is not finite, or does not stay above zero at its lowest.
    pub(crate) fn of(run: &Run) -> Option<Self> {
        let val = run.val_loss.as_ref()?;
        if val.y.len() < 2 || !is_finite(&val.y) {
            return None;
        }
        let y = logs_of_perplexity(&val.key, &val.y);
        let best = val.lowest()?;
        let lowest = y[best];
        if lowest <= 0.0 {
            return None;
        }
        let n = y.len();
        let robust = median(tail(&y, 10)).max(y[n - 1].min(y[n - 2]));
        let window = if n < 8 {
            1
        } else if n < 30 {
            3
        } else {
            5
        };
        let smoothed = median_smooth(&y, window);
        let end = if n < 8 { y[n - 1] } else { median(&y[n - (n / 5).max(2)..]) };
        let logs: Vec<f64> = y.iter().map(|v| v.ln()).collect();
        let fall = run.train_loss.as_ref().filter(|t| !t.y.is_empty()).and_then(|train| {
            let y = logs_of_perplexity(&train.key, &run.smoothed_train(5)?);
            let at = train.place.iter().rposition(|p| *p <= val.place[best]).unwrap_or(0);
            (y[at] > 0.0).then(|| 1.0 - mean(tail(&y, 10)) / y[at])
        });
        Some(Self {
            epochs: n,
            best,
            lowest,
            rise: (robust / lowest).max(y[n - 1] / lowest) - 1.0,
            smooth_rise: end / smallest(&smoothed) - 1.0,
            noise: noise(&logs),
            material: run.unit().is_none_or(|(unit, _)| (robust.max(y[n - 1]) - lowest) >= 0.02 * unit),
            fall,
            trend: trend(&y[best..]),
        })
    }

    /// Whether the smoothed curve rose too, by six tenths of the limit and twice the noise: no lucky
    /// lowest value and no bad last one.
    pub(crate) fn is_real(&self, limit: f64) -> bool {
        self.material && self.smooth_rise.ln_1p() >= (0.6 * limit).ln_1p().max(2.0 * self.noise)
    }

    /// The rise of the smoothed curve.
    pub(crate) fn smoothed(&self) -> f64 {
        self.smooth_rise
    }
}

/// Perplexity is the exponential of a loss: its logarithm is what compares.
pub(crate) fn logs_of_perplexity(key: &str, y: &[f64]) -> Vec<f64> {
    if is_perplexity(key) && y.iter().all(|v| *v > 0.0) { y.iter().map(|v| v.ln()).collect() } else { y.to_vec() }
}

pub(crate) fn is_perplexity(key: &str) -> bool {
    let key = key.to_lowercase();
    key.contains("ppl") || key.contains("perplexity")
}

fn trend(after: &[f64]) -> f64 {
    let step = (after.len() / 150).max(1);
    let (mut sum, mut pairs) = (0.0, 0.0);
    for i in (0..after.len()).step_by(step) {
        for j in (i + 1..after.len()).step_by(step) {
            sum += (after[j] - after[i]).partial_cmp(&0.0).map_or(0.0, |o| f64::from(o as i8));
            pairs += 1.0;
        }
    }
    if pairs > 0.0 { sum / pairs } else { 0.0 }
}

/// A rise in words; beyond tenfold a percentage says nothing.
pub(crate) fn percent(rise: f64) -> String {
    if rise > 10.0 { "more than 1,000 %".to_owned() } else { format!("{:.0} %", rise * 100.0) }
}
