//! What a language model gets to see: findings, explanations and decisions, cut to a size. No raw data.

use deepfix_model::{AgentStatus, Report};
use serde_json::{Value, json};

/// Most findings, gravest first.
const FINDINGS: usize = 20;
/// Most facts of one.
const FACTS: usize = 6;
/// Longest text.
const TEXT: usize = 300;

fn cut(text: &str) -> &str {
    text.char_indices().nth(TEXT).map_or(text, |(end, _)| &text[..end])
}

/// The evidence of a report, to be worded in a language.
pub(crate) fn evidence(report: &Report, language: &str) -> Value {
    let findings: Vec<Value> = report
        .findings
        .iter()
        .take(FINDINGS)
        .map(|f| {
            let facts: Vec<Value> = f
                .evidence
                .iter()
                .take(FACTS)
                .map(|e| json!({ "measure": e.measure, "value": e.value, "threshold": e.threshold, "unit": e.unit }))
                .collect();
            json!({
                "code": f.code, "severity": f.severity, "confidence": f.confidence, "artifact": f.artifact, "title": cut(&f.title),
                "columns": f.columns.iter().take(5).map(|c| cut(c)).collect::<Vec<_>>(), "evidence": facts,
                "fix": cut(&f.recommendation.action),
            })
        })
        .collect();
    let causes: Vec<Value> = report
        .root_causes
        .iter()
        .map(|c| json!({ "id": c.id, "code": c.code, "confidence": c.confidence, "text": cut(&c.text), "would_decide": c.would_decide }))
        .collect();
    let gaps: Vec<Value> = report
        .agents
        .iter()
        .filter(|a| a.status == AgentStatus::Failed)
        .map(|a| json!({ "agent": a.name, "reason": a.reason.as_deref().map(cut) }))
        .collect();
    let decision = report.retraining.as_ref();
    json!({
        "language": if language.is_empty() { "english" } else { cut(language) },
        "dataset": report.dataset_name.as_deref().map(cut), "model": report.model_name.as_deref().map(cut),
        "findings": findings, "findings_in_all": report.findings.len(), "root_causes": causes, "gaps": gaps,
        "readiness": report.readiness.score,
        "retraining": decision.map(|d| json!({ "urgency": d.urgency, "strategy": d.strategy, "health": d.health, "drift_score": d.drift_score, "rationale": cut(&d.rationale) })),
        "plan": decision.map(|d| d.plan.clone()).unwrap_or_default(),
    })
}
