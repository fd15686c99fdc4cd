//! From a condition that failed or warned to findings: one per column it names (one per group of
//! columns for pairs), one for the whole otherwise. Numbers are those of the result.

use deepfix_model::{ArtifactKind, BugType, Evidence, Finding, Severity, above, below};
use serde_json::Value;
use statrs::distribution::{Binomial, DiscreteCDF};

use crate::{
    judge::{Verdict, judge},
    mapping::{Mapped, Subject, advice},
    packed,
    results::{CheckResult, Condition, Status},
};

/// Most columns of one condition that become findings of their own.
const MANY: usize = 50;

pub(crate) fn findings(result: &CheckResult, mapped: &Mapped) -> Vec<Finding> {
    result
        .conditions
        .iter()
        .filter(|c| matches!(c.status, Status::Fail | Status::Warn))
        .flat_map(|condition| of_condition(result, mapped, condition))
        .collect()
}

/// Chance below which a segment is weak: some hundred are looked at, and the weakest is shown.
const BY_CHANCE: f64 = 1e-4;

/// The weakest segment with its columns, weighed by how far below the average it lies and by how many
/// rows that is known from: the weakest of many small segments is weak by chance.
fn segment(result: &CheckResult, mapped: &Mapped, condition: &Condition) -> Option<Finding> {
    let (segment, average) = packed::weakest(&result.value)?;
    if !(0.0..1.0).contains(&segment.score) || !(segment.score..=1.0).contains(&average) || segment.rows < 1.0 {
        return None;
    }
    let drop = 1.0 - segment.score / average.max(1e-9);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of rows")]
    let (rows, right) = (segment.rows as u64, (segment.score * segment.rows).round() as u64);
    let chance = Binomial::new(average, rows).map_or(1.0, |b| b.cdf(right));
    let severity = if drop >= 0.2 && chance < BY_CHANCE { Severity::Medium } else { Severity::Low };
    let subject = format!("check:{}", result.check);
    let shown = segment.columns.iter().map(|c| format!("`{c}`")).collect::<Vec<_>>().join(" and ");
    let mut out =
        Finding::new(mapped.code, ArtifactKind::Deepchecks, &subject, severity, above(-chance.max(1e-30).log10(), 1.5, 0.9))
            .title(format!(
                "Deepchecks: {}: a segment of {} rows by {shown} scores {:.2}, all rows {average:.2}",
                result.header, segment.rows, segment.score
            ))
            .bug(BugType::Performance)
            .columns(segment.columns)
            .evidence(
                Evidence::new("segment_score", &subject, segment.score)
                    .versus("<", average)
                    .method(format!(
                        "Deepchecks check \"{}\", weakest segment and average; condition: {}",
                        result.check, condition.text
                    ))
                    .source(condition.more_info.chars().take(300).collect::<String>()),
            )
            .evidence(
                Evidence::new("chance_of_segment", &subject, chance)
                    .versus("<", BY_CHANCE)
                    .method("binomial chance that so many rows, or fewer, are right in so many rows at the average score"),
            )
            .fix(mapped.action, mapped.rationale)
            .step(format!("open the check \"{}\" in the Deepchecks report for the segment's bounds", result.header));
    if let Some(split) = result.split.or(mapped.split) {
        out = out.split(split);
    }
    Some(out)
}

fn of_condition(result: &CheckResult, mapped: &Mapped, condition: &Condition) -> Vec<Finding> {
    if mapped.code == "weak_segment"
        && let Some(found) = segment(result, mapped, condition)
    {
        return vec![found];
    }
    let limit = limit(&condition.text);
    let pairs = pairs(&condition.more_info);
    if !pairs.is_empty() {
        return groups(&pairs)
            .into_iter()
            .filter_map(|columns| finding(result, mapped, condition, Named { columns, value: None }, limit.as_ref()))
            .collect();
    }
    let named = if of_columns(mapped.code) { named(&condition.more_info) } else { Vec::new() };
    if named.is_empty() {
        let value = number(&result.value).or_else(|| told_number(&condition.more_info));
        // A decline is written with its sign and held against a bound without one.
        let value = if condition.more_info.contains("decline") { value.map(f64::abs) } else { value };
        return finding(result, mapped, condition, Named { columns: Vec::new(), value }, limit.as_ref()).into_iter().collect();
    }
    named
        .into_iter()
        .take(MANY)
        .filter_map(|(column, value)| {
            let value = exact(&result.value, &column).or(value);
            finding(result, mapped, condition, Named { columns: vec![column], value }, limit.as_ref())
        })
        .collect()
}

