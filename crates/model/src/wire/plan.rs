//! Steps of a plan between their own form and the wire's.

use deepfix_api::report as w;

use super::{WireError, none_if_empty, wrong};
use crate::{Effort, PlanStep};

impl From<PlanStep> for w::PlanStep {
    fn from(s: PlanStep) -> Self {
        Self {
            rank: s.rank,
            action: s.action,
            code: s.code,
            findings: s.findings,
            root_cause: s.root_cause.unwrap_or_default(),
            effort: s.effort.name().to_owned(),
            expected_impact: s.expected_impact,
            risk: s.risk,
            verify: s.verify,
            after: s.after,
            why_after: s.why_after.unwrap_or_default(),
            supported: s.supported,
        }
    }
}

impl TryFrom<w::PlanStep> for PlanStep {
    type Error = WireError;

    fn try_from(s: w::PlanStep) -> Result<Self, WireError> {
        Ok(Self {
            rank: s.rank,
            action: s.action,
            code: s.code,
            findings: s.findings,
            root_cause: none_if_empty(s.root_cause),
            effort: Effort::parse(&s.effort).ok_or_else(|| wrong("plan.effort", format!("is {:?}, none known", s.effort)))?,
            expected_impact: s.expected_impact,
            risk: s.risk,
            verify: s.verify,
            after: s.after,
            why_after: none_if_empty(s.why_after),
            supported: s.supported,
        })
    }
}
