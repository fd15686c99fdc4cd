//! Which pages, and whether callers may change them.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Which pages, and whether callers may change them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KbConfig {
    /// Folder of pages that replace or add to the embedded ones; empty for the embedded ones alone.
    pub pages: PathBuf,
    /// Whether `PutDocument` and `DeleteDocument` work. They change this replica only.
    pub writable: bool,
}
