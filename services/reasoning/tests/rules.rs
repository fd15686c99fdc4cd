//! Each rule on a case in which it must fire, and on a near miss in which it must not.

use std::collections::BTreeMap;

use deepfix_model::{AgentRun, AgentStatus, ArtifactKind, Evidence, Finding, Report, Severity, Split};
use deepfix_reasoning::{Outcome, Plain, Rules, Subject, synthesize};

fn finding(code: &str, artifact: ArtifactKind, severity: Severity, measures: &[(&str, f64)]) -> Finding {
    let mut finding =
        Finding::new(code, artifact, format!("column:{code}"), severity, 0.9).title(format!("{code} was found")).column("x");
    for (measure, value) in measures {
        finding = finding.evidence(Evidence::new(measure, "column:x", *value));
    }
    finding
}

fn report(findings: Vec<Finding>) -> Report {
    let mut outcomes: BTreeMap<&str, Vec<Finding>> = BTreeMap::new();
    for mut finding in findings {
        let agent = match finding.artifact.as_str() {
            "train" | "test" => "dataset",
            "metrics" | "layer_stats" => "training",
            "deepchecks" => "checks",
            _ => "checkpoint",
        };
        agent.clone_into(&mut finding.agent);
        outcomes.entry(agent).or_default().push(finding);
    }
    let outcomes = outcomes
        .into_iter()
        .map(|(name, findings)| Outcome {
            run: AgentRun {
                name: name.to_owned(),
                status: AgentStatus::Completed,
                reason: None,
                version: "1".to_owned(),
                artifacts: Vec::new(),
            },
            findings,
            notes: Vec::new(),
            checked: Vec::new(),
            charts: Vec::new(),
            columns: Vec::new(),
            layers: Vec::new(),
            inputs: Vec::new(),
            thresholds: BTreeMap::new(),
        })
        .collect();
    synthesize(outcomes, &[], Subject::default(), &Rules::embedded().expect("the table reads"), &Plain)
}

fn fires(code: &str, findings: Vec<Finding>) -> bool {
    report(findings).root_causes.iter().any(|c| c.code == code)
}

use ArtifactKind::{Checkpoint, Deepchecks, LayerStats, Metrics, Test, Train};
use Severity::{High, Low, Medium};

