//! What an agent is given and what it gives.

use std::{collections::BTreeMap, fmt};

use deepfix_errors::Error;
use deepfix_model::{
    Artifact, ArtifactKind, Chart, Checked, ColumnCard, Evidence, Finding, LayerCard, MetricChange, Note, Scope, Severity,
};
use deepfix_rpc::Cancel;
use deepfix_source::{Opened, Part, Reader, SourceError};

/// What an agent is and looks for.
#[derive(Debug, Clone)]
pub struct Describe {
    /// Short name.
    pub name: &'static str,
    /// Kinds it reads.
    pub kinds: Vec<ArtifactKind>,
    /// Codes it can emit.
    pub fault_codes: Vec<&'static str>,
    /// Default thresholds.
    pub thresholds: Vec<(&'static str, f64)>,
}

/// Looks at artifacts and reports faults with evidence.
pub trait Agent: Send + Sync + 'static {
    /// What it is and looks for.
    fn describe(&self) -> Describe;

    /// Looks at the artifacts. Findings go to the sink as they come; everything else is kept in
    /// the analysis. What an artifact is at fault for is a finding or a failure of the analysis,
    /// never an error.
    ///
    /// # Errors
    /// [`Stop`] when nobody waits any more or on a defect of ours.
    fn analyze(&self, analysis: &mut Analysis<'_>, sink: &mut Sink<'_>) -> Result<(), Stop>;
}

/// Why an analysis ended before its end.
#[derive(Debug)]
pub enum Stop {
    /// The caller has left.
    Cancelled,
    /// A defect of ours.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Options of one analysis.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    /// Label column; empty when unknown.
    pub label: String,
    /// Column that dates the rows; empty when there is none.
    pub datetime: String,
    /// `classification`, `regression` or empty.
    pub task: String,
    /// Thresholds that replace the defaults.
    pub thresholds: BTreeMap<String, f64>,
    /// Whether the words of cells are shown by their shape only.
    pub mask_examples: bool,
    /// What names of the training log mean, in the words of [`deepfix_model::MetricRole`].
    pub metric_roles: BTreeMap<String, String>,
    /// Kinds of fault that are looked for.
    pub scope: Scope,
    /// Findings are all that is wanted: charts, notes and what was looked at are dropped.
    pub findings_only: bool,
}

/// One analysis: its artifacts and options, and what was found besides findings.
#[derive(Debug)]
pub struct Analysis<'a> {
    pub(crate) reader: &'a Reader,
    pub(crate) artifacts: Vec<Artifact>,
    /// The options.
    pub options: Options,
    pub(crate) thresholds: BTreeMap<String, f64>,
    pub(crate) cancel: Cancel,
    pub(crate) notes: Vec<Note>,
    pub(crate) checked: Vec<Checked>,
    pub(crate) charts: Vec<Chart>,
    pub(crate) columns: Vec<ColumnCard>,
    pub(crate) layers: Vec<LayerCard>,
    pub(crate) metric_changes: Vec<MetricChange>,
    pub(crate) inputs: Vec<deepfix_model::Input>,
    pub(crate) failures: Vec<(String, String)>,
    pub(crate) unreadable: Vec<Finding>,
}

impl<'a> Analysis<'a> {
    pub(crate) fn new(
        reader: &'a Reader,
        describe: &Describe,
        artifacts: Vec<Artifact>,
        options: Options,
        cancel: Cancel,
    ) -> Self {
        let mut thresholds: BTreeMap<String, f64> = describe.thresholds.iter().map(|&(k, v)| (k.to_owned(), v)).collect();
        for (name, value) in &options.thresholds {
            if let Some(slot) = thresholds.get_mut(name) {
                *slot = *value;
            }
        }
        Self {
            reader,
            artifacts,
            options,
            thresholds,
            cancel,
            notes: Vec::new(),
            checked: Vec::new(),
            charts: Vec::new(),
            columns: Vec::new(),
            layers: Vec::new(),
            metric_changes: Vec::new(),
            inputs: Vec::new(),
            failures: Vec::new(),
            unreadable: Vec::new(),
        }
    }

