//! Reports of 0.7: metrics with their values, and tests that point at them.

use std::collections::{BTreeMap, BTreeSet};

use deepfix_model::{Evidence, Severity};
use serde_json::Value;

use super::{
    drift::{Drift, drift},
    sizes::{bias, gaps},
};
use crate::tools::{Read, by_size, number, percent, shown};

/// Type, column and method of a metric: from its configuration, or out of `Name(column=x,method=y)`.
fn identity(metric: &Value) -> (String, Option<String>, Option<String>) {
    let config = metric.get("config");
    let from_config = |key: &str| config.and_then(|c| c.get(key)).and_then(Value::as_str).map(str::to_owned);
    let named = ["metric_name", "metric_id"].iter().find_map(|k| metric.get(*k)).and_then(Value::as_str).unwrap_or_default();
    let (head, inside) = named.split_once('(').unwrap_or((named, ""));
    let inside = inside.trim_end_matches(')');
    // Values may hold commas: one ends where the next key begins.
    let argument = |key: &str| {
        let from = inside.find(&format!("{key}="))? + key.len() + 1;
        let rest = &inside[from..];
        let end = ["column", "method", "threshold", "values", "quantile", "left", "right"]
            .iter()
            .filter_map(|k| rest.find(&format!(",{k}=")))
            .min()
            .unwrap_or(rest.len());
        Some(rest[..end].to_owned())
    };
    let kind = from_config("type").and_then(|t| t.rsplit(':').next().map(str::to_owned)).unwrap_or_else(|| head.to_owned());
    (kind, from_config("column").or_else(|| argument("column")), from_config("method").or_else(|| argument("method")))
}

