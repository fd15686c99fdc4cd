//! Whether to train anew: from drift between reference and current data and from metrics that declined
//! since an earlier run. Without either there is no decision.
//!
//! **Drift score**, 0 to 1. A feature weighs `min(1, PSI / 0.25)`, PSI after what chance gives; 0 unless its
//! shift is beyond chance, at least 0.4 when it is medium by KS or JS alone and 1 when it is high. The score
//! is half the worst feature, three tenths the mean over features, two tenths the label (1 high, 0.5 medium;
//! the worse of label and concept shift); without a known label the mean weighs five tenths. One feature that
//! moved can break a model that leans on it, hence the half; how many moved says whether a pipe or the world
//! changed; the label counts less because its shift often follows from the features'. PSI 0.10 and 0.25 are
//! the bands of credit scoring (Siddiqi 2006); the weights are our choice.
//!
//! **Health.** At risk from 0.20, what one feature at PSI 0.10 scores alone; critical from 0.50, what one at
//! 0.25 does. A metric that declined by 5 % is at risk, by 10 % critical (`docs/retraining.md`).
//!
//! **Hard rules**, which nothing softens, in this order:
//! - `psi_immediate`: PSI of 0.25 or more after chance on any feature: immediate. A column that orders the
//!   split has no PSI: dataset-agent does not compare it.
//! - `critical_immediate`: health critical: immediate.
//! - `at_risk_soon`: health at risk: at least soon.

mod words;

use deepfix_model::{
    ColumnCard, Finding, Health, Input, MetricChange, Num, Retraining, RetrainingTrigger, Scalar, Severity, Strategy, Urgency,
    above,
};
pub(crate) use words::percent;
use words::{plan, rationale};

/// What the decision rests on.
pub(crate) struct Facts<'a> {
    pub(crate) findings: &'a [Finding],
    pub(crate) columns: &'a [ColumnCard],
    pub(crate) changes: &'a [MetricChange],
    pub(crate) inputs: &'a [Input],
    pub(crate) label: Option<&'a str>,
}

const PSI_MEDIUM: f64 = 0.10;
const PSI_HIGH: f64 = 0.25;
const AT_RISK: f64 = 0.20;
const CRITICAL: f64 = 0.50;
/// Decline of a metric that asks for retraining.
pub(crate) const DECLINE_MEDIUM: f64 = 0.05;
const DECLINE_HIGH: f64 = 0.10;
/// Share of features that moved from which the world changed, not a column of it: our choice.
const BROAD: f64 = 1.0 / 3.0;
/// Most triggers shown.
const TRIGGERS: usize = 50;

/// Codes that say the current data is broken, which no training mends.
const BREAKS: [&str; 7] =
    ["unit_change", "schema_skew", "null_rate_shift", "category_variants", "sentinel_values", "mixed_types", "mixed_nulls"];

/// The decision; `None` without current data that was compared with the reference's and without an earlier run.
pub(crate) fn retraining(facts: &Facts<'_>) -> Option<Retraining> {
    let compared: Vec<&ColumnCard> = facts
        .columns
        .iter()
        .filter(|c| c.train.is_some() && c.test.is_some() && !c.measures.is_empty() && Some(c.name.as_str()) != facts.label)
        .collect();
    let sides = facts.columns.iter().any(|c| c.train.is_some()) && facts.columns.iter().any(|c| c.test.is_some());
    let by_checks = facts.findings.iter().any(|f| f.agent == "checks" && is_drift(f));
    let mut triggers = triggers(facts);
    // Two tables that nobody compared tell nothing.
    let told = sides && (!compared.is_empty() || !triggers.is_empty());
    if !told && !by_checks && facts.changes.is_empty() {
        return None;
    }
    let moved = weights(facts, &triggers);
    let drift_score = (!compared.is_empty() || by_checks).then(|| score(facts, &moved, compared.len()));
    let (health, by_score) = health(drift_score, &triggers);
    if let Some((value, threshold)) = by_score {
        triggers.push(RetrainingTrigger {
            kind: "health".to_owned(),
            subject: "data".to_owned(),
            measure: "drift_score".to_owned(),
            value: Num(value),
            threshold: Num(threshold),
            comparator: ">=".to_owned(),
            severity: if health == Health::Critical { Severity::High } else { Severity::Medium },
            findings: Vec::new(),
        });
    }
    triggers.sort_by(|a, b| {
        let over = |t: &RetrainingTrigger| t.value.0 / t.threshold.0.abs().max(1e-12);
        (b.severity, a.kind == "health")
            .cmp(&(a.severity, b.kind == "health"))
            .then_with(|| over(b).total_cmp(&over(a)))
            .then_with(|| (&a.kind, &a.subject).cmp(&(&b.kind, &b.subject)))
    });
    let (urgency, rule) = urgency(&triggers, health);
    let count = moved.iter().filter(|m| m.1 >= PSI_MEDIUM / PSI_HIGH).count();
    let share = count as f64 / compared.len().max(moved.len()).max(1) as f64;
    let broad = count >= 2 && share >= BROAD;
    let strategy = strategy(facts, &triggers, broad);
    let confidence = confidence(facts, &triggers);
    let rationale = rationale(&triggers, urgency, strategy, rule, (share, broad), drift_score);
    let plan = plan(facts, &triggers, strategy, urgency);
    triggers.truncate(TRIGGERS);
    Some(Retraining {
        urgency,
        strategy,
        health,
        drift_score,
        triggers,
        rule: rule.map(str::to_owned),
        rationale,
        plan,
        confidence,
    })
}

