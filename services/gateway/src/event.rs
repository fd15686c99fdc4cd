//! What happens during an analysis, as callers see it.

use deepfix_api::analysis::{self as wire, AnalyzeStreamResponse, analyze_stream_response::Event as Wire};
use deepfix_model::{Finding, Report};
use serde::Serialize;

/// One event. The JSON of its payload is what server-sent events carry.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "fields say what they are; the contract documents them")]
pub enum Event {
    Accepted { request_id: String, agents: Vec<String> },
    AgentStarted { agent: String },
    AgentProgress { agent: String, stage: String, done: Option<f64> },
    Finding { agent: String, finding: Box<Finding> },
    AgentCompleted { agent: String, findings: u32 },
    AgentFailed { agent: String, reason: String },
    AgentSkipped { agent: String, reason: String },
    KnowledgeRetrieved { passages: u32 },
    Report(Box<Report>),
}

impl Event {
    /// The event's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "accepted",
            Self::AgentStarted { .. } => "agent_started",
            Self::AgentProgress { .. } => "agent_progress",
            Self::Finding { .. } => "finding",
            Self::AgentCompleted { .. } => "agent_completed",
            Self::AgentFailed { .. } => "agent_failed",
            Self::AgentSkipped { .. } => "agent_skipped",
            Self::KnowledgeRetrieved { .. } => "knowledge_retrieved",
            Self::Report(_) => "report",
        }
    }

    /// As a message, with its number.
    #[must_use]
    pub fn to_wire(self, id: u64) -> AnalyzeStreamResponse {
        let event = match self {
            Self::Accepted { request_id, agents } => Wire::Accepted(wire::Accepted { request_id, agents }),
            Self::AgentStarted { agent } => Wire::AgentStarted(wire::AgentStarted { agent }),
            Self::AgentProgress { agent, stage, done } => Wire::AgentProgress(wire::AgentProgress { agent, stage, done }),
            Self::Finding { agent, finding } => Wire::Finding(wire::FindingFound { agent, finding: Some((*finding).into()) }),
            Self::AgentCompleted { agent, findings } => Wire::AgentCompleted(wire::AgentCompleted { agent, findings }),
            Self::AgentFailed { agent, reason } => Wire::AgentFailed(wire::AgentFailed { agent, reason }),
            Self::AgentSkipped { agent, reason } => Wire::AgentSkipped(wire::AgentSkipped { agent, reason }),
            Self::KnowledgeRetrieved { passages } => Wire::KnowledgeRetrieved(wire::KnowledgeRetrieved { passages }),
            Self::Report(report) => Wire::Report((*report).into()),
        };
        AnalyzeStreamResponse { id, event: Some(event) }
    }
}
