//! The retraining decision: how soon, how, why, and the measured reasons.

use deepfix_model::{Report, Severity, fmt_number};
use maud::{Markup, html};

use crate::text::cut;

/// Reasons shown.
const SHOWN: usize = 12;

pub(super) fn section(report: &Report) -> Markup {
    let Some(decision) = &report.retraining else { return html! {} };
    html! {
        section {
            h2 #retraining { "Retraining: " (decision.urgency.name()) }
            p {
                @if decision.urgency > deepfix_model::Urgency::Monitor { strong { (decision.strategy.name().replace('_', " ")) } " · " }
                "data and metrics " strong { (decision.health.name().replace('_', " ")) }
                @if let Some(score) = decision.drift_score { " · drift score " (fmt_number(score)) }
                " · confidence " (format!("{:.2}", decision.confidence))
            }
            p { (cut(&decision.rationale, 800)) }
            @if !decision.plan.is_empty() { ol { @for step in &decision.plan { li { (step) } } } }
            @if !decision.triggers.is_empty() {
                table {
                    thead { tr { th { "reason" } th { "of" } th { "measured" } th { "against" } } }
                    tbody {
                        @for trigger in decision.triggers.iter().take(SHOWN) {
                            tr {
                                td { (trigger.kind.replace('_', " ")) @if trigger.severity == Severity::High { " (high)" } }
                                td { (cut(&trigger.subject, 60)) }
                                td { (trigger.measure) " " (fmt_number(trigger.value.0)) }
                                td { (trigger.comparator.replace(">=", "≥")) " " (fmt_number(trigger.threshold.0)) }
                            }
                        }
                    }
                }
                @if decision.triggers.len() > SHOWN { p.dim { (decision.triggers.len() - SHOWN) " more reasons in the JSON" } }
            }
        }
    }
}
