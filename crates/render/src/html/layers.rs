//! The table of a model's tensors.

use deepfix_language::Language;
use deepfix_model::{Finding, LayerCard, Num, Report, fmt_number};
use maud::{Markup, html};

use crate::text::{cut, language};

/// Rows shown at first; the rest lies under a fold.
const OPEN: usize = 60;

pub(super) fn section(report: &Report) -> Markup {
    let l = language(report);
    let compared = report.layers.iter().any(|layer| layer.change.is_some());
    let (first, rest) = report.layers.split_at(report.layers.len().min(OPEN));
    html! {
        @if !report.layers.is_empty() {
            section {
                h2 #layers { (l.say("Layers")) }
                p.dim {
                    (report.layers.len()) " " (l.say("tensors in the file's order; numbers are of the finite elements. Spectral is the largest singular value (of large matrices, of evenly spaced rows)."))
                    @if compared { " " (l.say("Change is the norm of the difference from the baseline over the baseline's norm.")) }
                }
                div.wide { (table(first, compared, &report.findings, l)) }
                @if !rest.is_empty() {
                    details { summary { (l.say(&format!("{n} more", n = rest.len()))) } div.wide { (table(rest, compared, &report.findings, l)) } }
                }
            }
        }
    }
}

fn table(layers: &[LayerCard], compared: bool, findings: &[Finding], l: Language) -> Markup {
    html! {
        table.layers {
            thead { tr {
                @for head in [l.say("tensor"), l.say("type"), l.say("shape"), l.say("norm"), l.say("spectral"), l.say("mean"), l.say("std"), l.say("largest"), l.say("zeros")] { th { (head) } }
                @if compared { th { (l.say("change")) } }
                th { (l.say("found")) }
            } }
            tbody { @for layer in layers { (row(layer, compared, findings, l)) } }
        }
    }
}

fn row(layer: &LayerCard, compared: bool, findings: &[Finding], l: Language) -> Markup {
    let subject = format!("layer:{}", layer.name);
    let shape = layer.shape.iter().map(u64::to_string).collect::<Vec<_>>().join(" × ");
    html! {
        tr {
            td.name title=(layer.name) { (cut(&layer.name, 60)) }
            td { (layer.dtype) }
            td.number { (if shape.is_empty() { "scalar".to_owned() } else { shape }) }
            td.number { (short(layer.norm)) }
            td.number { (layer.spectral.map_or_else(|| "–".to_owned(), short)) }
            @for value in [layer.mean, layer.std, layer.largest] { td.number { (short(value)) } }
            td.number { (percent(layer.zeros)) }
            @if compared { td.number { (layer.change.map_or_else(|| "–".to_owned(), |change| percent(change.0))) } }
            td {
                @if layer.not_finite > 0 { b { (layer.not_finite) " " (l.say("not finite")) " " } }
                @for f in findings.iter().filter(|f| f.subject == subject) {
                    a href={ "#" (f.id) } class={ "at " (f.severity.name()) } { (l.say(f.severity.name())) ": " (f.code) } " "
                }
            }
        }
    }
}

/// Three digits are enough to compare by eye; the JSON holds all.
fn short(value: Num) -> String {
    let v = value.0;
    if !v.is_finite() || v == 0.0 {
        return fmt_number(v);
    }
    if (1e-3..1e5).contains(&v.abs()) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 5")]
        let digits = (2.0 - v.abs().log10().floor()).clamp(0.0, 5.0) as usize;
        format!("{v:.digits$}")
    } else {
        format!("{v:.2e}")
    }
}

fn percent(share: f64) -> String {
    match share {
        0.0 => "0".to_owned(),
        s if s < 0.001 => "<0.1 %".to_owned(),
        s if s.is_finite() => format!("{:.1} %", 100.0 * s),
        s => fmt_number(s),
    }
}
