//! Test suites of 0.2 to 0.6: tests with a name, a status and the value looked at.

use deepfix_model::{Evidence, Severity};
use serde_json::Value;

use super::{
    drift::{Drift, drift},
    sizes::gaps,
};
use crate::tools::{Read, by_size, is_numeric, number, percent, shown};

pub(super) fn read(out: &mut Read, tests: &[Value]) {
    out.results = tests.len();
    let text = |t: &Value, key: &str| t.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let each_column = tests.iter().any(|t| text(t, "name") == "Drift per Column");
    let rows = tests.iter().find(|t| text(t, "name") == "Number of Rows").and_then(|t| number(t.get("parameters")?.get("value")));
    for test in tests {
        let (name, status, description) = (text(test, "name").trim().to_owned(), text(test, "status"), text(test, "description"));
        if status == "ERROR" {
            out.broken.push((name, description));
            continue;
        }
        let p = test.get("parameters").unwrap_or(&Value::Null);
        let column = p
            .get("column_name")
            .and_then(Value::as_str)
            .map(str::to_owned)
            .or_else(|| description.split("**").nth(1).map(str::to_owned));
        let features = |out: &mut Read, column: &str, f: &Value| {
            drift(
                out,
                &Drift {
                    column,
                    method: f.get("stattest").and_then(Value::as_str).unwrap_or_default(),
                    score: number(f.get("score")),
                    bound: number(f.get("threshold")),
                    detected: f.get("detected").is_some_and(|d| d == &Value::Bool(true) || d == "Detected")
                        || status == "FAIL" && name == "Drift per Column",
                    sides: None,
                    // Scores of tests are rounded to three decimals: a p-value of 0 is any below 0.0005.
                    rows: None,
                    label: column == "target",
                },
            );
        };
        match name.as_str() {
            "Drift per Column" => {
                if let Some(column) = &column {
                    features(out, column, p);
                }
            }
            "Share of Drifted Columns" | "Number of Drifted Features" if !each_column => {
                for (column, f) in p.get("features").and_then(Value::as_object).into_iter().flatten() {
                    features(out, column, f);
                }
            }
            "Column Types" => {
                for c in p.get("columns").and_then(Value::as_array).into_iter().flatten() {
                    let of = |key: &str| c.get(key).map_or_else(String::new, shown);
                    let (actual, expected) = (of("actual_type"), of("expected_type"));
                    if actual != expected {
                        let severity = if is_numeric(&actual) == is_numeric(&expected) { Severity::Low } else { Severity::High };
                        let evidence = Evidence::new("type", "", actual.as_str()).method(format!("expected {expected}"));
                        out.column(
                            &of("column_name"),
                            "schema_skew",
                            severity,
                            format!("is {actual}, expected is {expected}"),
                            evidence,
                        );
                    }
                }
            }
            _ if status == "FAIL" || status == "WARNING" => test_failed(out, &name, column.as_deref(), p, &description, rows),
            _ => {}
        }
    }
}

/// The value expected: of a bound cut from the reference, its middle.
fn reference(p: &Value) -> Option<f64> {
    let bound = p.get("condition")?.as_object()?.values().next()?;
    number(bound.get("value").filter(|_| bound.get("relative").is_some()))
}

