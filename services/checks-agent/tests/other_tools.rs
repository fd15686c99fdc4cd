//! Results that other tools really made (`testdata/checks`; TensorFlow Data Validation's are built from its
//! schema), of several versions: the faults planted in their tables are found with their column and weight,
//! and nothing else is called grave.

mod support;

use std::path::PathBuf;

use deepfix_model::Severity;
use support::run;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/checks")
}

/// Code, subject, weight.
type Fault = (&'static str, &'static str, Severity);

/// Beginning of the fixtures' names, and the findings of medium and high weight that each must have.
const EXPECTED: &[(&str, &[Fault])] = {
    use Severity::{High, Medium};
    &[
        (
            "evidently-*-report-data-drift",
            &[
                ("covariate_shift", "column:income", High),
                ("unseen_categories", "column:city", Medium),
                ("covariate_shift", "column:label", Medium),
            ],
        ),
        ("evidently-*-report-data-quality", &[("null_rate_shift", "column:visits", Medium), ("duplicate_rows", "rows", Medium)]),
        ("evidently-*-report-target-drift", &[("label_shift", "column:label", Medium)]),
        (
            "evidently-*-tests-data-stability",
            &[
                ("covariate_shift", "column:income", High),
                ("null_rate_shift", "column:visits", Medium),
                ("unseen_categories", "column:city", Medium),
            ],
        ),
        ("evidently-*-report-classification", &[("performance_drop", "split", High)]),
        ("evidently-*-report-regression", &[("performance_drop", "split", High)]),
        (
            "evidently-0.7.23-report-data-summary.json",
            &[
                ("covariate_shift", "column:income", High),
                ("covariate_shift", "column:leak", High),
                ("covariate_shift", "column:visits", Medium),
                ("constant_column", "column:flat", Medium),
                ("null_rate_shift", "column:visits", Medium),
                ("duplicate_rows", "rows", Medium),
            ],
        ),
        (
            "great-expectations-*-suite-result",
            &[
                ("category_variants", "column:plan", Medium),
                ("constant_column", "column:flat", Medium),
                ("schema_skew", "column:price", High),
                ("unseen_categories", "column:city", Medium),
                ("covariate_shift", "column:income", High),
                ("duplicate_rows", "rows", Medium),
            ],
        ),
        (
            "great-expectations-*-checkpoint",
            &[
                ("category_variants", "column:plan", Medium),
                ("schema_skew", "column:price", High),
                ("unseen_categories", "column:city", Medium),
            ],
        ),
        (
            "pandera-*-message",
            &[
                ("schema_skew", "column:price", High),
                ("unseen_categories", "column:city", Medium),
                ("duplicate_rows", "rows", Medium),
            ],
        ),
        ("pandera-*-failure-cases", &[("schema_skew", "column:price", High), ("duplicate_rows", "rows", Medium)]),
        ("whylogs-", &[("unseen_categories", "column:city", Medium)]),
        (
            "tfdv-schema-1.21.0-anomalies",
            &[
                ("covariate_shift", "column:income", High),
                ("schema_skew", "column:price", High),
                ("null_rate_shift", "column:visits", Medium),
                ("unseen_categories", "column:city", Medium),
                ("outliers", "column:age", Medium),
            ],
        ),
    ]
};

/// What may be grave besides: columns that the schema of these tables has and the table lacks, or the other
/// way round, a type, rows too few, a column that follows the label.
const GRAVE: [&str; 4] = ["schema_skew", "too_few_rows", "performance_drop", "worse_than_baseline"];

fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        Some((head, tail)) => name.starts_with(head) && name.contains(tail),
        None => name.starts_with(pattern),
    }
}