    /// A threshold in force.
    ///
    /// # Panics
    /// When the agent does not describe a threshold of that name, a defect that its first test shows.
    #[must_use]
    pub fn threshold(&self, name: &str) -> f64 {
        *self.thresholds.get(name).unwrap_or_else(|| panic!("threshold {name} is not described"))
    }

    /// All thresholds in force.
    #[must_use]
    pub fn thresholds(&self) -> &BTreeMap<String, f64> {
        &self.thresholds
    }

    /// Whether to stop; for work that runs long between two progress reports.
    #[must_use]
    pub fn cancel(&self) -> Cancel {
        self.cancel.clone()
    }

    /// Ends the work when the caller has left; to be asked between steps of some tens of milliseconds.
    ///
    /// # Errors
    /// When the caller has left.
    pub fn wanted(&self) -> Result<(), Stop> {
        if self.cancel.is_cancelled() { Err(Stop::Cancelled) } else { Ok(()) }
    }

    /// How artifacts are bounded.
    #[must_use]
    pub fn limits(&self) -> deepfix_artifact::Limits {
        self.reader.limits()
    }

    /// The artifact of a kind, when one was handed in.
    #[must_use]
    pub fn artifact(&self, kind: ArtifactKind) -> Option<&Artifact> {
        self.artifacts.iter().find(|a| a.kind == kind)
    }

    /// Opens the artifact of a kind. `None` when there is none, or when it could not be opened:
    /// that is then recorded as a failure.
    pub fn open(&mut self, kind: ArtifactKind) -> Option<Opened> {
        let opened = self.reader.open(self.artifact(kind)?).map(|opened| (opened.input.clone(), opened));
        self.record(kind, opened)
    }

    /// Opens the artifact of a kind that may be several files: a folder of parts, or a pattern.
    /// `None` as for [`Analysis::open`].
    pub fn open_parts(&mut self, kind: ArtifactKind) -> Option<Vec<Part>> {
        let opened = self.reader.open_parts(self.artifact(kind)?).map(|(parts, input)| (input, parts));
        self.record(kind, opened)
    }

    /// Keeps what the report says of an input, or why there is none.
    fn record<T>(&mut self, kind: ArtifactKind, opened: Result<(deepfix_model::Input, T), SourceError>) -> Option<T> {
        match opened {
            Ok((input, content)) => {
                self.inputs.push(input);
                Some(content)
            }
            Err(error) => {
                self.fail(kind, error.to_string());
                None
            }
        }
    }

    /// The bytes of an artifact that belongs to another agent too: no digest is taken, and that it
    /// cannot be opened is the other's to say.
    #[must_use]
    pub fn peek(&self, kind: ArtifactKind) -> Option<deepfix_artifact::Content> {
        self.reader.peek(self.artifact(kind)?).ok()
    }

    /// How many rows or points an artifact opened before turned out to have.
    pub fn set_rows(&mut self, kind: ArtifactKind, rows: usize) {
        if let Some(input) = self.inputs.iter_mut().find(|i| i.artifact == kind.name()) {
            input.rows = Some(rows as u64);
        }
    }

    /// Records that an artifact could not be used. The reason says what, where and how to mend it.
    pub fn fail(&mut self, kind: ArtifactKind, reason: impl Into<String>) {
        self.failures.push((kind.name().to_owned(), reason.into()));
    }