/// Whether a condition's names are those of columns (or of image and text properties), rather than of
/// scores and classes.
fn of_columns(code: &str) -> bool {
    !matches!(
        code,
        "unseen_labels"
            | "worse_than_baseline"
            | "performance_drop"
            | "weak_segment"
            | "calibration_error"
            | "slow_inference"
            | "check_failed"
    )
}

struct Named {
    columns: Vec<String>,
    value: Option<f64>,
}

fn finding(result: &CheckResult, mapped: &Mapped, condition: &Condition, named: Named, limit: Option<&Limit>) -> Option<Finding> {
    let subject = match (named.columns.first(), mapped.subject) {
        (Some(column), _) if !is_property(&result.check) => format!("column:{column}"),
        (Some(property), _) => format!("property:{property}"),
        (None, Subject::Rows) => "rows".to_owned(),
        (None, Subject::Label) => "label".to_owned(),
        (None, Subject::Split) => "split".to_owned(),
        (None, Subject::Check) => format!("check:{}", result.check),
    };
    let (mut severity, confidence) = weight(mapped, condition.status, named.value, limit);
    let mut code = mapped.code;
    match judge(result, condition, named.columns.first().map(String::as_str), named.value) {
        Verdict::AsSaid => {}
        Verdict::Weighs(judged) => severity = judged,
        Verdict::Means(other, judged) => (code, severity) = (other, judged),
        Verdict::Nothing => return None,
    }
    let about = if named.columns.is_empty() {
        String::new()
    } else {
        format!(" ({})", named.columns.iter().map(|c| format!("`{c}`")).collect::<Vec<_>>().join(", "))
    };
    let verb = if condition.status == Status::Fail { "failed" } else { "warns" };
    let mut out = Finding::new(code, ArtifactKind::Deepchecks, &subject, severity, confidence)
        .title(format!("Deepchecks: {} {verb}{about}", result.header))
        .bug(BugType::Performance)
        .columns(if is_property(&result.check) { Vec::new() } else { named.columns });
    if let Some(split) = result.split.or(mapped.split) {
        out = out.split(split);
    }
    let mut evidence = match named.value {
        Some(value) => Evidence::new(limit.map_or("check_value", |l| l.measure), &subject, value),
        None => Evidence::new("condition", &subject, condition.more_info.chars().take(300).collect::<String>()),
    };
    if let Some(limit) = limit
        && named.value.is_some()
    {
        evidence = evidence.versus(limit.fails_when, limit.value);
    }
    out = out.evidence(
        evidence
            .method(format!("Deepchecks check \"{}\", condition: {}", result.check, condition.text))
            .source(condition.more_info.chars().take(300).collect::<String>()),
    );
    let (action, rationale) = if code == mapped.code { (mapped.action, mapped.rationale) } else { advice(code) };
    let step = format!("open the check \"{}\" in the Deepchecks report for the rows behind it", result.header);
    Some(out.fix(action, rationale).step(step))
}

fn is_property(check: &str) -> bool {
    check.contains("Property") || check.contains("Image")
}

/// Severity by what the code does to results; confidence by how far the value lies from its bound.
fn weight(mapped: &Mapped, status: Status, value: Option<f64>, limit: Option<&Limit>) -> (Severity, f64) {
    let grave = matches!(
        mapped.code,
        "target_leakage" | "train_test_overlap" | "temporal_leakage" | "worse_than_baseline" | "unseen_labels"
    );
    let severity = match status {
        Status::Fail if grave => Severity::High,
        Status::Fail => Severity::Medium,
        _ => Severity::Low,
    };
    let certainty = if status == Status::Fail { 0.97 } else { 0.85 };
    if mapped.zero_tolerance {
        // A bound of zero is crossed by noise alone, so the size speaks.
        let size = value.unwrap_or(0.0).clamp(0.0, 1.0);
        let severity = if size >= 0.5 {
            Severity::High
        } else if size >= 0.2 {
            Severity::Medium
        } else {
            Severity::Low
        };
        return (severity, ((0.3 + 0.65 * size) * 100.0).round() / 100.0);
    }
    let confidence = match (value, limit) {
        (Some(value), Some(limit)) if limit.fails_when.starts_with('>') => above(value, limit.value, certainty),
        (Some(value), Some(limit)) => below(value, limit.value, certainty),
        _ => certainty - 0.2,
    };
    (severity, (confidence * 100.0).round() / 100.0)
}

