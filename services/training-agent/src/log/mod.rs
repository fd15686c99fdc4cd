//! Training logs of several tools as one shape: named series of points, and what each name means.

mod csv;
mod events;
mod follow;
mod json;
mod read;
mod roles;
mod text;

use std::collections::{BTreeMap, HashMap, HashSet};

use deepfix_live::{History, Room, RunHistory};
use deepfix_model::MetricRole;

pub(crate) use deepfix_live::Point;
pub use follow::{Follower, Step};
pub(crate) use read::{number, read};
pub(crate) use roles::{Direction, Quantity, Role, Side, snake};

/// Values logged under one name, in the order they were written.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) key: String,
    pub(crate) role: Role,
    pub(crate) history: History,
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
    /// Which of all values each is, from 0: of very long runs not every one is kept.
    pub(crate) at: Vec<usize>,
    /// The values are those of single batches now and then, not means over epochs: noisy.
    pub(crate) sampled: bool,
}

impl Log {
    pub(crate) fn push(&mut self, key: &str, point: Point) {
        if let Some(&at) = self.index.get(key) {
            self.series[at].history.push(point);
            return;
        }
        let Some(name) = own_name(key) else { return };
        self.index.insert(key.to_owned(), self.series.len());
        let mut history = History::new(Room::LOG);
        history.push(point);
        self.series.push(Series { key: name.to_owned(), role: Role::of(name), history });
    }

    /// The log of a run that is under way.
    pub(crate) fn of_run(run: RunHistory) -> Self {
        let mut log = Self { format: "live points", ..Self::default() };
        for (key, history) in run.into_metrics() {
            if let Some(name) = own_name(&key) {
                log.series.push(Series { key: name.to_owned(), role: Role::of(name), history });
            }
        }
        log.drop_empty_cells();
        log.adopt_epochs();
        log
    }

    /// Long formats log the epoch as a metric of its own: its points then say which epoch a step is of.
    pub(crate) fn adopt_epochs(&mut self) {
        let Some(at) = self.series.iter().position(|s| s.key.eq_ignore_ascii_case("epoch")) else { return };
        let mut epochs: Vec<(f64, f64)> = self.series[at].points().iter().filter_map(|p| Some((p.step()?, p.value))).collect();
        epochs.retain(|(_, epoch)| epoch.is_finite());
        if epochs.is_empty() || self.series.iter().flat_map(Series::points).any(|p| p.epoch().is_some()) {
            return;
        }
        epochs.sort_by(|a, b| a.0.total_cmp(&b.0));
        // Nothing is pushed after this.
        self.index.clear();
        self.series.remove(at);
        for series in &mut self.series {
            series.history.revise(|point| {
                let Some(step) = point.step() else { return };
                let next = epochs.partition_point(|(known, _)| *known < step);
                point.adopt_epoch(epochs.get(next).or(epochs.last()).map(|(_, epoch)| epoch.floor()));
            });
        }
    }

    /// Gives names the roles that a user says they have; answers the names that are not in the log.
    pub(crate) fn assign(&mut self, roles: &BTreeMap<String, String>) -> Vec<String> {
        let mut unknown = Vec::new();
        for (name, role) in roles {
            let mut known = false;
            for series in self.series.iter_mut().filter(|s| s.key == *name) {
                known = true;
                if let Ok(role) = role.parse() {
                    series.role = series.role.said(role);
                }
            }
            if !known {
                unknown.push(name.clone());
            }
        }
        unknown
    }

    /// What each name was taken for.
    pub(crate) fn roles(&self) -> Vec<(&str, MetricRole)> {
        self.series.iter().filter_map(|s| Some((s.key.as_str(), s.role.named()?))).collect()
    }

    /// Takes out NaN that stands for an empty cell: an export writes it where another column has its
    /// value, so it alternates with numbers to the end.
    pub(crate) fn drop_empty_cells(&mut self) {
        for series in &mut self.series {
            let all = series.history.seen();
            let (nan, changes, trailing) = series.history.nan();
            if nan == 0 || nan == all || series.history.infinite() > 0 {
                continue;
            }
            if changes >= 4 && 10 * nan >= 3 * all && trailing <= 2 * all / changes + 1 {
                series.history.forget_nan();
            }
        }
    }

