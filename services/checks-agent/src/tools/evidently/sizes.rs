//! Sizes that reports and tests of every version share: gaps, bias.

use deepfix_model::Evidence;
use serde_json::Value;

use crate::tools::{Read, by_size, number, percent};

/// Missing cells of a column: by themselves, and against the reference.
pub(super) fn gaps(out: &mut Read, column: &str, now: f64, before: Option<f64>, (n, m): (f64, f64)) {
    if let Some(severity) = by_size(now, [0.5, 0.5, 0.9]) {
        let evidence = Evidence::new("missing_rate", "", now).unit("share").method("missing cells over rows of the current data");
        out.column(column, "high_missing_rate", severity, format!("is missing in {}", percent(now)), evidence);
    }
    let Some(before) = before else { return };
    let pooled = (now * m + before * n) / (n + m).max(1.0);
    let chance = 3.0 * (pooled * (1.0 - pooled) * (1.0 / n.max(1.0) + 1.0 / m.max(1.0))).sqrt();
    let difference = (now - before).abs();
    if let Some(severity) = by_size(difference, [0.05, 0.10, 0.30]).filter(|_| difference > chance) {
        let evidence = Evidence::new("missing_rate_difference", "", difference).versus(">=", 0.05).unit("share").method(format!(
            "missing in {} of the reference and {} of the current data",
            percent(before),
            percent(now)
        ));
        out.column(
            column,
            "null_rate_shift",
            severity,
            format!("is missing in {} instead of {}", percent(now), percent(before)),
            evidence,
        );
    }
}

/// The mean error over the root mean square error.
pub(super) fn bias(out: &mut Read, current: Option<&Value>, rows: Option<f64>) {
    let of = |key: &str| number(current?.get(key));
    if let (Some(mean), Some(rmse)) = (of("mean_error"), of("rmse"))
        && rmse > 0.0
    {
        let ratio = mean.abs() / rmse;
        let beyond = rows.is_none_or(|n| ratio > 2.0 / n.sqrt());
        if let Some(severity) = by_size(ratio, [0.05, 0.15, 0.5]).filter(|_| beyond) {
            let evidence =
                Evidence::new("mean_error_over_rmse", "", ratio).versus("<", 0.15).method("absolute mean error over RMSE");
            out.about("split", "regression_bias", severity, format!("errors lie to one side: their mean is {mean:.3}"), evidence);
        }
    }
}
