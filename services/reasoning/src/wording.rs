//! How a report is worded. The plain wording is complete; a language model may take its place
//! later. Whoever words gets the finished evidence and returns text: it has no way to change a
//! number, a severity or an order.

use deepfix_model::{AgentStatus, Report, Severity};

/// Words a report whose facts are settled.
pub trait Wording: Send + Sync {
    /// A few sentences that say what is wrong, why, and what was not looked at.
    fn summary(&self, report: &Report) -> String;
}

/// Sentences made by rule from the evidence.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plain;

fn plural(n: usize, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

impl Wording for Plain {
    fn summary(&self, report: &Report) -> String {
        let count = |severity| report.findings.iter().filter(|f| f.severity == severity).count();
        let mut out = Vec::new();
        let looked: Vec<&str> =
            report.agents.iter().filter(|a| a.status == AgentStatus::Completed).map(|a| a.name.as_str()).collect();
        if report.findings.is_empty() {
            out.push(if looked.is_empty() {
                "Nothing could be looked at.".to_owned()
            } else {
                format!("No issue found in what was looked at ({}).", looked.join(", "))
            });
        } else {
            let counts: Vec<String> = [(Severity::High, "high"), (Severity::Medium, "medium"), (Severity::Low, "low")]
                .into_iter()
                .filter(|(severity, _)| count(*severity) > 0)
                .map(|(severity, name)| format!("{} {name}", count(severity)))
                .collect();
            let titles: Vec<&str> = report.findings.iter().take(3).map(|f| f.title.as_str()).collect();
            out.push(format!(
                "{}: {}. Most harmful: {}.",
                plural(report.findings.len(), "finding"),
                counts.join(", "),
                titles.join("; ")
            ));
        }
        if report.root_causes.is_empty() {
            out.push("Across artifacts: no common cause found.".to_owned());
        }
        for cause in &report.root_causes {
            // The first sentence says what it is; the report has the rest.
            let first = cause.text.split_once(". ").map_or(cause.text.trim_end_matches('.'), |(first, _)| first);
            out.push(format!("{first}."));
        }
        let gaps: Vec<String> = report
            .agents
            .iter()
            .filter(|a| a.status == AgentStatus::Failed)
            .map(|a| format!("{} ({})", a.name, a.reason.as_deref().unwrap_or("unknown")))
            .collect();
        if !gaps.is_empty() {
            out.push(format!("Not looked at: {}.", gaps.join("; ")));
        }
        out.join(" ")
    }
}
