//! A run's history as bytes, and back from bytes that anyone may have written.

use deepfix_api::artifact as wire;
use deepfix_errors::Error;
use prost::Message;

use crate::{
    history::{Epoch, History, Point, Room},
    run::{MOST_METRICS, MOST_NAME, RunHistory},
};

const VERSION: u32 = 2;
/// The oldest that is read; it had no empty columns.
const OLDEST: u32 = 1;
/// More values than any run logs.
const MOST_VALUES: u64 = 1 << 48;
/// Longest code or subject of a finding.
const MOST_TOLD: usize = 1000;

impl RunHistory {
    /// The state as bytes: metrics, parameters, and what was told.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let keys = self.told.told.iter().chain(self.told.seen.keys().filter(|key| !self.told.told.contains(*key)));
        let told = keys.map(|key| wire::ToldFinding {
            code: key.0.clone(),
            subject: key.1.clone(),
            looks: self.told.seen.get(key).copied().unwrap_or(0),
            told: self.told.told.contains(key),
        });
        // What is told of a run has far fewer kinds.
        let told = told.take(MOST_METRICS).collect();
        wire::RunHistory { params: self.params.clone(), told, ..self.logged() }.encode_to_vec()
    }

    /// The metrics alone as bytes: what a look needs.
    #[must_use]
    pub fn encode_metrics(&self) -> Vec<u8> {
        self.logged().encode_to_vec()
    }

    fn logged(&self) -> wire::RunHistory {
        wire::RunHistory {
            version: VERSION,
            taken: self.taken,
            metrics: self.metrics.iter().map(|(key, history)| history.to_wire(key)).collect(),
            ..wire::RunHistory::default()
        }
    }

    /// The history that bytes hold.
    ///
    /// # Errors
    /// When they hold none, or one that contradicts itself.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let refused = |why: String| Error::field("state", format!("is no history of a run: {why}"));
        let run = wire::RunHistory::decode(bytes).map_err(|error| refused(error.to_string()))?;
        if !(OLDEST..=VERSION).contains(&run.version) {
            return Err(refused(format!("its form is version {}, known are {OLDEST} to {VERSION}", run.version)));
        }
        if run.metrics.len() > MOST_METRICS || run.told.len() > MOST_METRICS {
            return Err(refused(format!("it has {} metrics, most are {MOST_METRICS}", run.metrics.len())));
        }
        let mut out = Self { taken: run.taken, params: run.params, ..Self::default() };
        for told in run.told {
            if told.code.len() > MOST_TOLD || told.subject.len() > MOST_TOLD {
                return Err(refused("what was told has names longer than any finding's".to_owned()));
            }
            let key = (told.code, told.subject);
            if told.told {
                out.told.told.insert(key.clone());
            }
            if told.looks > 0 {
                out.told.seen.insert(key, told.looks);
            }
        }
        let mut counted = 0_u64;
        for metric in run.metrics {
            if metric.key.chars().count() > MOST_NAME {
                return Err(refused(format!("a metric's name is longer than {MOST_NAME} characters")));
            }
            let history = History::of_wire(&metric).map_err(|why| refused(format!("metric {:?}: {why}", metric.key)))?;
            if out.index.insert(metric.key.clone(), out.metrics.len()).is_some() {
                return Err(refused(format!("metric {:?} is there twice", metric.key)));
            }
            counted = counted.saturating_add(history.seen);
            out.metrics.push((metric.key, history));
        }
        if counted != out.taken {
            return Err(refused(format!("its metrics hold {counted} values, it took {}", out.taken)));
        }
        Ok(out)
    }
}

impl History {
    fn to_wire(&self, key: &str) -> wire::MetricHistory {
        let column = |i: usize| {
            let logged = self.points.iter().any(|p| !p.raw()[i].is_nan());
            if logged { self.points.iter().map(|p| p.raw()[i]).collect() } else { Vec::new() }
        };
        wire::MetricHistory {
            key: key.to_owned(),
            seen: self.seen,
            stride: self.stride,
            index: self.points.iter().map(Point::index).collect(),
            stays: self.points.iter().map(Point::stays).collect(),
            step: column(0),
            point_epoch: column(1),
            time: column(2),
            value: column(3),
            head: self.head.clone(),
            epoch: self.epochs.iter().map(|e| e.epoch).collect(),
            place: self.epochs.iter().map(|e| e.place).collect(),
            mean: self.epochs.iter().map(|e| e.mean).collect(),
            count: self.epochs.iter().map(|e| e.count).collect(),
            epoch_index: self.epochs.iter().map(|e| e.index).collect(),
            epoch_stride: self.epoch_stride,
            epochs_seen: self.epochs_seen,
            nan: self.nan,
            infinite: self.infinite,
            nan_changes: self.nan_changes,
            nan_trailing: self.nan_trailing,
            level: self.level,
            interval: self.interval,
            went_back: self.went_back,
        }
    }

