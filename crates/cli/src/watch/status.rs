//! The curves of a run in small, on one line of a terminal.

use std::io::{IsTerminal, Write};

use deepfix_model::{ChartKind, Num, Report, fmt_number};

/// Columns of a curve in small.
const SPARKS: usize = 24;

/// Clears the line, for what is said to stand on.
pub(super) fn clear() {
    if std::io::stderr().is_terminal() {
        anstream::eprint!("\r\u{1b}[2K");
    }
}

/// Leaves the line of curves as it is.
pub(super) fn leave() {
    if std::io::stderr().is_terminal() {
        anstream::eprintln!();
    }
}

/// The curves in small, on a terminal, over the line before.
pub(super) fn show(report: &Report) {
    if !std::io::stderr().is_terminal() {
        return;
    }
    let curves = report.charts.iter().filter(|c| c.kind == ChartKind::Curve).flat_map(|c| &c.series).take(3);
    let shown: Vec<String> = curves
        .map(|series| {
            let last = series.y.last().map_or_else(String::new, |y| fmt_number(y.0));
            format!("{} {} {last}", series.name, sparkline(&series.y))
        })
        .collect();
    anstream::eprint!("\r\u{1b}[2K{}", shown.join("   "));
    // A terminal that went away is no reason to stop following.
    let _ = std::io::stderr().flush();
}

/// A curve as blocks of eight heights; what is no number is a cross.
fn sparkline(y: &[Num]) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let count = y.len().min(SPARKS);
    let picked: Vec<f64> = (0..count).map(|i| y[(i + 1) * y.len() / count - 1].0).collect();
    let finite = picked.iter().copied().filter(|v| v.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    let block = |v: f64| {
        if !v.is_finite() {
            return '×';
        }
        let share = if high > low { (v - low) / (high - low) } else { 0.0 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 7")]
        let index = (share * 7.0).round() as usize;
        BLOCKS[index.min(7)]
    };
    picked.into_iter().map(block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_become_blocks() {
        let y: Vec<Num> = [3.0, 2.0, 1.0, f64::NAN].map(Num).to_vec();
        assert_eq!(sparkline(&y), "█▅▁×");
        assert_eq!(sparkline(&[]), "");
    }
}
