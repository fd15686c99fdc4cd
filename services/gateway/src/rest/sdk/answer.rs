//! The report in the SDK's form: a job object with an entry per agent, in which nothing the SDK's
//! validator needs is missing or null.

use std::collections::{BTreeMap, BTreeSet};

use deepfix_model::{AgentStatus, BugType, Finding, Report};
use serde_json::{Value, json};

use super::request::About;

/// The agent under which the SDK looks for the joined result.
const CROSS: &str = "CrossArtifactReasoningAgent";
/// The agent that words what to do.
const ADVISOR: &str = "OptimizationAdvisorAgent";

/// Why `verification` is null.
const NOT_RUN: &str = "verification: the code that was sent along was not run; repairs are not tried out here";

/// The job object. Clients of before April 2026 read the result's keys at the top.
pub(super) fn completed(id: &str, result: &Value, created: &str, updated: &str) -> Value {
    let mut job = json!({ "job_id": id, "status": "COMPLETED", "result": result, "error": null, "created_at": created, "updated_at": updated });
    if let (Some(job), Some(result)) = (job.as_object_mut(), result.as_object()) {
        for (key, value) in result {
            job.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
    job
}

fn sdk_agent(name: &str) -> (&'static str, &'static str) {
    match name {
        "dataset" => ("DatasetArtifactsAnalyzer", "DatasetArtifacts"),
        "training" => ("TrainingArtifactsAnalyzer", "TrainingArtifacts"),
        "checks" => ("DeepchecksArtifactsAnalyzer", "DeepchecksArtifacts"),
        "checkpoint" => ("ModelCheckpointArtifactsAnalyzer", "ModelCheckpointArtifacts"),
        _ => ("OtherArtifactsAnalyzer", "OtherArtifacts"),
    }
}

fn analysis_of(finding: &Finding) -> Value {
    let evidence = finding
        .evidence
        .iter()
        .take(6)
        .map(|e| {
            let versus = e.threshold.as_ref().map(|t| format!(" ({} {t})", e.comparator)).unwrap_or_default();
            format!("{} = {}{versus}", e.measure, e.value)
        })
        .collect::<Vec<_>>()
        .join("; ");
    json!({
        "findings": {
            "description": format!("[{}] {}", finding.code, finding.title),
            "evidence": evidence,
            "severity": finding.severity,
            "confidence": finding.confidence,
            "bug_type": finding.bug_type,
        },
        "recommendations": {
            "action": std::iter::once(finding.recommendation.action.as_str()).chain(finding.recommendation.steps.iter().map(String::as_str)).collect::<Vec<_>>().join("; "),
            "rationale": finding.recommendation.rationale,
            "confidence": finding.recommendation.confidence,
            "priority": finding.recommendation.priority,
        },
        "verification": null,
    })
}

/// The pages behind findings.
fn knowledge<'a>(findings: impl Iterator<Item = &'a Finding>) -> Vec<String> {
    let cited = findings.flat_map(|f| &f.recommendation.citations);
    let titles: BTreeSet<String> = cited.map(|c| format!("{}: {} ({})", c.page_id, c.title, c.url)).collect();
    titles.into_iter().collect()
}

/// The report as the SDK's `APIResponse`.
pub(super) fn result(report: &Report, about: &About) -> Value {
    let analyzed: Vec<&str> =
        report.agents.iter().filter(|a| a.status != AgentStatus::Skipped).map(|a| sdk_agent(&a.name).1).collect();
    let mut agents: BTreeMap<&str, Value> = BTreeMap::new();
    let mut errors: BTreeMap<&str, Option<String>> = BTreeMap::new();
    for run in &report.agents {
        let (name, artifact) = sdk_agent(&run.name);
        let analysis: Vec<Value> = report.findings.iter().filter(|f| f.agent == run.name).map(analysis_of).collect();
        // One that had nothing to look at did not fail.
        let skipped = run.status == AgentStatus::Skipped;
        let error = run.reason.clone().filter(|_| !skipped);
        let artifacts: Vec<&str> = (!skipped).then_some(artifact).into_iter().collect();
        errors.insert(name, error.clone());
        agents.insert(
            name,
            json!({ "agent_name": name, "analysis": analysis, "analyzed_artifacts": artifacts,
                    "retrieved_knowledge": knowledge(report.findings.iter().filter(|f| f.agent == run.name)),
                    "additional_outputs": {}, "error_message": error }),
        );
    }
    // The SDK shows this agent alone, and fails when it has nothing to show.
    let mut joined: Vec<Value> = report
        .root_causes
        .iter()
        .map(|cause| {
            let explained: Vec<&Finding> = report.findings.iter().filter(|f| cause.explains.contains(&f.id)).collect();
            let first = explained.first();
            json!({
                "findings": { "description": format!("[{}] {}", cause.code, cause.text),
                    "evidence": explained.iter().map(|f| f.title.as_str()).collect::<Vec<_>>().join("; "),
                    "severity": explained.iter().map(|f| f.severity).max(), "confidence": cause.confidence,
                    "bug_type": first.and_then(|f| f.bug_type) },
                "recommendations": { "action": first.map_or("", |f| f.recommendation.action.as_str()),
                    "rationale": cause.would_decide.as_deref().unwrap_or_default(), "confidence": cause.confidence },
                "verification": null,
            })
        })
        .collect();
    joined.extend(report.findings.iter().map(analysis_of));
    let nothing_looked_at = analyzed.is_empty();
    if joined.is_empty() {
        let description =
            if nothing_looked_at { "nothing was handed in to look at" } else { "no issue found in what was looked at" };
        joined.push(json!({
            "findings": { "description": description, "evidence": report.summary, "severity": "low", "confidence": 0.9, "bug_type": BugType::Performance },
            "recommendations": { "action": "nothing to do", "rationale": "no fault exceeded its threshold", "confidence": 0.9 },
            "verification": null,
        }));
    }
    let error = nothing_looked_at.then(|| "At least one analysis must be provided".to_owned());
    errors.insert(CROSS, error.clone());
    agents.insert(
        CROSS,
        json!({ "agent_name": CROSS, "analysis": joined, "analyzed_artifacts": &analyzed, "retrieved_knowledge": knowledge(report.findings.iter()),
                "additional_outputs": { "summary": report.summary, "readiness": report.readiness.score }, "error_message": error }),
    );
    // What to do, most urgent first.
    let mut advice: Vec<&Finding> = report.findings.iter().collect();
    advice.sort_by_key(|f| f.recommendation.priority);
    errors.insert(ADVISOR, None);
    agents.insert(
        ADVISOR,
        json!({ "agent_name": ADVISOR, "analysis": advice.into_iter().map(analysis_of).collect::<Vec<_>>(), "analyzed_artifacts": analyzed,
                "retrieved_knowledge": knowledge(report.findings.iter()), "additional_outputs": {}, "error_message": null }),
    );
    let mut notes: Vec<String> = report.notes.iter().map(|note| format!("{}: {}", note.code, note.text)).collect();
    if about.code {
        notes.push(NOT_RUN.to_owned());
    }
    json!({
        "agent_results": agents,
        "summary": report.summary,
        "additional_outputs": { "notes": notes },
        "error_messages": errors,
        "dataset_name": about.dataset_name,
    })
}
