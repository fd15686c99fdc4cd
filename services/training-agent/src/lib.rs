//! Finds faults in training logs, parameters and layer statistics. Pure computation; of a
//! checkpoint it reads the epoch only, the weights are checkpoint-agent's.

mod charts;
mod decline;
mod detect;
mod facts;
mod layers;
mod log;
mod params;
mod rise;
mod run;
mod stats;

use deepfix_agent::{Agent, Analysis, Describe, Reader, Sink, Stop};
use deepfix_artifact::checkpoint::{Checkpoint, read_checkpoint};
use deepfix_model::{ArtifactKind, Checked, Note};
use deepfix_rpc::Module;
use detect::{Case, DETECTORS, THRESHOLDS, Verdict, calibrated};
use layers::LayerStats;
pub use log::{Follower, Step};
use params::Params;
use run::Run;

/// Name of the service.
pub const SERVICE: &str = "training-agent";

/// The agent.
#[derive(Debug, Clone, Copy, Default)]
pub struct TrainingAgent;

/// The agent's service.
#[must_use]
pub fn build(reader: Reader) -> Module {
    deepfix_agent::build(SERVICE, TrainingAgent, reader, 4)
}

impl Agent for TrainingAgent {
    fn describe(&self) -> Describe {
        let mut fault_codes: Vec<&str> =
            DETECTORS.iter().map(|d| d.0).chain(["artifact_incomplete", "artifact_unreadable"]).collect();
        fault_codes.sort_unstable();
        Describe {
            name: "training",
            kinds: vec![
                ArtifactKind::Metrics,
                ArtifactKind::Params,
                ArtifactKind::LayerStats,
                ArtifactKind::Checkpoint,
                ArtifactKind::BaselineMetrics,
            ],
            fault_codes,
            thresholds: THRESHOLDS.to_vec(),
        }
    }

    fn analyze(&self, analysis: &mut Analysis<'_>, sink: &mut Sink<'_>) -> Result<(), Stop> {
        sink.progress("reading log", Some(0.1))?;
        let params = read_params(analysis);
        let layers = read_layers(analysis);
        let log = read_log(analysis);
        if log.is_none() && layers.is_none() {
            if analysis.artifact(ArtifactKind::Metrics).is_none() && analysis.artifact(ArtifactKind::LayerStats).is_none() {
                analysis.note(Note::new("missing_log", "run", "without a log (--metrics) only the checkpoint and parameters were at hand; nothing of the run itself could be looked at"));
            }
            return Ok(());
        }
        let mut run = Run::new(log.unwrap_or_default(), params);
        run.layers = layers;
        run.checkpoint = checkpoint_epoch(analysis);
        compare_earlier(analysis, &run);
        let thresholds = analysis.thresholds().clone();
        let mut case = Case::new(&run, &thresholds);
        let mut found = Vec::new();
        for (i, (code, detector)) in DETECTORS.iter().enumerate() {
            sink.progress("looking at curves", Some(0.3 + 0.6 * i as f64 / DETECTORS.len() as f64))?;
            match detector(&case) {
                Verdict::Looked(subjects, findings) => {
                    analysis.checked(Checked::done(code, subjects, findings.len()));
                    case.keep(code, &findings);
                    found.extend(findings);
                }
                Verdict::CannotTell(why) => analysis.checked(Checked::not(code, why)),
            }
        }
        if !analysis.options.findings_only {
            charts::charts(&run, &found).into_iter().for_each(|chart| analysis.chart(chart));
        }
        for mut finding in found {
            finding.confidence = calibrated(&finding.code, finding.confidence);
            sink.finding(finding)?;
        }
        sink.progress("done", Some(1.0))
    }
}

/// Holds the run's metrics against those of an earlier run, when its log was handed in.
fn compare_earlier(analysis: &mut Analysis<'_>, run: &Run) {
    const KIND: ArtifactKind = ArtifactKind::BaselineMetrics;
    let Some(file_name) = analysis.artifact(KIND).map(|a| a.file_name.clone()) else { return };
    let Some(opened) = analysis.open(KIND) else { return };
    match log::read(&opened.content, &file_name, analysis.limits()) {
        Ok(earlier) => {
            analysis.set_rows(KIND, earlier.points());
            let changes = decline::changes(&earlier, &run.log);
            analysis.note(decline::note(&changes));
            analysis.metric_changes(changes);
        }
        Err(reason) => analysis.unreadable(KIND, "artifact_unreadable", format!("the earlier run's log {reason}")),
    }
}

