//! Joins what the agents found into one ranked, explained report: de-duplication, root causes
//! across artifacts, ranking, readiness, wording. Deterministic: the same findings in any order
//! give the same report. It calls nobody.

mod merge;
mod readiness;
mod retraining;
mod rules;
mod service;
mod synthesis;
mod wording;

pub use rules::{Rule, RuleError, Rules};
pub use synthesis::{Outcome, Page, Subject, synthesize};
pub use wording::{Plain, Wording};

use deepfix_rpc::Module;

/// Name of the service.
pub const SERVICE: &str = "reasoning";

/// The service, with the rules and the wording built in.
///
/// # Errors
/// When the rule table is not what it must be; a test refuses such a table.
pub fn build() -> Result<Module, RuleError> {
    Ok(service::module(Rules::embedded()?))
}
