//! Findings and their evidence.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{ArtifactKind, Scalar};

/// How much harm a finding does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Low,
    /// Will cost quality.
    Medium,
    /// Results cannot be trusted, or training fails.
    High,
}

impl Severity {
    /// The word in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// The DeepFix SDK's kind of bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BugType {
    /// The model or data costs quality.
    Performance,
    /// The search for a model went wrong: optimisation, schedule, selection.
    Search,
}

/// Which split a finding was seen in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Train or reference.
    Train,
    /// Test or current.
    Test,
    /// Both, or the comparison of both.
    Both,
}

impl Split {
    /// The word in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Test => "test",
            Self::Both => "both",
        }
    }
}

/// One measured fact, recomputable from the artifact by the method named.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// What was measured, in the field's standard term.
    pub measure: String,
    /// What it was measured on.
    pub subject: String,
    /// The value.
    pub value: Scalar,
    /// The value it was compared with.
    pub threshold: Option<Scalar>,
    /// `>=`, `>`, `<=`, `<`, `==` or empty.
    pub comparator: String,
    /// Unit of value and threshold; empty for a pure number.
    pub unit: String,
    /// How the value was computed, exactly enough to do it again.
    pub method: String,
    /// Where in the artifact.
    pub source: String,
}

impl Evidence {
    /// A measured value.
    pub fn new(measure: &str, subject: impl Into<String>, value: impl Into<Scalar>) -> Self {
        Self {
            measure: measure.to_owned(),
            subject: subject.into(),
            value: value.into(),
            threshold: None,
            comparator: String::new(),
            unit: String::new(),
            method: String::new(),
            source: String::new(),
        }
    }

    /// With what it was compared.
    #[must_use]
    pub fn versus(mut self, comparator: &str, threshold: impl Into<Scalar>) -> Self {
        comparator.clone_into(&mut self.comparator);
        self.threshold = Some(threshold.into());
        self
    }

    /// With its unit.
    #[must_use]
    pub fn unit(mut self, unit: &str) -> Self {
        unit.clone_into(&mut self.unit);
        self
    }

    /// With its method.
    #[must_use]
    pub fn method(mut self, method: impl Into<String>) -> Self {
        self.method = method.into();
        self
    }

    /// With its place in the artifact.
    #[must_use]
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.source = source.into();
        self
    }
}

/// A source behind a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Citation {
    /// Page id under `knowledge/`.
    pub page_id: String,
    /// Title of the public source.
    pub title: String,
    /// Place in the source.
    pub source: String,
    /// Address of the public source.
    pub url: String,
    /// Year of publication; 0 when unknown.
    pub year: u32,
}

/// What to do about a finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recommendation {
    /// The fix in one imperative sentence.
    pub action: String,
    /// Steps in order.
    pub steps: Vec<String>,
    /// Why this helps.
    pub rationale: String,
    /// Computed, or `unknown`.
    pub expected_impact: String,
    /// 0 to 1.
    pub confidence: f64,
    /// Rank in the report, from 1.
    pub priority: u32,
    /// Sources.
    pub citations: Vec<Citation>,
}

/// One fault, with the evidence that shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Derived from code, artifact, subject and split.
    pub id: String,
    /// A fault code with a page under `knowledge/`.
    pub code: String,
    /// One line that names subject and fault.
    pub title: String,
    /// `column:age`, `label`, `rows`, `split`, `epoch:12`, `layer:…`, `check:…`.
    pub subject: String,
    /// Columns concerned.
    pub columns: Vec<String>,
    /// Where it was seen.
    pub split: Option<Split>,
    /// Artifact it was seen in.
    pub artifact: String,
    /// Agent that found it.
    pub agent: String,
    /// Harm, by rule from effect size.
    pub severity: Severity,
    /// 0 to 1: how sure.
    pub confidence: f64,
    /// The SDK's kind of bug.
    pub bug_type: Option<BugType>,
    /// At least one measured fact.
    pub evidence: Vec<Evidence>,
    /// What to do.
    pub recommendation: Recommendation,
}

