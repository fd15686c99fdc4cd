//! Which pages, and whether callers may change them.

use std::{path::PathBuf, time::Duration};

use deepfix_settings::Period;
use serde::{Deserialize, Serialize};

/// Which pages, and whether callers may change them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KbConfig {
    /// Folder of pages that replace or add to the embedded ones; empty for the embedded ones alone. Each folder in it
    /// is a namespace: a team's own pages, which only its questions see.
    pub pages: PathBuf,
    /// How often the folder is looked at for changes, while questions are asked; zero for never.
    pub reload: Period,
    /// Whether `PutDocument` and `DeleteDocument` work. They change this replica only.
    pub writable: bool,
}

impl Default for KbConfig {
    fn default() -> Self {
        Self { pages: PathBuf::new(), reload: Period(Duration::from_secs(5)), writable: false }
    }
}
