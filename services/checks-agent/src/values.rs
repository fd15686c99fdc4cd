//! Checks that have no condition in the suites' defaults and still measured something: judged by their
//! value alone. Sizes are ours, those of `judge.rs` where the check is the same.

use deepfix_model::{ArtifactKind, BugType, Evidence, Finding, Severity, above};
use serde_json::Value;

use crate::{
    judge::number,
    mapping::Mapped,
    results::{CheckResult, Status},
};

/// Outlier probability beyond which Deepchecks' own optional condition counts a row.
const OUTLIER: f64 = 0.7;
/// Fewest rows of a class whose recall is judged.
const ROWS: f64 = 30.0;

/// Names of the checks whose value is looked at though nothing failed.
pub(crate) fn is_judged(check: &str) -> bool {
    matches!(
        check,
        "Outlier Sample Detection"
            | "Calibration Score"
            | "Calibration Metric"
            | "Image Dataset Drift"
            | "Property Label Correlation"
            | "Confusion Matrix Report"
    )
}

/// What was measured: subject, columns, measure, value, and the sizes from which it is low, medium, high.
struct Measured {
    subject: String,
    measure: &'static str,
    value: f64,
    sizes: [f64; 3],
    title: String,
    method: &'static str,
    code: Option<&'static str>,
}

/// Findings of a check without a condition.
pub(crate) fn findings(result: &CheckResult, mapped: &Mapped) -> Vec<Finding> {
    if result.conditions.iter().any(|c| c.status != Status::Error) || result.could_not_run.is_some() {
        return Vec::new();
    }
    let measured = match result.check.as_str() {
        "Outlier Sample Detection" => outliers(&result.value).into_iter().collect(),
        "Calibration Score" | "Calibration Metric" => calibration(&result.value).into_iter().collect(),
        "Image Dataset Drift" => image_drift(&result.value).into_iter().collect(),
        "Property Label Correlation" => properties(&result.value),
        "Confusion Matrix Report" => classes(&result.value),
        _ => Vec::new(),
    };
    measured.into_iter().filter_map(|measured| finding(result, mapped, measured)).collect()
}

fn finding(result: &CheckResult, mapped: &Mapped, measured: Measured) -> Option<Finding> {
    let [low, medium, high] = measured.sizes;
    let severity = match measured.value {
        v if v >= high => Severity::High,
        v if v >= medium => Severity::Medium,
        v if v >= low => Severity::Low,
        _ => return None,
    };
    let code = measured.code.unwrap_or(mapped.code);
    let (action, rationale) = if code == mapped.code { (mapped.action, mapped.rationale) } else { crate::mapping::advice(code) };
    let mut finding =
        Finding::new(code, ArtifactKind::Deepchecks, measured.subject.clone(), severity, above(measured.value, low * 0.7, 0.85))
            .title(format!("Deepchecks: {}: {}", result.header, measured.title))
            .bug(BugType::Performance)
            .evidence(Evidence::new(measured.measure, &measured.subject, measured.value).versus(">=", low).method(format!(
                "value of the Deepchecks check \"{}\", which has no condition: {}",
                result.check, measured.method
            )))
            .fix(action, rationale)
            .step(format!("open the check \"{}\" in the Deepchecks report for the rows behind it", result.header));
    if let Some(split) = result.split.or(mapped.split) {
        finding = finding.split(split);
    }
    Some(finding)
}

fn outliers(value: &Value) -> Option<Measured> {
    let scores: Vec<f64> = value.as_array()?.iter().filter_map(number).collect();
    let over = scores.iter().filter(|score| **score > OUTLIER).count();
    let share = over as f64 / scores.len().max(1) as f64;
    Some(Measured {
        subject: "rows".to_owned(),
        measure: "outlier_share",
        value: share,
        sizes: [0.05, 0.15, 0.4],
        title: format!("{over} of {} rows have an outlier probability above {OUTLIER}", scores.len()),
        method: "share of rows whose outlier probability exceeds 0.7",
        code: None,
    })
}