fn test_failed(out: &mut Read, name: &str, column: Option<&str>, p: &Value, description: &str, rows: Option<f64>) {
    let value = number(p.get("value"));
    let (now, before) = (value.unwrap_or(0.0), reference(p));
    let evidence = |measure: &str, v: f64| {
        Evidence::new(measure, "", v)
            .method(format!("Evidently test \"{name}\""))
            .source(description.chars().take(300).collect::<String>())
    };
    let relative = before.map(|b| (now - b).abs() / b.abs().max(1e-12));
    let on = |out: &mut Read, code: &'static str, severity: Severity, what: String, e: Evidence| match column {
        Some(column) => out.column(column, code, severity, what, e),
        None => out.about(if code == "duplicate_rows" { "rows" } else { "split" }, code, severity, what, e),
    };
    let lower_better =
        ["Logarithmic Loss", "False Positive Rate", "False Negative Rate", "Mean Absolute", "Root Mean Square", "Max Absolute"]
            .iter()
            .any(|n| name.contains(n));
    let score = lower_better
        || ["Accuracy", "Precision", "F1", "Recall", "ROC AUC", "True Positive", "True Negative", "R2"]
            .iter()
            .any(|n| name.contains(n));
    match name {
        "The Share of Missing Values in a Column" => match (before, column) {
            (Some(before), Some(column)) => gaps(out, column, now, Some(before), (1e9, rows.unwrap_or(1e9))),
            _ if now >= 0.5 => on(
                out,
                "high_missing_rate",
                by_size(now, [0.5, 0.5, 0.9]).unwrap_or(Severity::Medium),
                format!("is missing in {}", percent(now)),
                evidence("missing_rate", now),
            ),
            _ => on(out, "check_failed", Severity::Low, format!("is missing in {}", percent(now)), evidence("missing_rate", now)),
        },
        "The Number of Missing Values in a Column" => {
            if let Some(rows) = rows.filter(|n| *n > 0.0) {
                let b = before.map(|b| b / rows);
                match column {
                    Some(column) if b.is_some() => gaps(out, column, now / rows, b, (1e9, rows)),
                    _ => {
                        on(out, "check_failed", Severity::Low, "holds missing values".to_owned(), evidence("missing_values", now))
                    }
                }
            }
        }
        "Number of Constant Columns" | "All Constant Values in a Column" => {
            on(out, "constant_column", Severity::Medium, "holds a single value".to_owned(), evidence("constant", now))
        }
        "Number of Duplicate Rows" => {
            let share = rows.filter(|n| *n > 0.0).map(|n| now / n);
            let severity = share.and_then(|s| by_size(s, [0.01, 0.05, 0.2])).unwrap_or(Severity::Low);
            out.about("rows", "duplicate_rows", severity, format!("{now} rows repeat"), evidence("repeated_rows", now));
        }
        "Number of Duplicate Columns" => out.about(
            "split",
            "near_duplicate_features",
            Severity::Low,
            format!("{now} columns repeat another"),
            evidence("repeated_columns", now),
        ),
        "Number of Columns" => out.about(
            "split",
            "schema_skew",
            Severity::Medium,
            format!("{now} columns, which is not the number expected"),
            evidence("columns", now),
        ),
        "Share of Out-of-List Values" => on(
            out,
            "unseen_categories",
            by_size(now, [0.0, 0.01, 0.1]).unwrap_or(Severity::Low),
            format!("holds values outside its list in {}", percent(now)),
            evidence("out_of_list_share", now),
        ),
        "Out-of-List Values" | "Number Out-of-List Values" => on(
            out,
            "unseen_categories",
            Severity::Medium,
            "holds values outside its list".to_owned(),
            evidence("out_of_list", now),
        ),
        "Share of Out-of-Range Values" => {
            let by_hand = p.get("left").is_some_and(|l| !l.is_null());
            let found = if by_hand {
                by_size(now, [0.0, 0.005, 0.05]).map(|s| ("outliers", s))
            } else if now >= 0.05 {
                by_size(now, [0.05, 0.05, 0.2]).map(|s| ("covariate_shift", s))
            } else {
                by_size(now, [0.005, 2.0, 2.0]).map(|s| ("outliers", s))
            };
            if let Some((code, severity)) = found {
                on(
                    out,
                    code,
                    severity,
                    format!("lies outside its range in {}", percent(now)),
                    evidence("out_of_range_share", now),
                );
            }
        }
        "Value Range" | "Number of Out-of-Range Values" | "Min Value" | "Max Value" => on(
            out,
            "outliers",
            Severity::Low,
            format!("has a value beyond the range expected: {description}"),
            evidence("value", now),
        ),
        "Mean Value" | "Median Value" | "Quantile Value" | "Standard Deviation (SD)" => {
            let sizes = if name.starts_with("Standard") { [0.2, 0.5, 1.0] } else { [0.1, 0.25, 0.5] };
            match relative {
                Some(change) => {
                    if let Some(severity) = by_size(change, sizes) {
                        on(
                            out,
                            "covariate_shift",
                            severity,
                            format!("has another {}: {now}", name.to_lowercase()),
                            evidence("relative_change", change),
                        );
                    }
                }
                None => on(
                    out,
                    "check_failed",
                    Severity::Medium,
                    format!("has another {} than expected: {now}", name.to_lowercase()),
                    evidence("value", now),
                ),
            }
        }
        "Mean Value Stability" => {
            let of = |key: &str| number(p.get(key));
            if let (Some(current), Some(mean), Some(std)) = (of("current_mean"), of("reference_mean"), of("reference_std"))
                && std > 0.0
                && let Some(severity) = by_size((current - mean).abs() / std, [0.25, 0.38, 0.77])
            {
                let z = (current - mean).abs() / std;
                on(
                    out,
                    "covariate_shift",
                    severity,
                    format!("has a mean of {current} instead of {mean}"),
                    evidence("standardised_mean_shift", z).versus(">=", 0.38),
                );
            }
        }
        "Share of the Most Common Value" | "Share of category" => {
            if let Some(before) = before
                && let Some(severity) = by_size((now - before).abs(), [0.15, 0.15, 0.30])
            {
                on(
                    out,
                    "covariate_shift",
                    severity,
                    format!("has a value or category in {} of its rows instead of {}", percent(now), percent(before)),
                    evidence("share_difference", (now - before).abs()),
                );
            }
        }
        "Highly Correlated Columns" => out.about(
            "split",
            "near_duplicate_features",
            Severity::Low,
            "two columns follow each other closely",
            evidence("largest_correlation", now),
        ),
        "Test number of conflicts in target" => out.about(
            "label",
            "conflicting_labels",
            Severity::Medium,
            "equal features have different labels",
            evidence("conflicts", now),
        ),
        "Mean Error (ME)" => out.about(
            "split",
            "regression_bias",
            Severity::Low,
            format!("errors lie to one side: their mean is {now}"),
            evidence("mean_error", now),
        ),
        _ if score => match before {
            Some(before) => {
                let fall = if lower_better {
                    (now - before) / before.abs().max(1e-12)
                } else {
                    (before - now) / before.abs().max(1e-12)
                };
                let sizes = if lower_better { [0.1, 0.3, 1.0] } else { [0.05, 0.1, 0.25] };
                if let Some(severity) = by_size(fall, sizes) {
                    out.about(
                        "split",
                        "performance_drop",
                        severity,
                        format!("{name} goes from {before:.3} to {now:.3}"),
                        evidence("relative_change", fall),
                    );
                }
            }
            // Without a reference the bound is what a dummy model reaches.
            None => out.about(
                "split",
                "worse_than_baseline",
                Severity::Medium,
                format!("{name} is {now:.3}: {description}"),
                evidence("score", now),
            ),
        },
        "Number of Rows" => {
            if before.is_some_and(|b| now < b * 0.5) {
                out.about(
                    "rows",
                    "too_few_rows",
                    Severity::Low,
                    format!("{now} rows, far fewer than in the reference"),
                    evidence("rows", now),
                );
            }
        }
        _ => on(out, "check_failed", Severity::Low, format!("fails {name}"), evidence("value", now)),
    }
}
