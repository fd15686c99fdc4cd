//! Checks that have no condition in the suites' defaults and still measured something: judged by their
//! value alone. Sizes are ours, those of `judge.rs` where the check is the same.

use deepfix_model::{ArtifactKind, BugType, Evidence, Finding, Severity, above};
use serde_json::Value;

use crate::{
    chance,
    judge::{number, sizes},
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
        "Feature Label Correlation"
            | "Feature Drift"
            | "Train Test Feature Drift"
            | "Label Drift"
            | "Train Test Label Drift"
            | "Multivariate Drift"
            | "Whole Dataset Drift"
            | "Train Test Performance"
            | "Boosting Overfit"
            | "Data Duplicates"
            | "Conflicting Labels"
            | "Outlier Sample Detection"
            | "Calibration Score"
            | "Calibration Metric"
            | "Image Dataset Drift"
            | "Property Label Correlation"
            | "Confusion Matrix Report"
    )
}

/// Whether a check measures how far the label's distribution moved.
pub(crate) fn is_label_drift(check: &str) -> bool {
    matches!(check, "Label Drift" | "Train Test Label Drift")
}

/// Names of the checks whose value is looked at whatever their conditions say: correlations below zero pass
/// Deepchecks' bound, sizes say what chance may do, and drift's method tells a regression.
pub(crate) fn is_always_read(check: &str) -> bool {
    is_label_drift(check) || matches!(check, "Feature Feature Correlation" | "Feature-Feature Correlation" | chance::SIZES)
}

/// What was measured: subject, columns, measure, value, and the sizes from which it is low, medium, high.
#[derive(Default)]
struct Measured {
    subject: String,
    columns: Vec<String>,
    measure: &'static str,
    value: f64,
    sizes: [f64; 3],
    title: String,
    method: &'static str,
    code: Option<&'static str>,
}

