//! The report, as `docs/report.schema.json` publishes it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Finding, Note, Num, PlanStep, Retraining, SCHEMA_VERSION};

/// A cause that explains several findings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RootCause {
    /// Derived from the code and the findings explained.
    pub id: String,
    /// A fault code of the across-artifacts table.
    pub code: String,
    /// Name of the rule that joined the findings.
    pub rule: String,
    /// Ids of the findings explained.
    pub explains: Vec<String>,
    /// 0 to 1.
    pub confidence: f64,
    /// The explanation, with measured numbers.
    pub text: String,
    /// The experiment that would decide.
    pub would_decide: Option<String>,
}

/// One part of the readiness score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadinessPart {
    /// `data`, `training`, `checks` or `checkpoint`.
    pub name: String,
    /// 0 to 10; null when not measured.
    pub score: Option<f64>,
    /// Share in the score, 0 to 1.
    pub weight: f64,
    /// What took points, or why it was not measured.
    pub why: String,
}

/// Readiness 0 to 10, and what it is made of.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Readiness {
    /// Null when nothing was measured.
    pub score: Option<f64>,
    /// The parts.
    pub parts: Vec<ReadinessPart>,
}

/// Who worded a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WordedBy {
    /// Sentences made by rule.
    #[default]
    Rules,
    /// A language model, held against the evidence.
    Model,
}

/// Who worded the report, and what that took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wording {
    /// Who.
    pub by: WordedBy,
    /// Language of the words.
    pub language: String,
    /// The language model asked.
    pub model: Option<String>,
    /// Version of its prompt.
    pub prompt: Option<String>,
    /// Calls made for this report.
    pub calls: u32,
    /// Tokens read by the model.
    pub input_tokens: u64,
    /// Tokens written by it.
    pub output_tokens: u64,
    /// What these cost, when prices are configured.
    pub cost: Option<f64>,
    /// Sentences thrown away because the evidence does not hold them.
    pub rejected_sentences: u32,
    /// Of several answers that were asked for, how far they name the same figures and names, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<f64>,
}

impl Default for Wording {
    fn default() -> Self {
        Self {
            by: WordedBy::Rules,
            language: "english".to_owned(),
            model: None,
            prompt: None,
            calls: 0,
            input_tokens: 0,
            output_tokens: 0,
            cost: None,
            rejected_sentences: 0,
            agreement: None,
        }
    }
}

/// How an agent's part went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AgentStatus {
    /// It looked and answered.
    Completed,
    /// It could not; the reason says why.
    Failed,
    /// Nothing for it to look at, or not asked.
    Skipped,
}

impl AgentStatus {
    /// The word in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// One agent's part of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentRun {
    /// `dataset`, `training`, `checks` or `checkpoint`.
    pub name: String,
    /// How it went.
    pub status: AgentStatus,
    /// Why it failed or was skipped, or what it could not use.
    pub reason: Option<String>,
    /// Version of the agent; empty when it did not answer.
    pub version: String,
    /// Artifacts it was handed.
    pub artifacts: Vec<String>,
}

/// An artifact as it was read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// `train`, `metrics`, …
    pub artifact: String,
    /// Size in bytes.
    pub bytes: u64,
    /// `sha256:…` of the bytes, from 64 MiB on `blake3:…`.
    pub digest: String,
    /// Rows or points, when it has any.
    pub rows: Option<u64>,
}

/// What produced the report.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Component to version.
    pub versions: BTreeMap<String, String>,
    /// Threshold name to value.
    pub thresholds: BTreeMap<String, Num>,
    /// Inputs in a set order.
    pub inputs: Vec<Input>,
}

/// Something that was looked at and found sound, or could not be told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Checked {
    /// Agent that looked.
    pub agent: String,
    /// The fault code looked for.
    pub code: String,
    /// How many subjects (columns, layers, epochs) were looked at.
    pub subjects: u64,
    /// How many of them have the fault.
    pub faulty: u64,
    /// Why it could not be told; null when it could.
    pub not_checked: Option<String>,
}

impl Checked {
    /// Looked at.
    #[must_use]
    pub fn done(code: &str, subjects: usize, faulty: usize) -> Self {
        Self { agent: String::new(), code: code.to_owned(), subjects: subjects as u64, faulty: faulty as u64, not_checked: None }
    }

    /// Could not be told.
    #[must_use]
    pub fn not(code: &str, why: impl Into<String>) -> Self {
        Self { agent: String::new(), code: code.to_owned(), subjects: 0, faulty: 0, not_checked: Some(why.into()) }
    }
}

/// How a chart is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChartKind {
    /// Shares per bin, one group of bars per split.
    Histogram,
    /// Lines over steps or epochs.
    Curve,
    /// One bar per label.
    Bars,
}

/// A line of a chart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Series {
    /// Name in the legend.
    pub name: String,
    /// Horizontal positions; empty for bars.
    pub x: Vec<Num>,
    /// Values.
    pub y: Vec<Num>,
}

/// A marked position of a chart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// Horizontal position.
    pub x: Num,
    /// Label, usually a fault code.
    pub label: String,
}

