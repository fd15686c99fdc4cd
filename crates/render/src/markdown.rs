//! Markdown, for pull requests and wikis.

use std::fmt::Write;

use deepfix_model::{AgentStatus, Report};

use crate::text::{counts, fact, language, place};

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
    let l = language(report);
    let name = report.dataset_name.as_deref().or(report.model_name.as_deref()).unwrap_or("analysis");
    let score = report.readiness.score.map_or_else(|| l.say("not measured").into_owned(), |s| format!("{s:.1}/10"));
    let _ = writeln!(
        out,
        "# DeepFix: {}\n\n**{} {score}** · {}\n\n{}\n",
        plain(name),
        l.say("Readiness"),
        counts(report),
        plain(&report.summary)
    );
    let head = [l.say("part"), l.say("score"), l.say("weight"), l.say("why")].join(" | ");
    let _ = writeln!(out, "| {head} |\n|---|---|---|---|");
    for part in &report.readiness.parts {
        let score = part.score.map_or_else(|| "–".to_owned(), |s| format!("{s:.1}"));
        let _ = writeln!(out, "| {} | {score} | {:.2} | {} |", l.say(&part.name), part.weight, plain(&part.why));
    }
    if !report.root_causes.is_empty() {
        let _ = writeln!(out, "\n## {}\n", l.say("Root causes"));
        for cause in &report.root_causes {
            let _ = writeln!(
                out,
                "- **{}** ({} {:.2}): {}",
                plain(&cause.code),
                l.say("confidence"),
                cause.confidence,
                plain(&cause.text)
            );
        }
    }
    if report.plan.len() > 1 {
        let _ = writeln!(out, "\n## {}\n", l.say("What to do, in order"));
        for step in &report.plan {
            let wait = step.after.map_or_else(String::new, |after| {
                let why = plain(step.why_after.as_deref().unwrap_or_default());
                format!(" ({})", l.say(&format!("after step {after}, if still needed: {why}")))
            });
            let _ = writeln!(
                out,
                "{}. **{}**{wait} · {} · {} {} · {} {}",
                step.rank,
                plain(&step.action),
                l.say(step.effort.name()),
                l.say("risk:"),
                plain(&step.risk),
                l.say("then look at:"),
                plain(&step.verify.join("; "))
            );
        }
    }
    if let Some(decision) = &report.retraining {
        let score = decision.drift_score.map_or_else(String::new, |s| format!(" · {} {s}", l.say("drift score")));
        let _ = writeln!(
            out,
            "\n## {} {}\n\n{} · {}{score} · {} {:.2}\n\n{}\n",
            l.say("Retraining:"),
            l.say(decision.urgency.name()),
            l.say(&decision.strategy.name().replace('_', " ")),
            l.say(&decision.health.name().replace('_', " ")),
            l.say("confidence"),
            decision.confidence,
            plain(&decision.rationale)
        );
        for (i, step) in decision.plan.iter().enumerate() {
            let _ = writeln!(out, "{}. {}", i + 1, plain(step));
        }
    }
    if !report.findings.is_empty() {
        let _ = writeln!(out, "\n## {}\n", l.say("Findings"));
    }
    for finding in &report.findings {
        let _ = writeln!(
            out,
            "### {} – `{}` – {}\n\n{} · {} {:.2}\n",
            l.say(finding.severity.name()),
            finding.code,
            plain(&finding.title),
            place(finding),
            l.say("confidence"),
            finding.confidence
        );
        for evidence in &finding.evidence {
            let _ = writeln!(out, "- {} – {}", plain(&fact(evidence, l)), plain(&evidence.method));
        }
        let _ = writeln!(
            out,
            "\n**{}** {}. {}.\n",
            l.say("Fix:"),
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
            let _ = writeln!(out, "- {} {title}{year}, {source}", l.say("Source:"));
        }
        out.push('\n');
    }
    let gaps: Vec<_> = report.agents.iter().filter(|a| a.status == AgentStatus::Failed).collect();
    if !gaps.is_empty() || !report.notes.is_empty() {
        let _ = writeln!(out, "## {}\n", l.say("Notes"));
        for agent in gaps {
            let _ = writeln!(
                out,
                "- {} {} – {}",
                l.say("not looked at:"),
                agent.name,
                plain(agent.reason.as_deref().unwrap_or("unknown"))
            );
        }
        for note in &report.notes {
            let _ = writeln!(out, "- {}", plain(&note.text));
        }
    }
    out
}
