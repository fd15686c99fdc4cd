//! From outcomes of agents and knowledge pages to a report.

use std::collections::BTreeMap;

use deepfix_model::{
    AgentRun, AgentStatus, Chart, Checked, Citation, ColumnCard, Finding, Input, LayerCard, MetricChange, Note, Num, Report,
    Severity,
};

use crate::{
    Rules, Wording,
    merge::merge,
    near::Measured,
    readiness::readiness,
    retraining::{Facts, retraining},
};

/// One agent's outcome.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// How it went.
    pub run: AgentRun,
    /// What it found.
    pub findings: Vec<Finding>,
    /// Hints and "cannot tell".
    pub notes: Vec<Note>,
    /// What was looked at.
    pub checked: Vec<Checked>,
    /// Charts of the findings.
    pub charts: Vec<Chart>,
    /// Columns of the tables.
    pub columns: Vec<ColumnCard>,
    /// Tensors of the model file.
    pub layers: Vec<LayerCard>,
    /// Artifacts as they were read.
    pub inputs: Vec<Input>,
    /// Thresholds in force.
    pub thresholds: BTreeMap<String, f64>,
    /// Metrics beside those of an earlier run.
    pub metric_changes: Vec<MetricChange>,
}

impl Outcome {
    /// Of an agent that answered and has nothing to say.
    #[must_use]
    pub fn completed(agent: &str) -> Self {
        Self {
            run: AgentRun {
                name: agent.to_owned(),
                status: AgentStatus::Completed,
                reason: None,
                version: "1".to_owned(),
                artifacts: Vec::new(),
            },
            findings: Vec::new(),
            notes: Vec::new(),
            checked: Vec::new(),
            charts: Vec::new(),
            columns: Vec::new(),
            layers: Vec::new(),
            inputs: Vec::new(),
            thresholds: BTreeMap::new(),
            metric_changes: Vec::new(),
        }
    }
}

/// A knowledge page about some codes.
#[derive(Debug, Clone)]
pub struct Page {
    /// Codes it is about.
    pub codes: Vec<String>,
    /// Its sources as citations.
    pub citations: Vec<Citation>,
    /// It is a team's own, and stands behind the shared one.
    pub own: bool,
}

/// What the report is about.
#[derive(Debug, Clone, Default)]
pub struct Subject {
    /// As the caller named it.
    pub dataset_name: Option<String>,
    /// As the caller named it.
    pub model_name: Option<String>,
    /// Findings below this confidence are left out.
    pub min_confidence: f64,
    /// Other limits for an agent or a fault code, by its name; the code's counts before the agent's.
    pub confidence_thresholds: BTreeMap<String, f64>,
    /// The label column, when known.
    pub label: Option<String>,
}

/// Agents in the order reports list them.
const AGENTS: [&str; 4] = ["dataset", "training", "checks", "checkpoint"];

/// Most sources cited for one finding.
const CITATIONS: usize = 3;
/// Column cards kept.
const COLUMNS: usize = 1000;

/// Joins, explains, ranks, scores and words.
#[must_use]
pub fn synthesize(mut outcomes: Vec<Outcome>, pages: &[Page], subject: Subject, rules: &Rules, wording: &dyn Wording) -> Report {
    let place = |name: &str| AGENTS.iter().position(|a| *a == name).unwrap_or(AGENTS.len());
    outcomes.sort_by(|a, b| (place(&a.run.name), &a.run.name).cmp(&(place(&b.run.name), &b.run.name)));
    let mut report = Report::empty(subject.dataset_name, subject.model_name);
    report.provenance.versions.insert(crate::SERVICE.to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    let (mut findings, mut changes) = (Vec::new(), Vec::new());
    for outcome in outcomes {
        if !outcome.run.version.is_empty() {
            report.provenance.versions.insert(outcome.run.name.clone(), outcome.run.version.clone());
        }
        for (name, value) in outcome.thresholds {
            report.provenance.thresholds.insert(name, Num(value));
        }
        for input in outcome.inputs {
            // An artifact that two agents read is one input; rows are known by whoever counted them.
            match report.provenance.inputs.iter_mut().find(|i| i.artifact == input.artifact) {
                None => report.provenance.inputs.push(input),
                Some(known) => known.rows = known.rows.or(input.rows),
            }
        }
        findings.extend(outcome.findings);
        report.notes.extend(outcome.notes);
        report.checked.extend(outcome.checked);
        report.charts.extend(outcome.charts);
        report.columns.extend(outcome.columns);
        report.layers.extend(outcome.layers);
        changes.extend(outcome.metric_changes);
        report.agents.push(outcome.run);
    }
    // What numbers demand is not softened by what is left out of the list.
    let all = merge(findings.clone());
    findings.retain(|f| f.is_sure(subject.min_confidence, &subject.confidence_thresholds));
    report.findings = merge(findings);
    report.retraining = retraining(&Facts {
        findings: &all,
        columns: &report.columns,
        changes: &changes,
        inputs: &report.provenance.inputs,
        label: subject.label.as_deref(),
    });
    for finding in &mut report.findings {
        let code = finding.code.clone();
        let about = |own: bool| pages.iter().filter(|p| p.codes.contains(&code)).filter(move |p| p.own == own);
        let shared = about(false).take(1).flat_map(|p| p.citations.iter().take(CITATIONS));
        let citations = shared.chain(about(true).take(CITATIONS).flat_map(|p| p.citations.iter().take(1))).cloned().collect();
        finding.recommendation.citations = citations;
    }
    let measured = Measured { columns: &report.columns, changes: &changes, thresholds: &report.provenance.thresholds };
    let near = crate::near::notes(&measured, &all);
    report.notes.extend(near);
    report.notes.sort();
    report.notes.dedup();
    report.checked.sort_by(|a, b| (place(&a.agent), &a.code).cmp(&(place(&b.agent), &b.code)));
    report.provenance.inputs.sort();
    report.charts.sort_by(|a, b| (&a.subject, a.kind, &a.title).cmp(&(&b.subject, b.kind, &b.title)));
    order_columns(&mut report);
    let explained = rules.explain(&report.findings);
    report.plan = rules.fixes.plan(&report.findings, &explained);
    report.root_causes = explained.into_iter().map(|explained| explained.cause).collect();
    report.readiness = readiness(&report.agents, &report.findings, &report.checked);
    report.summary = wording.summary(&report);
    report
}
/// The cards of the columns with the gravest findings first; the order the agent gave breaks ties.
fn order_columns(report: &mut Report) {
    let mut weights: std::collections::BTreeMap<&str, (Severity, usize)> = Default::default();
    for finding in &report.findings {
        for column in &finding.columns {
            let weight = weights.entry(column).or_insert((finding.severity, 0));
            *weight = (weight.0.max(finding.severity), weight.1 + 1);
        }
    }
    report.columns.sort_by_key(|card| std::cmp::Reverse(weights.get(card.name.as_str()).copied()));
    report.columns.truncate(COLUMNS);
}
