//! Work that burns CPU leaves the threads that serve connections.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use deepfix_errors::{Error, ErrorCode};
use tokio::sync::{Semaphore, mpsc};

/// Says that nobody waits for the result any more.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks the work to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether to stop. Work asks this between columns, files, tensors.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Runs work on blocking threads, at most so many at once.
#[derive(Debug, Clone)]
pub struct Compute {
    slots: Arc<Semaphore>,
}

impl Compute {
    /// At most `parallel` pieces of work at once; more wait.
    #[must_use]
    pub fn new(parallel: usize) -> Self {
        Self { slots: Arc::new(Semaphore::new(parallel.max(1))) }
    }

    /// Starts work that sends its results to `out`. A panic becomes an `Internal` error there and
    /// stays out of everybody else's way.
    pub fn spawn<T, F>(&self, what: &'static str, out: mpsc::Sender<Result<T, Error>>, work: F)
    where
        T: Send + 'static,
        F: FnOnce(&mpsc::Sender<Result<T, Error>>) -> Result<(), Error> + Send + 'static,
    {
        let slots = self.slots.clone();
        let span = tracing::Span::current();
        tokio::spawn(async move {
            let permit = tokio::select! {
                permit = slots.acquire_owned() => permit,
                () = out.closed() => return,
            };
            let running = tokio::task::spawn_blocking(move || {
                let _permit = permit;
                let _in_span = span.entered();
                let result = catch_unwind(AssertUnwindSafe(|| work(&out))).unwrap_or_else(|panic| Err(panicked(what, &*panic)));
                if let Err(error) = result {
                    // A closed channel means that the caller has left, and nobody needs the error.
                    let _ = out.blocking_send(Err(error));
                }
            });
            if let Err(error) = running.await {
                tracing::error!(%error, what, "work ended abnormally");
            }
        });
    }
}

fn panicked(what: &str, panic: &(dyn Any + Send)) -> Error {
    let reason = panic
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "unknown".to_owned());
    let error = Error::new(ErrorCode::Internal, format!("{what} hit a defect of ours; its other work goes on"));
    tracing::error!(id = error.id, reason, what, "panic");
    error
}
