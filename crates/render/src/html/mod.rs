//! One self-contained page: score and its parts on top, ranked cards that open to evidence, chart,
//! fix and sources, what was found sound, provenance at the foot. No script, no network, light and
//! dark. Colour means severity only, and a word always says the same.

mod chart;
mod columns;
mod layers;
mod plan;
mod retraining;

use deepfix_language::Language;
use deepfix_model::{AgentStatus, Chart, Finding, Report, Severity};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::text::{counts, cut, fact, language, place, seconds};

const STYLE: &str = include_str!("style.css");

/// Cards in full; further findings become table rows, so that the page stays under 2 MB.
const CARDS: usize = 150;
const ROWS: usize = 2000;
/// Longest text of a cell.
const CELL: usize = 400;

pub(crate) fn page(report: &Report) -> String {
    let l = language(report);
    let name = report.dataset_name.as_deref().or(report.model_name.as_deref()).unwrap_or("analysis");
    let markup = html! {
        (DOCTYPE)
        html lang=(l.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "DeepFix: " (name) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header { (head(report, name)) }
                main {
                    (root_causes(report))
                    (plan::section(report))
                    (retraining::section(report))
                    (other_charts(report))
                    (findings(report))
                    (columns::section(report))
                    (layers::section(report))
                    (notes(report))
                    (sound(report))
                }
                footer {
                    @if report.wording.by == deepfix_model::WordedBy::Model {
                        p.dim { (l.say(&format!("Summary and explanations were worded by {}; every number in them was held against the evidence.", report.wording.model.as_deref().unwrap_or("a language model")))) }
                    }
                    (provenance(report))
                }
            }
        }
    };
    markup.into_string()
}

fn head(report: &Report, name: &str) -> Markup {
    let (score, l) = (report.readiness.score, language(report));
    html! {
        h1 { "DeepFix " span.name { (name) } @if let (Some(_), Some(model)) = (&report.dataset_name, &report.model_name) { span.name { " · " (model) } } }
        section.score aria-label=(l.say("readiness")) {
            div.total {
                (gauge(score, l))
                p { strong { (l.say("readiness")) } br; (counts(report)) }
            }
            ul.parts {
                @for part in &report.readiness.parts {
                    li {
                        div.bar role="img" aria-label={ (part.name) " " (part.score.map_or_else(|| l.say("not measured").into_owned(), |s| l.say(&format!("{s:.1} of 10")).into_owned())) } {
                            (meter(part.score))
                        }
                        div {
                            strong { (l.say(&part.name)) } " "
                            @if let Some(score) = part.score { (format!("{score:.1}")) span.dim { " × " (format!("{:.2}", part.weight)) } } @else { span.dim { (l.say("not measured")) } }
                            div.dim { (cut(part.why.strip_prefix(&*l.say("not measured: ")).unwrap_or(&part.why), 160)) }
                        }
                    }
                }
            }
        }
        p.summary { (cut(&report.summary, 1200)) }
    }
}

/// A ring filled to the score.
fn gauge(score: Option<f64>, l: Language) -> Markup {
    let around = 2.0 * std::f64::consts::PI * 40.0;
    let filled = score.unwrap_or(0.0) / 10.0 * around;
    let shown = score.map_or_else(|| "–".to_owned(), |s| format!("{s:.1}"));
    PreEscaped(format!(
        "<svg class=\"gauge\" viewBox=\"0 0 100 100\" role=\"img\" aria-label=\"{}\">\
         <circle cx=\"50\" cy=\"50\" r=\"40\" class=\"track\"/>\
         <circle cx=\"50\" cy=\"50\" r=\"40\" class=\"fill\" stroke-dasharray=\"{filled:.1} {around:.1}\" transform=\"rotate(-90 50 50)\"/>\
         <text x=\"50\" y=\"58\" text-anchor=\"middle\">{shown}</text></svg>",
        l.say(&format!("readiness {shown} of 10"))
    ))
}

fn meter(score: Option<f64>) -> Markup {
    let width = score.unwrap_or(0.0) * 10.0;
    PreEscaped(format!(
        "<svg viewBox=\"0 0 100 6\" preserveAspectRatio=\"none\"><rect width=\"100\" height=\"6\" class=\"track\"/><rect width=\"{width:.0}\" height=\"6\" class=\"fill\"/></svg>"
    ))
}

