//! Jobs: analyses that are asked for later. All that is known of one lies in the object store that
//! uploads use, so that any gateway answers for it:
//!
//! | key | written | holds |
//! |---|---|---|
//! | `jobs/ID/accepted` | once, by the gateway that takes it | when, and the digest of the key of who may ask |
//! | `jobs/ID/beat` | again and again, by that gateway alone | nothing; its age counts |
//! | `jobs/ID/end` | once, by whoever is first | completed or failed, with the result or the reason |
//! | `jobs-by-key/DIGEST/N` | once, by the gateway that takes it | the job that an idempotency key stands for |
//!
//! Stores on disk have no compare-and-swap, so every state is a key of its own that can only be
//! created: the first end counts, whether the job's gateway writes it, a caller who cancels, or another
//! gateway that finds no sign of life. Without a store the same keys are kept in memory.

mod record;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use deepfix_errors::{Error, ErrorCode, occurrence_id};
use deepfix_source::objects::{InMemory, ObjectStore, ObjectStoreExt, Path, PutMode, StoreError};
use futures::TryStreamExt;
use serde_json::Value;
use tokio::{sync::watch, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::record::{Accepted, Keyed, damaged, failed, is_id, key};
pub(crate) use self::record::{End, Job, stamp};
use crate::JobsConfig;

/// How often a job that another gateway runs is looked at while a poll is held.
const LOOK: Duration = Duration::from_millis(100);
/// How often old jobs are looked for.
const SWEEP: Duration = Duration::from_secs(60);

/// A job this gateway runs.
#[derive(Clone)]
struct Running {
    owner: String,
    created: String,
    end: watch::Receiver<Option<End>>,
    stop: CancellationToken,
}

/// Every job, and those this gateway runs.
#[derive(Clone)]
pub(crate) struct Jobs(Arc<Inner>);

struct Inner {
    config: JobsConfig,
    objects: Arc<dyn ObjectStore>,
    running: Mutex<HashMap<String, Running>>,
    tasks: TaskTracker,
    swept: Mutex<Option<Instant>>,
}

impl Jobs {
    /// Jobs in a store, or in memory.
    pub(crate) fn new(config: JobsConfig, objects: Option<Arc<dyn ObjectStore>>) -> Self {
        Self(Arc::new(Inner {
            config,
            objects: objects.unwrap_or_else(|| Arc::new(InMemory::new())),
            running: Mutex::default(),
            tasks: TaskTracker::new(),
            swept: Mutex::default(),
        }))
    }

    /// The jobs this gateway runs, to be waited for before it ends.
    pub(crate) fn under_way(&self) -> TaskTracker {
        self.0.tasks.clone()
    }

    /// Takes a job of an owner and begins its work. `idempotency` is a key of the caller's and the digest of what is
    /// asked: when the key stands for a job that has not failed, that one is answered and nothing begun.
    ///
    /// # Errors
    /// When the key stands for another request, or the store does not take the job.
    pub(crate) async fn submit<F>(&self, owner: &str, idempotency: Option<(&str, &str)>, work: F) -> Result<Job, Error>
    where
        F: Future<Output = Result<Value, Error>> + Send + 'static,
    {
        self.sweep();
        let id = format!("job_{}_{}", stamp(false), &occurrence_id()[..8]);
        let created = stamp(true);
        let accepted = serde_json::to_vec(&Accepted { created: created.clone(), owner: owner.to_owned() }).map_err(damaged)?;
        if !self.create(&key(&id, "accepted"), accepted).await? {
            return Err(Error::new(ErrorCode::Unavailable, "two jobs drew one id; try again"));
        }
        if let Some((name, body)) = idempotency
            && let Some(other) = self.claim(name, body, &id).await.inspect_err(|_| self.forget(&id))?
        {
            self.remove(&id).await;
            return Ok(other);
        }
        let (sender, end) = watch::channel(None);
        let running = Running { owner: owner.to_owned(), created: created.clone(), end, stop: CancellationToken::new() };
        self.running().insert(id.clone(), running.clone());
        let (jobs, mine) = (self.clone(), id.clone());
        self.0.tasks.spawn(async move {
            let end = jobs.run(&mine, &running.stop, work).await;
            sender.send_replace(Some(end));
            jobs.running().remove(&mine);
        });
        Ok(Job { id, owner: owner.to_owned(), created, end: None })
    }

    /// Makes an idempotency key stand for a job; answers the job it stands for already, unless that failed.
    async fn claim(&self, name: &str, body: &str, id: &str) -> Result<Option<Job>, Error> {
        let folder = Path::from_iter(["jobs-by-key", name]);
        loop {
            let uses: Vec<_> = self.0.objects.list(Some(&folder)).try_collect().await.map_err(failed)?;
            let last = uses.iter().filter_map(|used| used.location.filename()?.parse::<u64>().ok()).max();
            if let Some(last) = last
                && let Some(bytes) = self.read(&folder.clone().join(last.to_string())).await?
            {
                let keyed: Keyed = serde_json::from_slice(&bytes).map_err(damaged)?;
                if keyed.body != body {
                    return Err(Error::new(
                        ErrorCode::InvalidArgument,
                        "this Idempotency-Key stands for another request; send a new key with a new body",
                    ));
                }
                let job = self.job(&keyed.id).await?;
                if let Some(job) = job.filter(|job| !matches!(&job.end, Some(End { outcome: Err(_), .. }))) {
                    return Ok(Some(job));
                }
            }
            let keyed = serde_json::to_vec(&Keyed { id: id.to_owned(), body: body.to_owned() }).map_err(damaged)?;
            let next = folder.clone().join(last.map_or(0, |last| last + 1).to_string());
            if self.create(&next, keyed).await? {
                return Ok(None);
            }
            // Another submission was first: look again.
        }
    }

    /// Removes what was written of a job that is not taken, beside everything else.
    fn forget(&self, id: &str) {
        let (jobs, id) = (self.clone(), id.to_owned());
        tokio::spawn(async move { jobs.remove(&id).await });
    }

    fn running(&self) -> std::sync::MutexGuard<'_, HashMap<String, Running>> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does the work, with signs of life meanwhile, and writes its end, unless another end was first.
    async fn run<F>(&self, id: &str, stop: &CancellationToken, work: F) -> End
    where
        F: Future<Output = Result<Value, Error>> + Send + 'static,
    {
        // A task of its own, so that a panic is an end too.
        let mut work = tokio::spawn(work);
        let mut beat = tokio::time::interval(self.0.config.heartbeat.0);
        beat.tick().await;
        let outcome = loop {
            tokio::select! {
                done = &mut work => break match done {
                    Ok(outcome) => outcome.map_err(|error| error.to_string()),
                    Err(_) => Err("the analysis ended abnormally".to_owned()),
                },
                () = stop.cancelled() => {
                    work.abort();
                    break Err(CANCELLED.to_owned());
                }
                _ = beat.tick() => {
                    if let Err(error) = self.0.objects.put(&key(id, "beat"), Bytes::new().into()).await {
                        tracing::warn!(%error, id, "no sign of life could be written");
                    }
                    // Cancelled, or given up, by another gateway.
                    if let Ok(Some(end)) = self.end(id).await {
                        work.abort();
                        return end;
                    }
                }
            }
        };
        self.finish(id, End { outcome, at: stamp(true) }).await
    }

    /// Writes an end; the first one counts.
    async fn finish(&self, id: &str, end: End) -> End {
        let written = match serde_json::to_vec(&end) {
            Ok(bytes) => self.create(&key(id, "end"), bytes).await,
            Err(error) => Err(damaged(error)),
        };
        match written {
            Ok(true) => end,
            Ok(false) => self.end(id).await.ok().flatten().unwrap_or(end),
            Err(error) => {
                tracing::error!(id, error = error.message, "a job's end could not be kept");
                end
            }
        }
    }

    /// A job, given up when its gateway shows no sign of life; `None` when there is none of that id.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(crate) async fn job(&self, id: &str) -> Result<Option<Job>, Error> {
        if !is_id(id) {
            return Ok(None);
        }
        let Some(bytes) = self.read(&key(id, "accepted")).await? else { return Ok(None) };
        let Accepted { created, owner } = serde_json::from_slice(&bytes).map_err(damaged)?;
        let mut job = Job { id: id.to_owned(), owner, created, end: self.end(id).await? };
        if job.end.is_none() && !self.running().contains_key(id) {
            let mut seen = None;
            for state in ["beat", "accepted"] {
                match self.0.objects.head(&key(id, state)).await {
                    Ok(meta) => seen = seen.max(Some(SystemTime::from(meta.last_modified))),
                    Err(StoreError::NotFound { .. }) => {}
                    Err(error) => return Err(failed(error)),
                }
            }
            let silent = seen.and_then(|seen| SystemTime::now().duration_since(seen).ok()).unwrap_or_default();
            if silent > self.0.config.lost_after.0 {
                let reason = format!(
                    "the gateway that ran this job stopped before it was done (no sign of life for {} s); submit it again",
                    silent.as_secs()
                );
                let end = End { outcome: Err(reason), at: stamp(true) };
                job.end = Some(self.finish(id, end).await);
            }
        }
        Ok(Some(job))
    }

    /// A job, waited for while it runs.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(crate) async fn wait(&self, id: &str, limit: Duration) -> Result<Option<Job>, Error> {
        self.sweep();
        let until = Instant::now() + limit;
        let here = self.running().get(id).cloned();
        if let Some(mut running) = here {
            match tokio::time::timeout_at(until, running.end.wait_for(Option::is_some)).await {
                Ok(Ok(end)) => {
                    return Ok(Some(Job { id: id.to_owned(), owner: running.owner, created: running.created, end: end.clone() }));
                }
                Ok(Err(_)) => {}
                Err(_) => return Ok(Some(Job { id: id.to_owned(), owner: running.owner, created: running.created, end: None })),
            }
        }
        loop {
            let job = self.job(id).await?;
            let open = job.as_ref().is_some_and(|job| job.end.is_none());
            if !open || Instant::now() + LOOK > until {
                return Ok(job);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Ends an owner's job that still runs, wherever it runs.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(crate) async fn cancel(&self, owner: &str, id: &str) -> Result<Option<Job>, Error> {
        let Some(mut job) = self.job(id).await?.filter(|job| job.owner == owner) else { return Ok(None) };
        if job.end.is_none() {
            job.end = Some(self.finish(id, End { outcome: Err(CANCELLED.to_owned()), at: stamp(true) }).await);
            if let Some(running) = self.running().get(id) {
                running.stop.cancel();
            }
        }
        Ok(Some(job))
    }

    /// An owner's jobs, newest first, those before `before` when it is given, and whether there are more.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(crate) async fn list(&self, owner: &str, limit: usize, before: Option<&str>) -> Result<(Vec<Job>, bool), Error> {
        self.sweep();
        let mut ids = self.ids().await?;
        ids.retain(|id| before.is_none_or(|before| id.as_str() < before));
        let mut jobs = Vec::new();
        for some in ids.chunks(limit.max(1)) {
            let read = futures::future::try_join_all(some.iter().map(|id| self.job(id))).await?;
            jobs.extend(read.into_iter().flatten().filter(|job| job.owner == owner));
            if jobs.len() > limit {
                break;
            }
        }
        let more = jobs.len() > limit;
        jobs.truncate(limit);
        Ok((jobs, more))
    }

    async fn ids(&self) -> Result<Vec<String>, Error> {
        let listed = self.0.objects.list_with_delimiter(Some(&Path::from("jobs"))).await.map_err(failed)?;
        let names = listed.common_prefixes.iter().filter_map(|p| p.filename().map(str::to_owned));
        let mut ids: Vec<String> = names.filter(|id| is_id(id)).collect();
        ids.sort_unstable_by(|a, b| b.cmp(a));
        Ok(ids)
    }

    async fn end(&self, id: &str) -> Result<Option<End>, Error> {
        match self.read(&key(id, "end")).await? {
            Some(bytes) => Ok(Some(serde_json::from_slice(&bytes).map_err(damaged)?)),
            None => Ok(None),
        }
    }

    async fn read(&self, path: &Path) -> Result<Option<Bytes>, Error> {
        match self.0.objects.get(path).await {
            Ok(found) => found.bytes().await.map(Some).map_err(failed),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// Whether the key was made, rather than there already.
    async fn create(&self, path: &Path, bytes: Vec<u8>) -> Result<bool, Error> {
        match self.0.objects.put_opts(path, bytes.into(), PutMode::Create.into()).await {
            Ok(_) => Ok(true),
            Err(StoreError::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }

    /// Removes a job's keys, the one by which it is found last.
    async fn remove(&self, id: &str) {
        for state in ["beat", "end", "accepted"] {
            match self.0.objects.delete(&key(id, state)).await {
                Ok(()) | Err(StoreError::NotFound { .. }) => {}
                Err(error) => tracing::warn!(%error, id, "a job's record could not be removed"),
            }
        }
    }

    /// Removes jobs past their time, beside everything else and once a minute at most.
    fn sweep(&self) {
        {
            let mut swept = self.0.swept.lock().unwrap_or_else(PoisonError::into_inner);
            if swept.is_some_and(|at| at.elapsed() < SWEEP) {
                return;
            }
            *swept = Some(Instant::now());
        }
        let jobs = self.clone();
        tokio::spawn(async move {
            if let Err(error) = jobs.remove_old().await {
                tracing::warn!(error = error.message, "old jobs could not be removed");
            }
        });
    }

    async fn remove_old(&self) -> Result<(), Error> {
        let ttl = self.0.config.ttl.0;
        let is_old = |at: SystemTime| SystemTime::now().duration_since(at).is_ok_and(|age| age > ttl);
        for id in self.ids().await? {
            // The end is the last thing written; a job without one is given up long before.
            match self.0.objects.head(&key(&id, "end")).await {
                Ok(meta) if is_old(meta.last_modified.into()) => self.remove(&id).await,
                Err(StoreError::NotFound { .. }) => {
                    self.job(&id).await?;
                }
                _ => {}
            }
        }
        let keys = self.0.objects.list(Some(&Path::from("jobs-by-key"))).try_collect::<Vec<_>>().await.map_err(failed)?;
        for used in keys.into_iter().filter(|used| is_old(used.last_modified.into())) {
            self.0.objects.delete(&used.location).await.map_err(failed)?;
        }
        Ok(())
    }
}

/// Why a cancelled job has no result.
const CANCELLED: &str = "cancelled by request";
