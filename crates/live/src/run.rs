//! The history of a run: its metrics, and how many values came in all.

use std::collections::HashMap;

use deepfix_errors::{Error, ErrorCode};

use crate::{
    history::{History, Point, Room},
    told::Told,
};

/// Format name of a run's history as an artifact.
pub const FORMAT: &str = "deepfix.run-history";
/// Most metrics of a run that are followed.
pub const MOST_METRICS: usize = 1000;
/// Longest name of a metric, in characters.
pub(crate) const MOST_NAME: usize = 200;

/// The history of a run.
#[derive(Debug, Clone, Default)]
pub struct RunHistory {
    /// Values taken.
    pub(crate) taken: u64,
    /// Hyper-parameters as text.
    pub params: String,
    pub(crate) metrics: Vec<(String, History)>,
    pub(crate) index: HashMap<String, usize>,
    /// What was told of it.
    pub told: Told,
}

impl RunHistory {
    /// Takes the next value of a metric. Answers whether it is worth a look at once: the metric's first that
    /// is no number, or its first at a step before the last one's.
    ///
    /// # Errors
    /// When the run has more metrics than are followed.
    pub fn push(&mut self, key: &str, point: Point) -> Result<bool, Error> {
        let key = short(key);
        if let Some(&at) = self.index.get(key) {
            self.taken += 1;
            return Ok(self.metrics[at].1.push(point));
        }
        if self.metrics.len() == MOST_METRICS {
            return Err(Error::new(
                ErrorCode::TooLarge,
                format!("the run logs more than {MOST_METRICS} metrics; send those that tell of loss, score, rate and gradient"),
            ));
        }
        self.taken += 1;
        let mut history = History::new(Room::LIVE);
        let alarm = history.push(point);
        self.index.insert(key.to_owned(), self.metrics.len());
        self.metrics.push((key.to_owned(), history));
        Ok(alarm)
    }

    /// Values taken.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// The metrics in the order they came, with their histories.
    #[must_use]
    pub fn metrics(&self) -> &[(String, History)] {
        &self.metrics
    }

    /// The metrics, given away.
    #[must_use]
    pub fn into_metrics(self) -> Vec<(String, History)> {
        self.metrics
    }
}

fn short(key: &str) -> &str {
    key.char_indices().nth(MOST_NAME).map_or(key, |(end, _)| &key[..end])
}
