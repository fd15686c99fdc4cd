//! Whence the pages come: those built in, a folder that may change under way, and what callers put and deleted.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};

use crate::{KbConfig, Page, PageError, embedded_pages, folder, index::Knowledge};

/// The pages of a service.
#[derive(Debug)]
pub(crate) struct Library {
    knowledge: RwLock<Arc<Knowledge>>,
    state: Mutex<State>,
    folder: Option<PathBuf>,
    every: Duration,
}

#[derive(Debug)]
struct State {
    embedded: Vec<Page>,
    own: Vec<Page>,
    /// What callers put, by id; `None` for what they deleted.
    put: BTreeMap<String, Option<Page>>,
    seen: u64,
    looked: Instant,
}

impl State {
    fn knowledge(&self) -> Knowledge {
        let mut pages: BTreeMap<String, Page> = BTreeMap::new();
        for page in self.embedded.iter().chain(&self.own) {
            pages.insert(page.id.clone(), page.clone());
        }
        for (id, page) in &self.put {
            match page {
                Some(page) => pages.insert(id.clone(), page.clone()),
                None => pages.remove(id),
            };
        }
        Knowledge::new(pages.into_values().collect())
    }
}

impl Library {
    /// The built-in pages and those of the configured folder.
    pub(crate) fn open(config: &KbConfig) -> Result<Self, PageError> {
        let folder = (!config.pages.as_os_str().is_empty()).then(|| config.pages.clone());
        let (own, seen) = match &folder {
            // Looked at before it is read: what changes in between is seen the next time.
            Some(folder) => {
                let seen = folder::fingerprint(folder)?;
                (folder::pages(folder)?, seen)
            }
            None => (Vec::new(), 0),
        };
        let state = State { embedded: embedded_pages()?, own, put: BTreeMap::new(), seen, looked: Instant::now() };
        let knowledge = RwLock::new(Arc::new(state.knowledge()));
        Ok(Self { knowledge, state: Mutex::new(state), folder, every: config.reload.0 })
    }

    /// The pages as they are.
    pub(crate) fn now(&self) -> Arc<Knowledge> {
        // Nothing panics while the lock is held, and a whole index is swapped at once.
        self.knowledge.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts a page in place, or takes one out.
    pub(crate) fn change(&self, id: String, page: Option<Page>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.put.insert(id, page);
        self.swap(&state);
    }

    fn swap(&self, state: &State) {
        *self.knowledge.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(state.knowledge());
    }

    /// Whether it is time to look at the folder again; true once for each time.
    pub(crate) fn is_due(&self) -> bool {
        if self.folder.is_none() || self.every.is_zero() {
            return false;
        }
        // While pages are changed nobody looks.
        let Ok(mut state) = self.state.try_lock() else { return false };
        let due = state.looked.elapsed() >= self.every;
        if due {
            state.looked = Instant::now();
        }
        due
    }

    /// Reads the folder again where it has changed. One that cannot be read leaves the pages as they were.
    pub(crate) fn reload(&self) {
        let Some(folder) = &self.folder else { return };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let read = folder::fingerprint(folder).and_then(|seen| match seen == state.seen {
            true => Ok(None),
            false => folder::pages(folder).map(|pages| Some((seen, pages))),
        });
        match read {
            Ok(Some((seen, pages))) => {
                tracing::info!(pages = pages.len(), folder = %folder.display(), "knowledge pages were read again");
                (state.own, state.seen) = (pages, seen);
                self.swap(&state);
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "the folder of knowledge pages cannot be read; its earlier pages stay"),
        }
    }
}
