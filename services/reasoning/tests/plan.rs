//! The order of work: causes before what follows, one step for findings of one fix, fixes that pull apart one after
//! the other.

use deepfix_model::{ArtifactKind, Effort, Evidence, Finding, PlanStep, Severity};
use deepfix_reasoning::{Fixes, Outcome, Plain, Rules, Subject, synthesize};

fn finding(agent: &str, code: &str, column: &str, severity: Severity, confidence: f64) -> Finding {
    let kind = if agent == "dataset" { ArtifactKind::Train } else { ArtifactKind::Metrics };
    let mut finding = Finding::new(code, kind, format!("column:{column}"), severity, confidence)
        .title(format!("{code} in {column}"))
        .column(column)
        .evidence(Evidence::new("measure", format!("column:{column}"), 1.0))
        .fix(format!("mend {column}"), "because");
    agent.clone_into(&mut finding.agent);
    finding
}

fn plan(findings: Vec<Finding>) -> Vec<PlanStep> {
    let of = |agent: &str| findings.iter().filter(|f| f.agent == agent).cloned().collect();
    let outcomes = ["dataset", "training"].map(|agent| Outcome { findings: of(agent), ..Outcome::completed(agent) });
    synthesize(outcomes.into(), &[], Subject::default(), &Rules::embedded().expect("the tables read"), &Plain).plan
}

fn codes(plan: &[PlanStep]) -> Vec<(&str, Option<u32>)> {
    plan.iter().map(|step| (step.code.as_str(), step.after)).collect()
}

use Severity::{High, Low, Medium};

#[test]
fn causes_come_first_and_what_follows_from_them_waits() {
    let plan = plan(vec![
        finding("training", "data_leakage", "run", High, 0.9),
        finding("training", "lr_plateau", "rate", Medium, 0.9),
        finding("dataset", "high_missing_rate", "b", Medium, 0.8),
        finding("dataset", "high_missing_rate", "a", Medium, 0.9),
        finding("dataset", "target_leakage", "late", High, 0.95),
    ]);
    assert_eq!(
        codes(&plan),
        [("target_leakage", None), ("high_missing_rate", None), ("lr_plateau", None), ("data_leakage", Some(1))]
    );
    assert_eq!(plan.iter().map(|s| s.rank).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert!(plan[0].root_cause.as_ref().is_some_and(|id| id.starts_with("leak_explains_performance")), "{plan:?}");
    assert!(plan[0].verify[0].contains("without the column"), "{:?}", plan[0].verify);
    assert!(plan[3].why_after.as_ref().is_some_and(|why| why.contains("target_leakage in late")), "{plan:?}");
    assert_eq!(
        (plan[1].action.as_str(), plan[1].findings.len(), plan[1].effort),
        ("mend a; likewise for `b`", 2, Effort::Prepare)
    );
    assert!(!plan[0].supported, "no page was handed in");
}

#[test]
fn of_fixes_that_pull_apart_the_weightier_goes_first() {
    for (over, under, first) in [((High, 0.9), (Medium, 0.9), "overfitting"), ((Low, 0.6), (Medium, 0.7), "underfitting")] {
        let plan = plan(vec![
            finding("training", "overfitting", "run", over.0, over.1),
            finding("training", "underfitting", "run", under.0, under.1),
        ]);
        assert_eq!((plan[0].code.as_str(), plan[0].after, plan[1].after), (first, None, Some(1)), "{plan:?}");
        assert!(plan[1].why_after.as_ref().is_some_and(|why| why.contains("pull apart")), "{plan:?}");
    }
}

#[test]
fn what_may_harm_comes_before_all() {
    let plan = plan(vec![
        finding("dataset", "target_leakage", "late", High, 0.95),
        finding("training", "data_leakage", "run", High, 0.9),
        finding("training", "unsafe_pickle", "file", Medium, 0.6),
    ]);
    assert_eq!(plan[0].code, "unsafe_pickle");
}

/// Whatever is found: nothing waits for a step behind it, and every finding has its step.
#[test]
fn nothing_waits_for_what_comes_later() {
    let fixes = Fixes::embedded().expect("the table reads");
    let codes: Vec<&str> = fixes.codes().collect();
    let mut state = 7_u64;
    let mut draw = |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).expect("31 bits") % n
    };
    let mut waiting = 0;
    for _ in 0..2000 {
        let count = 2 + draw(9);
        let found: Vec<Finding> = (0..count)
            .map(|i| {
                let severity = [Low, Medium, High][draw(3)];
                let agent = ["dataset", "training"][draw(2)];
                finding(agent, codes[draw(codes.len())], &format!("c{i}"), severity, 0.5 + draw(5) as f64 / 10.0)
            })
            .collect();
        let plan = plan(found.clone());
        for (i, step) in plan.iter().enumerate() {
            assert_eq!(step.rank as usize, i + 1);
            assert!(step.after.is_none_or(|after| after >= 1 && after < step.rank), "{plan:#?}");
            assert_eq!(step.after.is_some(), step.why_after.is_some());
            waiting += usize::from(step.after.is_some());
        }
        assert_eq!(plan.iter().map(|s| s.findings.len()).sum::<usize>(), found.len());
    }
    assert!(waiting > 200, "{waiting}");
}
