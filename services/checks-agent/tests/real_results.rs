//! Results that Deepchecks 0.19 really made, in both forms.

mod support;

use std::path::PathBuf;

use deepfix_model::{Severity, Split};
use serde_json::Value;
use support::run;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn sdk(name: &str) -> Vec<u8> {
    let body: Value = serde_json::from_slice(&std::fs::read(root().join("testdata/sdk-requests").join(name)).expect("committed"))
        .expect("JSON");
    serde_json::to_vec(&body["deepchecks_artifacts"]).expect("JSON")
}

#[test]
fn the_sdk_form_gives_one_finding_per_fault() {
    let local = run(sdk("tabular_classification_with_model.json"));
    assert_eq!(local.codes(), ["near_duplicate_features", "target_leakage", "weak_segment"]);
    let leaks: Vec<_> = local.findings.iter().filter(|f| f.code == "target_leakage").collect();
    assert_eq!(leaks.len(), 3);
    let perimeter = leaks.iter().find(|f| f.columns == ["worst perimeter"]).expect("named");
    assert_eq!(perimeter.measured("predictive_power_score"), Some(0.766_160_947_268_413_1));
    assert_eq!(perimeter.split, Some(Split::Both));
    let segment = local.findings.iter().find(|f| f.code == "weak_segment").expect("found");
    // Three of six rows, the weakest of many segments.
    assert_eq!(segment.severity, Severity::Low);
    assert_eq!(segment.columns, ["mean perimeter", "mean concavity"]);
    assert_eq!((segment.measured("segment_score"), segment.split), (Some(0.5), Some(Split::Test)));
}

#[test]
fn packed_tables_say_which_segment_is_weak() {
    let own =
        run(std::fs::read(root().join("testdata/checks/deepchecks-0.19.1-model-evaluation-classification.json"))
            .expect("committed"));
    let segment = own.findings.iter().find(|f| f.code == "weak_segment").expect("found");
    assert!(segment.columns == ["visits", "income"] && segment.severity == Severity::Medium, "{segment:?}");
    assert!(segment.title.contains("20 rows") && segment.title.contains("0.25"), "{}", segment.title);
    // A table that grows when it is unpacked is left packed, and the condition speaks alone.
    let bomb = {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        std::io::Write::write_all(&mut encoder, &vec![b' '; 64 << 20]).expect("in memory");
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, encoder.finish().expect("in memory"))
    };
    let check = serde_json::json!({ "results": { "model_evaluation": [{ "header": "Weak Segments Performance - Test Dataset", "result": {
        "check": "Weak Segments Performance", "value": { "avg_score": 0.9, "weak_segments_list": { "comp": true, "values": bomb } },
        "conditions_results": [{ "status": "FAIL", "condition": "weakest segment", "more_info": "Found a segment" }] } }] } });
    let local = run(serde_json::to_vec(&check).expect("JSON"));
    assert_eq!(local.codes(), ["weak_segment"]);
    assert!(local.findings[0].columns.is_empty());
}

