//! Answers to questions about a report, by rule: the findings, causes and decisions that a question speaks
//! of, with their measured evidence. A language model, when there is one, may word the answer.

use std::collections::BTreeSet;

use deepfix_model::{Finding, Report, Scalar, Strategy, fmt_number};

/// Most findings an answer speaks of.
const FINDINGS: usize = 3;
/// Most facts of one.
const FACTS: usize = 3;

/// An answer, and the ids of the findings it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The words.
    pub text: String,
    /// Ids of findings.
    pub findings: Vec<String>,
}

/// Words that say nothing about what is asked.
const EMPTY: [&str; 36] = [
    "the", "and", "for", "why", "what", "how", "does", "did", "was", "were", "are", "is", "my", "this", "that", "with", "should",
    "can", "you", "there", "have", "has", "from", "not", "but", "which", "when", "where", "who", "tell", "about", "report",
    "model", "value", "will", "it",
];

fn words(text: &str) -> BTreeSet<String> {
    text.to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| w.len() > 2 && !EMPTY.contains(w))
        .map(|w| w.trim_end_matches('s').to_owned())
        .collect()
}

/// How many words of a question a text has, or begins with: overfit and overfitting.
fn shared(asked: &BTreeSet<String>, text: &BTreeSet<String>) -> usize {
    let same =
        |a: &String, b: &String| a == b || a.len().min(b.len()) >= 5 && (a.starts_with(b.as_str()) || b.starts_with(a.as_str()));
    asked.iter().filter(|a| text.iter().any(|b| same(a, b))).count()
}

fn about(finding: &Finding) -> BTreeSet<String> {
    let mut text =
        format!("{} {} {} {}", finding.code.replace('_', " "), finding.title, finding.artifact, finding.recommendation.action);
    finding.columns.iter().for_each(|c| text += &format!(" {c} {}", c.replace('_', " ")));
    finding.evidence.iter().for_each(|e| text += &format!(" {}", e.measure.replace('_', " ")));
    words(&text)
}

fn said(finding: &Finding) -> String {
    let facts: Vec<String> = finding
        .evidence
        .iter()
        .filter_map(|e| match &e.value {
            Scalar::Number(value) => Some(match &e.threshold {
                Some(Scalar::Number(limit)) => {
                    format!("{} {} ({} {})", e.measure.replace('_', " "), fmt_number(*value), e.comparator, fmt_number(*limit))
                }
                _ => format!("{} {}", e.measure.replace('_', " "), fmt_number(*value)),
            }),
            _ => None,
        })
        .take(FACTS)
        .collect();
    let measured = if facts.is_empty() { String::new() } else { format!(" Measured: {}.", facts.join(", ")) };
    format!(
        "{} ({}, confidence {:.2}).{measured} To do: {}; {}.",
        finding.title,
        finding.severity.name(),
        finding.confidence,
        finding.recommendation.action,
        finding.recommendation.rationale
    )
}

/// What a report says to a question.
#[must_use]
pub fn answer(report: &Report, question: &str) -> Answer {
    let asked = words(question);
    let mentions = |list: &[&str]| asked.iter().any(|w| list.iter().any(|l| w.starts_with(l)));
    let mut scored: Vec<(usize, &Finding)> =
        report.findings.iter().map(|f| (shared(&asked, &about(f)), f)).filter(|(n, _)| *n > 0).collect();
    // Findings are ranked already; the sort keeps that order among equals.
    scored.sort_by_key(|(n, _)| std::cmp::Reverse(*n));
    let most = scored.first().map_or(0, |(n, _)| *n);
    let mut chosen: Vec<&Finding> = scored.into_iter().filter(|(n, _)| 2 * n > most).map(|(_, f)| f).take(FINDINGS).collect();
    let mut out = Vec::new();
    if mentions(&["retrain", "drift", "decision", "urgen"])
        && let Some(decision) = &report.retraining
    {
        let how = match decision.strategy {
            Strategy::None => String::new(),
            strategy => format!(", {}", strategy.name().replace('_', " ")),
        };
        out.push(format!("Retraining: {}{how}; {}.", decision.urgency.name(), decision.rationale));
        if let Some(first) = decision.plan.first() {
            out.push(format!("First: {first}."));
        }
    }
    if mentions(&["ready", "readines", "deploy", "score", "production", "release"]) {
        let score = report.readiness.score.map_or_else(|| "was not measured".to_owned(), |s| format!("is {s:.1} of 10"));
        let parts: Vec<String> = report.readiness.parts.iter().map(|p| format!("{}: {}", p.name, p.why)).collect();
        out.push(format!("Readiness {score} ({}).", parts.join("; ")));
    }
    if chosen.is_empty() && (out.is_empty() && mentions(&["first", "fix", "next", "wrong", "problem", "start", "cause"])) {
        chosen = report.findings.iter().take(FINDINGS).collect();
    }
    for cause in &report.root_causes {
        let explains = chosen.iter().any(|f| cause.explains.contains(&f.id));
        if explains || shared(&asked, &words(&cause.code.replace('_', " "))) > 1 {
            out.push(cause.text.clone());
            if let Some(decides) = &cause.would_decide {
                out.push(format!("What would decide: {decides}."));
            }
        }
    }
    out.extend(chosen.iter().map(|f| said(f)));
    if out.is_empty() {
        let codes: Vec<&str> = report.findings.iter().map(|f| f.code.as_str()).take(8).collect();
        out.push(if codes.is_empty() {
            "The report does not tell: it holds no finding.".to_owned()
        } else {
            format!("The report does not tell. It holds findings on {}.", codes.join(", "))
        });
    }
    Answer { text: out.join(" "), findings: chosen.iter().map(|f| f.id.clone()).collect() }
}

#[cfg(test)]
mod tests {
    use deepfix_model::{ArtifactKind, Evidence, Severity};

    use super::*;

    fn report() -> Report {
        let mut report = Report::empty(None, None);
        report.findings = vec![
            Finding::new("target_leakage", ArtifactKind::Train, "column:status_code", Severity::High, 0.9)
                .title("`status_code` gives the label away")
                .column("status_code")
                .evidence(Evidence::new("auc", "column:status_code", 0.997).versus(">=", 0.95))
                .fix("drop `status_code`", "it will not be there when the model is used"),
            Finding::new("overfitting", ArtifactKind::Metrics, "epoch:7", Severity::Medium, 0.8)
                .title("validation loss rises after epoch 7")
                .fix("stop at epoch 7", "later epochs learn noise"),
        ];
        report.findings[0].id = "a".to_owned();
        report.findings[1].id = "b".to_owned();
        report
    }

    #[test]
    fn a_question_is_answered_by_the_finding_it_speaks_of() {
        let leak = answer(&report(), "Why is status_code a problem?");
        assert_eq!(leak.findings, ["a"]);
        assert!(leak.text.contains("auc 0.997 (>= 0.95)") && leak.text.contains("drop `status_code`"), "{}", leak.text);
        assert_eq!(answer(&report(), "is my validation loss overfitting?").findings, ["b"]);
        assert_eq!(answer(&report(), "what should I fix first?").findings, ["a", "b"]);
    }

    #[test]
    fn what_the_report_does_not_tell_is_said() {
        let none = answer(&report(), "How tall is the Eiffel tower?");
        assert!(none.findings.is_empty() && none.text.starts_with("The report does not tell"), "{}", none.text);
    }
}
