//! The metrics of a run beside those of an earlier one: the best value that either reached, for every
//! name that measures unseen data and stands in both logs.

use deepfix_model::{MetricChange, Note, fmt_number};

use crate::log::{Direction, Log, Quantity, Series, Side, snake};

/// What changed, the largest decline first.
pub(crate) fn changes(earlier: &Log, later: &Log) -> Vec<MetricChange> {
    let measures = |s: &&Series| {
        s.role.side == Side::Validation
            && matches!(s.role.quantity, Quantity::Loss | Quantity::Accuracy | Quantity::Auc | Quantity::Metric)
    };
    let mut out: Vec<MetricChange> = later
        .series
        .iter()
        .filter(measures)
        .filter_map(|s| {
            let before = best(earlier.series.iter().filter(measures).find(|e| snake(&e.key) == snake(&s.key))?)?;
            let after = best(s)?;
            // A share of nothing, or of what is negative, says nothing.
            if before <= 0.0 {
                return None;
            }
            let higher_is_better = s.role.direction == Direction::Higher;
            let decline = if higher_is_better { (before - after) / before } else { (after - before) / before };
            Some(MetricChange { metric: s.key.clone(), higher_is_better, before, after, decline })
        })
        .collect();
    out.sort_by(|a, b| b.decline.total_cmp(&a.decline).then_with(|| a.metric.cmp(&b.metric)));
    out
}

/// The best of the values that were reached.
fn best(series: &Series) -> Option<f64> {
    let curve = series.per_epoch();
    let values = curve.y.iter().copied().filter(|v| v.is_finite());
    if series.role.direction == Direction::Higher { values.reduce(f64::max) } else { values.reduce(f64::min) }
}

/// The comparison in words.
pub(crate) fn note(changes: &[MetricChange]) -> Note {
    if changes.is_empty() {
        return Note::new(
            "baseline_metrics",
            "run",
            "no metric of unseen data could be held against the earlier run: none stands in both logs under the same name with numbers above zero",
        );
    }
    let shown: Vec<String> = changes
        .iter()
        .take(8)
        .map(|c| {
            let change = match 100.0 * c.decline {
                d if d.abs() < 0.05 => "unchanged".to_owned(),
                d if d > 0.0 => format!("{d:.1} % worse"),
                d => format!("{:.1} % better", -d),
            };
            format!("{} {} to {} ({change})", c.metric, fmt_number(c.before), fmt_number(c.after))
        })
        .collect();
    Note::new("baseline_metrics", "run", format!("best values of the earlier run and of this one: {}", shown.join(", ")))
}
