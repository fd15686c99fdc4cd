//! Training logs of several tools as one shape: named series of points, and what each name means.

mod csv;
mod events;
mod json;
mod read;
mod roles;
mod text;

use std::collections::{HashMap, HashSet};

pub(crate) use read::{number, read};
pub(crate) use roles::{Direction, Quantity, Role, Side, snake};

/// One logged value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    pub(crate) step: Option<f64>,
    pub(crate) epoch: Option<f64>,
    /// Seconds, from whatever beginning.
    pub(crate) time: Option<f64>,
    pub(crate) value: f64,
}

/// Values logged under one name, in the order they were written.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) key: String,
    pub(crate) role: Role,
    pub(crate) points: Vec<Point>,
}

/// A run's log.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// Name of the format found.
    pub(crate) format: &'static str,
    pub(crate) series: Vec<Series>,
    /// Where each name's series is.
    index: HashMap<String, usize>,
}

/// A series with one value per epoch.
#[derive(Debug, Clone, Default)]
pub(crate) struct Curve {
    pub(crate) key: String,
    /// Position: the epoch, or the count when epochs are not logged.
    pub(crate) x: Vec<f64>,
    /// Place in the run, comparable between curves: the step where logged, else the epoch.
    pub(crate) place: Vec<f64>,
    pub(crate) y: Vec<f64>,
    /// The values are those of single batches now and then, not means over epochs: noisy.
    pub(crate) sampled: bool,
}

impl Log {
    pub(crate) fn push(&mut self, key: &str, point: Point) {
        if let Some(&at) = self.index.get(key) {
            self.series[at].points.push(point);
            return;
        }
        let Some(name) = own_name(key) else { return };
        self.index.insert(key.to_owned(), self.series.len());
        self.series.push(Series { key: name.to_owned(), role: Role::of(name), points: vec![point] });
    }

    /// Long formats log the epoch as a metric of its own: its points then say which epoch a step is of.
    pub(crate) fn adopt_epochs(&mut self) {
        let Some(at) = self.series.iter().position(|s| s.key.eq_ignore_ascii_case("epoch")) else { return };
        let mut epochs: Vec<(f64, f64)> = self.series[at].points.iter().filter_map(|p| Some((p.step?, p.value))).collect();
        epochs.retain(|(_, epoch)| epoch.is_finite());
        if epochs.is_empty() || self.series.iter().flat_map(|s| &s.points).any(|p| p.epoch.is_some()) {
            return;
        }
        epochs.sort_by(|a, b| a.0.total_cmp(&b.0));
        // Nothing is pushed after this.
        self.index.clear();
        self.series.remove(at);
        for point in self.series.iter_mut().flat_map(|s| &mut s.points) {
            let Some(step) = point.step else { continue };
            let next = epochs.partition_point(|(known, _)| *known < step);
            point.epoch = epochs.get(next).or(epochs.last()).map(|(_, epoch)| epoch.floor());
        }
    }

    /// Takes out NaN that stands for an empty cell: an export writes it where another column has its
    /// value, so it alternates with numbers to the end.
    pub(crate) fn drop_empty_cells(&mut self) {
        for series in &mut self.series {
            let bad: Vec<bool> = series.points.iter().map(|p| p.value.is_nan()).collect();
            let count = bad.iter().filter(|b| **b).count();
            if count == 0 || count == bad.len() || series.points.iter().any(|p| p.value.is_infinite()) {
                continue;
            }
            let changes = bad.windows(2).filter(|w| w[0] != w[1]).count();
            let trailing = bad.iter().rev().take_while(|b| **b).count();
            if changes >= 4 && 10 * count >= 3 * bad.len() && trailing <= 2 * bad.len() / changes + 1 {
                series.points.retain(|p| !p.value.is_nan());
            }
        }
    }

    pub(crate) fn points(&self) -> usize {
        self.series.iter().map(|s| s.points.len()).sum()
    }

    /// Series with a role, as logged.
    pub(crate) fn with(&self, side: Side, quantity: Quantity) -> impl Iterator<Item = &Series> {
        self.series.iter().filter(move |s| s.role.side == side && s.role.quantity == quantity)
    }

