//! What to do, in order.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What has to be done again for a fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// A line of code or a setting; no training.
    Edit,
    /// That, and training again.
    Retrain,
    /// Preparing the data again, and training.
    Prepare,
    /// New rows or labels.
    Collect,
}

impl Effort {
    /// The word in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Edit => "edit",
            Self::Retrain => "retrain",
            Self::Prepare => "prepare",
            Self::Collect => "collect",
        }
    }

    /// By its word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Edit, Self::Retrain, Self::Prepare, Self::Collect].into_iter().find(|effort| effort.name() == word)
    }
}

/// One step of the plan: a fix, for every finding that it mends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanStep {
    /// Place in the plan, from 1.
    pub rank: u32,
    /// What to do, in one sentence, with the values that the evidence gives.
    pub action: String,
    /// Fault code of the findings it mends.
    pub code: String,
    /// Ids of these findings.
    pub findings: Vec<String>,
    /// Id of the explanation whose cause it mends.
    pub root_cause: Option<String>,
    /// What has to be done again.
    pub effort: Effort,
    /// Computed, or `unknown`.
    pub expected_impact: String,
    /// What it may break.
    pub risk: String,
    /// What to look at afterwards.
    pub verify: Vec<String>,
    /// Rank of the step to take first; this one may then be needless.
    pub after: Option<u32>,
    /// Why it waits.
    pub why_after: Option<String>,
    /// A page of the knowledge base supports it.
    pub supported: bool,
}