/// Numbers of a chart that findings refer to by subject. At most a few hundred points each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Chart {
    /// How it is drawn.
    pub kind: ChartKind,
    /// What it shows: `column:age`, `loss`.
    pub subject: String,
    /// Title.
    pub title: String,
    /// Label of the horizontal axis.
    pub x_label: String,
    /// Label of the vertical axis.
    pub y_label: String,
    /// Bin or bar labels.
    pub labels: Vec<String>,
    /// The lines or bar groups.
    pub series: Vec<Series>,
    /// Marked positions.
    pub marks: Vec<Mark>,
}

/// A tensor of a model file, in numbers from one pass over it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LayerCard {
    /// Name.
    pub name: String,
    /// `F32`, `BF16`, …
    pub dtype: String,
    /// Its dimensions.
    pub shape: Vec<u64>,
    /// L2 norm.
    pub norm: Num,
    /// Mean of the elements.
    pub mean: Num,
    /// Standard deviation of the elements.
    pub std: Num,
    /// Largest magnitude.
    pub largest: Num,
    /// Share of elements that are exactly 0.
    pub zeros: f64,
    /// Elements that are NaN or infinite; the numbers before are of the others.
    pub not_finite: u64,
    /// Largest singular value of a matrix, by power iteration; of more than 2^18 elements that of evenly spaced rows,
    /// which is no more than the whole's. Null for what is no matrix or holds what is no number.
    #[serde(default)]
    pub spectral: Option<Num>,
    /// L2 norm of the difference from the baseline over the baseline's norm; null without one.
    pub change: Option<Num>,
}

/// One side of a column: what its cells hold in a split.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnSide {
    /// Rows of the split.
    pub rows: u64,
    /// Cells without a value.
    pub missing: u64,
    /// Different values.
    pub distinct: u64,
    /// Smallest number; `null` for words.
    pub min: Option<Num>,
    /// Median; `null` for words.
    pub median: Option<Num>,
    /// Largest number; `null` for words.
    pub max: Option<Num>,
    /// The most frequent value, cut to a readable length.
    pub top: Option<String>,
    /// Cells that hold it.
    pub top_count: u64,
    /// Share of the values in each bin.
    pub bins: Vec<Num>,
}

/// A measure of how far a column moved between the splits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnMeasure {
    /// `psi`, `ks` or `js`.
    pub name: String,
    /// The exact value.
    pub value: Num,
    /// What is left after the level of chance.
    pub beyond_chance: Num,
    /// From where it is a finding of medium severity.
    pub threshold: Num,
}

/// A column as it was read: the card that a person looks at first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnCard {
    /// Name.
    pub name: String,
    /// `numeric`, `boolean`, `text`, `time` or `nested`.
    pub kind: String,
    /// The train or reference split, when it has the column.
    pub train: Option<ColumnSide>,
    /// The test or current split, when it has the column.
    pub test: Option<ColumnSide>,
    /// Labels of the bins that both sides share.
    pub labels: Vec<String>,
    /// How far it moved.
    pub measures: Vec<ColumnMeasure>,
}

/// The report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "DeepFix report")]
pub struct Report {
    /// Version of this shape.
    pub schema_version: String,
    /// As the caller named it.
    pub dataset_name: Option<String>,
    /// As the caller named it.
    pub model_name: Option<String>,
    /// A few sentences.
    pub summary: String,
    /// Ranked, most harmful first.
    pub findings: Vec<Finding>,
    /// Hints and "cannot tell".
    pub notes: Vec<Note>,
    /// Causes that join findings.
    pub root_causes: Vec<RootCause>,
    /// What to do about it all, in order: causes before what follows from them, one step for findings of one fix.
    #[serde(default)]
    pub plan: Vec<PlanStep>,
    /// Score and parts.
    pub readiness: Readiness,
    /// Whether to train anew; null without current data beside the reference's or an earlier run.
    pub retraining: Option<Retraining>,
    /// Every agent, in a set order.
    pub agents: Vec<AgentRun>,
    /// What produced it.
    pub provenance: Provenance,
    /// What was looked at, in a set order.
    pub checked: Vec<Checked>,
    /// Charts of the findings.
    pub charts: Vec<Chart>,
    /// Columns of the tables, the most troubled first; at most a thousand.
    #[serde(default)]
    pub columns: Vec<ColumnCard>,
    /// Tensors of the model file in the file's order; at most a thousand.
    #[serde(default)]
    pub layers: Vec<LayerCard>,
    /// Who worded it.
    #[serde(default)]
    pub wording: Wording,
    /// Milliseconds by stage; the only part that differs between two runs on the same input.
    pub timing: BTreeMap<String, Num>,
}

impl Report {
    /// A report that says nothing yet.
    #[must_use]
    pub fn empty(dataset_name: Option<String>, model_name: Option<String>) -> Self {
        Self {
            schema_version: SCHEMA_VERSION.to_owned(),
            dataset_name,
            model_name,
            summary: String::new(),
            findings: Vec::new(),
            notes: Vec::new(),
            root_causes: Vec::new(),
            plan: Vec::new(),
            readiness: Readiness::default(),
            retraining: None,
            agents: Vec::new(),
            provenance: Provenance::default(),
            checked: Vec::new(),
            charts: Vec::new(),
            columns: Vec::new(),
            layers: Vec::new(),
            wording: Wording::default(),
            timing: BTreeMap::new(),
        }
    }
}