#[test]
fn checks_without_a_condition_are_judged_by_their_value() {
    let say = |check: &str, value: Value| {
        let entry = serde_json::json!({ "header": format!("{check} - Test Dataset"), "result": { "check": check, "value": value, "conditions_results": [] } });
        let body = serde_json::json!({ "results": { "suite": [entry] } });
        let local = run(serde_json::to_vec(&body).expect("JSON"));
        local.findings.iter().map(|f| format!("{} {} {}", f.severity.name(), f.code, f.subject)).collect::<Vec<_>>()
    };
    let scores =
        |outliers: usize| serde_json::json!((0..200).map(|i| if i < outliers { 0.95 } else { 0.1 }).collect::<Vec<f64>>());
    assert_eq!(say("Outlier Sample Detection", scores(40)), ["medium outliers rows"]);
    assert!(say("Outlier Sample Detection", scores(4)).is_empty());
    assert_eq!(
        say("Calibration Score", serde_json::json!({ "0": { "dtype": "float64", "value": 0.31 } })),
        ["medium calibration_error check:Calibration Score"]
    );
    assert!(say("Calibration Score", serde_json::json!({ "0": 0.31, "1": 0.2, "2": 0.1 })).is_empty());
    assert_eq!(
        say("Property Label Correlation", serde_json::json!({ "Brightness": 0.6, "Area": 0.0 })),
        ["medium target_leakage property:Brightness"]
    );
    assert_eq!(
        say("Image Dataset Drift", serde_json::json!({ "domain_classifier_auc": 0.93, "domain_classifier_drift_score": 0.86 })),
        ["high image_property_shift rows"]
    );
    assert!(
        say("Image Dataset Drift", serde_json::json!({ "domain_classifier_auc": 0.62, "domain_classifier_drift_score": 0.24 }))
            .is_empty()
    );
    let matrix = |hit: u32| serde_json::json!(format!(r#"[{{"a":900,"b":10}},{{"a":{},"b":{hit}}}]"#, 50 - hit));
    assert_eq!(say("Confusion Matrix Report", matrix(4)), ["medium weak_segment class:b"]);
    assert!(say("Confusion Matrix Report", matrix(40)).is_empty());
    for broken in [Value::Null, serde_json::json!("[]"), serde_json::json!([{ "a": 1 }]), serde_json::json!({ "0": "x" })] {
        for check in ["Outlier Sample Detection", "Calibration Score", "Confusion Matrix Report", "Property Label Correlation"] {
            assert!(say(check, broken.clone()).is_empty());
        }
    }
}

#[test]
fn image_properties_are_named() {
    let local = run(sdk("image_classification.json"));
    let subjects: Vec<&str> = local.findings.iter().map(|f| f.subject.as_str()).collect();
    assert_eq!(
        subjects,
        ["property:Brightness", "property:Mean Blue Relative Intensity", "property:Mean Green Relative Intensity"]
    );
}

#[test]
fn both_forms_of_the_same_suite_agree() {
    let folder = root().join("examples/flights");
    let own = run(std::fs::read(folder.join("deepchecks_suite.json")).expect("committed"));
    let sent: Value =
        deepfix_artifact::parse_json(&std::fs::read(folder.join("deepchecks.json")).expect("committed")).expect("JSON");
    let same_suite = serde_json::json!({ "results": { "train_test_validation": sent["results"]["train_test_validation"] } });
    let sdk = run(serde_json::to_vec(&same_suite).expect("JSON"));
    assert_eq!(own.findings.iter().map(|f| &f.id).collect::<Vec<_>>(), sdk.findings.iter().map(|f| &f.id).collect::<Vec<_>>());
    assert!(own.codes().contains(&"target_leakage") && own.codes().contains(&"temporal_leakage"), "{:?}", own.codes());
}

#[test]
fn values_nobody_has_seen_are_read_past() {
    for value in [
        "null",
        "3",
        "\"x\"",
        "[]",
        "[null, 1, \"a\"]",
        "{}",
        "{\"results\": 5}",
        "{\"results\": {\"a\": [1, {}, {\"header\": 7}]}}",
    ] {
        run(value.as_bytes().to_vec());
    }
    let odd = r#"{"results": {"s": [{"header": "New Check", "result": {"check": "New Check", "value": {"a": [1, {"b": null}]},
        "conditions_results": [{"status": "FAIL", "condition": "üñ less than", "more_info": "{'"}, {"status": "ERROR", "condition": "", "more_info": ""}]}}]}}"#;
    let local = run(odd.as_bytes().to_vec());
    assert_eq!(local.codes(), ["check_failed"]);
    assert_eq!(local.findings[0].subject, "check:New Check");
}

