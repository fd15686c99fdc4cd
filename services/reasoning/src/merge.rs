//! De-duplication and ranking.

use std::collections::BTreeMap;

use deepfix_model::{Finding, Split};

/// Agents in the order whose wording is kept when two found the same.
const ORDER: [&str; 4] = ["dataset", "training", "checkpoint", "checks"];

fn place(agent: &str) -> usize {
    ORDER.iter().position(|a| *a == agent).unwrap_or(ORDER.len())
}

/// Merges findings equal in code, subject and split, and ranks what is left: most harmful first,
/// then most certain, then by code and subject.
pub(crate) fn merge(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by(|a, b| {
        (place(&a.agent), &a.agent, &a.code, &a.subject, a.split, &a.artifact, &a.title).cmp(&(
            place(&b.agent),
            &b.agent,
            &b.code,
            &b.subject,
            b.split,
            &b.artifact,
            &b.title,
        ))
    });
    let mut merged: BTreeMap<(String, String, Option<Split>), Finding> = BTreeMap::new();
    for finding in findings {
        let key = (finding.code.clone(), finding.subject.clone(), finding.split);
        match merged.get_mut(&key) {
            None => {
                merged.insert(key, finding);
            }
            Some(kept) => absorb(kept, finding),
        }
    }
    let mut out: Vec<Finding> = merged.into_values().collect();
    out.sort_by(|a, b| {
        b.severity
            .cmp(&a.severity)
            .then_with(|| b.confidence.total_cmp(&a.confidence))
            .then_with(|| (&a.code, &a.subject, a.split).cmp(&(&b.code, &b.subject, b.split)))
    });
    for (rank, finding) in out.iter_mut().enumerate() {
        finding.recommendation.priority = u32::try_from(rank + 1).unwrap_or(u32::MAX);
    }
    out
}

/// Two agents that see the same make it surer than either, if they erred independently; half of
/// that gain is given, because they often look at the same rows.
fn absorb(kept: &mut Finding, other: Finding) {
    let (low, high) = (kept.confidence.min(other.confidence), kept.confidence.max(other.confidence));
    let gain = (1.0 - high) * low / 2.0;
    kept.confidence = if kept.agent == other.agent { high } else { ((high + gain).min(0.99) * 100.0).round() / 100.0 };
    kept.recommendation.confidence = kept.confidence;
    kept.severity = kept.severity.max(other.severity);
    for evidence in other.evidence {
        if !kept.evidence.contains(&evidence) {
            kept.evidence.push(evidence);
        }
    }
    for column in other.columns {
        if !kept.columns.contains(&column) {
            kept.columns.push(column);
        }
    }
}
