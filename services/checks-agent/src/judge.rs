//! The weight of a Deepchecks result by its size, not by its condition's default alone: some conditions
//! fail at any value above zero, some name a strong feature a leak, one is upside down. Sizes are those of
//! our own detectors where they measure the same.

use deepfix_model::Severity;
use serde_json::Value;

use crate::results::{CheckResult, Condition};

/// What a result comes to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Verdict {
    /// The condition's own word.
    AsSaid,
    /// This weight.
    Weighs(Severity),
    /// Another fault, of this weight.
    Means(&'static str, Severity),
    /// Nothing: the condition misleads.
    Nothing,
}

/// Sizes, medium and high, that a condition which failed and a value without one are weighed by alike (`docs/checks.md`;
/// those of our own detectors where they measure the same, else our choice).
pub(crate) mod sizes {
    /// Predictive power score of one column for the label.
    pub(crate) const POWER: [f64; 2] = [0.8, 0.95];
    /// Kolmogorov-Smirnov distance, or Cramér's V.
    pub(crate) const DRIFT: [f64; 2] = [0.15, 0.30];
    /// 2 AUC - 1 of a classifier of the split: an AUC of 0.625 and 0.8.
    pub(crate) const CLASSIFIER: [f64; 2] = [0.25, 0.60];
    /// Share of a score that test lacks.
    pub(crate) const DEGRADATION: [f64; 2] = [0.10, 0.25];
    /// Share of its best score that boosting lost at the end.
    pub(crate) const DECLINE: [f64; 2] = [0.05, 0.20];
    /// Share of rows that are repeats.
    pub(crate) const REPEATS: [f64; 2] = [0.05, 0.20];
    /// Share of rows with twins of another label.
    pub(crate) const CONFLICTS: [f64; 2] = [0.01, 0.10];
}

/// A condition failed: below medium it is low.
fn failed(value: Option<f64>, [medium, high]: [f64; 2]) -> Verdict {
    sized(value, [0.0, medium, high])
}

fn sized(value: Option<f64>, [low, medium, high]: [f64; 3]) -> Verdict {
    match value {
        Some(v) if v >= high => Verdict::Weighs(Severity::High),
        Some(v) if v >= medium => Verdict::Weighs(Severity::Medium),
        Some(v) if v >= low => Verdict::Weighs(Severity::Low),
        Some(_) => Verdict::Nothing,
        None => Verdict::AsSaid,
    }
}

/// A number, bare or as a NumPy scalar.
pub(crate) fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.get("value")?.as_f64())
}

