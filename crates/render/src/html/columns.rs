//! Cards of a table's columns: type, missing cells, both distributions in one small picture, how far
//! they moved against the thresholds. Kept short: a thousand of them are one page of under 2 MB.

use std::fmt::Write;

use deepfix_language::Language;
use deepfix_model::{ColumnCard, ColumnMeasure, ColumnSide, Finding, Num, Report, fmt_number};
use maud::{Markup, PreEscaped, html};

use crate::text::{cut, language};

const WIDTH: f64 = 160.0;
const HEIGHT: f64 = 40.0;
/// Findings named on a card.
const NAMED: usize = 4;

pub(super) fn section(report: &Report) -> Markup {
    let l = language(report);
    let rows: u64 = report.columns.iter().flat_map(|c| [&c.train, &c.test]).flatten().map(|s| s.rows).max().unwrap_or(0);
    html! {
        @if rows > 0 {
            section {
                h2 #columns { (l.say("Columns")) }
                p.dim {
                    (l.say(&format!("{} columns, those with the gravest findings first.", report.columns.len()))) " "
                    span.key { span.k0 {} " train" } " " span.key { span.k1 {} " test" }
                    ". " (l.say("A measure in bold is over its threshold once chance is taken out."))
                }
                div.columns { @for card in &report.columns { (self::card(card, &report.findings, l)) } }
            }
        }
    }
}

fn card(card: &ColumnCard, findings: &[Finding], l: Language) -> Markup {
    let mut found: Vec<&Finding> = findings.iter().filter(|f| f.columns.contains(&card.name)).collect();
    found.sort_by_key(|f| std::cmp::Reverse(f.severity));
    html! {
        article.column {
            h3 { (cut(&card.name, 60)) " " span.dim { (l.say(&card.kind)) } }
            @if !found.is_empty() {
                p {
                    @for f in found.iter().take(NAMED) { a href={ "#" (f.id) } class={ "at " (f.severity.name()) } { (l.say(f.severity.name())) ": " (f.code) } " " }
                    @if found.len() > NAMED { (l.say(&format!("and {n} more", n = found.len() - NAMED))) }
                }
            }
            @if !card.labels.is_empty() { (PreEscaped(picture(card, l))) }
            @for (name, side) in [("train", &card.train), ("test", &card.test)] {
                @if let Some(side) = side { p { span.dim { (name) } " " (facts(side, l)) } }
                @else { p.dim { (l.say(&format!("{name} does not have it"))) } }
            }
            @if !card.measures.is_empty() {
                p { @for m in &card.measures { (measure(m)) " " } }
            }
        }
    }
}

fn facts(side: &ColumnSide, l: Language) -> String {
    let mut out = String::new();
    if side.missing > 0 {
        let _ = write!(out, "{} {}, ", percent(side.missing as f64 / side.rows.max(1) as f64), l.say("missing"));
    }
    let _ = write!(out, "{} {}", fmt_number(side.distinct as f64), l.say("distinct"));
    if let (Some(Num(min)), Some(Num(median)), Some(Num(max))) = (side.min, side.median, side.max) {
        let _ = write!(out, ", {} … {} … {}", fmt_number(min), fmt_number(median), fmt_number(max));
    } else if let Some(top) = &side.top {
        let present = side.rows.saturating_sub(side.missing).max(1);
        let _ = write!(out, ", {} {} ({})", l.say("most often"), cut(top, 24), percent(side.top_count as f64 / present as f64));
    }
    out
}

fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.001 { "<0.1 %".to_owned() } else { format!("{:.1} %", share * 100.0) }
}

fn measure(m: &ColumnMeasure) -> Markup {
    let text = format!("{} {:.3} ({})", m.name.to_uppercase(), m.value.0, fmt_number(m.threshold.0));
    html! { @if m.beyond_chance.0 >= m.threshold.0 { b.key { (text) } } @else { span.dim.key { (text) } } }
}

/// Both distributions over the same bins, one path each.
fn picture(card: &ColumnCard, l: Language) -> String {
    let bins = card.labels.len() as f64;
    let step = WIDTH / bins;
    let sides = [&card.train, &card.test].map(|s| s.as_ref().map_or(&[][..], |s| &s.bins[..]));
    let highest = sides.iter().flat_map(|b| b.iter()).map(|n| n.0).fold(0.0, f64::max);
    let mut out =
        format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"distribution\">");
    for (i, bins) in sides.iter().enumerate().filter(|(_, b)| !b.is_empty() && highest > 0.0) {
        let _ = write!(out, "<path class=\"h{i}\" d=\"");
        let (width, shift) = (0.44 * step, if i == 0 { 0.04 } else { 0.52 } * step);
        for (j, share) in bins.iter().enumerate().filter(|(_, s)| s.0 > 0.0) {
            let height = (HEIGHT * share.0 / highest).max(0.6);
            let _ = write!(out, "M{:.0} {HEIGHT}v-{height:.0}h{width:.0}v{height:.0}", j as f64 * step + shift);
        }
        out.push_str("\"/>");
    }
    out.push_str("</svg>");
    let [first, last] = [&card.labels[0], &card.labels[card.labels.len() - 1]].map(|label| cut(&l.say(label), 22));
    let mut ends = String::new();
    for text in [first, last] {
        let _ = write!(ends, "<span>{}</span>", text.replace('&', "&amp;").replace('<', "&lt;"));
    }
    format!("{out}<p class=\"ends dim\">{ends}</p>")
}