impl Finding {
    /// Codes that only a finished run can be said to show; of one under way they would come too soon.
    pub const END_OF_RUN: [&str; 13] = [
        "artifact_incomplete",
        "checkpoint_not_best",
        "early_stopping_missed",
        "lr_plateau",
        "lr_schedule_misconfigured",
        "lr_too_low",
        // Sound runs say the commonest class for some epochs too.
        "majority_class_collapse",
        "metric_mismatch",
        "missing_validation",
        "not_learning",
        "slow_convergence",
        "stopped_too_early",
        "underfitting",
    ];

    /// Whether it is as sure as a caller wants findings to be: by the limit for its code, else for its agent,
    /// else for all.
    #[must_use]
    pub fn is_sure(&self, least: f64, others: &BTreeMap<String, f64>) -> bool {
        self.confidence >= *others.get(&self.code).or(others.get(&self.agent)).unwrap_or(&least)
    }

    /// A finding to be completed by the methods below. The agent's name is set by its service.
    #[must_use]
    pub fn new(code: &str, artifact: ArtifactKind, subject: impl Into<String>, severity: Severity, confidence: f64) -> Self {
        let mut finding = Self {
            id: String::new(),
            code: code.to_owned(),
            title: String::new(),
            subject: subject.into(),
            columns: Vec::new(),
            split: None,
            artifact: artifact.name().to_owned(),
            agent: String::new(),
            severity,
            confidence,
            bug_type: None,
            evidence: Vec::new(),
            recommendation: Recommendation {
                action: String::new(),
                steps: Vec::new(),
                rationale: String::new(),
                expected_impact: "unknown".to_owned(),
                confidence,
                priority: 1,
                citations: Vec::new(),
            },
        };
        finding.id = finding.derive_id();
        finding
    }

    fn derive_id(&self) -> String {
        let mut hash = Sha256::new();
        for part in [self.code.as_str(), &self.artifact, &self.subject, self.split.map_or("", Split::name)] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        let digest = hash.finalize();
        let short: String = digest.iter().take(5).map(|byte| format!("{byte:02x}")).collect();
        format!("{}-{short}", self.code)
    }

    /// With its line.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// With one column.
    #[must_use]
    pub fn column(mut self, column: impl Into<String>) -> Self {
        self.columns.push(column.into());
        self
    }

    /// With its columns.
    #[must_use]
    pub fn columns(mut self, columns: Vec<String>) -> Self {
        self.columns = columns;
        self
    }

    /// With its split.
    #[must_use]
    pub fn split(mut self, split: Split) -> Self {
        self.split = Some(split);
        self.id = self.derive_id();
        self
    }

    /// With the SDK's kind of bug.
    #[must_use]
    pub fn bug(mut self, bug: BugType) -> Self {
        self.bug_type = Some(bug);
        self
    }

    /// With one more fact.
    #[must_use]
    pub fn evidence(mut self, evidence: Evidence) -> Self {
        self.evidence.push(evidence);
        self
    }

    /// With the fix and why it helps.
    #[must_use]
    pub fn fix(mut self, action: impl Into<String>, rationale: impl Into<String>) -> Self {
        self.recommendation.action = action.into();
        self.recommendation.rationale = rationale.into();
        self
    }

    /// With one more step of the fix.
    #[must_use]
    pub fn step(mut self, step: impl Into<String>) -> Self {
        self.recommendation.steps.push(step.into());
        self
    }

    /// With the impact computed.
    #[must_use]
    pub fn impact(mut self, impact: impl Into<String>) -> Self {
        self.recommendation.expected_impact = impact.into();
        self
    }

    /// The number of a measure, when the evidence holds it.
    #[must_use]
    pub fn measured(&self, measure: &str) -> Option<f64> {
        self.evidence.iter().find(|e| e.measure == measure).and_then(|e| e.value.number())
    }
}

/// Something worth saying that is no fault.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// A fault code or a note's own name.
    pub code: String,
    /// What it is about.
    pub subject: String,
    /// Columns concerned.
    pub columns: Vec<String>,
    /// The sentence.
    pub text: String,
}

impl Note {
    /// A note without columns.
    #[must_use]
    pub fn new(code: &str, subject: impl Into<String>, text: impl Into<String>) -> Self {
        Self { code: code.to_owned(), subject: subject.into(), columns: Vec::new(), text: text.into() }
    }

    /// With one column.
    #[must_use]
    pub fn column(mut self, column: impl Into<String>) -> Self {
        self.columns.push(column.into());
        self
    }
}
