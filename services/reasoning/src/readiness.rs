//! Readiness, 0 to 10, and what it is made of.
//!
//! A part begins at 10 and each of its findings takes a share of what is left: half for a high
//! finding, a fifth for a medium, a twentieth for a low one, each times its confidence. The score is
//! the mean of the parts that were measured, by weight, and no higher than 7.9 beside a medium
//! finding or 4.9 beside a high one, times 0.85 for each further high one: what cannot be trusted is
//! not ready, whatever the rest looks like. A finding belongs to the part of its artifact. Weights
//! and shares are our choice; they are part of the report.

use deepfix_model::{AgentRun, AgentStatus, Checked, Finding, Readiness, ReadinessPart, Severity};

const PARTS: [(&str, &str, f64); 4] =
    [("dataset", "data", 0.35), ("training", "training", 0.25), ("checkpoint", "checkpoint", 0.2), ("checks", "checks", 0.2)];

pub(crate) fn readiness(agents: &[AgentRun], findings: &[Finding], checked: &[Checked]) -> Readiness {
    let told = |agent: &str| {
        checked.iter().any(|c| c.agent == agent && c.not_checked.is_none()) || findings.iter().any(|f| part_of(f) == agent)
    };
    let completed = |agent: &str| agents.iter().any(|a| a.name == agent && a.status == AgentStatus::Completed);
    let measured = |agent: &str| (completed(agent) && told(agent)).then_some(());
    let total: f64 = PARTS.iter().filter(|p| measured(p.0).is_some()).map(|p| p.2).sum();
    let parts: Vec<ReadinessPart> = PARTS
        .iter()
        .map(|&(agent, name, weight)| match measured(agent) {
            Some(_) => part(name, weight / total, findings.iter().filter(|f| part_of(f) == agent).collect()),
            None => {
                let why = agents.iter().find(|a| a.name == agent).and_then(|a| {
                    let little = (a.status == AgentStatus::Completed).then(|| "too little to tell anything".to_owned());
                    a.reason.clone().or(little)
                });
                let why = format!("not measured: {}", why.unwrap_or_else(|| "not asked".to_owned()));
                ReadinessPart { name: name.to_owned(), score: None, weight: 0.0, why }
            }
        })
        .collect();
    let scored: Vec<(f64, f64)> = parts.iter().filter_map(|p| p.score.map(|s| (s, p.weight))).collect();
    let sure = |severity| findings.iter().filter(|f| f.confidence >= 0.5 && f.severity == severity).count();
    let cap = match (sure(Severity::High), sure(Severity::Medium)) {
        (0, 0) => 10.0,
        (0, _) => 7.9,
        (high, _) => 4.9 * 0.85_f64.powi(i32::try_from(high - 1).unwrap_or(i32::MAX)),
    };
    let score = (!scored.is_empty()).then(|| tenth(scored.iter().map(|(s, w)| s * w).sum::<f64>().min(cap)));
    Readiness { score, parts }
}

/// The agent whose part a finding belongs to: that of its artifact, whoever found it.
fn part_of(finding: &Finding) -> &str {
    match finding.artifact.as_str() {
        "train" | "test" | "dataset_statistics" => "dataset",
        "metrics" | "params" | "layer_stats" => "training",
        "deepchecks" => "checks",
        "checkpoint" => "checkpoint",
        _ => &finding.agent,
    }
}

fn part(name: &str, weight: f64, findings: Vec<&Finding>) -> ReadinessPart {
    let share = |f: &Finding| {
        let share = match f.severity {
            Severity::High => 0.5,
            Severity::Medium => 0.2,
            Severity::Low => 0.05,
        };
        1.0 - share * f.confidence
    };
    let score = tenth(10.0 * findings.iter().map(|f| share(f)).product::<f64>());
    let mut codes: Vec<String> = Vec::new();
    for finding in &findings {
        let shown = format!("{} ({})", finding.code, finding.severity.name());
        if !codes.contains(&shown) {
            codes.push(shown);
        }
    }
    let more = codes.len().saturating_sub(4);
    codes.truncate(4);
    let why = match (codes.is_empty(), more) {
        (true, _) => "nothing found".to_owned(),
        (false, 0) => codes.join(", "),
        (false, n) => format!("{}, and {n} more", codes.join(", ")),
    };
    ReadinessPart { name: name.to_owned(), score: Some(score), weight: (weight * 1000.0).round() / 1000.0, why }
}

fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