/// Two classes: answering one half always costs 0.25. Of more classes each is a question of its own, for
/// which guessing costs less, so nothing is said of them.
fn calibration(value: &Value) -> Option<Measured> {
    let by_class = value.as_object().filter(|classes| classes.len() == 1)?;
    let brier = number(by_class.values().next()?)?;
    Some(Measured {
        subject: "check:Calibration Score".to_owned(),
        measure: "brier_score",
        value: brier,
        sizes: [0.22, 0.25, 0.35],
        title: format!("Brier score {brier:.3}, where answering one half always has 0.25"),
        method: "mean squared difference of predicted probability and outcome (Brier 1950)",
        code: Some("calibration_error"),
    })
}

fn image_drift(value: &Value) -> Option<Measured> {
    let auc = number(value.get("domain_classifier_auc")?)?;
    let score = number(value.get("domain_classifier_drift_score")?).unwrap_or((2.0 * auc - 1.0).max(0.0));
    Some(Measured {
        subject: "rows".to_owned(),
        measure: "domain_classifier_drift_score",
        value: score,
        // An AUC of 0.7, 0.8 and 0.9: on some hundred images chance alone reaches 0.65.
        sizes: [0.4, 0.6, 0.8],
        title: format!("a classifier tells the splits' images apart with an AUC of {auc:.2}"),
        method: "2 AUC - 1 of a classifier of the split, at least 0",
        code: None,
    })
}

fn properties(value: &Value) -> Vec<Measured> {
    let of = |(name, power): (&String, &Value)| {
        let power = number(power)?;
        Some(Measured {
            subject: format!("property:{name}"),
            measure: "pps",
            value: power,
            sizes: [0.3, 0.5, 0.8],
            title: format!("`{name}` alone predicts the label with a score of {power:.2}"),
            method: "predictive power score of the property for the label",
            code: None,
        })
    };
    value.as_object().into_iter().flatten().filter_map(of).collect()
}

/// Classes that are hardly ever recognised though the others are.
fn classes(value: &Value) -> Vec<Measured> {
    let parsed: Option<Value> = value.as_str().and_then(|text| serde_json::from_str(text).ok());
    let Some(rows) = parsed.as_ref().unwrap_or(value).as_array() else { return Vec::new() };
    let rows: Vec<&serde_json::Map<String, Value>> = rows.iter().filter_map(Value::as_object).collect();
    let names: Vec<&String> = rows.first().map(|row| row.keys().collect()).unwrap_or_default();
    // Rows are true classes in the order of the columns, which are the predicted ones.
    if names.len() != rows.len() || names.len() < 2 {
        return Vec::new();
    }
    let count = |i: usize, name: &String| rows[i].get(name).and_then(number).unwrap_or(0.0);
    let total = |i: usize| names.iter().map(|name| count(i, name)).sum::<f64>();
    let all: f64 = (0..rows.len()).map(total).sum();
    let right: f64 = names.iter().enumerate().map(|(i, name)| count(i, name)).sum();
    if all <= 0.0 || right / all < 0.5 {
        // A model that is wrong throughout is said elsewhere.
        return Vec::new();
    }
    names
        .iter()
        .enumerate()
        .filter(|(i, _)| total(*i) >= ROWS)
        .map(|(i, name)| {
            let (hit, of) = (count(i, name), total(i));
            Measured {
                subject: format!("class:{name}"),
                measure: "missed_share",
                value: 1.0 - hit / of,
                sizes: [0.7, 0.8, 0.95],
                title: format!("of {of} rows of class `{name}` {hit} are recognised, of all rows {:.0} %", 100.0 * right / all),
                method: "one minus the recall of a class of at least 30 rows, from the confusion matrix",
                code: Some("weak_segment"),
            }
        })
        .collect()
}
