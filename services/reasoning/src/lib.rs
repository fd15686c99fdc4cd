//! Joins what the agents found into one ranked, explained report: de-duplication, root causes
//! across artifacts, ranking, readiness, wording. Deterministic: the same findings in any order
//! give the same report. It calls nobody but a language model, when one is configured to word the report.

mod answer;
mod merge;
mod model;
mod near;
mod plan;
mod readiness;
mod retraining;
mod rules;
mod service;
mod synthesis;
mod wording;

pub use answer::{Answer, answer};
pub use model::{ModelConfig, ReasoningConfig};
pub use plan::{Fixes, PlanError};
pub use rules::{Rule, RuleError, Rules};
pub use synthesis::{Outcome, Page, Subject, synthesize};
pub use wording::{Plain, Wording};

use deepfix_errors::{Error, ErrorCode};
use deepfix_rpc::Module;

/// Name of the service.
pub const SERVICE: &str = "reasoning";

/// The service, with the rules built in and the language model that is configured, if any.
///
/// # Errors
/// When the rule table is not what it must be (a test refuses such a table), or the model's configuration is not.
pub fn build(config: &ReasoningConfig) -> Result<Module, Error> {
    let rules = Rules::embedded().map_err(|error| Error::new(ErrorCode::Internal, error.to_string()))?;
    Ok(service::module(rules, model::Model::new(&config.model)?))
}