pub(super) fn read(out: &mut Read, metrics: &[Value], tests: &[Value]) {
    out.results = metrics.len() + tests.len();
    let of = |kind: &str| metrics.iter().find(|m| identity(m).0 == kind).and_then(|m| number(m.get("value")));
    let rows = of("RowCount");
    // What the reference had stands only in the names of tests: "Equal 0.155 ± 0.016".
    let mut references: BTreeMap<String, f64> = BTreeMap::new();
    let mut failed: BTreeSet<String> = BTreeSet::new();
    for test in tests {
        let Some(id) = test.get("metric_config").and_then(|c| c.get("metric_id")).and_then(Value::as_str) else { continue };
        let status = test.get("status").and_then(Value::as_str).unwrap_or_default();
        if status == "ERROR" {
            out.broken.push((
                test.get("name").map_or_else(String::new, shown),
                test.get("description").map_or_else(String::new, shown),
            ));
        }
        if status == "FAIL" || status == "WARNING" {
            failed.insert(id.to_owned());
        }
        let name = test.get("name").map_or_else(String::new, shown);
        if let Some((before, _)) = name.split_once(" ± ")
            && let Some(value) = before.rsplit(' ').next().and_then(|n| n.parse().ok())
        {
            references.insert(id.to_owned(), value);
        }
    }
    let spread: BTreeMap<String, f64> = metrics
        .iter()
        .filter_map(|m| {
            let (kind, column, _) = identity(m);
            (kind == "StdValue").then_some((column?, number(m.get("value"))?))
        })
        .collect();
    for metric in metrics {
        let id = metric.get("id").and_then(Value::as_str).unwrap_or_default();
        let (kind, column, method) = identity(metric);
        let value = metric.get("value").unwrap_or(&Value::Null);
        let share = number(value.get("share"));
        let plain = number(Some(value));
        let reference = references.get(id).copied();
        let fails = failed.contains(id);
        let evidence = |measure: &str, v: f64| Evidence::new(measure, "", v).method(format!("Evidently {kind}"));
        match (kind.as_str(), column.as_deref()) {
            ("ValueDrift", Some(column)) => {
                let method = method.clone().unwrap_or_else(|| method_of(tests, id));
                let detected = fails || tests.is_empty() && plain.is_some_and(|p| p < 0.05);
                let label = matches!(column.to_lowercase().as_str(), "label" | "target" | "y" | "class");
                drift(
                    out,
                    &Drift {
                        column,
                        method: &method,
                        score: plain,
                        bound: None,
                        detected,
                        sides: None,
                        rows: rows.map(|n| (n, n)),
                        label,
                    },
                );
            }
            ("MissingValueCount", Some(column)) => {
                let share = share.or_else(|| Some(number(value.get("count"))? / rows?)).unwrap_or(0.0);
                // The reference of the test is a share, or a count.
                let before = reference.map(|r| if r > 1.0 { r / rows.unwrap_or(1.0) } else { r }).filter(|_| fails);
                gaps(out, column, share, before, (1e9, rows.unwrap_or(1e9)));
            }
            ("DuplicatedRowCount", _) => {
                if let (Some(count), Some(rows)) = (plain, rows.filter(|n| *n > 0.0))
                    && let Some(severity) = by_size(count / rows, [0.01, 0.05, 0.2])
                {
                    out.about(
                        "rows",
                        "duplicate_rows",
                        severity,
                        format!("{} of the rows repeat", percent(count / rows)),
                        evidence("duplicate_rate", count / rows),
                    );
                }
            }
            ("UniqueValueCount", Some(column))
                if value.get("counts").and_then(Value::as_object).is_some_and(|c| c.len() == 1) =>
            {
                out.column(column, "constant_column", Severity::Medium, "holds a single value", evidence("distinct_values", 1.0));
            }
            ("StdValue", Some(column)) if plain == Some(0.0) => out.column(
                column,
                "constant_column",
                Severity::Medium,
                "holds a single value",
                evidence("standard_deviation", 0.0),
            ),
            ("OutRangeValueCount", Some(column)) if fails => {
                let share = share.unwrap_or(0.0);
                out.column(
                    column,
                    "outliers",
                    by_size(share, [0.0, 0.005, 0.05]).unwrap_or(Severity::Low),
                    format!("lies outside its range in {}", percent(share)),
                    evidence("out_of_range_share", share),
                );
            }
            ("OutListValueCount", Some(column)) if fails => {
                let share = share.unwrap_or(0.0);
                out.column(
                    column,
                    "unseen_categories",
                    by_size(share, [0.0, 0.01, 0.1]).unwrap_or(Severity::Low),
                    format!("holds values outside its list in {}", percent(share)),
                    evidence("out_of_list_share", share),
                );
            }
            ("MeanValue" | "MedianValue" | "QuantileValue", Some(column)) if fails => {
                let (Some(now), Some(before)) = (plain, reference) else { continue };
                let found = match spread.get(column).filter(|s| **s > 0.0) {
                    Some(std) => {
                        let z = (now - before).abs() / std;
                        by_size(z, [0.25, 0.38, 0.77]).map(|s| (s, evidence("standardised_shift", z).versus(">=", 0.38)))
                    }
                    None => {
                        let r = (now - before).abs() / before.abs().max(1e-12);
                        by_size(r, [0.1, 0.25, 0.5]).map(|s| (s, evidence("relative_change", r).versus(">=", 0.25)))
                    }
                };
                if let Some((severity, evidence)) = found {
                    out.column(
                        column,
                        "covariate_shift",
                        severity,
                        format!("has moved: {kind} is {now} instead of {before}"),
                        evidence,
                    );
                }
            }
            ("MinValue" | "MaxValue", Some(column)) if fails => {
                if let (Some(now), Some(before)) = (plain, reference)
                    && (now - before).abs() > 0.5 * before.abs()
                {
                    out.column(
                        column,
                        "outliers",
                        Severity::Low,
                        format!("reaches {now}, the reference {before}"),
                        evidence("extreme", now),
                    );
                }
            }
            ("Accuracy" | "Precision" | "Recall" | "F1Score" | "RocAuc" | "R2Score", _) => {
                if let (Some(now), Some(before)) = (plain, reference)
                    && let Some(severity) = by_size((before - now) / before.abs().max(1e-12), [0.05, 0.1, 0.25])
                {
                    out.about(
                        "split",
                        "performance_drop",
                        severity,
                        format!("{kind} falls from {before:.3} to {now:.3}"),
                        evidence("score", now).versus(">=", before),
                    );
                }
                let dummy = of(&format!("Dummy{kind}"));
                if let (Some(now), Some(dummy)) = (plain, dummy)
                    && now <= dummy
                {
                    out.about(
                        "split",
                        "worse_than_baseline",
                        Severity::High,
                        format!("{kind} is {now:.3}, a dummy model reaches {dummy:.3}"),
                        evidence("score", now).versus(">", dummy),
                    );
                }
            }
            ("MeanError", _) => {
                let pair = serde_json::json!({ "mean_error": value.get("mean"), "rmse": of("RMSE") });
                bias(out, Some(&pair), rows);
            }
            ("ColumnCount", _) if fails => out.about(
                "split",
                "schema_skew",
                Severity::Medium,
                "the number of columns is not the one expected",
                evidence("columns", plain.unwrap_or(0.0)),
            ),
            _ => {}
        }
    }
}

/// The method of 0.7.0, which stands in the description of its test alone.
fn method_of(tests: &[Value], id: &str) -> String {
    let test = tests.iter().find(|t| t.get("metric_config").and_then(|c| c.get("metric_id")).and_then(Value::as_str) == Some(id));
    let text = test.and_then(|t| t.get("description")).map_or_else(String::new, shown);
    text.split("method is ").nth(1).and_then(|rest| rest.split(". ").next()).unwrap_or_default().to_owned()
}
