//! The example: what is wrong with it is found, and each fault mended takes its findings along.

mod support;

use std::collections::BTreeSet;

use serde_json::Value;
use support::{analyze, codes, demo_flags, flights};

fn set(report: &Value) -> BTreeSet<String> {
    codes(report).into_iter().collect()
}

fn causes(report: &Value) -> BTreeSet<String> {
    report["root_causes"].as_array().expect("a list").iter().map(|c| c["code"].as_str().expect("a code").to_owned()).collect()
}

fn names(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|s| (*s).to_owned()).collect()
}

#[test]
fn the_demo_shows_its_three_faults_and_joins_them_across_artifacts() {
    let report = analyze(&demo_flags(&flights()));
    assert_eq!(
        set(&report),
        names(&[
            "checkpoint_not_best",
            "data_leakage",
            "early_stopping_missed",
            "id_leakage",
            "overfitting",
            "target_leakage",
            "temporal_leakage",
        ])
    );
    assert_eq!(causes(&report), names(&["leak_explains_performance", "split_explains_gap", "wrong_checkpoint_selected"]));
    let leak = report["findings"].as_array().expect("a list").iter().find(|f| f["code"] == "target_leakage").expect("found");
    assert_eq!(leak["columns"], serde_json::json!(["dep_delay"]));
    for finding in report["findings"].as_array().expect("a list") {
        assert!(!finding["evidence"].as_array().expect("a list").is_empty(), "{}", finding["code"]);
        let citations = finding["recommendation"]["citations"].as_array().expect("a list");
        assert!(citations.iter().all(|c| c["url"].as_str().is_some_and(|u| u.starts_with("http"))) && !citations.is_empty());
    }
}

#[test]
fn each_fault_mended_takes_its_findings_and_no_others() {
    let base = analyze(&demo_flags(&flights()));
    for (variant, gone, cause_gone) in [
        ("no_leak", names(&["target_leakage", "data_leakage"]), "leak_explains_performance"),
        ("time_split", names(&["temporal_leakage"]), "split_explains_gap"),
        ("early_stopped", names(&["overfitting", "early_stopping_missed", "checkpoint_not_best"]), "wrong_checkpoint_selected"),
    ] {
        let report = analyze(&demo_flags(&flights().join("variants").join(variant)));
        let lost: BTreeSet<String> = set(&base).difference(&set(&report)).cloned().collect();
        assert_eq!(lost, gone, "{variant}");
        let new: BTreeSet<String> = set(&report).difference(&set(&base)).cloned().collect();
        assert!(new.is_empty(), "{variant} brings {new:?}");
        assert!(!causes(&report).contains(cause_gone), "{variant}");
    }
}

#[test]
fn readiness_rises_as_faults_go() {
    let score = |report: &Value| report["readiness"]["score"].as_f64().expect("measured");
    let base = score(&analyze(&demo_flags(&flights())));
    let mended = score(&analyze(&demo_flags(&flights().join("variants/early_stopped"))));
    assert!(mended > base, "{base} then {mended}");
}
