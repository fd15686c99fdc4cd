//! The retraining decision between its own form and the wire's.

use deepfix_api::report as w;

use super::WireError;
use crate::{Health, MetricChange, Num, Retraining, RetrainingTrigger, Severity, Strategy, Urgency};

impl From<Retraining> for w::Retraining {
    fn from(r: Retraining) -> Self {
        Self {
            urgency: r.urgency.name().to_owned(),
            strategy: r.strategy.name().to_owned(),
            health: r.health.name().to_owned(),
            drift_score: r.drift_score,
            triggers: r
                .triggers
                .into_iter()
                .map(|t| w::RetrainingTrigger {
                    kind: t.kind,
                    subject: t.subject,
                    measure: t.measure,
                    value: t.value.0,
                    threshold: t.threshold.0,
                    comparator: t.comparator,
                    severity: match t.severity {
                        Severity::Low => w::Severity::Low,
                        Severity::Medium => w::Severity::Medium,
                        Severity::High => w::Severity::High,
                    }
                    .into(),
                    findings: t.findings,
                })
                .collect(),
            rule: r.rule.unwrap_or_default(),
            rationale: r.rationale,
            plan: r.plan,
            confidence: r.confidence,
        }
    }
}

impl TryFrom<w::Retraining> for Retraining {
    type Error = WireError;

    fn try_from(r: w::Retraining) -> Result<Self, WireError> {
        let bad = |field, word: &str| WireError { field, problem: format!("{word:?} is not known") };
        Ok(Self {
            urgency: Urgency::from_name(&r.urgency).ok_or_else(|| bad("retraining.urgency", &r.urgency))?,
            strategy: Strategy::from_name(&r.strategy).ok_or_else(|| bad("retraining.strategy", &r.strategy))?,
            health: Health::from_name(&r.health).ok_or_else(|| bad("retraining.health", &r.health))?,
            drift_score: r.drift_score,
            triggers: r
                .triggers
                .into_iter()
                .map(|t| {
                    Ok(RetrainingTrigger {
                        severity: match t.severity() {
                            w::Severity::Unspecified => return Err(bad("retraining.triggers.severity", "unspecified")),
                            w::Severity::Low => Severity::Low,
                            w::Severity::Medium => Severity::Medium,
                            w::Severity::High => Severity::High,
                        },
                        kind: t.kind,
                        subject: t.subject,
                        measure: t.measure,
                        value: Num(t.value),
                        threshold: Num(t.threshold),
                        comparator: t.comparator,
                        findings: t.findings,
                    })
                })
                .collect::<Result<_, WireError>>()?,
            rule: (!r.rule.is_empty()).then_some(r.rule),
            rationale: r.rationale,
            plan: r.plan,
            confidence: r.confidence,
        })
    }
}

impl From<MetricChange> for w::MetricChange {
    fn from(c: MetricChange) -> Self {
        Self {
            metric: c.metric,
            better: if c.higher_is_better { "higher" } else { "lower" }.to_owned(),
            before: c.before,
            after: c.after,
            decline: c.decline,
        }
    }
}

impl From<w::MetricChange> for MetricChange {
    fn from(c: w::MetricChange) -> Self {
        Self { higher_is_better: c.better != "lower", metric: c.metric, before: c.before, after: c.after, decline: c.decline }
    }
}
