//! Markdown, for pull requests and wikis.

use std::fmt::Write;

use deepfix_model::{AgentStatus, Report};

use crate::text::{counts, fact, place};

/// Text that means nothing to Markdown.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' | '*' | '_' | '<' | '>' | '[' | ']' | '#' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\n' | '\r' => out.push(' '),
            _ => out.push(c),
        }
    }
    out
}

pub(crate) fn page(report: &Report) -> String {
    let mut out = String::new();
    let name = report.dataset_name.as_deref().or(report.model_name.as_deref()).unwrap_or("analysis");
    let score = report.readiness.score.map_or_else(|| "not measured".to_owned(), |s| format!("{s:.1}/10"));
    let _ =
        writeln!(out, "# DeepFix: {}\n\n**Readiness {score}** · {}\n\n{}\n", plain(name), counts(report), plain(&report.summary));
    let _ = writeln!(out, "| part | score | weight | why |\n|---|---|---|---|");
    for part in &report.readiness.parts {
        let score = part.score.map_or_else(|| "–".to_owned(), |s| format!("{s:.1}"));
        let _ = writeln!(out, "| {} | {score} | {:.2} | {} |", part.name, part.weight, plain(&part.why));
    }
    if !report.root_causes.is_empty() {
        let _ = writeln!(out, "\n## Root causes\n");
        for cause in &report.root_causes {
            let _ = writeln!(out, "- **{}** (confidence {:.2}): {}", plain(&cause.code), cause.confidence, plain(&cause.text));
        }
    }
    if report.plan.len() > 1 {
        let _ = writeln!(out, "\n## What to do, in order\n");
        for step in &report.plan {
            let wait = step.after.map_or_else(String::new, |after| {
                format!(" (after step {after}, if still needed: {})", plain(step.why_after.as_deref().unwrap_or_default()))
            });
            let _ = writeln!(
                out,
                "{}. **{}**{wait} · {} · risk: {} · then look at: {}",
                step.rank,
                plain(&step.action),
                step.effort.name(),
                plain(&step.risk),
                plain(&step.verify.join("; "))
            );
        }
    }
    if let Some(decision) = &report.retraining {
        let score = decision.drift_score.map_or_else(String::new, |s| format!(" · drift score {s}"));
        let _ = writeln!(
            out,
            "\n## Retraining: {}\n\n{} · {}{score} · confidence {:.2}\n\n{}\n",
            decision.urgency.name(),
            decision.strategy.name(),
            decision.health.name(),
            decision.confidence,
            plain(&decision.rationale)
        );
        for (i, step) in decision.plan.iter().enumerate() {
            let _ = writeln!(out, "{}. {}", i + 1, plain(step));
        }
    }
    if !report.findings.is_empty() {
        let _ = writeln!(out, "\n## Findings\n");
    }
    for finding in &report.findings {
        let _ = writeln!(
            out,
            "### {} – `{}` – {}\n\n{} · confidence {:.2}\n",
            finding.severity.name(),
            finding.code,
            plain(&finding.title),
            place(finding),
            finding.confidence
        );
        for evidence in &finding.evidence {
            let _ = writeln!(out, "- {} – {}", plain(&fact(evidence)), plain(&evidence.method));
        }
        let _ = writeln!(
            out,
            "\n**Fix:** {}. {}.\n",
            plain(&finding.recommendation.action),
            plain(&finding.recommendation.rationale)
        );
        for step in &finding.recommendation.steps {
            let _ = writeln!(out, "1. {}", plain(step));
        }
        for citation in &finding.recommendation.citations {
            let (title, source) = (plain(&citation.title), plain(&citation.source));
            // A team's own document has no address; pages of documentation often no year.
            let title = if citation.url.is_empty() { title } else { format!("[{title}]({})", citation.url) };
            let year = if citation.year > 0 { format!(" {}", citation.year) } else { String::new() };
            let _ = writeln!(out, "- Source: {title}{year}, {source}");
        }
        out.push('\n');
    }
    let gaps: Vec<_> = report.agents.iter().filter(|a| a.status == AgentStatus::Failed).collect();
    if !gaps.is_empty() || !report.notes.is_empty() {
        let _ = writeln!(out, "## Notes\n");
        for agent in gaps {
            let _ = writeln!(out, "- not looked at: {} – {}", agent.name, plain(agent.reason.as_deref().unwrap_or("unknown")));
        }
        for note in &report.notes {
            let _ = writeln!(out, "- {}", plain(&note.text));
        }
    }
    out
}
