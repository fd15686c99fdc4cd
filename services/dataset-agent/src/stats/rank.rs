//! Ranks on a sample of rows, and what they say of two columns.

use crate::table::{Column, Values};

/// At most so many of these rows, those of the lowest lots ([`crate::table::Table::lots`]), in the order
/// of their lots: the same rows in the same order however the table is sorted.
pub(crate) fn sample(lots: &[u64], rows: impl Iterator<Item = usize>, most: usize) -> Vec<usize> {
    let mut drawn: Vec<(u64, usize)> = rows.map(|i| (lots[i], i)).collect();
    if drawn.len() > most {
        drawn.select_nth_unstable(most);
        drawn.truncate(most);
    }
    drawn.sort_unstable();
    drawn.into_iter().map(|d| d.1).collect()
}

/// Average ranks, ties sharing theirs; missing values stay NaN.
pub(crate) fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).filter(|&i| !values[i].is_nan()).collect();
    order.sort_unstable_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut out = vec![f64::NAN; values.len()];
    let mut i = 0;
    while i < order.len() {
        let tied = order[i..].iter().take_while(|&&j| values[j] == values[order[i]]).count();
        for &j in &order[i..i + tied] {
            out[j] = i as f64 + (tied as f64 + 1.0) / 2.0;
        }
        i += tied;
    }
    out
}

/// A numeric column's sampled values; `None` for words.
pub(crate) fn sampled(column: &Column, rows: &[usize]) -> Option<Vec<f64>> {
    match &column.values {
        Values::Numbers(values) => Some(rows.iter().map(|&i| values[i]).collect()),
        Values::Words { .. } => None,
    }
}

/// Ranks as a vector of length one about their mean, missing cells at the mean: the dot product of
/// two such vectors is Spearman's correlation where nothing is missing, and close to it where little is.
pub(crate) fn unit_ranks(values: &[f64]) -> Option<Vec<f32>> {
    let ranks = ranks(values);
    let present: Vec<f64> = ranks.iter().copied().filter(|r| !r.is_nan()).collect();
    if present.len() < 10 {
        return None;
    }
    let mean = present.iter().sum::<f64>() / present.len() as f64;
    let norm = present.iter().map(|r| (r - mean).powi(2)).sum::<f64>().sqrt();
    if norm <= 0.0 {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "single precision is enough to propose pairs")]
    let unit = ranks.iter().map(|r| if r.is_nan() { 0.0 } else { ((r - mean) / norm) as f32 }).collect();
    Some(unit)
}

pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    // Sums side by side, which the compiler turns into vector instructions; so many that none waits for the last.
    const LANES: usize = 32;
    let mut sums = [0.0_f32; LANES];
    for (x, y) in a.chunks_exact(LANES).zip(b.chunks_exact(LANES)) {
        for k in 0..LANES {
            sums[k] += x[k] * y[k];
        }
    }
    let rest = a.len() - a.len() % LANES;
    sums.iter().sum::<f32>() + a[rest..].iter().zip(&b[rest..]).map(|(x, y)| x * y).sum::<f32>()
}

/// Spearman's rank correlation over the rows where both have a value, and how many these are.
pub(crate) fn spearman(a: &[f64], b: &[f64]) -> (f64, usize) {
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for (p, q) in a.iter().zip(b).filter(|(p, q)| !p.is_nan() && !q.is_nan()) {
        x.push(*p);
        y.push(*q);
    }
    let (x, y) = (ranks(&x), ranks(&y));
    (super::power::correlation(&x.iter().copied().zip(y.iter().copied()).collect::<Vec<_>>()), x.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// scipy.stats.spearmanr([1,2,3,4,5,5], [5,6,7,8,7,9]) is 0.8382.
    #[test]
    fn spearman_is_that_of_scipy() {
        let (rho, n) = spearman(&[1.0, 2.0, 3.0, 4.0, 5.0, 5.0], &[5.0, 6.0, 7.0, 8.0, 7.0, 9.0]);
        assert!((rho - 0.838_235_294).abs() < 1e-6 && n == 6, "{rho}");
    }
}
