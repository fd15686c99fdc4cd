//! Small robust statistics over short curves.

pub(crate) fn mean(y: &[f64]) -> f64 {
    y.iter().sum::<f64>() / y.len().max(1) as f64
}

/// Middle value, the mean of the two middle ones for an even count; NaN when empty.
pub(crate) fn median(y: &[f64]) -> f64 {
    // Windows of a few values are the rule.
    const SMALL: usize = 32;
    if y.len() <= SMALL {
        let mut few = [0.0; SMALL];
        few[..y.len()].copy_from_slice(y);
        return middle(&mut few[..y.len()]);
    }
    middle(&mut y.to_vec())
}

fn middle(y: &mut [f64]) -> f64 {
    let n = y.len();
    if n == 0 {
        return f64::NAN;
    }
    let (below, upper, _) = y.select_nth_unstable_by(n / 2, f64::total_cmp);
    let upper = *upper;
    if n % 2 == 1 {
        return upper;
    }
    let lower = below.iter().copied().max_by(f64::total_cmp).unwrap_or(upper);
    f64::midpoint(lower, upper)
}

pub(crate) fn smallest(y: &[f64]) -> f64 {
    y.iter().copied().fold(f64::INFINITY, f64::min)
}

pub(crate) fn largest(y: &[f64]) -> f64 {
    y.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// Largest minus smallest.
pub(crate) fn span(y: &[f64]) -> f64 {
    largest(y) - smallest(y)
}

pub(crate) fn finite(y: &[f64]) -> Vec<f64> {
    y.iter().copied().filter(|v| v.is_finite()).collect()
}

pub(crate) fn is_finite(y: &[f64]) -> bool {
    y.iter().all(|v| v.is_finite())
}

/// The last part of a curve, at least one value.
pub(crate) fn tail(y: &[f64], parts: usize) -> &[f64] {
    &y[y.len() - (y.len() / parts).max(1).min(y.len())..]
}

pub(crate) fn differences(y: &[f64]) -> Vec<f64> {
    y.windows(2).map(|w| w[1] - w[0]).collect()
}

/// Centred mean over so many values, fewer at the ends.
pub(crate) fn smooth(y: &[f64], window: usize) -> Vec<f64> {
    if window <= 16 || !is_finite(y) {
        return around(y, window, mean);
    }
    // Wide windows by sums that slide along.
    let half = window / 2;
    let mut sums = vec![0.0];
    for v in y {
        sums.push(sums[sums.len() - 1] + v);
    }
    (0..y.len())
        .map(|i| {
            let (from, to) = (i.saturating_sub(half), (i + half + 1).min(y.len()));
            (sums[to] - sums[from]) / (to - from) as f64
        })
        .collect()
}

/// Means of so many blocks of equal length, one after the other.
pub(crate) fn blocks(y: &[f64], count: usize) -> Vec<f64> {
    let n = y.len();
    (0..count).map(|i| mean(&y[i * n / count..(i + 1) * n / count])).collect()
}

/// Centred median over so many values, fewer at the ends.
pub(crate) fn median_smooth(y: &[f64], window: usize) -> Vec<f64> {
    around(y, window, median)
}

fn around(y: &[f64], window: usize, of: fn(&[f64]) -> f64) -> Vec<f64> {
    let half = window / 2;
    (0..y.len()).map(|i| of(&y[i.saturating_sub(half)..(i + half + 1).min(y.len())])).collect()
}

/// Median of the slopes between all pairs of points (Theil 1950, Sen 1968); 300 of them at most,
/// evenly chosen.
pub(crate) fn theil_sen(x: &[f64], y: &[f64]) -> f64 {
    let n = x.len().min(y.len());
    let step = n.div_ceil(300).max(1);
    let kept: Vec<usize> = (0..n).step_by(step).collect();
    let mut slopes = Vec::new();
    for (a, &i) in kept.iter().enumerate() {
        for &j in &kept[a + 1..] {
            if x[j] > x[i] {
                slopes.push((y[j] - y[i]) / (x[j] - x[i]));
            }
        }
    }
    if slopes.is_empty() { 0.0 } else { median(&slopes) }
}

/// Share of places where a curve changes direction, and its mean step over its mean level.
pub(crate) fn turns_and_swing(y: &[f64]) -> (f64, f64) {
    let steps = differences(y);
    if steps.len() < 3 {
        return (0.0, 0.0);
    }
    let turns = steps.windows(2).filter(|w| w[0] * w[1] < 0.0).count() as f64 / (steps.len() - 1) as f64;
    let level = y.iter().map(|v| v.abs()).sum::<f64>() / y.len() as f64;
    let swing = steps.iter().map(|s| s.abs()).sum::<f64>() / steps.len() as f64;
    (turns, swing / level.max(f64::MIN_POSITIVE))
}

/// Standard deviation of the noise from value to value, by second differences, which a trend does not
/// move; the median makes it robust (0.6745 is the normal's upper quartile, 6 the variance of the
/// differences' weights 1, -2, 1).
pub(crate) fn noise(y: &[f64]) -> f64 {
    let second: Vec<f64> = y.windows(3).map(|w| (w[2] - 2.0 * w[1] + w[0]).abs()).collect();
    if second.is_empty() { 0.0 } else { median(&second) / (0.6745 * 6.0_f64.sqrt()) }
}

/// Median absolute difference between neighbours as a standard deviation (1.4826 for a normal).
pub(crate) fn neighbour_noise(y: &[f64]) -> f64 {
    let steps: Vec<f64> = differences(y).into_iter().map(f64::abs).collect();
    if steps.is_empty() { 0.0 } else { 1.4826 * median(&steps) }
}

/// Value at a place between known ones, linear; the end values beyond.
pub(crate) fn interpolate(at: f64, x: &[f64], y: &[f64]) -> f64 {
    let right = x.partition_point(|v| *v < at);
    match (right.checked_sub(1), x.get(right)) {
        (None, _) => y.first().copied().unwrap_or(f64::NAN),
        (Some(left), None) => y[left],
        (Some(left), Some(&b)) => {
            let a = x[left];
            if b > a { y[left] + (y[right] - y[left]) * (at - a) / (b - a) } else { y[right] }
        }
    }
}

/// A confidence in its range, with two digits.
pub(crate) fn sure(confidence: f64) -> f64 {
    (confidence.clamp(0.05, 0.99) * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_known_from_elsewhere() {
        // numpy.median and scipy.stats.theilslopes.
        assert!((median(&[4.0, 1.0, 3.0, 2.0]) - 2.5).abs() < 1e-12);
        let x: Vec<f64> = (0..6).map(f64::from).collect();
        assert!((theil_sen(&x, &[1.0, 2.1, 2.9, 40.0, 5.0, 6.1]) - 1.03).abs() < 0.03);
        assert_eq!(interpolate(1.5, &[0.0, 1.0, 2.0], &[0.0, 10.0, 20.0]), 15.0);
        assert_eq!(interpolate(9.0, &[0.0, 1.0], &[3.0, 4.0]), 4.0);
        assert_eq!(turns_and_swing(&[1.0, 2.0, 1.0, 2.0, 1.0]).0, 1.0);
        assert_eq!(noise(&[5.0, 4.0, 3.0, 2.0]), 0.0);
        assert_eq!(tail(&[1.0, 2.0, 3.0], 10), [3.0]);
    }
}
