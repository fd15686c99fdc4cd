//! The retraining decision: how soon, how, why, and the measured reasons.

use deepfix_model::{Report, Severity, fmt_number};
use maud::{Markup, html};

use crate::text::{cut, language};

/// Reasons shown.
const SHOWN: usize = 12;

pub(super) fn section(report: &Report) -> Markup {
    let Some(decision) = &report.retraining else { return html! {} };
    let l = language(report);
    html! {
        section {
            h2 #retraining { (l.say("Retraining:")) " " (l.say(decision.urgency.name())) }
            p {
                @if decision.urgency > deepfix_model::Urgency::Monitor { strong { (l.say(&decision.strategy.name().replace('_', " "))) } " · " }
                (l.say("data and metrics:")) " " strong { (l.say(&decision.health.name().replace('_', " "))) }
                @if let Some(score) = decision.drift_score { " · " (l.say("drift score")) " " (fmt_number(score)) }
                " · " (l.say("confidence")) " " (format!("{:.2}", decision.confidence))
            }
            p { (cut(&decision.rationale, 800)) }
            @if !decision.plan.is_empty() { ol { @for step in &decision.plan { li { (step) } } } }
            @if !decision.triggers.is_empty() {
                table {
                    thead { tr { @for head in [l.say("reason"), l.say("of"), l.say("measured"), l.say("against")] { th { (head) } } } }
                    tbody {
                        @for trigger in decision.triggers.iter().take(SHOWN) {
                            tr {
                                td { (l.say(&trigger.kind.replace('_', " "))) @if trigger.severity == Severity::High { " (" (l.say("high")) ")" } }
                                td { (cut(&trigger.subject, 60)) }
                                td { (trigger.measure) " " (fmt_number(trigger.value.0)) }
                                td { (trigger.comparator.replace(">=", "≥")) " " (fmt_number(trigger.threshold.0)) }
                            }
                        }
                    }
                }
                @if decision.triggers.len() > SHOWN { p.dim { (l.say(&format!("{} more reasons are in the JSON report", decision.triggers.len() - SHOWN))) } }
            }
        }
    }
}