type Case = (&'static str, Vec<Finding>, Vec<Finding>);

fn cases() -> Vec<Case> {
    vec![
        (
            "leak_explains_performance",
            vec![finding("target_leakage", Train, High, &[("auc", 0.98)]), finding("data_leakage", Metrics, High, &[])],
            // An identifier that predicts hardly anything does not explain a perfect score.
            vec![finding("id_leakage", Deepchecks, Low, &[]), finding("data_leakage", Metrics, High, &[])],
        ),
        (
            "split_explains_gap",
            vec![finding("temporal_leakage", Train, High, &[]), finding("overfitting", Metrics, Medium, &[])],
            vec![finding("temporal_leakage", Train, High, &[]), finding("oscillating_loss", Metrics, Medium, &[])],
        ),
        (
            "wrong_checkpoint_selected",
            vec![finding("early_stopping_missed", Metrics, Medium, &[]), finding("checkpoint_not_best", Checkpoint, Medium, &[])],
            vec![finding("nan_loss", Metrics, High, &[]), finding("checkpoint_not_best", Checkpoint, Medium, &[])],
        ),
        (
            "divergence_explains_nan_weights",
            vec![finding("nan_loss", Metrics, High, &[]), finding("nan_weights", Checkpoint, High, &[])],
            vec![finding("overfitting", Metrics, High, &[]), finding("nan_weights", Checkpoint, High, &[])],
        ),
        (
            "dead_network_explains_no_learning",
            vec![finding("vanishing_gradient", LayerStats, High, &[]), finding("not_learning", Metrics, High, &[])],
            vec![finding("vanishing_gradient", LayerStats, High, &[]), finding("overfitting", Metrics, High, &[])],
        ),
        (
            "drift_explains_drop",
            vec![finding("covariate_shift", Test, High, &[]), finding("performance_drop", Deepchecks, Medium, &[])],
            // A mere warning about a weak segment is no drop.
            vec![finding("covariate_shift", Test, High, &[]), finding("weak_segment", Deepchecks, Low, &[])],
        ),
        (
            "imbalance_explains_collapse",
            vec![finding("class_imbalance", Train, Medium, &[]), finding("worse_than_baseline", Deepchecks, High, &[])],
            vec![finding("class_imbalance", Train, Low, &[]), finding("worse_than_baseline", Deepchecks, High, &[])],
        ),
        (
            "duplicates_explain_overlap",
            vec![finding("duplicate_rows", Train, Medium, &[]), finding("train_test_overlap", Test, High, &[])],
            // Repeats in test alone cannot have put rows into train.
            vec![finding("duplicate_rows", Test, Medium, &[]), finding("train_test_overlap", Test, High, &[])],
        ),
    ]
}

#[test]
fn every_rule_fires_on_its_case_and_not_on_a_near_miss() {
    let cases = cases();
    for rule in Rules::embedded().expect("the table reads").iter() {
        let (_, case, near_miss) = cases.iter().find(|c| c.0 == rule.code).unwrap_or_else(|| panic!("{} has no case", rule.code));
        assert!(fires(&rule.code, case.clone()), "{} does not fire", rule.code);
        assert!(!fires(&rule.code, near_miss.clone()), "{} fires on a near miss", rule.code);
    }
}

#[test]
fn every_rule_has_a_page_that_can_explain_it() {
    for rule in Rules::embedded().expect("the table reads").iter() {
        let page = format!("{}/../../knowledge/{}.md", env!("CARGO_MANIFEST_DIR"), rule.code);
        assert!(std::path::Path::new(&page).exists(), "no page {page}");
    }
}

#[test]
fn texts_hold_measured_numbers_and_leave_out_what_is_not_there() {
    let with = report(cases()[0].1.clone()).root_causes.remove(0);
    assert!(!with.text.contains('{') && !with.text.contains("[["), "{}", with.text);
    assert!(!with.text.contains("AUC"), "the other columns' AUC is not known, so the sentence goes: {}", with.text);
    let mut findings = cases()[0].1.clone();
    findings[0] = finding("target_leakage", Train, High, &[("auc", 0.98), ("auc_of_all_others", 0.71)]);
    let text = report(findings).root_causes.remove(0).text;
    assert!(text.contains("AUC 0.98") && text.contains("0.71"), "{text}");
}

#[test]
fn equal_findings_merge_and_the_order_of_arrival_does_not_matter() {
    let leak = |artifact| {
        Finding::new("target_leakage", artifact, "column:a", Severity::High, 0.8).split(Split::Train).evidence(Evidence::new(
            if artifact == Train { "auc" } else { "pps" },
            "column:a",
            0.97,
        ))
    };
    let (a, b, c) = (leak(Train), leak(Deepchecks), finding("overfitting", Metrics, Medium, &[]));
    let one = report(vec![a.clone(), b.clone(), c.clone()]);
    assert_eq!(one.findings.len(), 2);
    assert_eq!(one.findings[0].evidence.len(), 2);
    assert_eq!(one.findings[0].artifact, "train");
    assert!(one.findings[0].confidence > 0.8);
    assert_eq!(one, report(vec![c, b, a]));
}

#[test]
fn readiness_says_what_it_is_made_of() {
    let empty = report(Vec::new());
    assert_eq!(empty.readiness.score, None);
    assert!(empty.readiness.parts.iter().all(|p| p.score.is_none() && p.why.starts_with("not measured")));
    let high = report(vec![finding("target_leakage", Train, High, &[])]);
    assert!(high.readiness.score.is_some_and(|s| s <= 4.9));
    let data = high.readiness.parts.iter().find(|p| p.name == "data").expect("there");
    assert!(data.why.contains("target_leakage (high)") && (data.weight - 1.0).abs() < 1e-9);
}
