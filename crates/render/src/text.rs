//! Small pieces of wording that several formats share.

use deepfix_language::Language;
use deepfix_model::{Evidence, Finding, Report, Severity, Split};

/// The language a report is worded in; of one without catalogue, what is around it is English.
pub(crate) fn language(report: &Report) -> Language {
    Language::of(&report.wording.language).unwrap_or_default()
}

/// `2 high, 1 low`.
pub(crate) fn counts(report: &Report) -> String {
    let l = language(report);
    let count = |severity| report.findings.iter().filter(|f| f.severity == severity).count();
    let parts: Vec<String> = [Severity::High, Severity::Medium, Severity::Low]
        .into_iter()
        .filter(|s| count(*s) > 0)
        .map(|s| l.say(&format!("{} {}", count(s), s.name())).into_owned())
        .collect();
    if parts.is_empty() { l.say("no findings").into_owned() } else { parts.join(", ") }
}

/// Where a finding was seen: its artifact, and the splits in words.
pub(crate) fn place(finding: &Finding) -> String {
    match finding.split {
        Some(Split::Both) => "train+test".to_owned(),
        Some(split) => split.name().to_owned(),
        None => finding.artifact.clone(),
    }
}

/// `auc 0.98 (≥ 0.9)`.
pub(crate) fn fact(evidence: &Evidence, l: Language) -> String {
    // A unit that the measure's own name says already is not said twice.
    let said =
        evidence.unit.is_empty() || evidence.unit == "share" || evidence.measure.contains(evidence.unit.trim_end_matches('s'));
    let unit = if said { String::new() } else { format!(" {}", l.say(&evidence.unit)) };
    let value = match (&evidence.value, evidence.unit.as_str()) {
        (deepfix_model::Scalar::Number(v), "share") if v.is_finite() => share(*v),
        (value, _) => value.to_string(),
    };
    let versus = evidence.threshold.as_ref().map(|threshold| {
        let shown = match (threshold, evidence.unit.as_str()) {
            (deepfix_model::Scalar::Number(v), "share") => share(*v),
            (value, _) => value.to_string(),
        };
        format!(" ({} {shown})", comparator(&evidence.comparator))
    });
    format!("{} {value}{unit}{}", evidence.measure.replace('_', " "), versus.unwrap_or_default())
}

fn share(v: f64) -> String {
    format!("{} %", deepfix_model::fmt_number((v * 10_000.0).round() / 100.0))
}

fn comparator(text: &str) -> &str {
    match text {
        ">=" => "≥",
        "<=" => "≤",
        "==" => "=",
        other => other,
    }
}

/// Text cut at a number of characters.
pub(crate) fn cut(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(limit.saturating_sub(1)).collect();
    out.push('…');
    out
}

/// Seconds of the whole analysis, when known.
pub(crate) fn seconds(report: &Report) -> Option<f64> {
    report.timing.get("total").map(|ms| ms.0 / 1000.0)
}