fn root_causes(report: &Report) -> Markup {
    let l = language(report);
    html! {
        section {
            h2 { (l.say("Across artifacts")) }
            @if report.root_causes.is_empty() { p.dim { (l.say("No common cause found that joins findings of several artifacts.")) } }
            @for cause in &report.root_causes {
                article.cause {
                    h3 { code { (cause.code) } " " span.dim { (l.say(&format!("explains {} findings", cause.explains.len()))) " · " (l.say("confidence")) " " (format!("{:.2}", cause.confidence)) } }
                    p { (cause.text) }
                    @if let Some(decide) = &cause.would_decide { p { strong { (l.say("To decide:")) " " } (decide) } }
                    p.dim { (l.say("joins")) " "
                        @for (i, id) in cause.explains.iter().take(12).enumerate() {
                            @if i > 0 { ", " }
                            a href={ "#" (id) } { (report.findings.iter().find(|f| f.id == *id).map_or(id.as_str(), |f| f.code.as_str())) }
                        }
                        @if cause.explains.len() > 12 { " " (l.say(&format!("and {n} more", n = cause.explains.len() - 12))) }
                    }
                }
            }
        }
    }
}

fn findings(report: &Report) -> Markup {
    let l = language(report);
    html! {
        section {
            h2 { (l.say("Findings")) }
            @if report.findings.is_empty() { p { (l.say("No issue found in what was looked at.")) } }
            @for finding in report.findings.iter().take(CARDS) { (card(finding, report, l)) }
            @if report.findings.len() > CARDS {
                h3 { (l.say("Further findings")) }
                table {
                    thead { tr { @for head in [l.say("severity"), l.say("code"), l.say("what"), l.say("confidence")] { th { (head) } } } }
                    tbody {
                        @for finding in report.findings.iter().skip(CARDS).take(ROWS) {
                            tr id=(finding.id) {
                                td { span class={ "tag " (finding.severity.name()) } { (l.say(finding.severity.name())) } }
                                td { code { (finding.code) } }
                                td { (cut(&finding.title, 160)) }
                                td { (format!("{:.2}", finding.confidence)) }
                            }
                        }
                    }
                }
                @if report.findings.len() > CARDS + ROWS { p.dim { (l.say(&format!("{n} more are in the JSON report.", n = report.findings.len() - CARDS - ROWS))) } }
            }
        }
    }
}

fn card(finding: &Finding, report: &Report, l: Language) -> Markup {
    let recommendation = &finding.recommendation;
    let open = finding.severity == Severity::High && recommendation.priority <= 5;
    html! {
        details.card id=(finding.id) open[open] {
            summary {
                span class={ "tag " (finding.severity.name()) } { (l.say(finding.severity.name())) }
                span.title { (cut(&finding.title, CELL)) }
                span.dim { code { (finding.code) } " · " (place(finding)) " · " (l.say("confidence")) " " (format!("{:.2}", finding.confidence)) }
            }
            div.body {
                h4 { (l.say("Evidence")) }
                table {
                    thead { tr { @for head in [l.say("measured"), l.say("how"), l.say("where")] { th { (head) } } } }
                    tbody {
                        @for evidence in &finding.evidence {
                            tr { td { (cut(&fact(evidence, l), CELL)) } td { (cut(&evidence.method, CELL)) } td { (cut(&evidence.source, CELL)) } }
                        }
                    }
                }
                @for chart in charts_of(finding, &report.charts) { (chart::figure(chart)) }
                h4 { (l.say("Fix")) }
                p { strong { (recommendation.action) } ". " (recommendation.rationale) "." }
                @if !recommendation.steps.is_empty() { ol { @for step in &recommendation.steps { li { (step) } } } }
                @if recommendation.expected_impact != "unknown" { p { (l.say("Expected:")) " " (recommendation.expected_impact) "." } }
                @if !recommendation.citations.is_empty() {
                    h4 { (l.say("Sources")) }
                    ul { @for citation in &recommendation.citations {
                        li {
                            // A team's own document has no address.
                            @if citation.url.is_empty() { (citation.title) } @else { a href=(safe(&citation.url)) rel="noreferrer" { (citation.title) } }
                            span.dim { @if citation.year > 0 { " " (citation.year) } ", " (citation.source) }
                        }
                    } }
                }
                p.dim { (l.say("Read more:")) " " code { "deepfix explain " (finding.code) } " · " (l.say(&format!("found by {} in {}", finding.agent, finding.artifact))) }
            }
        }
    }
}