fn is_drift(finding: &Finding) -> bool {
    matches!(finding.code.as_str(), "covariate_shift" | "label_shift" | "concept_shift")
}

fn number(finding: &Finding, measure: &str) -> Option<f64> {
    finding.evidence.iter().find(|e| e.measure == measure).and_then(|e| match e.value {
        Scalar::Number(value) if value.is_finite() => Some(value),
        _ => None,
    })
}

/// The measure that a finding is decided by, with its threshold.
fn decided_by(finding: &Finding) -> (String, f64, f64, String) {
    let known = finding.evidence.iter().find_map(|e| match (&e.value, &e.threshold) {
        (Scalar::Number(value), Some(Scalar::Number(threshold))) if !e.comparator.is_empty() => {
            Some((e.measure.clone(), *value, *threshold, e.comparator.clone()))
        }
        _ => None,
    });
    known.unwrap_or_else(|| ("found".to_owned(), 1.0, 1.0, ">=".to_owned()))
}

fn triggers(facts: &Facts<'_>) -> Vec<RetrainingTrigger> {
    let mut out = Vec::new();
    for finding in facts.findings {
        let kind = match finding.code.as_str() {
            "covariate_shift" | "unseen_categories" | "correlation_shift" => "feature_drift",
            "label_shift" | "unseen_labels" => "label_drift",
            "concept_shift" => "concept_drift",
            "performance_drop" => "metric_decline",
            code if BREAKS.contains(&code) && finding.split != Some(deepfix_model::Split::Train) => "data_break",
            _ => continue,
        };
        if finding.severity == Severity::Low && !is_drift(finding) {
            continue;
        }
        let (mut measure, mut value, mut threshold, mut comparator) = decided_by(finding);
        if let Some(psi) = number(finding, "psi_without_chance").filter(|psi| *psi >= PSI_MEDIUM) {
            let limit = if psi >= PSI_HIGH { PSI_HIGH } else { PSI_MEDIUM };
            (measure, value, threshold, comparator) = ("psi_without_chance".to_owned(), psi, limit, ">=".to_owned());
        }
        let subject = finding.columns.first().cloned().unwrap_or_else(|| "data".to_owned());
        out.push(RetrainingTrigger {
            kind: kind.to_owned(),
            subject,
            measure,
            value: Num(value),
            threshold: Num(threshold),
            comparator,
            severity: finding.severity,
            findings: vec![finding.id.clone()],
        });
    }
    for change in facts.changes.iter().filter(|c| c.decline >= DECLINE_MEDIUM) {
        let high = change.decline >= DECLINE_HIGH;
        out.push(RetrainingTrigger {
            kind: "metric_decline".to_owned(),
            subject: change.metric.clone(),
            measure: "decline".to_owned(),
            value: Num(change.decline),
            threshold: Num(if high { DECLINE_HIGH } else { DECLINE_MEDIUM }),
            comparator: ">=".to_owned(),
            severity: if high { Severity::High } else { Severity::Medium },
            findings: Vec::new(),
        });
    }
    out
}

/// Each feature that moved, with how far, 0 to 1.
fn weights<'a>(facts: &'a Facts<'_>, triggers: &[RetrainingTrigger]) -> Vec<(&'a str, f64)> {
    let mut out: Vec<(&str, f64)> = Vec::new();
    for finding in facts.findings {
        if !triggers.iter().any(|t| t.kind == "feature_drift" && t.findings.contains(&finding.id)) {
            continue;
        }
        let floor = match finding.severity {
            Severity::High => 1.0,
            Severity::Medium => PSI_MEDIUM / PSI_HIGH,
            Severity::Low => 0.0,
        };
        let weight = number(finding, "psi_without_chance").map_or(0.0, |psi| psi / PSI_HIGH).clamp(floor, 1.0);
        for column in &finding.columns {
            match out.iter_mut().find(|known| known.0 == column) {
                Some(known) => known.1 = known.1.max(weight),
                None => out.push((column, weight)),
            }
        }
    }
    out
}