/// Conditions that mislead are judged by their values: a class imbalance that warns of balance, a majority
/// class that a trivial model scores well on, a strong feature whose strength differs, kurtosis.
#[test]
fn conditions_that_mislead_are_judged_by_their_values() {
    let said = |name: &str| -> Vec<(String, String, Severity)> {
        let local = run(std::fs::read(root().join("testdata/checks").join(name)).expect("committed"));
        local.findings.into_iter().map(|f| (f.code, f.subject, f.severity)).collect()
    };
    let outside = said("deepchecks-0.19.1-outside-suites.json");
    assert!(outside.iter().all(|f| f.0 != "class_imbalance" && f.0 != "high_missing_rate"), "{outside:?}");
    let model = said("deepchecks-0.19.1-model-evaluation-classification.json");
    let of = |list: &[(String, String, Severity)], code: &str| list.iter().find(|f| f.0 == code).map(|f| f.2);
    assert_eq!(of(&model, "worse_than_baseline"), Some(Severity::Low));
    let regression = said("deepchecks-0.19.1-model-evaluation-regression.json");
    assert_eq!(of(&regression, "regression_bias"), None, "a bias of two hundredths of the error is noise");
    let splits = said("deepchecks-0.19.1-train-test-validation.json");
    let subject = |code: &str| splits.iter().filter(|f| f.0 == code).map(|f| (f.1.as_str(), f.2)).collect::<Vec<_>>();
    assert_eq!(subject("target_leakage"), [("column:leak", Severity::High)]);
    assert_eq!(subject("concept_shift"), [("column:plan", Severity::Low)]);
    assert_eq!(subject("covariate_shift").first(), Some(&("column:income", Severity::High)));
    assert_eq!(subject("train_test_overlap"), [("rows", Severity::High)]);
}

