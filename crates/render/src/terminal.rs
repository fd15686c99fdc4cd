//! Terminal text in the manner of a good compiler's diagnostics: one block per root cause and
//! finding, most harmful first, readable at 80 columns and without colour.

use std::borrow::Cow;

use anstyle::{AnsiColor, Style};
use deepfix_language::Language;
use deepfix_model::{AgentStatus, Finding, Report, Severity, Strategy, Urgency};

use crate::text::{counts, cut, fact, language, place, seconds};

/// How to write.
#[derive(Debug, Clone, Copy)]
pub struct Terminal {
    /// Columns.
    pub width: usize,
    /// Whether to use colour.
    pub colour: bool,
}

impl Default for Terminal {
    fn default() -> Self {
        Self { width: 80, colour: false }
    }
}

/// Most findings written in full; the rest are counted.
const SHOWN: usize = 40;
/// Most steps of the plan written out.
const STEPS: usize = 8;
/// Most facts per finding; the machine formats have all.
const FACTS: usize = 4;

struct Writer {
    out: String,
    language: Language,
    width: usize,
    colour: bool,
}

impl Writer {
    fn say<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.language.say(text)
    }

    /// The width of the labels of a finding.
    fn labels(&self) -> usize {
        [self.say("fix"), self.say("why"), self.say("gain"), self.say("read")]
            .iter()
            .map(|l| l.chars().count())
            .max()
            .unwrap_or(0)
            + 1
    }

    /// A line behind a label; what it goes on with stands under its first word.
    fn labelled(&mut self, label: &str, text: &str, style: Style) {
        let label = self.say(label);
        let width = self.labels().max(label.chars().count() + 1);
        let first = format!("   = {label:<width$} ");
        let later = " ".repeat(first.chars().count());
        self.wrapped(&first, &later, text, style);
    }

    fn paint(&self, style: Style, text: &str) -> String {
        if self.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    fn line(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }

    /// Writes text behind a first prefix, later lines behind another, broken at spaces.
    fn wrapped(&mut self, first: &str, later: &str, text: &str, style: Style) {
        let mut prefix = first;
        let room = self.width.saturating_sub(first.chars().count()).max(20);
        for line in wrap(text, room) {
            let painted = self.paint(style, &line);
            self.line(&format!("{prefix}{painted}"));
            prefix = later;
        }
    }
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let mut word = word;
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::take(&mut line));
        }
        // A word longer than the line is cut where the line ends.
        while word.chars().count() > width {
            let at = word.char_indices().nth(width).map_or(word.len(), |(i, _)| i);
            lines.push(word[..at].to_owned());
            word = &word[at..];
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const PLAIN: Style = Style::new();

fn colour(severity: Severity) -> Style {
    let colour = match severity {
        Severity::High => AnsiColor::Red,
        Severity::Medium => AnsiColor::Yellow,
        Severity::Low => AnsiColor::Blue,
    };
    BOLD.fg_color(Some(colour.into()))
}

impl Terminal {
    /// The report.
    #[must_use]
    pub fn report(&self, report: &Report) -> String {
        let mut w =
            Writer { out: String::new(), language: language(report), width: self.width.clamp(40, 120), colour: self.colour };
        for finding in report.findings.iter().take(SHOWN) {
            self.finding(&mut w, finding);
        }
        if report.findings.len() > SHOWN {
            let more = report.findings.len() - SHOWN;
            let more = w.say(&format!("and {more} more findings; --format json or html has them all")).into_owned();
            w.line(&format!("… {more}\n"));
        }
        for cause in &report.root_causes {
            let head = format!("{}[{}]", w.say("root cause"), cause.code);
            let painted = w.paint(BOLD.fg_color(Some(AnsiColor::Magenta.into())), &head);
            let explains = w.say(&format!("explains {} findings", cause.explains.len())).into_owned();
            w.line(&format!("{painted}: {explains}"));
            w.wrapped("   │ ", "   │ ", &cause.text, PLAIN);
            if let Some(decide) = &cause.would_decide {
                w.labelled("to decide", decide, PLAIN);
            }
            w.line("");
        }
        self.plan(&mut w, report);
        self.gaps(&mut w, report);
        self.retraining(&mut w, report);
        self.closing(&mut w, report);
        w.out
    }

    /// The order of work; what it may break and what to look at is in the other formats.
    fn plan(&self, w: &mut Writer, report: &Report) {
        if report.plan.len() < 2 {
            return;
        }
        w.line(&w.paint(BOLD, &w.say("in this order")));
        for step in report.plan.iter().take(STEPS) {
            let wait =
                step.after.map_or_else(String::new, |after| format!(" – {}", w.say(&format!("after {after}, if still needed"))));
            let number = format!("{:>4}  ", step.rank);
            w.wrapped(&number, "      ", &format!("{}{wait} ({})", step.action, w.say(step.effort.name())), PLAIN);
        }
        if report.plan.len() > STEPS {
            let more = report.plan.len() - STEPS;
            let more = w.say(&format!("and {more} more; --format json or html has them all")).into_owned();
            w.line(&format!("      … {more}"));
        }
        w.line("");
    }

    fn finding(&self, w: &mut Writer, finding: &Finding) {
        let head = format!("{}[{}]", w.say(finding.severity.name()), finding.code);
        let place = place(finding);
        let used = head.chars().count() + 1 + finding.title.chars().count() + 2 + place.chars().count();
        let painted = w.paint(colour(finding.severity), &head);
        if used <= w.width {
            let gap = " ".repeat(w.width - used + 2);
            let (title, place) = (w.paint(BOLD, &finding.title), w.paint(DIM, &place));
            w.line(&format!("{painted} {title}{gap}{place}"));
        } else {
            let place = w.paint(DIM, &place);
            w.line(&format!("{painted}  {place}"));
            w.wrapped("   ", "   ", &finding.title, BOLD);
        }
        for evidence in finding.evidence.iter().take(FACTS) {
            let mut text = fact(evidence, w.language);
            if !evidence.source.is_empty() {
                text.push_str(" – ");
                text.push_str(&cut(&evidence.source, 160));
            }
            w.wrapped("   │ ", "   │   ", &text, PLAIN);
        }
        let recommendation = &finding.recommendation;
        w.labelled("fix", &recommendation.action, PLAIN);
        if let Some(step) = recommendation.steps.first() {
            let under = " ".repeat(w.labels() + 6);
            w.wrapped(&under, &under, step, DIM);
        }
        w.labelled("why", &recommendation.rationale, PLAIN);
        if recommendation.expected_impact != "unknown" {
            w.labelled("gain", &recommendation.expected_impact, PLAIN);
        }
        let source = recommendation.citations.first().map(|c| format!(" – {} {}", c.title, c.year)).unwrap_or_default();
        let read = format!("deepfix explain {}{}", finding.code, cut(&source, 60));
        let read = format!("{read}  ({} {:.2})", w.say("confidence"), finding.confidence);
        w.labelled("read", &read, DIM);
        w.line("");
    }

    fn gaps(&self, w: &mut Writer, report: &Report) {
        for note in report.notes.iter().take(12) {
            let head = w.say("note: ").into_owned();
            w.wrapped(&head, "      ", &note.text, PLAIN);
        }
        if report.notes.len() > 12 {
            let more = format!("{}{}", w.say("note: "), w.say(&format!("and {n} more", n = report.notes.len() - 12)));
            w.line(&more);
        }
        for agent in &report.agents {
            if let (AgentStatus::Failed, Some(reason)) | (AgentStatus::Completed, Some(reason)) = (agent.status, &agent.reason) {
                let head = if agent.status == AgentStatus::Failed { "not looked at: " } else { "partly looked at: " };
                let head = w.say(head).into_owned();
                w.wrapped(&head, "   ", &format!("{} – {reason}", agent.name), colour(Severity::Medium));
            }
        }
        if !report.notes.is_empty() || report.agents.iter().any(|a| a.status == AgentStatus::Failed) {
            w.line("");
        }
    }

    fn retraining(&self, w: &mut Writer, report: &Report) {
        let Some(decision) = &report.retraining else { return };
        let mark = match decision.urgency {
            Urgency::Immediate => colour(Severity::High),
            Urgency::Soon => colour(Severity::Medium),
            Urgency::Monitor | Urgency::None => PLAIN,
        };
        let strategy = match decision.strategy {
            Strategy::None => String::new(),
            strategy => format!(", {}", w.say(&strategy.name().replace('_', " "))),
        };
        let text = format!("{}{strategy} – {}", w.say(decision.urgency.name()), decision.rationale);
        let head = w.say("retraining: ").into_owned();
        w.wrapped(&head, "   ", &text, mark);
        for (i, step) in decision.plan.iter().enumerate().filter(|_| decision.urgency > Urgency::Monitor) {
            w.wrapped(&format!("   {}. ", i + 1), "      ", step, PLAIN);
        }
        w.line("");
    }

    fn closing(&self, w: &mut Writer, report: &Report) {
        let score = report.readiness.score.map_or_else(|| w.say("not measured").into_owned(), |s| format!("{s:.1}/10"));
        let parts: Vec<String> = report
            .readiness
            .parts
            .iter()
            .map(|p| format!("{} {}", w.say(&p.name), p.score.map_or_else(|| "–".to_owned(), |s| format!("{s:.0}"))))
            .collect();
        let head = w.paint(BOLD, &format!("{} {score}", w.say("readiness")));
        w.line(&format!("{head}   {}", parts.join(" · ")));
        let time = seconds(report).map(|s| format!(" · {s:.1} s")).unwrap_or_default();
        let sound: usize = report.checked.iter().filter(|c| c.faulty == 0 && c.not_checked.is_none()).count();
        let sound = w.say(&format!("{sound} kinds of fault looked for and not found")).into_owned();
        w.line(&format!("{}; {sound}{time}", counts(report)));
    }
}

/// A knowledge page for a terminal: headings stand out, the rest is as written.
#[must_use]
pub fn page(title: &str, markdown: &str, sources: &[String], settings: Terminal) -> String {
    let mut w = Writer { out: String::new(), language: Language::English, width: settings.width, colour: settings.colour };
    let painted = w.paint(BOLD, title);
    w.line(&painted);
    w.line("");
    for line in markdown.lines() {
        match line.strip_prefix("## ") {
            Some(heading) => {
                let painted = w.paint(BOLD, heading);
                w.line(&painted);
            }
            None => w.line(line),
        }
    }
    w.line("");
    let painted = w.paint(BOLD, "Sources");
    w.line(&painted);
    for source in sources {
        w.wrapped("- ", "  ", source, PLAIN);
    }
    w.out
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn no_line_is_wider_than_asked() {
        let text = "ein sehr langes Wort: Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen und mehr";
        for width in [20, 40, 80] {
            assert!(wrap(text, width).iter().all(|line| line.chars().count() <= width));
        }
        assert_eq!(wrap(text, 200).join(" "), text);
    }
}
