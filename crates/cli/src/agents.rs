//! `deepfix agents`.

use deepfix_api::analysis::ListAgentsRequest;
use deepfix_errors::Error;
use deepfix_model::ArtifactKind;

use crate::{Outcome, args::RemoteArgs, connect};

pub(crate) async fn agents(args: &RemoteArgs) -> Outcome {
    let mut gateway = match &args.server {
        Some(url) => connect::server(url)?,
        None => connect::local(&deepfix_standalone::load(None)?)?,
    };
    let response = gateway.list_agents(ListAgentsRequest {}).await.map_err(|status| Error::from_status(&status))?.into_inner();
    let mut shown = Vec::new();
    for agent in response.agents {
        let kinds: Vec<&str> =
            agent.artifact_kinds().filter_map(|kind| ArtifactKind::try_from(kind).ok()).map(ArtifactKind::name).collect();
        if args.json {
            shown.push(serde_json::json!({ "name": agent.name, "version": agent.version, "available": agent.available,
                "artifact_kinds": kinds, "fault_codes": agent.fault_codes, "thresholds": agent.thresholds }));
        } else if agent.available {
            anstream::println!(
                "{} {}\n  reads {}\n  finds {}\n",
                agent.name,
                agent.version,
                kinds.join(", "),
                agent.fault_codes.join(", ")
            );
        } else {
            anstream::println!("{} does not answer: {}\n", agent.name, agent.reason);
        }
    }
    if args.json {
        anstream::println!("{:#}", serde_json::Value::from(shown));
    }
    Ok(0)
}