    /// The main curve of a role, one value per epoch: the name that says so, else the one with most
    /// points, averaged within epochs.
    pub(crate) fn curve(&self, side: Side, quantity: Quantity) -> Option<Curve> {
        let best = self.with(side, quantity).max_by_key(|s| {
            let role = s.role;
            (role.plain, role.explicit, role.per_epoch, !role.per_step, s.points.len(), std::cmp::Reverse(s.key.clone()))
        })?;
        let mut curve = best.per_epoch();
        curve.sampled = side == Side::Train && self.is_sampled(best);
        Some(curve)
    }

    /// Whether a training series holds batch values: where steps are logged, it is not logged once
    /// at the end of each epoch, as means and validation are, and is not dense either.
    fn is_sampled(&self, series: &Series) -> bool {
        if series.role.per_epoch || series.points.iter().any(|p| p.step.is_none()) {
            return false;
        }
        let once_per_epoch = |s: &&Series| {
            let mut epochs: Vec<u64> = s.points.iter().filter_map(|p| p.epoch.map(f64::to_bits)).collect();
            epochs.dedup();
            s.key != series.key
                && matches!(s.role.quantity, Quantity::Accuracy | Quantity::Metric | Quantity::Loss)
                && s.points.len() >= 3
                && epochs.len() == s.points.len()
                && s.points.iter().all(|p| p.step.is_some())
        };
        let val = self.with(Side::Validation, Quantity::Loss).next();
        let Some(val) = val.or_else(|| self.series.iter().find(once_per_epoch)) else {
            // Hugging Face counts epochs in fractions.
            let epochs: Vec<f64> = series.points.iter().filter_map(|p| p.epoch).collect();
            let fractions = epochs.iter().filter(|e| e.fract() != 0.0).count() as f64;
            let last = epochs.iter().copied().fold(1.0, f64::max);
            return series.role.per_step || fractions > 0.2 * epochs.len() as f64 && (epochs.len() as f64) < 8.0 * last;
        };
        if series.points.len() >= 8 * val.points.len().max(1) {
            return false;
        }
        let steps = |s: &Series| -> Vec<u64> { s.points.iter().filter_map(|p| p.step.map(f64::to_bits)).collect() };
        let (ends, ours) = (steps(val), steps(series));
        let (end_set, our_set): (HashSet<u64>, HashSet<u64>) = (ends.iter().copied().collect(), ours.iter().copied().collect());
        let epochs_covered = ends.iter().filter(|e| our_set.contains(e)).count() as f64 / ends.len().max(1) as f64;
        let between = ours.iter().filter(|s| !end_set.contains(s)).count() as f64 / ours.len().max(1) as f64;
        epochs_covered < 0.8 || between > 0.2
    }
}

/// The name without what W&B's export adds: the run before it, and its own extremes behind it, which are
/// no values of the run.
fn own_name(key: &str) -> Option<&str> {
    if key.ends_with("__MIN") || key.ends_with("__MAX") {
        return None;
    }
    Some(key.rsplit_once(" - ").map_or(key, |(_, name)| name).trim()).filter(|name| !name.is_empty())
}

impl Series {
    /// One value per epoch: the mean of the points logged within it, in order of appearance.
    pub(crate) fn per_epoch(&self) -> Curve {
        let mut curve = Curve { key: self.key.clone(), ..Curve::default() };
        let mut counts: Vec<f64> = Vec::new();
        for (i, point) in self.points.iter().enumerate() {
            // Hugging Face counts epochs in fractions; a value at 3.0 closes the third.
            let epoch = point.epoch.map_or(i as f64, |e| if e.fract() == 0.0 { e } else { e.ceil() });
            match curve.x.last() {
                Some(last) if *last == epoch && point.epoch.is_some() => {
                    let at = curve.y.len() - 1;
                    counts[at] += 1.0;
                    curve.place[at] = point.step.unwrap_or(epoch);
                    curve.y[at] += (point.value - curve.y[at]) / counts[at];
                }
                _ => {
                    curve.x.push(epoch);
                    curve.place.push(point.step.unwrap_or(epoch));
                    curve.y.push(point.value);
                    counts.push(1.0);
                }
            }
        }
        curve
    }
}

impl Curve {
    pub(crate) fn len(&self) -> usize {
        self.y.len()
    }

    /// Index of the smallest finite value; the first on a tie.
    pub(crate) fn lowest(&self) -> Option<usize> {
        (0..self.len()).filter(|&i| self.y[i].is_finite()).min_by(|&a, &b| self.y[a].total_cmp(&self.y[b]))
    }

    pub(crate) fn last(&self) -> Option<f64> {
        self.y.last().copied()
    }
}