#[test]
fn planted_faults_are_found_and_nothing_else_is_grave() {
    let (mut seen, mut wrong) = (0, Vec::new());
    for path in std::fs::read_dir(folder()).expect("a folder").map(|e| e.expect("an entry").path()) {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if !(name.ends_with(".json") || name.ends_with(".csv")) || name.starts_with("deepchecks") {
            continue;
        }
        let local = run(std::fs::read(&path).expect("reads"));
        if !local.failures.is_empty() {
            wrong.push(format!("{name}: {:?}", local.failures));
        }
        // 0.7 says p-values only, which bound the weight, and names another method in some reports.
        let expected: &[Fault] = if fits("evidently-0.7.0", &name) || fits("evidently-0.7.23-report-data-drift", &name) {
            &[("covariate_shift", "column:income", Severity::Medium), ("label_shift", "column:label", Severity::Medium)]
        } else {
            EXPECTED.iter().find(|(pattern, _)| fits(pattern, &name)).map_or(&[], |e| e.1)
        };
        if !name.contains("psi-no-tests") {
            seen += usize::from(!expected.is_empty());
            for (code, subject, severity) in expected {
                let found = local.findings.iter().find(|f| f.code == *code && f.subject == *subject);
                if found.map(|f| f.severity) != Some(*severity) {
                    wrong.push(format!("{name}: {code} {subject} is {:?}, not {severity:?}", found.map(|f| f.severity)));
                }
            }
        }
        for finding in &local.findings {
            let told = expected.iter().any(|(code, subject, _)| finding.code == *code && finding.subject == *subject);
            let income = finding.columns == ["income"] || finding.columns == ["label"];
            if finding.severity == Severity::High && !told && !income && !GRAVE.contains(&finding.code.as_str()) {
                wrong.push(format!("{name}: {} {} is high", finding.code, finding.subject));
            }
            assert!(!finding.evidence.is_empty() && !finding.recommendation.action.is_empty(), "{name}");
        }
    }
    assert!(seen >= 35, "{seen} fixtures");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whatever is cut away or garbled, there is an answer.
#[test]
fn no_document_panics() {
    for path in std::fs::read_dir(folder()).expect("a folder").map(|e| e.expect("an entry").path()) {
        if path.extension().is_none_or(|e| e != "json" && e != "csv") {
            continue;
        }
        let bytes = std::fs::read(&path).expect("reads");
        for part in 1..8 {
            run(bytes[..bytes.len() * part / 8].to_vec());
        }
        let text = String::from_utf8_lossy(&bytes);
        for (from, to) in [(":", ": null,"), ("{", "["), ("\"", ""), ("0", "-1e999"), ("[", "[[]"), ("true", "\"\"")] {
            run(text.replacen(from, to, 3).into_bytes());
            run(text.replace(from, to).into_bytes());
        }
    }
}

#[test]
fn one_odd_entry_is_left_out_and_said_and_a_mark_may_stand_far_back() {
    let document = |name: &str| -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(folder().join(name)).expect("committed")).expect("JSON")
    };
    let look = |value: &serde_json::Value| run(value.to_string().into_bytes());
    for (name, list, odd) in [
        ("evidently-0.4.40-tests-data-stability.json", "/tests", serde_json::json!({ "name": "a test" })),
        ("evidently-0.7.23-report-data-drift.json", "/metrics", serde_json::json!({ "id": "x" })),
        ("whylogs-1.6.4-report-maps.json", "", serde_json::json!({ "name": "c", "passed": 1 })),
        ("great-expectations-1.24.1-suite-result.json", "/results", serde_json::json!({ "success": true })),
    ] {
        let whole = document(name);
        let before = look(&whole);
        let mut more = whole.clone();
        more.pointer_mut(list).and_then(serde_json::Value::as_array_mut).expect("a list").insert(0, odd);
        let after = look(&more);
        assert_eq!(after.codes(), before.codes(), "{name}");
        assert!(after.notes.iter().any(|n| n.text.contains("entry 0")), "{name}: {:?}", after.notes);
    }
    // pandas' own orientation of many cells: the column that marks the tool comes after the first 64 KiB.
    let cells =
        |of: &dyn Fn(usize) -> String| (0..3000).map(|i| (i.to_string(), of(i).into())).collect::<serde_json::Map<_, _>>();
    let cases = serde_json::json!({
        "index": cells(&|i| format!("row number {i}")),
        "schema_context": cells(&|_| "Column".to_owned()),
        "column": cells(&|_| "age".to_owned()),
        "check": cells(&|_| "in_range(0, 120)".to_owned()),
        "failure_case": cells(&|i| (500 + i).to_string()),
    });
    let first = cases.to_string().find("failure_case").expect("there");
    let late = look(&cases);
    assert!(
        first > 0 && late.findings.iter().all(|f| f.code != "artifact_unreadable") && !late.findings.is_empty(),
        "{:?}",
        late.codes()
    );
}