/// `value` is the number that belongs to the column, or to the whole.
pub(crate) fn judge(result: &CheckResult, condition: &Condition, column: Option<&str>, value: Option<f64>) -> Verdict {
    let name: String = result.check.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let text = condition.text.to_lowercase();
    match name.as_str() {
        // 0.19 warns when the classes are balanced.
        "classimbalance" => {
            let shares: Vec<f64> = result.value.as_object().into_iter().flatten().filter_map(|(_, v)| number(v)).collect();
            let (least, most) = shares.iter().fold((f64::INFINITY, 0.0_f64), |(a, b), v| (a.min(*v), b.max(*v)));
            if most <= 0.0 {
                return Verdict::AsSaid;
            }
            sized(Some(1.0 - least / most), [0.8, 0.9, 0.98])
        }
        "featurelabelcorrelation" | "propertylabelcorrelation" => {
            // An image's or text's mere property should tell little.
            if name.starts_with('p') { sized(value, [0.3, 0.5, 0.8]) } else { failed(value, sizes::POWER) }
        }
        "featurelabelcorrelationchange" => {
            let of = |side: &str| result.value.get(side).zip(column).and_then(|(v, c)| number(v.get(c)?));
            let (train, test) = (of("train"), of("test"));
            let strongest = train.into_iter().chain(test).fold(f64::NAN, f64::max);
            if text.contains("difference") && strongest < 0.8 {
                let difference = train.zip(test).map(|(a, b)| (a - b).abs());
                return match sized(difference, [0.2, 0.35, 0.6]) {
                    Verdict::Weighs(severity) => Verdict::Means("concept_shift", severity),
                    other => other,
                };
            }
            failed(if strongest.is_nan() { value } else { Some(strongest) }, sizes::POWER)
        }
        "rocreport" => match value {
            Some(auc) if auc <= 0.5 => Verdict::Weighs(Severity::High),
            Some(auc) if auc <= 0.55 => Verdict::Weighs(Severity::Medium),
            Some(_) => Verdict::Means("check_failed", Severity::Low),
            None => Verdict::AsSaid,
        },
        "simplemodelcomparison" => match mean_gain(&result.value) {
            Some(gain) if gain <= 0.0 => Verdict::Weighs(Severity::High),
            Some(gain) if gain <= 0.1 => Verdict::Weighs(Severity::Medium),
            // The most frequent answer scores well on its own class: one class that loses says little.
            Some(_) => Verdict::Weighs(Severity::Low),
            None => Verdict::AsSaid,
        },
        "regressionerrordistribution" if text.contains("kurtosis") => Verdict::Means("check_failed", Severity::Low),
        "regressionerrordistribution" | "regressionsystematicerror" => {
            let of = |keys: [&str; 2]| keys.iter().find_map(|k| number(result.value.get(*k)?));
            let ratio =
                of(["Mean Prediction Error", "mean_error"]).zip(of(["RMSE", "rmse"])).map(|(mean, rmse)| mean.abs() / rmse);
            sized(ratio, [0.05, 0.15, 0.5])
        }
        // Of texts it counts texts with many special characters, which stand for nothing missing.
        "specialcharacters" if text.contains("samples containing more than") => Verdict::Means("check_failed", Severity::Low),
        "featuredrift"
        | "traintestfeaturedrift"
        | "labeldrift"
        | "traintestlabeldrift"
        | "propertydrift"
        | "imagepropertydrift"
        | "predictiondrift" => failed(value, sizes::DRIFT),
        "multivariatedrift" | "wholedatasetdrift" | "textembeddingsdrift" => failed(value, sizes::CLASSIFIER),
        "traintestperformance" | "classperformance" if text.contains("degradation") => failed(value, sizes::DEGRADATION),
        "boostingoverfit" => failed(value, sizes::DECLINE),
        "newlabeltraintest" | "newlabels" => sized(new_labels(&result.value), [0.0, 0.001, 0.01]),
        "traintestsamplesmix" | "indextraintestleakage" => sized(value, [0.0, 0.01, 0.05]),
        "datetraintestleakageduplicates" | "datetraintestleakageoverlap" => sized(value, [0.0, 0.05, 0.20]),
        "dataduplicates" | "textduplicates" => failed(value, sizes::REPEATS),
        "conflictinglabels" => failed(value, sizes::CONFLICTS),
        "newcategorytraintest" | "categorymismatchtraintest" => sized(value, [0.0, 0.01, 0.10]),
        "percentofnulls" => match value {
            Some(share) if share < 0.5 => Verdict::Means("check_failed", Severity::Low),
            _ => sized(value, [0.0, 0.5, 0.9]),
        },
        // Seconds for one row.
        "modelinferencetime" => sized(value, [0.0, 0.01, 1.0]),
        _ => Verdict::AsSaid,
    }
}

/// Share of rows whose label train never had.
fn new_labels(value: &Value) -> Option<f64> {
    let of = |key: &str| value.get(key).and_then(number);
    let (rows, all) = match of("n_new_labels_samples").zip(of("n_samples")) {
        Some(tabular) => tabular,
        // Images: counts by label.
        None => (value.get("new_labels")?.as_object()?.values().filter_map(number).sum(), of("all_labels_count")?),
    };
    (all > 0.0).then(|| rows / all)
}

/// Gain over the simple model, averaged over metrics and classes: of the way from the simple model's score
/// to a perfect one, how much the model goes.
fn mean_gain(value: &Value) -> Option<f64> {
    let perfect = |metric: &str| value.get("scorers_perfect").and_then(|p| number(p.get(metric)?)).unwrap_or(1.0);
    let gain = |pair: &Value, perfect: f64| {
        let (origin, simple) = (number(pair.get("Origin")?)?, number(pair.get("Simple")?)?);
        (perfect != simple).then(|| (origin - simple) / (perfect - simple))
    };
    let mut gains = Vec::new();
    for (metric, by_class) in value.get("scores")?.as_object()? {
        match gain(by_class, perfect(metric)) {
            Some(whole) => gains.push(whole),
            None => gains.extend(by_class.as_object()?.values().filter_map(|pair| gain(pair, perfect(metric)))),
        }
    }
    (!gains.is_empty()).then(|| gains.iter().sum::<f64>() / gains.len() as f64)
}
