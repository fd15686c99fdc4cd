//! Who may come in: analyses under way are counted, and so are the bytes of bodies held in memory.
//! Both are asked before a body is read, so that a flood is refused while it is still outside.

use std::sync::Arc;

use deepfix_errors::{Error, ErrorCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{config::GatewayConfig, metrics::Metrics};

/// Unit in which memory is counted.
const UNIT: u64 = 1024;

/// The doors.
#[derive(Debug)]
pub(crate) struct Doors {
    analyses: Arc<Semaphore>,
    limit: usize,
    memory: Arc<Semaphore>,
    metrics: Metrics,
}

/// An analysis that came in. Leaving is counted however it ends.
#[derive(Debug)]
pub(crate) struct Admission {
    _slot: OwnedSemaphorePermit,
    memory: Arc<Semaphore>,
    held: Vec<OwnedSemaphorePermit>,
    metrics: Metrics,
    outcome: &'static str,
}

impl Doors {
    pub(crate) fn new(config: &GatewayConfig, metrics: Metrics) -> Self {
        let units = usize::try_from(config.max_buffered.0.max(config.max_body.0) / UNIT).unwrap_or(usize::MAX);
        Self {
            limit: config.max_concurrent.max(1),
            analyses: Arc::new(Semaphore::new(config.max_concurrent.max(1))),
            memory: Arc::new(Semaphore::new(units.clamp(1, Semaphore::MAX_PERMITS))),
            metrics,
        }
    }

    /// Lets one more analysis in.
    pub(crate) fn admit(&self) -> Result<Admission, Error> {
        let Ok(slot) = self.analyses.clone().try_acquire_owned() else {
            self.metrics.analyses.with_label_values(&["overloaded"]).inc();
            let limit = self.limit;
            return Err(Error::new(
                ErrorCode::Overloaded,
                format!("{limit} analyses are under way already; try again in a second"),
            ));
        };
        self.metrics.running.inc();
        Ok(Admission {
            _slot: slot,
            memory: self.memory.clone(),
            held: Vec::new(),
            metrics: self.metrics.clone(),
            outcome: "cancelled",
        })
    }
}

impl Admission {
    /// Counts bytes that this analysis holds in memory until it leaves.
    pub(crate) fn hold(&mut self, bytes: usize) -> Result<(), Error> {
        let units = u32::try_from((bytes as u64).div_ceil(UNIT)).unwrap_or(u32::MAX);
        match self.memory.clone().try_acquire_many_owned(units) {
            Ok(permit) => {
                self.held.push(permit);
                Ok(())
            }
            Err(_) => Err(Error::new(
                ErrorCode::Overloaded,
                "the bodies of other requests fill the memory set aside for them (gateway.max_buffered); try again in a second",
            )),
        }
    }

    /// How it ended.
    pub(crate) fn ended(&mut self, completed: bool) {
        self.outcome = if completed { "completed" } else { "failed" };
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.metrics.running.dec();
        self.metrics.analyses.with_label_values(&[self.outcome]).inc();
    }
}