/// Names of a log whose roles are shown.
const SHOWN: usize = 12;

fn read_log(analysis: &mut Analysis<'_>) -> Option<log::Log> {
    const KIND: ArtifactKind = ArtifactKind::Metrics;
    let file_name = analysis.artifact(KIND)?.file_name.clone();
    let live = analysis.artifact(KIND)?.format == deepfix_live::FORMAT;
    // Nobody reads the digest of a look at a run that goes on.
    let content = if analysis.options.findings_only { analysis.peek(KIND)? } else { analysis.open(KIND)?.content };
    let log = if live {
        deepfix_live::RunHistory::decode(&content).map(log::Log::of_run).map_err(|error| error.to_string())
    } else {
        log::read(&content, &file_name, analysis.limits())
    };
    match log {
        Ok(mut log) => {
            analysis.set_rows(KIND, log.points());
            let unknown = log.assign(&analysis.options.metric_roles);
            if !unknown.is_empty() {
                let text = format!("the log has no {} to which a role was given", unknown.join(", "));
                analysis.note(Note::new("metric_roles", "run", text));
            }
            let roles: Vec<String> = log.roles().into_iter().map(|(name, role)| format!("{name} = {role}")).collect();
            if !roles.is_empty() {
                let more = if roles.len() > SHOWN { format!(", and {} more", roles.len() - SHOWN) } else { String::new() };
                let text = format!(
                    "taken for (--metric-role NAME=ROLE to change): {}{more}",
                    roles[..roles.len().min(SHOWN)].join(", ")
                );
                analysis.note(Note::new("metric_roles", "run", text));
            }
            let loss = log.series.iter().any(|s| s.role.quantity == log::Quantity::Loss);
            if !loss {
                let keys: Vec<&str> = log.series.iter().map(|s| s.key.as_str()).take(10).collect();
                analysis.note(Note::new(
                    "metric_roles",
                    "run",
                    format!("no logged name was understood as a loss ({}: {})", log.format, keys.join(", ")),
                ));
            }
            Some(log)
        }
        Err(reason) => {
            let code = if reason.contains("no value") || reason.contains("holds nothing") {
                "artifact_incomplete"
            } else {
                "artifact_unreadable"
            };
            analysis.unreadable(KIND, code, format!("the log {reason}"));
            None
        }
    }
}

fn read_params(analysis: &mut Analysis<'_>) -> Params {
    const KIND: ArtifactKind = ArtifactKind::Params;
    let Some(opened) = analysis.open(KIND) else { return Params::default() };
    match Params::read(&opened.content) {
        Ok(params) => params,
        Err(error) => {
            analysis.unreadable(KIND, "artifact_unreadable", format!("the parameters: {error}"));
            Params::default()
        }
    }
}

fn read_layers(analysis: &mut Analysis<'_>) -> Option<LayerStats> {
    const KIND: ArtifactKind = ArtifactKind::LayerStats;
    let opened = analysis.open(KIND)?;
    match LayerStats::read(&opened.content) {
        Ok(layers) => {
            analysis.set_rows(KIND, layers.rows.len());
            Some(layers)
        }
        Err(reason) => {
            analysis.unreadable(KIND, "artifact_unreadable", format!("the layer statistics: {reason}"));
            None
        }
    }
}

/// The checkpoint's metadata. That it cannot be read is checkpoint-agent's to say.
fn checkpoint_epoch(analysis: &mut Analysis<'_>) -> Option<Checkpoint> {
    let artifact = analysis.artifact(ArtifactKind::Checkpoint)?;
    if !artifact.format.is_empty() {
        return None;
    }
    let opened = analysis.peek(ArtifactKind::Checkpoint)?;
    read_checkpoint(&opened).ok()
}