    fn of_wire(m: &wire::MetricHistory) -> Result<Self, String> {
        let room = Room::LIVE;
        let (points, epochs) = (m.index.len(), m.epoch.len());
        if points > room.points || epochs > room.epochs || m.head.len() > 1024 {
            return Err(format!("{points} values and {epochs} epochs are more than are kept"));
        }
        let columns = [&m.step, &m.point_epoch, &m.time, &m.value];
        if m.stays.len() != points
            || columns.iter().any(|column| column.len() != points && !column.is_empty())
            || [m.place.len(), m.mean.len(), m.count.len(), m.epoch_index.len()].iter().any(|n| *n != epochs)
        {
            return Err("its lists differ in length".to_owned());
        }
        if [m.seen, m.stride, m.nan_changes].iter().any(|n| *n >= MOST_VALUES) {
            return Err("its counts are beyond any run's".to_owned());
        }
        if !m.index.is_sorted_by(|a, b| a < b) || m.index.last().map_or(0, |last| last.saturating_add(1)) != m.seen {
            return Err("its values are not in order".to_owned());
        }
        if !m.epoch_index.is_sorted_by(|a, b| a < b) || m.epoch_index.last().is_some_and(|last| *last >= m.epochs_seen) {
            return Err("its epochs are not in order".to_owned());
        }
        if !m.stride.is_power_of_two() || !m.epoch_stride.is_power_of_two() || m.count.contains(&0) {
            return Err("its steps are no powers of two".to_owned());
        }
        if m.nan.checked_add(m.infinite).is_none_or(|odd| odd > m.seen) || m.nan_trailing > m.nan {
            return Err("its counts contradict each other".to_owned());
        }
        let mut history = Self::new(room);
        let of = |i: usize| columns.map(|column| column.get(i).copied().unwrap_or(f64::NAN));
        history.points = (0..points).map(|i| Point::of_raw(of(i), m.index[i], m.stays[i])).collect();
        history.epochs = (0..epochs)
            .map(|i| Epoch { epoch: m.epoch[i], place: m.place[i], mean: m.mean[i], count: m.count[i], index: m.epoch_index[i] })
            .collect();
        history.stride = m.stride;
        history.seen = m.seen;
        history.epoch_stride = m.epoch_stride;
        history.epochs_seen = m.epochs_seen;
        history.nan = m.nan;
        history.infinite = m.infinite;
        history.nan_changes = m.nan_changes;
        history.nan_trailing = m.nan_trailing;
        history.head.clone_from(&m.head);
        history.level = m.level;
        history.interval = m.interval;
        history.went_back = m.went_back;
        Ok(history)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(values: std::ops::Range<u32>, mut run: RunHistory) -> RunHistory {
        for i in values {
            let value = if i == 9000 { f64::NAN } else { f64::from(i % 13) };
            let point = Point::new(Some(f64::from(i)), Some(f64::from(i / 50)), None, value);
            run.push(if i % 3 == 0 { "val_loss" } else { "train_loss" }, point).expect("few metrics");
        }
        run
    }

    #[test]
    fn a_run_goes_on_from_its_state_as_if_it_had_never_stopped() {
        let whole = run(0..20_000, RunHistory::default());
        let half = run(0..11_111, RunHistory::default());
        let resumed = RunHistory::decode(&half.encode()).expect("its own bytes");
        assert_eq!(run(11_111..20_000, resumed).encode(), whole.encode());
    }

    #[test]
    fn states_that_contradict_themselves_are_refused() {
        let good = wire::RunHistory::decode(run(0..5000, RunHistory::default()).encode().as_slice()).expect("reads");
        let broken: [fn(&mut wire::RunHistory); 7] = [
            |r| r.version = 9,
            |r| r.metrics[0].value.truncate(3),
            |r| r.metrics[0].index.reverse(),
            |r| r.metrics[0].stride = 0,
            |r| r.metrics[0].nan_trailing = 7,
            |r| r.metrics[1].key = r.metrics[0].key.clone(),
            |r| r.metrics[0].count[0] = 0,
        ];
        for (i, breaks) in broken.iter().enumerate() {
            let mut bad = good.clone();
            breaks(&mut bad);
            assert!(RunHistory::decode(&bad.encode_to_vec()).is_err(), "{i}");
        }
        assert!(RunHistory::decode(b"garbage").is_err());
    }
}
