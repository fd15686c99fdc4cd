//! What to do, in order.

use deepfix_model::Report;
use maud::{Markup, html};

use crate::text::language;

pub(super) fn section(report: &Report) -> Markup {
    let l = language(report);
    html! {
        @if report.plan.len() > 1 {
            section {
                h2 { (l.say("What to do, in order")) }
                ol.plan {
                    @for step in &report.plan {
                        li {
                            p { strong { (step.action) } " "
                                span.dim {
                                    a href={ "#" (step.findings.first().map_or("", String::as_str)) } { (step.code) }
                                    " · " (l.say(step.effort.name()))
                                    @if step.expected_impact != "unknown" { " · " (step.expected_impact) }
                                    @if !step.supported { " · " (l.say("no page of the knowledge base supports it")) }
                                }
                            }
                            @if let (Some(after), Some(why)) = (step.after, &step.why_after) { p { (l.say(&format!("After step {after}, if still needed: {why}."))) } }
                            p.dim { (l.say("Risk:")) " " (step.risk) ". " (l.say("Then look at:")) " " (step.verify.join("; ")) "." }
                        }
                    }
                }
            }
        }
    }
}
