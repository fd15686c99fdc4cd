//! What the sizes of the splits can do by themselves: Deepchecks' bounds on drift do not know them.

use deepfix_model::Finding;

use crate::{judge::number, results::CheckResult};

/// Chance, for one column, of a distance that is taken for no drift.
const CHANCE: f64 = 0.001;

/// Rows of train and test, where the suite says.
pub(crate) fn sizes(results: &[CheckResult]) -> Option<(f64, f64)> {
    let result = results.iter().find(|r| r.check == "Datasets Size Comparison")?;
    let of = |key: &str| result.value.get(key).and_then(number).filter(|rows| *rows >= 1.0);
    of("Train").zip(of("Test"))
}

/// The two-sample distance (Kolmogorov and Smirnov) that two draws from one distribution exceed once in a thousand times:
/// `sqrt(-ln(0.001 / 2) / 2) * sqrt((n + m) / (n m))` (Smirnov 1948). Cramér's V of two groups moves on the same scale.
fn reach(train: f64, test: f64) -> f64 {
    (-(CHANCE / 2.0).ln() / 2.0).sqrt() * ((train + test) / (train * test)).sqrt()
}

/// Whether a finding of drift lies within what splits of these sizes show without any.
pub(crate) fn explains(finding: &Finding, train: f64, test: f64) -> bool {
    matches!(finding.code.as_str(), "covariate_shift" | "label_shift" | "image_property_shift")
        && finding.evidence.iter().any(|evidence| {
            evidence.measure == "drift_score" && evidence.value.number().is_some_and(|score| score < reach(train, test))
        })
}

/// What is said of findings left out.
pub(crate) fn note(left_out: usize, train: f64, test: f64) -> String {
    format!(
        "{left_out} results of drift were left out: {train} rows of train and {test} of test differ by up to {:.2} by chance alone, once in a thousand times by more",
        reach(train, test)
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn small_splits_reach_far() {
        // Tables of the two-sample test at 0.001: 1.949 times the root (Smirnov 1948).
        assert!((super::reach(20.0, 10.0) - 1.949 * (30.0_f64 / 200.0).sqrt()).abs() < 1e-3);
        assert!(super::reach(5000.0, 5000.0) < 0.04);
    }
}
