//! The orderly end: not ready first, a pause for load balancers to notice, then stop taking calls,
//! let those that run finish, and leave within the grace period.

use std::future::Future;

use deepfix_settings::Period;
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::Readiness;

/// How a process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShutdownConfig {
    /// Between not being ready and taking no more calls.
    pub drain: Period,
    /// Longest wait for calls that run.
    pub grace: Period,
}

impl Default for ShutdownConfig {
    fn default() -> Self {
        Self { drain: Period::seconds(0), grace: Period::seconds(25) }
    }
}

/// Runs `work` until it ends by itself or a signal (SIGTERM, SIGINT) asks for the end; then cancels
/// `stop` and waits for `work` within the grace period. A second signal ends at once.
///
/// # Errors
/// When signals cannot be listened to.
pub async fn run_until_signal<T>(
    work: impl Future<Output = T>,
    stop: CancellationToken,
    readiness: &Readiness,
    config: ShutdownConfig,
) -> std::io::Result<Option<T>> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::pin!(work);
    tokio::select! {
        done = &mut work => return Ok(Some(done)),
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    tracing::info!(drain = %config.drain, grace = %config.grace, "stopping");
    readiness.not_ready();
    tokio::select! {
        done = &mut work => return Ok(Some(done)),
        () = tokio::time::sleep(config.drain.0) => {}
        _ = int.recv() => {}
    }
    stop.cancel();
    tokio::select! {
        done = &mut work => Ok(Some(done)),
        () = tokio::time::sleep(config.grace.0) => {
            tracing::warn!("calls still run after the grace period; leaving them");
            Ok(None)
        }
        _ = int.recv() => Ok(None),
    }
}
