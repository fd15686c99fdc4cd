//! The retraining decision: its hard rules, its cut-offs and what nothing may soften.

use deepfix_model::{
    ArtifactKind, ColumnCard, ColumnMeasure, ColumnSide, Evidence, Finding, Health, MetricChange, Num, Report, Severity, Split,
    Strategy, Urgency,
};
use deepfix_reasoning::{Outcome, Plain, Rules, Subject, synthesize};

fn card(name: &str) -> ColumnCard {
    let measure = ColumnMeasure { name: "psi".to_owned(), value: Num(0.0), beyond_chance: Num(0.0), threshold: Num(0.1) };
    let side = Some(ColumnSide::default());
    ColumnCard {
        name: name.to_owned(),
        kind: "numeric".to_owned(),
        train: side.clone(),
        test: side,
        labels: Vec::new(),
        measures: vec![measure],
    }
}

fn drift(column: &str, psi: f64, severity: Severity) -> Finding {
    Finding::new("covariate_shift", ArtifactKind::Test, format!("column:{column}"), severity, 0.9)
        .column(column)
        .split(Split::Both)
        .evidence(Evidence::new("psi_without_chance", format!("column:{column}"), psi).versus(">=", 0.1))
}

fn finding(code: &str, severity: Severity) -> Finding {
    Finding::new(code, ArtifactKind::Test, "column:c0", severity, 0.9).column("c0").split(Split::Both)
}

fn outcome(name: &str, mut findings: Vec<Finding>, columns: Vec<ColumnCard>, metric_changes: Vec<MetricChange>) -> Outcome {
    findings.iter_mut().for_each(|f| name.clone_into(&mut f.agent));
    Outcome { findings, columns, metric_changes, ..Outcome::completed(name) }
}

fn report(outcomes: Vec<Outcome>, min_confidence: f64) -> Report {
    let subject = Subject { min_confidence, label: Some("y".to_owned()), ..Subject::default() };
    synthesize(outcomes, &[], subject, &Rules::embedded().expect("the table reads"), &Plain)
}

fn tables(findings: Vec<Finding>, columns: usize) -> Report {
    let cards = (0..columns).map(|i| card(&format!("c{i}"))).collect();
    report(vec![outcome("dataset", findings, cards, Vec::new())], 0.0)
}

fn decline(share: f64) -> MetricChange {
    MetricChange { metric: "val_acc".to_owned(), higher_is_better: true, before: 0.8, after: 0.8 * (1.0 - share), decline: share }
}

#[test]
fn without_current_data_or_an_earlier_run_there_is_no_decision() {
    assert!(report(vec![outcome("training", Vec::new(), Vec::new(), Vec::new())], 0.0).retraining.is_none());
    let mut one_side = card("c0");
    one_side.test = None;
    assert!(report(vec![outcome("dataset", Vec::new(), vec![one_side], Vec::new())], 0.0).retraining.is_none());
}

#[test]
fn a_psi_of_a_quarter_on_one_of_many_features_is_immediate_whatever_is_left_out() {
    for (psi, urgency) in [(0.25, Urgency::Immediate), (0.249, Urgency::Soon)] {
        let severity = if psi >= 0.25 { Severity::High } else { Severity::Medium };
        let decision = tables(vec![drift("c7", psi, severity)], 400).retraining.expect("a decision");
        assert_eq!(decision.urgency, urgency, "{psi}");
        assert_eq!(decision.strategy, Strategy::FineTune, "one of 400 features");
        assert_eq!(decision.triggers[0].subject, "c7");
    }
    // The caller lists sure findings only; the decision knows of all.
    let cards = vec![card("c7")];
    let hidden = report(vec![outcome("dataset", vec![drift("c7", 0.4, Severity::High)], cards, Vec::new())], 0.99);
    assert!(hidden.findings.is_empty());
    let decision = hidden.retraining.expect("a decision");
    assert_eq!((decision.urgency, decision.rule.as_deref()), (Urgency::Immediate, Some("psi_immediate")));
}

#[test]
fn health_follows_the_cut_offs_and_urgency_follows_health() {
    let sound = tables(Vec::new(), 10).retraining.expect("a decision");
    assert_eq!((sound.health, sound.urgency, sound.strategy), (Health::Healthy, Urgency::None, Strategy::None));
    assert_eq!(sound.drift_score, Some(0.0));
    let medium = tables(vec![drift("c0", 0.1, Severity::Medium)], 10).retraining.expect("a decision");
    assert_eq!((medium.health, medium.urgency), (Health::AtRisk, Urgency::Soon));
    // Half of 0.4, three tenths of 0.4 over ten features.
    assert_eq!(medium.drift_score, Some(0.212));
    assert!(medium.triggers.iter().any(|t| t.kind == "health" && t.threshold == Num(0.2)));
    let label = tables(vec![finding("label_shift", Severity::High)], 10).retraining.expect("a decision");
    assert_eq!((label.health, label.urgency, label.strategy), (Health::AtRisk, Urgency::Soon, Strategy::FullRetrain));
    let concept = tables(vec![finding("concept_shift", Severity::High)], 10).retraining.expect("a decision");
    assert_eq!((concept.urgency, concept.strategy), (Urgency::Immediate, Strategy::FullRetrain));
    let low = tables(vec![drift("c0", 0.05, Severity::Low)], 10).retraining.expect("a decision");
    assert_eq!((low.health, low.urgency, low.strategy), (Health::Healthy, Urgency::Monitor, Strategy::None));
}

#[test]
fn many_features_ask_for_training_anew_and_broken_ones_for_mending() {
    let many = (0..5).map(|i| drift(&format!("c{i}"), 0.2, Severity::Medium)).collect();
    assert_eq!(tables(many, 10).retraining.expect("a decision").strategy, Strategy::FullRetrain);
    let broken = tables(vec![finding("unit_change", Severity::High)], 10).retraining.expect("a decision");
    assert_eq!((broken.urgency, broken.strategy), (Urgency::Immediate, Strategy::None));
    assert!(broken.plan[0].contains("mend `c0`"), "{:?}", broken.plan);
}

#[test]
fn declines_count_from_five_and_ten_percent() {
    for (share, health, urgency) in [
        (0.04, Health::Healthy, Urgency::None),
        (0.05, Health::AtRisk, Urgency::Soon),
        (0.10, Health::Critical, Urgency::Immediate),
    ] {
        let decision = report(vec![outcome("training", Vec::new(), Vec::new(), vec![decline(share)])], 0.0).retraining;
        let decision = decision.expect("an earlier run was given");
        assert_eq!((decision.health, decision.urgency, decision.drift_score), (health, urgency, None), "{share}");
    }
    let overfit = finding("overfitting", Severity::Medium);
    let decision = report(vec![outcome("training", vec![overfit], Vec::new(), vec![decline(0.2)])], 0.0).retraining;
    assert_eq!(decision.expect("a decision").strategy, Strategy::DataAugmentation);
}
