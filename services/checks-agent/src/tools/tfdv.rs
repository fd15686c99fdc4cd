//! TensorFlow Data Validation: the `Anomalies` message as JSON, in either spelling of its fields. The list
//! of measured drift and skew holds every column that was compared and is the best source of size.

use deepfix_model::{Evidence, Severity, Split};
use serde_json::Value;

use super::{Read, by_size, number, percent, shown};

/// A field under its JSON name or its name in the message.
fn get<'a>(value: &'a Value, camel: &str, snake: &str) -> Option<&'a Value> {
    value.get(camel).or_else(|| value.get(snake))
}

pub(super) fn read(value: &Value) -> Option<Read> {
    let map = value.as_object()?;
    let own = ["anomalyInfo", "anomaly_info", "driftSkewInfo", "drift_skew_info", "datasetAnomalyInfo", "dataset_anomaly_info"];
    let healthy = map.get("baseline").is_some_and(|b| b.get("feature").is_some());
    if !own.iter().any(|key| map.contains_key(*key)) && !healthy {
        return None;
    }
    let mut out = Read::new("TensorFlow Data Validation");
    for (key, info) in get(value, "anomalyInfo", "anomaly_info").and_then(Value::as_object).into_iter().flatten() {
        let column = path(info).unwrap_or_else(|| key.clone());
        reasons(&mut out, info, Some(&column));
    }
    if let Some(info) = get(value, "datasetAnomalyInfo", "dataset_anomaly_info") {
        reasons(&mut out, info, None);
    }
    for info in get(value, "driftSkewInfo", "drift_skew_info").and_then(Value::as_array).into_iter().flatten() {
        let Some(column) = path(info) else { continue };
        for (camel, snake) in [("driftMeasurements", "drift_measurements"), ("skewMeasurements", "skew_measurements")] {
            for measured in get(info, camel, snake).and_then(Value::as_array).into_iter().flatten() {
                out.results += 1;
                measurement(&mut out, &column, measured);
            }
        }
    }
    Some(out)
}

fn path(info: &Value) -> Option<String> {
    let steps: Vec<String> = info.get("path")?.get("step")?.as_array()?.iter().map(shown).collect();
    Some(steps.join("."))
}

fn measurement(out: &mut Read, column: &str, measured: &Value) {
    let (Some(value), kind) = (number(measured.get("value")), measured.get("type").map_or_else(String::new, shown)) else {
        return;
    };
    let (measure, unit, limits) = match kind.as_str() {
        "JENSEN_SHANNON_DIVERGENCE" | "2" => ("js_divergence", "bit", [0.144, 0.144, 0.289]),
        "L_INFTY" | "1" => ("largest_share_difference", "share", [0.15, 0.15, 0.30]),
        _ => ("normalized_absolute_difference", "share", [0.075, 0.15, 0.30]),
    };
    let Some(severity) = by_size(value, limits) else { return };
    let evidence = Evidence::new(measure, "", value).versus(">=", limits[1]).unit(unit).method(format!(
        "{kind} as measured; the bound given was {}",
        measured.get("threshold").map_or_else(|| "none".to_owned(), shown)
    ));
    out.column(column, "covariate_shift", severity, "is distributed otherwise than before", evidence);
    if let Some(said) = out.said.last_mut() {
        said.split = Some(Split::Both);
    }
}

fn reasons(out: &mut Read, info: &Value, column: Option<&str>) {
    let warning = info.get("severity").is_some_and(|s| shown(s) == "WARNING");
    for reason in info.get("reason").and_then(Value::as_array).into_iter().flatten() {
        out.results += 1;
        let kind = reason.get("type").map_or_else(String::new, shown);
        let text = reason.get("description").map_or_else(String::new, shown);
        let Some((code, severity, what)) = meaning(&kind, &text) else { continue };
        let severity = if warning { Severity::Low } else { severity };
        let evidence = Evidence::new("anomaly", "", text.as_str()).method(kind.clone());
        match column {
            Some(column) => out.column(column, code, severity, what, evidence),
            None => out.about(if code == "check_failed" { "check:dataset" } else { "rows" }, code, severity, what, evidence),
        }
    }
}

