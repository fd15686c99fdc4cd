//! The clients of every service the gateway asks. Where each lives is the maker's business.

use std::time::Duration;

use deepfix_api::{
    agent::agent_service_client::AgentServiceClient, knowledge::knowledge_service_client::KnowledgeServiceClient,
    reasoning::reasoning_service_client::ReasoningServiceClient,
};
use deepfix_errors::Error;
use deepfix_model::ArtifactKind;
use deepfix_rpc::{Client, MAX_MESSAGE};

use crate::{config::GatewayConfig, plan};

/// An agent as the gateway knows it.
#[derive(Debug, Clone)]
pub(crate) struct AgentClient {
    pub(crate) name: String,
    /// Kinds that give it something to look at.
    pub(crate) main: Vec<ArtifactKind>,
    /// Kinds it also reads when there is something to look at.
    pub(crate) also: Vec<ArtifactKind>,
    pub(crate) timeout: Duration,
    pub(crate) client: AgentServiceClient<Client>,
}

/// Every service the gateway asks.
#[derive(Debug, Clone)]
pub struct Clients {
    pub(crate) agents: Vec<AgentClient>,
    pub(crate) knowledge: KnowledgeServiceClient<Client>,
    pub(crate) knowledge_timeout: Duration,
    pub(crate) reasoning: ReasoningServiceClient<Client>,
    pub(crate) reasoning_timeout: Duration,
}

impl Clients {
    /// Clients over the channels that `connect` gives for each short name.
    ///
    /// # Errors
    /// When a service has no channel, or an agent beyond the known ones names no kinds.
    pub fn new(config: &GatewayConfig, mut connect: impl FnMut(&str) -> Result<Client, Error>) -> Result<Self, Error> {
        let timeout = |name: &str| config.services.get(name).map_or(Duration::from_secs(60), |s| s.timeout.0);
        let mut agents = Vec::new();
        let mut names: Vec<&String> = config.services.keys().filter(|n| !matches!(n.as_str(), "kb" | "reasoning")).collect();
        names.sort_by_key(|name| (plan::place(name), (*name).clone()));
        for name in names {
            let (main, also) = plan::kinds(name, &config.services[name].kinds)?;
            let client = AgentServiceClient::new(connect(name)?)
                .max_decoding_message_size(MAX_MESSAGE)
                .max_encoding_message_size(MAX_MESSAGE);
            agents.push(AgentClient { name: name.clone(), main, also, timeout: timeout(name), client });
        }
        Ok(Self {
            agents,
            knowledge: KnowledgeServiceClient::new(connect("kb")?).max_decoding_message_size(MAX_MESSAGE),
            knowledge_timeout: timeout("kb").min(Duration::from_secs(10)),
            reasoning: ReasoningServiceClient::new(connect("reasoning")?)
                .max_decoding_message_size(MAX_MESSAGE)
                .max_encoding_message_size(MAX_MESSAGE),
            reasoning_timeout: timeout("reasoning"),
        })
    }
}
