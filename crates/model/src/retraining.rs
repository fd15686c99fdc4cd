//! Whether a model is to be trained anew, how soon and how.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Num, Severity};

/// How soon to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// Nothing to do.
    None,
    /// Look again when more data have come.
    Monitor,
    /// In the next planned cycle.
    Soon,
    /// Now.
    Immediate,
}

/// How to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Go on from the present weights on recent rows.
    FineTune,
    /// Train anew on recent rows.
    FullRetrain,
    /// More, or more varied, rows.
    DataAugmentation,
    /// Another model.
    ArchitectureChange,
    /// Several models instead of one.
    Ensemble,
    /// Do not train: there is no reason to, or something else has to be mended first.
    None,
}

/// State of the model's data and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// As it was trained for.
    Healthy,
    /// Moved enough to cost quality.
    AtRisk,
    /// Moved so far that its answers cannot be relied on.
    Critical,
}

/// A reason to act, measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetrainingTrigger {
    /// `feature_drift`, `label_drift`, `concept_drift`, `data_break`, `metric_decline` or `health`.
    pub kind: String,
    /// Column, metric or `data`.
    pub subject: String,
    /// What was measured.
    pub measure: String,
    /// Its value.
    pub value: Num,
    /// What it is held against.
    pub threshold: Num,
    /// `>=` or `>`.
    pub comparator: String,
    /// Its weight in the decision.
    pub severity: Severity,
    /// Findings behind it, by id.
    pub findings: Vec<String>,
}

/// The decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retraining {
    /// How soon.
    pub urgency: Urgency,
    /// How.
    pub strategy: Strategy,
    /// State of data and metrics.
    pub health: Health,
    /// How far the current data lie from the reference, 0 to 1; null when no columns could be compared.
    pub drift_score: Option<f64>,
    /// The measured reasons, gravest first.
    pub triggers: Vec<RetrainingTrigger>,
    /// The hard rule that set the urgency; null when none did.
    pub rule: Option<String>,
    /// Why this urgency and strategy.
    pub rationale: String,
    /// What to do, in order.
    pub plan: Vec<String>,
    /// How sure the decision is, 0 to 1.
    pub confidence: f64,
}

/// A metric of a run beside that of an earlier one.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricChange {
    /// Name as logged.
    pub metric: String,
    /// Whether higher values are better.
    pub higher_is_better: bool,
    /// Best value of the earlier run.
    pub before: f64,
    /// Best value of this run.
    pub after: f64,
    /// How much worse, as a share of the earlier value; negative when better.
    pub decline: f64,
}

/// Words of an enum as reports write them, and back.
macro_rules! words {
    ($name:ident: $($variant:ident = $word:literal),+) => {
        impl $name {
            /// The word in reports.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The one of a word.
            #[must_use]
            pub fn from_name(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

words!(Urgency: None = "none", Monitor = "monitor", Soon = "soon", Immediate = "immediate");
words!(Strategy: FineTune = "fine_tune", FullRetrain = "full_retrain", DataAugmentation = "data_augmentation",
    ArchitectureChange = "architecture_change", Ensemble = "ensemble", None = "none");
words!(Health: Healthy = "healthy", AtRisk = "at_risk", Critical = "critical");