/// Code, severity and words of a reason; `None` where it says something of the schema or of a comparison
/// whose size is listed elsewhere.
fn meaning(kind: &str, text: &str) -> Option<(&'static str, Severity, String)> {
    let low = |code| Some((code, Severity::Low, text.to_owned()));
    let medium = |code| Some((code, Severity::Medium, text.to_owned()));
    let high = |code| Some((code, Severity::High, text.to_owned()));
    match kind {
        "SCHEMA_MISSING_COLUMN" | "FEATURE_TYPE_NOT_PRESENT" => high("schema_skew"),
        "SCHEMA_NEW_COLUMN" => low("schema_skew"),
        "FLOAT_TYPE_STRING_NOT_FLOAT" | "INT_TYPE_NOT_INT_STRING" | "ENUM_TYPE_INVALID_UTF8" => medium("mixed_types"),
        "ENUM_TYPE_UNEXPECTED_STRING_VALUES" | "BOOL_TYPE_UNEXPECTED_STRING" | "BOOL_TYPE_UNEXPECTED_FLOAT" => {
            // "Oslo (~6%), Rome (<1%)".
            let share: f64 =
                text.split("(~").skip(1).filter_map(|rest| rest.split('%').next()?.parse::<f64>().ok()).sum::<f64>() / 100.0;
            let severity = by_size(share, [0.0, 0.01, 0.1]).unwrap_or(Severity::Low);
            Some(("unseen_categories", severity, format!("holds values outside its domain, {} of them or more", percent(share))))
        }
        "FLOAT_TYPE_BIG_FLOAT"
        | "FLOAT_TYPE_SMALL_FLOAT"
        | "INT_TYPE_BIG_INT"
        | "INT_TYPE_SMALL_INT"
        | "BOOL_TYPE_BIG_INT"
        | "BOOL_TYPE_SMALL_INT"
        | "FLOAT_TYPE_HAS_INF" => medium("outliers"),
        "FLOAT_TYPE_HAS_NAN"
        | "FEATURE_TYPE_LOW_FRACTION_PRESENT"
        | "FEATURE_TYPE_LOW_NUMBER_PRESENT"
        | "FEATURE_TYPE_NO_VALUES" => {
            let present = text
                .split("actual = ")
                .nth(1)
                .and_then(|rest| rest.trim_end_matches('.').split([' ', ',']).next()?.trim_end_matches('.').parse::<f64>().ok());
            let missing = present.filter(|p| *p <= 1.0).map(|p| 1.0 - p)?;
            if missing >= 0.5 {
                let severity = by_size(missing, [0.5, 0.5, 0.9])?;
                return Some(("high_missing_rate", severity, format!("is missing in {}", percent(missing))));
            }
            let severity = by_size(missing, [0.0, 0.1, 0.3])?;
            Some(("null_rate_shift", severity, format!("is missing in {}, more than its schema allows", percent(missing))))
        }
        "DATASET_LOW_NUM_EXAMPLES" | "COMPARATOR_LOW_NUM_EXAMPLES" | "NO_DATA_IN_SPAN" => medium("too_few_rows"),
        "DATASET_HIGH_NUM_EXAMPLES" | "COMPARATOR_HIGH_NUM_EXAMPLES" => low("check_failed"),
        _ if kind.starts_with("COMPARATOR_") || kind == "SCHEMA_TRAINING_SERVING_SKEW" => None,
        _ if kind.contains("UNEXPECTED_DATA_TYPE")
            || kind.contains("_NOT_INT")
            || kind.contains("_NOT_STRING")
            || kind.contains("_NOT_FLOAT")
            || kind.contains("STRING_TYPE_NOW")
            || kind == "VALUE_NESTEDNESS_MISMATCH"
            || kind.ends_with("_SHAPE") =>
        {
            high("schema_skew")
        }
        _ if kind.starts_with("SPARSE_")
            || kind.starts_with("WEIGHTED_")
            || kind.contains("SPECIFICATION")
            || kind.starts_with("DERIVED_")
            || kind.starts_with("DOMAIN_INVALID")
            || kind == "STATS_NOT_AVAILABLE" =>
        {
            None
        }
        _ => low("check_failed"),
    }
}