/// The bound of a condition, from its words.
struct Limit {
    value: f64,
    /// The comparison that makes it fail.
    fails_when: &'static str,
    measure: &'static str,
}

fn limit(text: &str) -> Option<Limit> {
    let lower = text.to_lowercase();
    let (at, fails_when) = [
        ("lower than", ">="),
        ("higher than", "<="),
        ("is below", ">="),
        ("ratio above", ">"),
        ("less or equal to", ">"),
        ("less than or equal to", ">"),
        ("not more than", ">"),
        ("less than", ">="),
        ("greater or equal to", "<"),
        ("greater than or equal to", "<"),
        ("greater than", "<="),
        ("score <", ">="),
        ("<", ">="),
    ]
    .iter()
    .find_map(|(words, fails)| lower.find(words).map(|at| (at + words.len(), *fails)))?;
    let value = first_number(&lower[at..])?;
    let measure = if lower.contains("predictive power") || lower.contains("pps") {
        "predictive_power_score"
    } else if lower.contains("drift") {
        "drift_score"
    } else if lower.contains(" ratio") || lower.contains("percentage") {
        "ratio"
    } else {
        "check_value"
    };
    Some(Limit { value, fails_when, measure })
}

fn first_number(text: &str) -> Option<f64> {
    // Deepchecks writes 1,234.
    let text = &without_thousands(text);
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let signed = text[..start].ends_with('-');
    let rest = &text[start..];
    let mantissa = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
    let exponent = rest[mantissa..].strip_prefix(['e', 'E']).map_or(0, |tail| {
        let digits = tail.trim_start_matches(['+', '-']);
        let count = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        if count > 0 { 1 + tail.len() - digits.len() + count } else { 0 }
    });
    let end = mantissa + exponent;
    let value: f64 = rest[..end].trim_end_matches('.').parse().ok()?;
    let value = if signed { -value } else { value };
    Some(if rest[end..].starts_with('%') { value / 100.0 } else { value })
}

/// Without the commas between groups of three digits.
fn without_thousands(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let digit = |i: usize| chars.get(i).is_some_and(char::is_ascii_digit);
    let comma =
        |i: usize| chars[i] == ',' && i > 0 && digit(i - 1) && digit(i + 1) && digit(i + 2) && digit(i + 3) && !digit(i + 4);
    (0..chars.len()).filter(|&i| !comma(i)).map(|i| chars[i]).collect()
}

/// The number that a condition's words are about: that of the degradation or score they name, else
/// the first.
fn told_number(text: &str) -> Option<f64> {
    let lower = text.to_lowercase();
    let after = |words: &str| lower.find(words).and_then(|at| first_number(text.get(at + words.len()..)?));
    ["degradation of", "drift value of", "score of"]
        .iter()
        .find_map(|words| after(words))
        // Of a map the first value counts; keys may be numbers too (classes).
        .or_else(|| after(": '"))
        .or_else(|| after("found"))
        .or_else(|| first_number(text))
}

/// A number, bare or wrapped as `{"dtype": …, "value": …}`.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(n) => n.as_f64(),
        Value::Object(map) => {
            ["value", "Drift score", "domain_classifier_drift_score", "ratio", "percent_of_conflicting_samples"]
                .iter()
                .find_map(|key| map.get(*key))
                .and_then(number)
        }
        _ => None,
    }
}

/// The unrounded value of a column, where the result holds it.
fn exact(value: &Value, column: &str) -> Option<f64> {
    let by_column = value.get(column).or_else(|| value.get("train").and_then(|v| v.get(column)))?;
    number(by_column)
}

/// `{'age': '1', 'leak': '0.9'}` in the words of a condition, as often as it occurs: names with their
/// shown values.
fn named(text: &str) -> Vec<(String, Option<f64>)> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let body = &rest[open + 1..];
        let close = body.find('}').unwrap_or(body.len());
        // Values that are maps themselves are scores of classes, not columns.
        if !body[..close].contains('{') {
            out.extend(entries(&body[..close]));
        }
        rest = body.get(close + 1..).unwrap_or_default();
    }
    if out.is_empty() { listed(text) } else { out }
}

