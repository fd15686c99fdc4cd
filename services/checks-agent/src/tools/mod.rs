//! Results of other tools that check data: Evidently, Great Expectations, pandera, whylogs, TensorFlow Data
//! Validation. Each reader says what a result means in our codes and how large it is; a failed bound alone
//! weighs little, for bounds are set by hand or cut from a reference within a tenth.

mod evidently;
mod great_expectations;
mod pandera;
mod tfdv;
mod whylogs;

use std::collections::BTreeMap;

use deepfix_model::{ArtifactKind, BugType, Evidence, Finding, Note, Severity, Split};
use serde_json::Value;

use crate::mapping;

/// What one result says.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) code: &'static str,
    /// Column it is about.
    pub(crate) column: Option<String>,
    /// Subject when it is about no column: `rows`, `label`, `split` or `check:…`.
    pub(crate) subject: String,
    pub(crate) split: Option<Split>,
    pub(crate) severity: Severity,
    pub(crate) confidence: f64,
    /// What is wrong, in words that follow the column's name.
    pub(crate) what: String,
    pub(crate) evidence: Evidence,
}

/// What was read of a document.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub(crate) tool: &'static str,
    pub(crate) said: Vec<Said>,
    /// Checks that could not run, with the reason.
    pub(crate) broken: Vec<(String, String)>,
    /// Results looked at.
    pub(crate) results: usize,
}

impl Read {
    /// Says that an entry of a list has another form than its neighbours.
    fn odd(&mut self, index: usize) {
        self.broken.push((format!("entry {index}"), "it has another form than the rest, and was left out".to_owned()));
    }

    fn new(tool: &'static str) -> Self {
        Self { tool, ..Self::default() }
    }

    /// Keeps a result about a column.
    fn column(&mut self, column: &str, code: &'static str, severity: Severity, what: impl Into<String>, evidence: Evidence) {
        let confidence = confidence(severity);
        let subject = format!("column:{column}");
        let evidence = Evidence { subject: subject.clone(), ..evidence };
        self.said.push(Said {
            code,
            column: Some(column.to_owned()),
            subject,
            split: None,
            severity,
            confidence,
            what: what.into(),
            evidence,
        });
    }

    /// Keeps a result about something else.
    fn about(&mut self, subject: &str, code: &'static str, severity: Severity, what: impl Into<String>, evidence: Evidence) {
        let evidence = Evidence { subject: subject.to_owned(), ..evidence };
        let confidence = confidence(severity);
        self.said.push(Said {
            code,
            column: None,
            subject: subject.to_owned(),
            split: None,
            severity,
            confidence,
            what: what.into(),
            evidence,
        });
    }
}

/// A larger effect leaves less room for a bound that was set too tight.
fn confidence(severity: Severity) -> f64 {
    match severity {
        Severity::High => 0.93,
        Severity::Medium => 0.8,
        Severity::Low => 0.5,
    }
}

/// Severity by size: low, medium and high from these values on.
fn by_size(value: f64, [low, medium, high]: [f64; 3]) -> Option<Severity> {
    if value >= high {
        Some(Severity::High)
    } else if value >= medium {
        Some(Severity::Medium)
    } else if value >= low {
        Some(Severity::Low)
    } else {
        None
    }
}

/// The results of any of these tools; `None` when the document is of none.
pub(crate) fn read(value: &Value) -> Option<Read> {
    great_expectations::read(value)
        .or_else(|| pandera::read(value))
        .or_else(|| evidently::read(value))
        .or_else(|| tfdv::read(value))
        .or_else(|| whylogs::read(value))
}

/// pandera's failure cases as CSV.
pub(crate) fn read_csv(text: &[u8]) -> Option<Read> {
    pandera::read_csv(text)
}

/// One finding for each code and subject; what else speaks for it becomes further evidence.
pub(crate) fn findings(read: Read) -> (Vec<Finding>, Vec<Note>) {
    let mut groups: BTreeMap<(&'static str, String), Vec<Said>> = BTreeMap::new();
    for said in read.said {
        groups.entry((said.code, said.subject.clone())).or_default().push(said);
    }
    let findings = groups
        .into_iter()
        .map(|((code, subject), mut all)| {
            all.sort_by(|a, b| b.severity.cmp(&a.severity).then(b.confidence.total_cmp(&a.confidence)).then(a.what.cmp(&b.what)));
            let worst = &all[0];
            // Several results that agree are surer than one.
            let confidence = 1.0 - (1.0 - worst.confidence) / (1.0 + 0.2 * (all.len() - 1) as f64);
            let (action, rationale) = mapping::advice(code);
            let title = match &worst.column {
                Some(column) => format!("{}: `{column}` {}", read.tool, worst.what),
                None => format!("{}: {}", read.tool, worst.what),
            };
            let mut finding =
                Finding::new(code, ArtifactKind::Deepchecks, &subject, worst.severity, (confidence * 100.0).round() / 100.0)
                    .title(title)
                    .bug(BugType::Performance)
                    .columns(worst.column.iter().cloned().collect());
            if let Some(split) = worst.split {
                finding = finding.split(split);
            }
            for said in all.into_iter().take(6) {
                finding = finding.evidence(said.evidence);
            }
            finding.fix(action, rationale).step(format!("open the result in {} for the rows behind it", read.tool))
        })
        .collect();
    let notes = read
        .broken
        .into_iter()
        .map(|(check, why)| {
            let why: String = why.chars().take(300).collect();
            let text = match check.strip_prefix("entry ") {
                Some(_) => format!("{}: {check}: {why}", read.tool),
                None => format!("{} could not run it: {why}", read.tool),
            };
            Note::new("check_failed", format!("check:{check}"), text)
        })
        .collect();
    (findings, notes)
}

/// Whether most of a list's entries are of a tool's kind, so that the list is its. One odd entry does not make it
/// another's; it is said to be left out.
fn most<T>(entries: &[T], are: impl Fn(&T) -> bool) -> bool {
    2 * entries.iter().filter(|entry| are(entry)).count() > entries.len()
}

/// Case, spaces and punctuation folded away.
fn folded(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Spellings of a missing value.
fn is_blank(text: &str) -> bool {
    matches!(folded(text).as_str(), "" | "na" | "nan" | "null" | "none" | "nil" | "missing" | "unknown")
}

/// Numbers that stand for missing ones.
fn is_sentinel(value: f64) -> bool {
    [-1.0, -9.0, -99.0, -999.0, -9999.0, 99.0, 999.0, 9999.0, 99_999.0, 999_999.0].contains(&value)
}

/// Whether a type's name is that of numbers.
fn is_numeric(kind: &str) -> bool {
    let kind = kind.to_lowercase();
    ["int", "float", "double", "decimal", "number", "numeric", "real"].iter().any(|n| kind.contains(n))
}

fn number(value: Option<&Value>) -> Option<f64> {
    match value? {
        Value::Number(n) => n.as_f64(),
        Value::String(s) => s.trim().parse().ok(),
        Value::Bool(b) => Some(f64::from(u8::from(*b))),
        _ => None,
    }
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    text.chars().take(200).collect()
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    #[test]
    fn spellings_fold_and_blanks_are_known() {
        assert_eq!(super::folded(" Basic-Plan "), "basicplan");
        assert!(super::is_blank("n.a.") && super::is_blank(" ") && !super::is_blank("nancy"));
        assert!(super::is_numeric("int64") && super::is_numeric("FloatType()") && !super::is_numeric("str"));
    }
}
