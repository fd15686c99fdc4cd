//! Charts as inline SVG, from the numbers of the report and nothing else.

use std::fmt::Write;

use deepfix_model::{Chart, ChartKind, Num, fmt_number};
use maud::{Markup, PreEscaped, html};

use crate::text::cut;

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 230.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 60.0;

/// A chart with its caption.
pub(super) fn figure(chart: &Chart) -> Markup {
    let svg = match chart.kind {
        ChartKind::Curve => curve(chart),
        ChartKind::Histogram | ChartKind::Bars => bars(chart),
    };
    html! { figure { (PreEscaped(svg)) figcaption { (chart.title) } } }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn open(chart: &Chart) -> String {
    format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">", escaped(&chart.title))
}

fn legend(out: &mut String, chart: &Chart) {
    let mut x = LEFT;
    for (i, series) in chart.series.iter().take(3).enumerate() {
        let name = cut(&series.name, 24);
        let swatch = if chart.kind == ChartKind::Curve {
            format!("<path class=\"s{i}\" d=\"M{x:.1} 10h18\"/>")
        } else {
            format!(
                "<rect class=\"s{i}\" x=\"{x:.1}\" y=\"5\" width=\"18\" height=\"9\"{}/>",
                if i == 1 { " fill-opacity=\".45\"" } else { "" }
            )
        };
        let _ = write!(out, "{swatch}<text x=\"{:.1}\" y=\"14\">{}</text>", x + 23.0, escaped(&name));
        x += 36.0 + 6.6 * name.chars().count() as f64;
    }
}

fn axes(out: &mut String, chart: &Chart, ticks: &[(f64, String)]) {
    let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
    for (y, label) in ticks {
        let _ = write!(
            out,
            "<path class=\"axis\" d=\"M{LEFT} {y:.1}H{right}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
            LEFT - 5.0,
            y + 4.0
        );
    }
    let _ = write!(
        out,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text><text x=\"12\" y=\"{:.1}\" text-anchor=\"middle\" transform=\"rotate(-90 12 {:.1})\">{}</text>",
        (LEFT + right) / 2.0,
        HEIGHT - 4.0,
        // Labelled bars say themselves what they are.
        if chart.labels.is_empty() { escaped(&cut(&chart.x_label, 60)) } else { String::new() },
        (TOP + bottom) / 2.0,
        (TOP + bottom) / 2.0,
        escaped(&cut(&chart.y_label, 30))
    );
}

fn bars(chart: &Chart) -> String {
    let mut out = open(chart);
    let n = chart.labels.len().max(1) as f64;
    let highest = chart.series.iter().flat_map(|s| &s.y).map(|v| v.0).filter(|v| v.is_finite()).fold(0.0, f64::max);
    let top = if highest > 0.0 { highest } else { 1.0 };
    let (bottom, step) = (HEIGHT - BOTTOM, (WIDTH - LEFT - RIGHT) / n);
    let scale = (bottom - TOP) / top;
    let ticks: Vec<(f64, String)> =
        (0..=2).map(|i| f64::from(i) / 2.0 * top).map(|v| (bottom - v * scale, fmt_number(round(v)))).collect();
    axes(&mut out, chart, &ticks);
    let groups = chart.series.len().clamp(1, 3) as f64;
    let width = (step * 0.8 / groups).max(0.5);
    for (s, series) in chart.series.iter().take(3).enumerate() {
        for (i, value) in series.y.iter().enumerate() {
            let height = if value.0.is_finite() { value.0.max(0.0) * scale } else { bottom - TOP };
            let x = LEFT + step * (i as f64 + 0.1) + width * s as f64;
            let faded = if s == 1 { " fill-opacity=\".45\"" } else { "" };
            let label = chart.labels.get(i).map_or("", String::as_str);
            let _ = write!(
                out,
                "<rect class=\"s{s}\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"{faded}><title>{}: {} {}</title></rect>",
                bottom - height,
                escaped(&cut(label, 60)),
                escaped(&series.name),
                if value.0.is_finite() { fmt_number(value.0) } else { "not finite".to_owned() }
            );
        }
    }
    // As many labels as fit.
    let every = (n / 12.0).ceil().max(1.0);
    for (i, label) in chart.labels.iter().enumerate().filter(|(i, _)| (*i as f64) % every == 0.0) {
        let x = LEFT + step * (i as f64 + 0.5);
        let _ = write!(
            out,
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"end\" transform=\"rotate(-28 {x:.1} {:.1})\">{}</text>",
            bottom + 13.0,
            bottom + 13.0,
            escaped(&cut(label, 17))
        );
    }
    legend(&mut out, chart);
    out.push_str("</svg>");
    out
}