fn entries(text: &str) -> Vec<(String, Option<f64>)> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((name, after)) = quoted(rest) {
        let Some(value) = after.trim_start().strip_prefix(':') else { break };
        let end = value.find(", '").or_else(|| value.find(", \"")).unwrap_or(value.len());
        out.push((name, first_number(&value[..end])));
        rest = value.get(end + 1..).unwrap_or_default();
    }
    out
}

/// `['a', 'b']` after a colon.
fn listed(text: &str) -> Vec<(String, Option<f64>)> {
    let (Some(open), Some(close)) = (text.find("['"), text.rfind("']")) else { return Vec::new() };
    let mut out = Vec::new();
    let mut rest = text.get(open + 1..=close).unwrap_or_default();
    while let Some((name, after)) = quoted(rest) {
        out.push((name, None));
        rest = after;
    }
    out
}

/// The next text in single or double quotes, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let start = text.find(['\'', '"'])?;
    let quote = &text[start..=start];
    let body = &text[start + 1..];
    let end = body.find(quote)?;
    Some((body[..end].to_owned(), &body[end + 1..]))
}

/// `[('a', 'b'), ('a', 'c')]`.
fn pairs(text: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("('").or_else(|| rest.find("(\"")) {
        let Some((first, after)) = quoted(&rest[at..]) else { break };
        let Some((second, after)) = after.trim_start().strip_prefix(',').and_then(quoted) else { break };
        out.push((first, second));
        rest = after;
    }
    out
}

/// Columns that hang together by pairs, each group in alphabetic order.
fn groups(pairs: &[(String, String)]) -> Vec<Vec<String>> {
    let mut groups: Vec<Vec<String>> = Vec::new();
    for (a, b) in pairs {
        let at = |groups: &[Vec<String>], name: &String| groups.iter().position(|g| g.contains(name));
        match (at(&groups, a), at(&groups, b)) {
            (Some(i), Some(j)) if i != j => {
                let moved = groups.remove(i.max(j));
                groups[i.min(j)].extend(moved);
            }
            (Some(_), Some(_)) => {}
            (Some(i), None) => groups[i].push(b.clone()),
            (None, Some(i)) => groups[i].push(a.clone()),
            (None, None) => groups.push(vec![a.clone(), b.clone()]),
        }
    }
    groups.iter_mut().for_each(|g| g.sort());
    groups.sort();
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_give_up_their_names_and_numbers() {
        let info = "Found 2 out of 6 features with PPS above threshold: {'age': '1', 'it''s': '0.9'}";
        assert_eq!(named(info)[0], ("age".to_owned(), Some(1.0)));
        let two = "Found 1 categorical columns: {'city': '0.31'} Found 2 numeric columns: {'age': '0.5', 'inc': '1.2E-2'}";
        assert_eq!(named(two), [("city".to_owned(), Some(0.31)), ("age".to_owned(), Some(0.5)), ("inc".to_owned(), Some(0.012))]);
        let told = told_number("7 scores failed. Found max degradation of 17.74% for metric F1").expect("a number");
        assert!((told - 0.1774).abs() < 1e-12);
        assert_eq!(first_number("Found 1,234,567 rows"), Some(1_234_567.0));
        assert_eq!(first_number("classes 1, 2"), Some(1.0));
        assert_eq!(named("Found columns with a single value: ['a', 'b']").len(), 2);
        assert_eq!(
            groups(&pairs("pairs [('a', 'b'), ('c', 'd'), ('b', 'c'), ('x', 'y')]")),
            [vec!["a", "b", "c", "d"], vec!["x", "y"]]
        );
        for (text, value, fails) in [
            ("Features' Predictive Power Score is less than 0.8", 0.8, ">="),
            ("Date leakage ratio is less or equal to 0%", 0.0, ">"),
            ("Test-Train size ratio is greater than 0.01", 0.01, "<="),
            ("Duplicate data ratio is less or equal to 5%", 0.05, ">"),
            ("categorical drift score < 0.2 and numerical drift score < 0.2", 0.2, ">="),
        ] {
            let limit = limit(text).expect("a bound");
            assert!((limit.value - value).abs() < 1e-12 && limit.fails_when == fails, "{text}");
        }
    }

    #[test]
    fn no_text_panics() {
        for text in ["", "{", "}{", "{'a", "{'a':", "['", "('a', ", "('a', 'b", "less than", "less than .", "ü'ü{'é': 'é'}"] {
            let _ = (named(text), pairs(text), limit(text));
        }
    }
}