/// Findings of a check without a condition, and of one whose condition is blind to half of what it measures.
pub(crate) fn findings(result: &CheckResult, mapped: &Mapped) -> Vec<Finding> {
    let conditions = result.conditions.iter().any(|c| c.status != Status::Error);
    if result.could_not_run.is_some() {
        return Vec::new();
    }
    let measured = match result.check.as_str() {
        "Feature Feature Correlation" | "Feature-Feature Correlation" => correlations(&result.value, conditions),
        _ if conditions => Vec::new(),
        "Feature Label Correlation" => columns(&result.value, "pps", sizes::POWER, |column, power| {
            (
                format!("`{column}` alone predicts the label with a score of {power:.2}"),
                "predictive power score of the column for the label",
            )
        }),
        "Feature Drift" | "Train Test Feature Drift" => drifts(&result.value),
        "Label Drift" | "Train Test Label Drift" => label_drift(&result.value).into_iter().collect(),
        "Multivariate Drift" | "Whole Dataset Drift" => multivariate(&result.value).into_iter().collect(),
        "Train Test Performance" => degradation(&result.value).into_iter().collect(),
        "Boosting Overfit" => decline(&result.value).into_iter().collect(),
        "Data Duplicates" => share(number(&result.value), "rows", sizes::REPEATS, "of rows are repeats").into_iter().collect(),
        "Conflicting Labels" => {
            let ratio = result.value.get("percent_of_conflicting_samples").and_then(number);
            share(ratio, "label", sizes::CONFLICTS, "of rows have twins with another label").into_iter().collect()
        }
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
            .columns(measured.columns)
            .evidence(Evidence::new(measured.measure, &measured.subject, measured.value).versus(">=", low).method(format!(
                "value of the Deepchecks check \"{}\", of which no condition failed: {}",
                result.check, measured.method
            )))
            .fix(action, rationale)
            .step(format!("open the check \"{}\" in the Deepchecks report for the rows behind it", result.header));
    if let Some(split) = result.split.or(mapped.split) {
        finding = finding.split(split);
    }
    Some(finding)
}

/// Where no condition failed, what is below medium is not worth a word.
fn grave([medium, high]: [f64; 2]) -> [f64; 3] {
    [medium, medium, high]
}

/// A number for each column.
fn columns(
    value: &Value,
    measure: &'static str,
    sizes: [f64; 2],
    says: impl Fn(&str, f64) -> (String, &'static str),
) -> Vec<Measured> {
    let of = |(name, value): (&String, &Value)| {
        let value = number(value).or_else(|| number(value.get("Drift score")?))?;
        let (title, method) = says(name, value);
        let (subject, columns) = (format!("column:{name}"), vec![name.clone()]);
        Some(Measured { subject, columns, measure, value, sizes: grave(sizes), title, method, code: None })
    };
    value.as_object().into_iter().flatten().filter_map(of).collect()
}

fn drifts(value: &Value) -> Vec<Measured> {
    columns(value, "drift_score", sizes::DRIFT, |column, score| {
        (
            format!("`{column}` drifts by {score:.2}"),
            "Kolmogorov-Smirnov distance of numbers, Cramér's V of categories, train against test",
        )
    })
}

fn label_drift(value: &Value) -> Option<Measured> {
    let score = number(value.get("Drift score")?)?;
    Some(Measured {
        subject: "label".to_owned(),
        measure: "drift_score",
        value: score,
        sizes: grave(sizes::DRIFT),
        title: format!("the label drifts by {score:.2}"),
        method: "Kolmogorov-Smirnov distance of numbers, Cramér's V of classes, train against test",
        ..Measured::default()
    })
}

fn multivariate(value: &Value) -> Option<Measured> {
    let score = number(value.get("domain_classifier_drift_score")?)?;
    Some(Measured {
        subject: "rows".to_owned(),
        measure: "domain_classifier_drift_score",
        value: score,
        sizes: grave(sizes::CLASSIFIER),
        title: format!("a classifier tells train's rows from test's with a score of {score:.2}"),
        method: "2 AUC - 1 of a classifier of the split, at least 0",
        ..Measured::default()
    })
}

fn share(ratio: Option<f64>, subject: &str, sizes: [f64; 2], says: &str) -> Option<Measured> {
    let value = ratio?;
    Some(Measured {
        subject: subject.to_owned(),
        measure: "ratio",
        value,
        sizes: grave(sizes),
        title: format!("{:.1} % {says}", value * 100.0),
        method: "share of rows",
        ..Measured::default()
    })
}

/// The rows of a table that Deepchecks writes as JSON within JSON.
fn rows(value: &Value) -> Vec<serde_json::Map<String, Value>> {
    let parsed: Option<Value> = value.as_str().and_then(|text| serde_json::from_str(text).ok());
    let table = parsed.as_ref().unwrap_or(value);
    table.as_array().into_iter().flatten().filter_map(Value::as_object).cloned().collect()
}

/// Pairs of columns by the size of their correlation: all of them, or those below zero, which Deepchecks' condition
/// does not see.
fn correlations(value: &Value, below_zero: bool) -> Vec<Measured> {
    let table = rows(value);
    let names: Vec<String> = table.first().map(|row| row.keys().cloned().collect()).unwrap_or_default();
    if names.len() != table.len() {
        return Vec::new();
    }
    let mut out = Vec::new();
    for (i, row) in table.iter().enumerate() {
        for name in &names[i + 1..] {
            let Some(r) = row.get(name).and_then(number) else { continue };
            if below_zero && r >= 0.0 {
                continue;
            }
            let mut pair = vec![names[i].clone(), name.clone()];
            pair.sort();
            out.push(Measured {
                subject: format!("column:{}", pair[0]),
                title: format!("`{}` and `{}` are correlated at {r:.3}", pair[0], pair[1]),
                columns: pair,
                measure: "absolute_correlation",
                value: r.abs(),
                sizes: [0.9, 0.98, f64::INFINITY],
                method: "absolute value of the correlation; Deepchecks' condition compares the value with its sign",
                code: None,
            });
        }
    }
    out
}

/// Largest share of a score that is lost from train to test, of scores measured on at least 30 rows.
fn degradation(value: &Value) -> Option<Measured> {
    let table = rows(value);
    let few = |row: &serde_json::Map<String, Value>| row.get("Number of samples").and_then(number).is_some_and(|n| n < ROWS);
    let of = |dataset: &str| -> Vec<((String, Option<String>), f64)> {
        table
            .iter()
            .filter(|row| row.get("Dataset").and_then(Value::as_str) == Some(dataset) && !few(row))
            .filter_map(|row| {
                let score = (row.get("Metric")?.to_string(), row.get("Class").map(Value::to_string));
                Some((score, number(row.get("Value")?)?))
            })
            .collect()
    };
    let test: std::collections::BTreeMap<_, f64> = of("Test").into_iter().collect();
    let lost = |(key, train): ((String, Option<String>), f64)| {
        let drop = (train - test.get(&key)?) / train.abs();
        drop.is_finite().then_some((drop, key.0))
    };
    let (value, metric) = of("Train").into_iter().filter_map(lost).max_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(Measured {
        subject: "split".to_owned(),
        measure: "relative_degradation",
        value,
        sizes: grave(sizes::DEGRADATION),
        title: format!("{} is {:.1} % worse on test than on train", metric.trim_matches('"'), value * 100.0),
        method: "largest (train - test) / |train| over metrics and classes",
        ..Measured::default()
    })
}

/// What the test score lost from its best iteration to the last.
fn decline(value: &Value) -> Option<Measured> {
    let scores: Vec<f64> = value.get("test")?.as_array()?.iter().filter_map(number).collect();
    let best = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let value = (best - scores.last()?) / best.abs();
    value.is_finite().then(|| Measured {
        subject: "check:Boosting Overfit".to_owned(),
        measure: "decline",
        value,
        sizes: grave(sizes::DECLINE),
        title: format!("the test score ends {:.1} % below its best iteration", value * 100.0),
        method: "(best - last) / |best| of the test score over iterations",
        ..Measured::default()
    })
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
        ..Measured::default()
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
        ..Measured::default()
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
        ..Measured::default()
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
            ..Measured::default()
        })
    };
    value.as_object().into_iter().flatten().filter_map(of).collect()
}

/// Classes that are hardly ever recognised though the others are.
fn classes(value: &Value) -> Vec<Measured> {
    let rows = rows(value);
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
                ..Measured::default()
            }
        })
        .collect()
}