    /// Values logged.
    pub(crate) fn points(&self) -> usize {
        let seen: u64 = self.series.iter().map(|s| s.history.seen()).sum();
        usize::try_from(seen).unwrap_or(usize::MAX)
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
            (role.plain, role.explicit, role.per_epoch, !role.per_step, s.seen(), std::cmp::Reverse(s.key.clone()))
        })?;
        let mut curve = best.per_epoch();
        curve.sampled = side == Side::Train && self.is_sampled(best);
        Some(curve)
    }

    /// Whether a training series holds batch values: where steps are logged, it is not logged once
    /// at the end of each epoch, as means and validation are, and is not dense either.
    fn is_sampled(&self, series: &Series) -> bool {
        if series.role.per_epoch || series.points().iter().any(|p| p.step().is_none()) {
            return false;
        }
        let once_per_epoch = |s: &&Series| {
            s.key != series.key
                && matches!(s.role.quantity, Quantity::Accuracy | Quantity::Metric | Quantity::Loss)
                && s.seen() >= 3
                && u64::from(s.history.epochs_seen()) == s.seen()
                && s.points().iter().all(|p| p.step().is_some())
        };
        let val = self.with(Side::Validation, Quantity::Loss).next();
        let Some(val) = val.or_else(|| self.series.iter().find(once_per_epoch)) else {
            // Hugging Face counts epochs in fractions.
            let epochs: Vec<f64> = series.points().iter().filter_map(Point::epoch).collect();
            let fractions = epochs.iter().filter(|e| e.fract() != 0.0).count() as f64;
            let last = epochs.iter().copied().fold(1.0, f64::max);
            return series.role.per_step || fractions > 0.2 * epochs.len() as f64 && (series.seen() as f64) < 8.0 * last;
        };
        if series.seen() >= 8 * val.seen().max(1) {
            return false;
        }
        // Of a log too long to be kept whole, its beginning says how it is logged.
        let complete = series.history.is_complete() && val.history.is_complete();
        let steps = |s: &Series, until: f64| -> Vec<u64> {
            let kept = s.points().iter().filter_map(Point::step);
            let all: Vec<f64> = if complete { kept.collect() } else { s.history.head().to_vec() };
            all.into_iter().filter(|step| *step <= until).map(f64::to_bits).collect()
        };
        let reach = |s: &Series| s.history.head().last().copied().unwrap_or(f64::INFINITY);
        let until = if complete { f64::INFINITY } else { reach(series).min(reach(val)) };
        let (ends, ours) = (steps(val, until), steps(series, until));
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
    /// The values that are kept: all but of very long logs.
    pub(crate) fn points(&self) -> &[Point] {
        self.history.points()
    }

    /// Values logged, kept or not.
    pub(crate) fn seen(&self) -> u64 {
        self.history.seen()
    }

    /// One value per epoch: the mean of the points logged within it, in order of appearance; every point
    /// where no epoch is logged.
    pub(crate) fn per_epoch(&self) -> Curve {
        let mut curve = Curve { key: self.key.clone(), ..Curve::default() };
        for epoch in self.history.epochs() {
            curve.x.push(epoch.epoch);
            curve.place.push(epoch.place);
            curve.y.push(epoch.mean);
            curve.at.push(epoch.index());
        }
        if self.history.epochs().is_empty() {
            for point in self.points() {
                curve.x.push(point.index() as f64);
                curve.place.push(point.step().unwrap_or(point.index() as f64));
                curve.y.push(point.value);
                curve.at.push(usize::try_from(point.index()).unwrap_or(usize::MAX));
            }
        }
        curve
    }
}

impl Curve {
    pub(crate) fn len(&self) -> usize {
        self.y.len()
    }

    /// How many values were logged, kept or not.
    pub(crate) fn logged(&self) -> usize {
        self.at.last().map_or(0, |last| last + 1)
    }

    /// How many were logged after one that is kept.
    pub(crate) fn after(&self, index: usize) -> usize {
        self.logged() - 1 - self.at[index]
    }

    /// Index of the smallest finite value; the first on a tie.
    pub(crate) fn lowest(&self) -> Option<usize> {
        (0..self.len()).filter(|&i| self.y[i].is_finite()).min_by(|&a, &b| self.y[a].total_cmp(&self.y[b]))
    }

    pub(crate) fn last(&self) -> Option<f64> {
        self.y.last().copied()
    }
}
