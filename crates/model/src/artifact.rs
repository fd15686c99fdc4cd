//! What an analysis looks at.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What an artifact is, which decides the agents that look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArtifactKind {
    /// Reference or training data.
    #[serde(alias = "reference")]
    Train,
    /// Current or test data.
    #[serde(alias = "current")]
    Test,
    /// Dataset statistics as the DeepFix SDK computes them.
    DatasetStatistics,
    /// Deepchecks suite results.
    Deepchecks,
    /// A training log.
    Metrics,
    /// Hyper-parameters.
    Params,
    /// Per-layer statistics.
    LayerStats,
    /// A model file.
    Checkpoint,
    /// The model file that the checkpoint is held against.
    Baseline,
    /// The training log of an earlier run.
    BaselineMetrics,
}

impl ArtifactKind {
    /// Every kind, in the order reports list them.
    pub const ALL: [Self; 10] = [
        Self::Train,
        Self::Test,
        Self::DatasetStatistics,
        Self::Deepchecks,
        Self::Metrics,
        Self::Params,
        Self::LayerStats,
        Self::Checkpoint,
        Self::Baseline,
        Self::BaselineMetrics,
    ];

    /// The name in requests and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Test => "test",
            Self::DatasetStatistics => "dataset_statistics",
            Self::Deepchecks => "deepchecks",
            Self::Metrics => "metrics",
            Self::Params => "params",
            Self::LayerStats => "layer_stats",
            Self::Checkpoint => "checkpoint",
            Self::Baseline => "baseline",
            Self::BaselineMetrics => "baseline_metrics",
        }
    }

    /// Whether an artifact of this kind may be several files: a table in parts, a model in shards.
    #[must_use]
    pub const fn may_be_many(self) -> bool {
        matches!(self, Self::Train | Self::Test | Self::Checkpoint | Self::Baseline)
    }

    /// The kind of a name, with `-` or `_` and the aliases `reference` and `current`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.replace('-', "_");
        match name.as_str() {
            "reference" => Some(Self::Train),
            "current" => Some(Self::Test),
            "checks" => Some(Self::Deepchecks),
            _ => Self::ALL.into_iter().find(|kind| kind.name() == name),
        }
    }
}

impl fmt::Display for ArtifactKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where an artifact's bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArtifactSource {
    /// Here.
    Inline(bytes::Bytes),
    /// At an address: `file:///…` or `upload://…`.
    Uri(String),
}

/// One artifact of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// What it is.
    pub kind: ArtifactKind,
    /// Format hint; empty means tell by content, then by name.
    pub format: String,
    /// Name as the caller knows it. Shown, never opened.
    pub file_name: String,
    /// Where its bytes are.
    pub source: ArtifactSource,
}
