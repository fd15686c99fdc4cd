//! Reports of 0.2 to 0.6: metrics with their results.

use std::collections::BTreeSet;

use deepfix_model::{Evidence, Severity};
use serde_json::Value;

use super::{
    drift::{Drift, drift},
    sizes::{bias, gaps},
};
use crate::tools::{Read, by_size, number, percent, shown};

pub(super) fn read(out: &mut Read, metrics: &[Value]) {
    out.results = metrics.len();
    let name = |m: &Value| m.get("metric").map_or_else(String::new, shown);
    let result = |kind: &str| metrics.iter().find(|m| name(m) == kind).and_then(|m| m.get("result"));
    let summary = result("DatasetSummaryMetric");
    let rows = |side: &str| summary.and_then(|s| number(s.get(side)?.get("number_of_rows")));
    let known_rows = rows("reference").zip(rows("current"));
    let mut labels: BTreeSet<String> = BTreeSet::new();
    labels.extend(summary.and_then(|s| s.get("current")?.get("target")?.as_str()).map(str::to_owned));
    // The target preset lists the drift of target and prediction only.
    if result("TargetByFeaturesTable").is_some() {
        labels.extend(
            metrics
                .iter()
                .filter(|m| name(m) == "ColumnDriftMetric")
                .filter_map(|m| Some(m.get("result")?.get("column_name")?.as_str()?.to_owned())),
        );
    }
    for metric in metrics {
        let Some(result) = metric.get("result") else { continue };
        match name(metric).as_str() {
            "DataDriftTable" => {
                for (column, d) in result.get("drift_by_columns").and_then(Value::as_object).into_iter().flatten() {
                    drift_of(out, column, d, known_rows, labels.contains(column));
                }
            }
            "ColumnDriftMetric" => {
                if let Some(column) = result.get("column_name").and_then(Value::as_str) {
                    drift_of(out, column, result, known_rows, labels.contains(column));
                }
            }
            "DatasetSummaryMetric" => dataset_summary(out, result),
            "DatasetMissingValuesMetric" => missing(out, result),
            "ColumnSummaryMetric" => column_summary(out, result),
            "ConflictTargetMetric" => {
                let share = number(result.get("share_not_stable_target")).unwrap_or(0.0);
                if let Some(severity) = by_size(share, [1e-9, 0.01, 0.1]) {
                    let evidence = Evidence::new("conflicting_share", "", share).unit("share").method("ConflictTargetMetric");
                    out.about(
                        "label",
                        "conflicting_labels",
                        severity,
                        format!("equal features have different labels in {}", percent(share)),
                        evidence,
                    );
                }
            }
            "ClassificationQualityMetric" => fallen(out, result, &["accuracy", "f1", "roc_auc"], false),
            "RegressionQualityMetric" => {
                fallen(out, result, &["r2_score"], true);
                bias(out, result.get("current"), known_rows.map(|r| r.1));
            }
            "ClassificationDummyMetric" => {
                let of = |part: &str| number(result.get(part).and_then(|p| p.get("accuracy")));
                if let (Some(model), Some(dummy)) = (of("model_quality"), of("dummy").or_else(|| of("by_reference_dummy")))
                    && model <= dummy
                {
                    let evidence = Evidence::new("accuracy", "", model).versus(">", dummy).method("ClassificationDummyMetric");
                    out.about(
                        "split",
                        "worse_than_baseline",
                        Severity::High,
                        "the model does no better than always answering the same",
                        evidence,
                    );
                }
            }
            "RegressionDummyMetric" => {
                if let (Some(model), Some(dummy)) = (number(result.get("rmse")), number(result.get("rmse_default")))
                    && model >= dummy
                {
                    let evidence = Evidence::new("rmse", "", model).versus("<", dummy).method("RegressionDummyMetric");
                    out.about(
                        "split",
                        "worse_than_baseline",
                        Severity::High,
                        "the model does no better than a constant",
                        evidence,
                    );
                }
            }
            _ => {}
        }
    }
}

fn drift_of(out: &mut Read, column: &str, d: &Value, rows: Option<(f64, f64)>, label: bool) {
    let side = |name: &str| d.get(name)?.get("small_distribution").filter(|v| v.is_object());
    drift(
        out,
        &Drift {
            column,
            method: d.get("stattest_name").and_then(Value::as_str).unwrap_or_default(),
            score: number(d.get("drift_score")),
            bound: number(d.get("stattest_threshold")),
            detected: d.get("drift_detected") == Some(&Value::Bool(true)),
            sides: side("reference").zip(side("current")),
            rows,
            label,
        },
    );
}