    /// Records that an artifact's content is at fault: a failure and a finding.
    pub fn unreadable(&mut self, kind: ArtifactKind, code: &str, reason: impl Into<String>) {
        let reason = reason.into();
        let name = self.artifact(kind).map_or_else(String::new, |a| a.file_name.clone());
        let what = if code == "artifact_incomplete" { "is incomplete" } else { "cannot be read" };
        let bytes = self.inputs.iter().find(|i| i.artifact == kind.name()).map_or(0, |i| i.bytes);
        // Bytes that do not parse are certain; how much of the file is at fault is not.
        let confidence = if code == "artifact_incomplete" { 0.9 } else { 0.97 };
        self.unreadable.push(
            Finding::new(code, kind, format!("artifact:{kind}"), Severity::High, confidence)
                .title(format!("{kind} {what}{}", if name.is_empty() { String::new() } else { format!(" ({name})") }))
                .evidence(
                    Evidence::new("parse_error", format!("artifact:{kind}"), reason.clone())
                        .method("reading the file as its format")
                        .source(name),
                )
                .evidence(Evidence::new("size", format!("artifact:{kind}"), bytes).unit("bytes").method("length of the file"))
                .fix(format!("hand in the {kind} file again as it was written"), "nothing can be said about what cannot be read"),
        );
        self.fail(kind, reason);
    }

    /// Keeps a note.
    pub fn note(&mut self, note: Note) {
        if !self.options.findings_only {
            self.notes.push(note);
        }
    }

    /// Whether one of these kinds of fault is looked for.
    #[must_use]
    pub fn looks_for(&self, codes: &[&str]) -> bool {
        codes.iter().any(|code| self.options.scope.holds(code))
    }

    /// Says of each kind of fault that was not asked for that it was not looked for.
    pub(crate) fn say_left_out(&mut self, describe: &Describe) {
        if !self.options.findings_only {
            let left_out = describe.fault_codes.iter().filter(|code| !self.options.scope.holds(code));
            self.checked.extend(left_out.map(|code| Checked::not(code, "not asked for")));
        }
    }

    /// Keeps what was looked at.
    pub fn checked(&mut self, checked: Checked) {
        if !self.options.findings_only && self.options.scope.holds(&checked.code) {
            self.checked.push(checked);
        }
    }

    /// Keeps a chart.
    pub fn chart(&mut self, chart: Chart) {
        if !self.options.findings_only {
            self.charts.push(chart);
        }
    }

    /// Keeps the cards of a table's columns.
    pub fn columns(&mut self, cards: Vec<ColumnCard>) {
        self.columns = cards;
    }

    /// Keeps the cards of a model's tensors.
    pub fn layers(&mut self, cards: Vec<LayerCard>) {
        self.layers = cards;
    }

    /// Keeps metrics beside those of an earlier run.
    pub fn metric_changes(&mut self, changes: Vec<MetricChange>) {
        self.metric_changes = changes;
    }
}

/// Where findings and progress go.
pub struct Sink<'a> {
    pub(crate) agent: &'static str,
    pub(crate) scope: Scope,
    pub(crate) emit: &'a mut dyn FnMut(Emitted) -> Result<(), Stop>,
}

/// What an agent emits while it works.
pub(crate) enum Emitted {
    Progress(String, Option<f64>),
    Finding(Box<Finding>),
}

impl fmt::Debug for Sink<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sink({})", self.agent)
    }
}

impl Sink<'_> {
    /// Says how far the work is.
    ///
    /// # Errors
    /// When the caller has left.
    pub fn progress(&mut self, stage: impl Into<String>, done: Option<f64>) -> Result<(), Stop> {
        (self.emit)(Emitted::Progress(stage.into(), done))
    }

    /// Reports a fault.
    ///
    /// # Errors
    /// When the caller has left.
    pub fn finding(&mut self, mut finding: Finding) -> Result<(), Stop> {
        if !self.scope.holds(&finding.code) {
            return Ok(());
        }
        debug_assert!(!finding.evidence.is_empty(), "{} has no evidence", finding.code);
        self.agent.clone_into(&mut finding.agent);
        (self.emit)(Emitted::Finding(Box::new(finding)))
    }
}