/// Only web addresses become links.
fn safe(url: &str) -> &str {
    if url.starts_with("https://") || url.starts_with("http://") { url } else { "#" }
}

fn charts_of<'a>(finding: &Finding, charts: &'a [Chart]) -> Vec<&'a Chart> {
    charts.iter().filter(|c| c.subject == finding.subject).take(2).collect()
}

/// Charts that belong to the run rather than to one finding.
fn other_charts(report: &Report) -> Markup {
    let l = language(report);
    let others: Vec<&Chart> =
        report.charts.iter().filter(|c| !report.findings.iter().any(|f| f.subject == c.subject)).take(30).collect();
    html! {
        @if !others.is_empty() {
            section { h2 { (l.say("Curves and layers")) } div.charts { @for chart in others { (chart::figure(chart)) } } }
        }
    }
}

fn notes(report: &Report) -> Markup {
    let l = language(report);
    let gaps: Vec<_> = report.agents.iter().filter(|a| a.reason.is_some() && a.status != AgentStatus::Skipped).collect();
    html! {
        @if !report.notes.is_empty() || !gaps.is_empty() {
            section {
                h2 { (l.say("Notes and gaps")) }
                ul {
                    @for agent in gaps {
                        li { strong { @if agent.status == AgentStatus::Failed { (l.say("Not looked at:")) } @else { (l.say("Partly looked at:")) } " " } (agent.name) " – " (cut(agent.reason.as_deref().unwrap_or_default(), CELL)) }
                    }
                    @for note in report.notes.iter().take(300) { li { (cut(&note.text, CELL)) } }
                }
            }
        }
    }
}

fn sound(report: &Report) -> Markup {
    let l = language(report);
    html! {
        section {
            h2 { (l.say("What was looked at")) }
            table {
                thead { tr { @for head in [l.say("agent"), l.say("fault"), l.say("looked at"), l.say("verdict")] { th { (head) } } } }
                tbody {
                    @for checked in report.checked.iter().take(400) {
                        tr {
                            td { (checked.agent) } td { code { (checked.code) } }
                            @match &checked.not_checked {
                                Some(why) => { td { "–" } td.dim { (l.say("cannot tell:")) " " (cut(why, 160)) } }
                                None => {
                                    td { (checked.subjects) }
                                    td { @if checked.faulty == 0 { "✓ " (l.say("sound")) } @else { "✗ " (l.say(&format!("{n} found", n = checked.faulty))) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn provenance(report: &Report) -> Markup {
    let l = language(report);
    html! {
        h2 { (l.say("Provenance")) }
        table {
            thead { tr { @for head in [l.say("artifact"), l.say("bytes"), l.say("rows"), l.say("digest")] { th { (head) } } } }
            tbody { @for input in &report.provenance.inputs {
                tr { td { (input.artifact) } td { (input.bytes) } td { (input.rows.map_or_else(|| "–".to_owned(), |r| r.to_string())) } td { code { (input.digest) } } }
            } }
        }
        p.dim {
            @for (i, (name, version)) in report.provenance.versions.iter().enumerate() { @if i > 0 { " · " } (name) " " (version) }
            @if let Some(seconds) = seconds(report) { " · " (format!("{seconds:.2} s")) }
            " · " (l.say("report schema")) " " (report.schema_version)
        }
        details { summary { (l.say("Thresholds in force")) } p.dim {
            @for (i, (name, value)) in report.provenance.thresholds.iter().enumerate() { @if i > 0 { " · " } (name) " " (deepfix_model::fmt_number(value.0)) }
        } }
    }
}

#[cfg(test)]
mod tests {
    use super::safe;

    #[test]
    fn only_web_addresses_become_links() {
        assert_eq!(safe("javascript:alert(1)"), "#");
        assert_eq!(safe("https://example.org"), "https://example.org");
    }
}
