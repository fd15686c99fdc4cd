//! What the sizes of the splits can do by themselves: Deepchecks' bounds on drift do not know them.

use deepfix_model::Finding;
use serde_json::Value;

use crate::{judge::number, results::CheckResult};

/// The check that says how many rows there are.
pub(crate) const SIZES: &str = "Datasets Size Comparison";
/// Quantile of χ² with one degree of freedom that is exceeded once in a thousand times (any table of it: 10.828).
const CHI_SQUARE: f64 = 10.828;
/// The same for one column's Kolmogorov-Smirnov distance.
const CHANCE: f64 = 0.001;

/// Rows of train and test.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    train: f64,
    test: f64,
}

impl Sizes {
    /// Where the suite says.
    pub(crate) fn of(results: &[CheckResult]) -> Option<Self> {
        let result = results.iter().find(|r| r.check == SIZES)?;
        let of = |key: &str| result.value.get(key).and_then(number).filter(|rows| *rows >= 1.0);
        of("Train").zip(of("Test")).map(|(train, test)| Self { train, test })
    }

    /// What splits of these sizes reach once in a thousand times without any drift. Kolmogorov and Smirnov's distance:
    /// `sqrt(-ln(0.001 / 2) / 2) sqrt((n + m) / (n m))` (Smirnov 1948). Cramér's V of two splits is `sqrt(χ² / N)` with
    /// one degree of freedom less than there are categories (Cramér 1946), so at least that of two categories.
    fn reach(self, numbers: bool) -> f64 {
        let Self { train, test } = self;
        if numbers {
            (-(CHANCE / 2.0).ln() / 2.0).sqrt() * ((train + test) / (train * test)).sqrt()
        } else {
            (CHI_SQUARE / (train + test)).sqrt()
        }
    }

    /// Whether a result's finding of drift lies within that.
    pub(crate) fn explain(self, result: &CheckResult, finding: &Finding) -> bool {
        let method = |value: &Value| value.get("Method")?.as_str().map(|method| method.starts_with("Kolmogorov"));
        let column = finding.columns.first().and_then(|column| result.value.get(column));
        // Unnamed, it is taken for the statistic that reaches less.
        let numbers = column.and_then(method).or_else(|| method(&result.value)).unwrap_or(false);
        matches!(finding.code.as_str(), "covariate_shift" | "label_shift" | "image_property_shift")
            && finding.evidence.iter().any(|evidence| {
                evidence.measure == "drift_score" && evidence.value.number().is_some_and(|score| score < self.reach(numbers))
            })
    }

    /// What is said of findings left out.
    pub(crate) fn note(self, left_out: usize) -> String {
        format!(
            "{left_out} results of drift were left out: {} rows of train and {} of test differ by that much by chance, once in a thousand times by {:.2} and more in a number and {:.2} in categories",
            self.train,
            self.test,
            self.reach(true),
            self.reach(false)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Sizes;

    #[test]
    fn small_splits_reach_far() {
        // Tables of the two-sample test at 0.001: 1.949 times the root (Smirnov 1948).
        let few = Sizes { train: 20.0, test: 10.0 };
        assert!((few.reach(true) - 1.949 * (30.0_f64 / 200.0).sqrt()).abs() < 1e-3);
        assert!((few.reach(false) - (10.828_f64 / 30.0).sqrt()).abs() < 1e-12);
        let many = Sizes { train: 5000.0, test: 5000.0 };
        assert!(many.reach(true) < 0.04 && many.reach(false) < 0.04);
    }
}
