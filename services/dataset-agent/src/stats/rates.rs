//! Differences of rates.

use statrs::distribution::{ContinuousCDF, Normal};

/// Two-sided p-value of the pooled two-proportion z-test.
pub(crate) fn two_proportions(a: usize, n: usize, b: usize, m: usize) -> f64 {
    let (a, n, b, m) = (a as f64, n as f64, b as f64, m as f64);
    let pooled = (a + b) / (n + m);
    let variance = pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m);
    if variance <= 0.0 {
        return if (a / n - b / m).abs() > 0.0 { 0.0 } else { 1.0 };
    }
    let z = (a / n - b / m).abs() / variance.sqrt();
    2.0 * Normal::standard().sf(z)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// statsmodels `proportions_ztest([30, 50], [200, 200])` gives 0.0123.
    #[test]
    fn the_p_value_is_that_of_the_textbook() {
        assert!((two_proportions(30, 200, 50, 200) - 0.012_419).abs() < 1e-4);
        assert!((two_proportions(5, 10, 5, 10) - 1.0).abs() < 1e-12);
    }
}