fn round(v: f64) -> f64 {
    if v == 0.0 {
        return 0.0;
    }
    let unit = 10_f64.powf(v.abs().log10().floor() - 2.0);
    (v / unit).round() * unit
}

fn curve(chart: &Chart) -> String {
    let mut out = open(chart);
    let finite = |values: &[Num]| values.iter().map(|v| v.0).filter(|v| v.is_finite()).collect::<Vec<f64>>();
    let xs: Vec<f64> = chart.series.iter().flat_map(|s| finite(&s.x)).collect();
    let ys: Vec<f64> = chart.series.iter().flat_map(|s| finite(&s.y)).collect();
    let bounds =
        |v: &[f64]| (v.iter().copied().fold(f64::INFINITY, f64::min), v.iter().copied().fold(f64::NEG_INFINITY, f64::max));
    let ((x0, x1), (y0, y1)) = (bounds(&xs), bounds(&ys));
    if xs.is_empty() || ys.is_empty() {
        let _ = write!(out, "<text x=\"{:.1}\" y=\"{:.1}\">no finite value was logged</text></svg>", LEFT, HEIGHT / 2.0);
        return out;
    }
    // Curves that span three decades are drawn on a logarithmic scale.
    let log = y0 > 0.0 && y1 / y0 > 1000.0;
    let place = |v: f64| if log { v.log10() } else { v };
    let (lo, hi) = (place(y0), place(y1));
    let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
    let x_of = |x: f64| LEFT + (right - LEFT) * if x1 > x0 { (x - x0) / (x1 - x0) } else { 0.5 };
    let y_of = |y: f64| bottom - (bottom - TOP) * if hi > lo { (place(y) - lo) / (hi - lo) } else { 0.5 };
    let ticks: Vec<(f64, String)> = (0..=2)
        .map(|i| lo + (hi - lo) * f64::from(i) / 2.0)
        .map(|v| if log { 10_f64.powf(v) } else { v })
        .map(|v| (y_of(v), fmt_number(round(v))))
        .collect();
    axes(&mut out, chart, &ticks);
    for (i, label) in [(x0, "start"), (x1, "end")] {
        let _ = write!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{label}\">{}</text>",
            x_of(i),
            bottom + 15.0,
            fmt_number(round(i))
        );
    }
    for (s, series) in chart.series.iter().take(3).enumerate() {
        let mut path = String::new();
        let mut pen_down = false;
        for (x, y) in series.x.iter().zip(&series.y) {
            if x.0.is_finite() && y.0.is_finite() {
                let _ = write!(path, "{}{:.1} {:.1}", if pen_down { "L" } else { "M" }, x_of(x.0), y_of(y.0));
                pen_down = true;
            } else {
                pen_down = false;
            }
        }
        let _ = write!(out, "<path class=\"s{s}\" d=\"{path}\"/>");
    }
    for (i, mark) in chart.marks.iter().take(6).enumerate() {
        if mark.x.0.is_finite() && (x0..=x1).contains(&mark.x.0) {
            let x = x_of(mark.x.0);
            let (anchor, shift) = if x > WIDTH * 0.7 { ("end", -4.0) } else { ("start", 4.0) };
            let _ = write!(
                out,
                "<path class=\"mark\" d=\"M{x:.1} {TOP}V{bottom}\"/><text class=\"mark\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
                x + shift,
                TOP + 10.0 + 13.0 * i as f64,
                escaped(&mark.label)
            );
        }
    }
    legend(&mut out, chart);
    if log {
        let _ = write!(out, "<text x=\"{right:.1}\" y=\"14\" text-anchor=\"end\">logarithmic scale</text>");
    }
    out.push_str("</svg>");
    out
}