fn score(facts: &Facts<'_>, moved: &[(&str, f64)], compared: usize) -> f64 {
    let worst = moved.iter().map(|m| m.1).fold(0.0, f64::max);
    let mean = moved.iter().map(|m| m.1).sum::<f64>() / compared.max(moved.len()).max(1) as f64;
    let label = facts
        .findings
        .iter()
        .filter(|f| matches!(f.code.as_str(), "label_shift" | "concept_shift" | "unseen_labels"))
        .map(|f| match f.severity {
            Severity::High => 1.0,
            Severity::Medium => 0.5,
            Severity::Low => 0.0,
        })
        .fold(None, |worst: Option<f64>, part| Some(worst.map_or(part, |w| w.max(part))));
    let score = match (facts.label, label) {
        (None, None) => 0.5 * worst + 0.5 * mean,
        (_, label) => 0.5 * worst + 0.3 * mean + 0.2 * label.unwrap_or(0.0),
    };
    (score * 1000.0).round() / 1000.0
}

/// The state, and the score with its cut-off where it is the score that says so.
fn health(drift_score: Option<f64>, triggers: &[RetrainingTrigger]) -> (Health, Option<(f64, f64)>) {
    let by_score = match drift_score {
        Some(score) if score >= CRITICAL => Health::Critical,
        Some(score) if score >= AT_RISK => Health::AtRisk,
        _ => Health::Healthy,
    };
    let by_triggers = triggers.iter().map(|t| match (t.severity, t.kind.as_str()) {
        // The label's shift alone leaves the answers to each row as they were.
        (Severity::High, "label_drift") | (Severity::Medium, _) => Health::AtRisk,
        (Severity::High, _) => Health::Critical,
        (Severity::Low, _) => Health::Healthy,
    });
    let health = by_triggers.fold(by_score, Health::max);
    let limit = if by_score == Health::Critical { CRITICAL } else { AT_RISK };
    (health, drift_score.filter(|_| by_score != Health::Healthy).map(|score| (score, limit)))
}

fn urgency(triggers: &[RetrainingTrigger], health: Health) -> (Urgency, Option<&'static str>) {
    let psi = triggers.iter().any(|t| t.kind == "feature_drift" && t.measure == "psi_without_chance" && t.value.0 >= PSI_HIGH);
    match health {
        _ if psi => (Urgency::Immediate, Some("psi_immediate")),
        Health::Critical => (Urgency::Immediate, Some("critical_immediate")),
        Health::AtRisk => (Urgency::Soon, Some("at_risk_soon")),
        Health::Healthy if triggers.is_empty() => (Urgency::None, None),
        Health::Healthy => (Urgency::Monitor, None),
    }
}

fn has(facts: &Facts<'_>, codes: &[&str]) -> bool {
    facts.findings.iter().any(|f| f.severity > Severity::Low && codes.contains(&f.code.as_str()))
}

fn strategy(facts: &Facts<'_>, triggers: &[RetrainingTrigger], broad: bool) -> Strategy {
    let any = |kind: &str| triggers.iter().any(|t| t.kind == kind && t.severity > Severity::Low);
    let grave_label = triggers.iter().any(|t| t.kind == "label_drift" && t.severity == Severity::High);
    if any("concept_drift") || grave_label {
        return Strategy::FullRetrain;
    }
    if any("feature_drift") || any("label_drift") {
        return if broad { Strategy::FullRetrain } else { Strategy::FineTune };
    }
    if any("data_break") || !any("metric_decline") {
        return Strategy::None;
    }
    // The data are as they were: the reason for the decline is in the run.
    if has(facts, &["seed_variance"]) {
        Strategy::Ensemble
    } else if has(facts, &["underfitting", "capacity_mismatch"]) {
        Strategy::ArchitectureChange
    } else if has(facts, &["overfitting", "memorization", "no_generalization", "data_too_small_for_model", "too_few_rows"]) {
        Strategy::DataAugmentation
    } else {
        Strategy::FullRetrain
    }
}

/// That of the gravest reason; without one, how little chance alone could have hidden a medium shift.
fn confidence(facts: &Facts<'_>, triggers: &[RetrainingTrigger]) -> f64 {
    let of = |t: &RetrainingTrigger| {
        let found = facts.findings.iter().filter(|f| t.findings.contains(&f.id)).map(|f| f.confidence);
        found.reduce(f64::max).unwrap_or_else(|| above(t.value.0, t.threshold.0, 0.9))
    };
    let worst = triggers.first().map(|t| t.severity);
    let sure = triggers.iter().filter(|t| Some(t.severity) == worst).map(of).reduce(f64::max);
    let value = sure.unwrap_or_else(|| {
        let rows = |name: &str| facts.inputs.iter().find(|i| i.artifact == name).and_then(|i| i.rows);
        match (rows("train"), rows("test")) {
            // What ten bins of these sizes give by chance, (K - 1)(1/n + 1/m), beside a medium PSI.
            (Some(n), Some(m)) if n > 0 && m > 0 => {
                let chance = 9.0 * (1.0 / n as f64 + 1.0 / m as f64);
                0.95 / (1.0 + chance / PSI_MEDIUM)
            }
            _ => 0.6,
        }
    });
    (value * 100.0).round() / 100.0
}