/// A check: its name, its value, and status, text and words of its condition.
type Check<'a> = (&'a str, Value, Option<(&'a str, &'a str, &'a str)>);

/// A suite in the SDK's form.
fn suite(checks: &[Check<'_>]) -> Vec<u8> {
    let entries: Vec<Value> = checks
        .iter()
        .map(|(check, value, condition)| {
            let conditions: Vec<Value> = condition
                .iter()
                .map(|(status, condition, info)| serde_json::json!({ "status": status, "condition": condition, "more_info": info }))
                .collect();
            serde_json::json!({ "header": check, "result": { "check": check, "value": value, "conditions_results": conditions } })
        })
        .collect();
    serde_json::json!({ "results": { "suite": entries } }).to_string().into_bytes()
}

#[test]
fn the_size_of_an_effect_decides_its_weight_with_a_condition_and_without() {
    use serde_json::json;
    let weight = |checks: &[Check<'_>]| {
        let local = run(suite(checks));
        local.findings.iter().map(|f| (f.code.clone(), f.severity)).collect::<Vec<_>>()
    };
    let degraded = |percent: &str| {
        let info = format!("5 scores failed. Found max degradation of {percent}% for metric F1 and class 1.");
        let condition = ("FAIL", "Train-Test scores relative degradation is less than 0.1", info.as_str());
        weight(&[("Train Test Performance", Value::Null, Some(condition))])
    };
    assert_eq!(degraded("17.7"), [("performance_drop".to_owned(), Severity::Medium)]);
    assert_eq!(degraded("48.3"), [("performance_drop".to_owned(), Severity::High)]);
    let scores = |test: f64| {
        json!([{ "Dataset": "Train", "Metric": "F1", "Class": 0, "Value": 0.9, "Number of samples": 400 },
               { "Dataset": "Test", "Metric": "F1", "Class": 0, "Value": test, "Number of samples": 100 }])
        .to_string()
    };
    assert_eq!(
        weight(&[("Train Test Performance", json!(scores(0.5)), None)]),
        [("performance_drop".to_owned(), Severity::High)]
    );
    assert!(weight(&[("Train Test Performance", json!(scores(0.88)), None)]).is_empty());
    assert_eq!(
        weight(&[("Feature Label Correlation", json!({ "leak": 0.99, "age": 0.3 }), None)]),
        [("target_leakage".to_owned(), Severity::High)]
    );
    // One new label in a million rows is worth knowing and no more.
    let new = |rows: u64| {
        let value = json!({ "n_samples": 1_000_000, "n_new_labels_samples": rows, "new_labels": ["x"] });
        weight(&[(
            "New Label Train Test",
            value,
            Some(("FAIL", "Number of new label values is less or equal to 0", "Found 1 new labels in test data: ['x']")),
        )])
    };
    assert_eq!((new(1)[0].1, new(20_000)[0].1), (Severity::Low, Severity::High));
    // Deepchecks compares correlations with their sign.
    let table = json!([{ "a": 1.0, "b": -0.99999 }, { "a": -0.99999, "b": 1.0 }]).to_string();
    let passed = Some(("PASS", "Not more than 0 pairs are correlated above 0.9", "All correlations are less than 0.9"));
    let local = run(suite(&[("Feature Feature Correlation", json!(table), passed)]));
    assert_eq!(
        (local.codes(), &local.findings[0].columns[..]),
        (vec!["near_duplicate_features"], &["a".to_owned(), "b".to_owned()][..])
    );
}

#[test]
fn drift_within_reach_of_chance_is_a_note_and_evidence_is_the_number_meant() {
    use serde_json::json;
    let drift = json!({ "x": { "Drift score": { "dtype": "float64", "value": 0.45 }, "Method": "Kolmogorov-Smirnov" } });
    let failed = Some((
        "FAIL",
        "categorical drift score < 0.2 and numerical drift score < 0.2",
        "Failed for 1 out of 1 columns.\nFound 1 numeric columns with Kolmogorov-Smirnov above threshold: {'x': '0.45'}",
    ));
    let of = |train: u64, test: u64| {
        run(suite(&[
            ("Feature Drift", drift.clone(), failed),
            ("Datasets Size Comparison", json!({ "Train": train, "Test": test }), None),
        ]))
    };
    let small = of(20, 10);
    assert!(small.codes().is_empty() && small.notes.iter().any(|n| n.text.contains("20 rows of train")), "{:?}", small.findings);
    assert_eq!(of(2000, 1000).findings[0].severity, Severity::High);

    let simple = run(suite(&[(
        "Simple Model Comparison",
        Value::Null,
        Some((
            "FAIL",
            "Model performance gain over simple model is greater than 10%",
            "Found failed metrics: {0: {'F1': '-35.33%'}}",
        )),
    )]));
    assert_eq!(simple.findings[0].measured("check_value"), Some(-0.3533));
    let boosting = run(suite(&[(
        "Boosting Overfit",
        json!({ "test": [0.9, 0.82] }),
        Some(("FAIL", "Test score over iterations is less than 5% from the best score", "Found score decline of -8.9%")),
    )]));
    let value = boosting.findings[0].measured("check_value").expect("measured");
    assert!((value - 0.089).abs() < 1e-12 && boosting.findings[0].severity == Severity::Medium, "{value}");
}

#[test]
fn older_versions_say_what_the_newest_says() {
    for what in [
        "data-integrity",
        "train-test-validation",
        "train-test-validation-regression",
        "model-evaluation-classification",
        "model-evaluation-regression",
    ] {
        let grave = |version: &str| {
            let path = root().join(format!("testdata/checks/deepchecks-{version}-{what}.json"));
            let local = run(std::fs::read(path).expect("committed"));
            let mut grave: Vec<(String, String)> = local
                .findings
                .iter()
                .filter(|f| f.severity == Severity::High)
                .map(|f| (f.code.clone(), f.subject.clone()))
                .collect();
            grave.sort();
            grave
        };
        let newest = grave("0.19.1");
        assert!(!newest.is_empty(), "{what}");
        for version in ["0.17.5", "0.18.1"] {
            assert_eq!(grave(version), newest, "{what} {version}");
        }
    }
}
