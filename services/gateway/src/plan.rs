//! Which agents have something to look at.

use deepfix_errors::Error;
use deepfix_model::{Artifact, ArtifactKind};

use crate::clients::AgentClient;

/// The known agents: name, kinds that call for it, kinds it reads along.
const KNOWN: [(&str, &[ArtifactKind], &[ArtifactKind]); 4] = [
    ("dataset", &[ArtifactKind::Train, ArtifactKind::Test, ArtifactKind::DatasetStatistics], &[]),
    (
        "training",
        &[ArtifactKind::Metrics, ArtifactKind::LayerStats],
        // Of the checkpoint it reads the epoch; the weights are checkpoint-agent's.
        &[ArtifactKind::Params, ArtifactKind::Checkpoint, ArtifactKind::BaselineMetrics],
    ),
    ("checks", &[ArtifactKind::Deepchecks], &[]),
    ("checkpoint", &[ArtifactKind::Checkpoint], &[ArtifactKind::Baseline]),
];

/// Position of an agent in reports.
pub(crate) fn place(name: &str) -> usize {
    KNOWN.iter().position(|k| k.0 == name).unwrap_or(KNOWN.len())
}

/// Kinds that call for an agent, and those it reads along.
pub(crate) fn kinds(name: &str, configured: &[String]) -> Result<(Vec<ArtifactKind>, Vec<ArtifactKind>), Error> {
    if configured.is_empty() {
        let known = KNOWN.iter().find(|k| k.0 == name);
        return known.map(|k| (k.1.to_vec(), k.2.to_vec())).ok_or_else(|| {
            Error::field(
                format!("gateway.services.{name}.kinds"),
                "names no artifact kind; an agent of your own needs at least one",
            )
        });
    }
    let kinds = configured
        .iter()
        .map(|kind| {
            ArtifactKind::from_name(kind)
                .ok_or_else(|| Error::field(format!("gateway.services.{name}.kinds"), format!("{kind:?} is no artifact kind")))
        })
        .collect::<Result<_, _>>()?;
    Ok((kinds, Vec::new()))
}

/// What an agent will do.
#[derive(Debug)]
pub(crate) enum Step {
    /// Look at these.
    Ask(Vec<Artifact>),
    /// Nothing, for this reason.
    Skip(String),
}

/// The step of an agent for a request.
pub(crate) fn step(agent: &AgentClient, artifacts: &[Artifact], asked: &[String]) -> Step {
    if !asked.is_empty() && !asked.contains(&agent.name) {
        return Step::Skip("not among the agents asked for".to_owned());
    }
    if !artifacts.iter().any(|a| agent.main.contains(&a.kind)) {
        let names: Vec<&str> = agent.main.iter().map(|k| k.name()).collect();
        return Step::Skip(format!("nothing to look at: no {} was handed in", names.join(", ")));
    }
    let ours = |a: &&Artifact| agent.main.contains(&a.kind) || agent.also.contains(&a.kind);
    Step::Ask(artifacts.iter().filter(ours).cloned().collect())
}