fn dataset_summary(out: &mut Read, result: &Value) {
    let of = |side: &str, key: &str| number(result.get(side)?.get(key));
    let Some(rows) = of("current", "number_of_rows").filter(|n| *n > 0.0) else { return };
    if let Some(repeated) = of("current", "number_of_duplicated_rows")
        && let Some(severity) = by_size(repeated / rows, [0.01, 0.05, 0.2])
    {
        let evidence =
            Evidence::new("duplicate_rate", "", repeated / rows).unit("share").method("number_of_duplicated_rows over rows");
        out.about("rows", "duplicate_rows", severity, format!("{} of the rows repeat", percent(repeated / rows)), evidence);
    }
    let counts = |side: &str, key: &str| result.get(side).and_then(|s| s.get(key)).and_then(Value::as_object);
    for (column, distinct) in counts("current", "number_uniques_by_columns").into_iter().flatten() {
        if number(Some(distinct)).is_some_and(|d| d <= 1.0) {
            let evidence =
                Evidence::new("distinct_values", "", number(Some(distinct)).unwrap_or(1.0)).method("number_uniques_by_columns");
            out.column(column, "constant_column", Severity::Medium, "holds a single value", evidence);
        }
    }
    let reference = of("reference", "number_of_rows").unwrap_or(0.0);
    for (column, gone) in counts("current", "nans_by_columns").into_iter().flatten() {
        let now = number(Some(gone)).unwrap_or(0.0) / rows;
        let before = counts("reference", "nans_by_columns")
            .and_then(|c| number(c.get(column)))
            .filter(|_| reference > 0.0)
            .map(|n| n / reference);
        gaps(out, column, now, before, (reference, rows));
    }
}

fn missing(out: &mut Read, result: &Value) {
    let current = result.get("current");
    for (column, kinds) in
        current.and_then(|c| c.get("different_missing_values_by_column")).and_then(Value::as_object).into_iter().flatten()
    {
        let spellings: Vec<&String> = kinds
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(_, n)| number(Some(n)).is_some_and(|n| n > 0.0))
            .map(|k| k.0)
            .collect();
        if spellings.len() > 1 {
            let evidence =
                Evidence::new("spellings_of_missing", "", spellings.len()).versus(">", 1.0).method(format!("{spellings:?}"));
            out.column(column, "mixed_nulls", Severity::Medium, "spells missing values in several ways", evidence);
        }
    }
}

fn column_summary(out: &mut Read, result: &Value) {
    let Some(column) = result.get("column_name").and_then(Value::as_str) else { return };
    let of = |key: &str| number(result.get("current_characteristics")?.get(key));
    if let (Some(new), Some(rows)) = (of("new_in_current_values_count"), of("number_of_rows"))
        && new > 0.0
    {
        // How many rows hold them is not said.
        let evidence = Evidence::new("new_values", "", new)
            .versus(">", 0.0)
            .unit("values")
            .source(format!("of {rows} rows"))
            .method("new_in_current_values_count");
        out.column(column, "unseen_categories", Severity::Low, format!("has {new} values that the reference lacks"), evidence);
    }
    if let (Some(max), Some(p25), Some(p50), Some(p75)) = (of("max"), of("p25"), of("p50"), of("p75"))
        && p75 > p25
        && max > p75 + 10.0 * (p75 - p25)
        && (p50 <= 0.0 || max > 5.0 * p50)
    {
        let evidence = Evidence::new("maximum", "", max)
            .versus("<", p75 + 10.0 * (p75 - p25))
            .method("beyond the upper quartile by ten interquartile ranges");
        out.column(column, "outliers", Severity::Low, format!("reaches {max}, far beyond its upper quartile of {p75}"), evidence);
    }
}

/// Scores that are lower on the current data than on the reference.
fn fallen(out: &mut Read, result: &Value, names: &[&str], absolute: bool) {
    for name in names {
        let of = |side: &str| number(result.get(side)?.get(name));
        let (Some(before), Some(now)) = (of("reference"), of("current")) else { continue };
        let fall = if absolute { before - now } else { (before - now) / before.abs().max(1e-12) };
        if let Some(severity) = by_size(fall, if absolute { [0.05, 0.1, 0.3] } else { [0.05, 0.1, 0.25] }) {
            let evidence = Evidence::new(name, "", now).versus(">=", before).method("current data against the reference");
            out.about("split", "performance_drop", severity, format!("{name} falls from {before:.3} to {now:.3}"), evidence);
        }
    }
}
