//! What may be read, and how much.

use std::path::PathBuf;

use deepfix_artifact::Limits;
use deepfix_settings::{Period, Size};
use serde::{Deserialize, Serialize};

/// The upload store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// Folder of uploads; empty switches uploads off.
    pub path: PathBuf,
    /// How long an upload is kept.
    pub ttl: Period,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self { path: PathBuf::new(), ttl: Period::seconds(24 * 3600) }
    }
}

/// How large artifacts may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Largest artifact.
    pub max_artifact: Size,
    /// Largest artifact after decompression.
    pub max_decompressed: Size,
    /// Most times its size that a compressed artifact may become.
    pub max_ratio: usize,
    /// Memory that the tables of one analysis may take, about; of larger ones a sample of rows is
    /// looked at.
    pub max_memory: Size,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            max_artifact: Size(limits.max_artifact),
            max_decompressed: Size(limits.max_decompressed as u64),
            max_ratio: limits.max_ratio,
            max_memory: Size(limits.max_memory),
        }
    }
}

/// Everything that decides what may be read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceConfig {
    /// The upload store.
    pub store: StoreConfig,
    /// Folders that `file:` addresses may lie in.
    pub allowed_roots: Vec<PathBuf>,
    /// How large artifacts may be.
    pub limits: LimitsConfig,
}

impl LimitsConfig {
    /// The limits as readers take them.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            max_artifact: self.max_artifact.0,
            max_decompressed: usize::try_from(self.max_decompressed.0).unwrap_or(usize::MAX),
            max_ratio: self.max_ratio,
            max_memory: self.max_memory.0,
        }
    }
}
