//! Largest singular value of a matrix: how far it can stretch what comes in. By power iteration on AᵀA (Golub and
//! Van Loan 2013, 8.2), from a fixed beginning, so that the same file gives the same number.

use deepfix_artifact::checkpoint::Tensor;

use crate::{
    files::Files,
    summary::{BLOCK, decode},
    tensors::matrix,
};

/// Elements looked at. Of a larger matrix these are of evenly spaced rows, whose largest singular value is no more
/// than that of the whole.
const MOST: usize = 1 << 18;
/// Longest row looked at: a longer one is no row of a layer.
const WIDEST: usize = 1 << 16;
/// Most iterations, and the relative change below which another is not worth it. Our choice: the table shows three
/// digits, and matrices without a leading direction settle slowly.
const ROUNDS: usize = 30;
const SETTLED: f64 = 1e-4;

/// The largest singular value; nothing where the tensor is no matrix or a value is no number.
pub(crate) fn norm(tensor: &Tensor, files: &Files) -> Option<f64> {
    let (rows, columns) = matrix(tensor)?;
    if columns > WIDEST {
        return None;
    }
    let (bytes, width) = (files.of(tensor), columns * tensor.dtype.size());
    let kept = rows.min((MOST / columns).max(1));
    let mut values = vec![0.0; kept * columns];
    for (i, row) in values.chunks_exact_mut(columns).enumerate() {
        let from = (i * rows / kept) * width;
        let raw = bytes.get(from..from + width)?;
        for (part, raw) in row.chunks_mut(BLOCK).zip(raw.chunks(BLOCK * tensor.dtype.size())) {
            decode(tensor.dtype, raw, part);
        }
    }
    largest(&values, columns)
}

fn largest(values: &[f64], columns: usize) -> Option<f64> {
    // No direction of a network is likely to be at right angles to this one.
    let mut x: Vec<f64> = (0..columns).map(|i| 1.0 + (i * 7 % 11) as f64 / 11.0).collect();
    let mut before = 0.0;
    for _ in 0..ROUNDS {
        let length = dot(&x, &x).sqrt();
        if length == 0.0 {
            return Some(0.0);
        }
        x.iter_mut().for_each(|v| *v /= length);
        let (mut next, mut square) = (vec![0.0; columns], 0.0);
        for row in values.chunks_exact(columns) {
            let product = dot(row, &x);
            square += product * product;
            next.iter_mut().zip(row).for_each(|(n, v)| *n += product * v);
        }
        let now: f64 = square.sqrt();
        if !now.is_finite() {
            return None;
        }
        if (now - before).abs() <= SETTLED * now {
            return Some(now);
        }
        (before, x) = (now, next);
    }
    Some(before)
}

/// Sums side by side, so that none waits for the last.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    const LANES: usize = 16;
    let mut sums = [0.0; LANES];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (x, y) in a.iter().zip(b) {
        for k in 0..LANES {
            sums[k] += x[k] * y[k];
        }
    }
    sums.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// numpy.linalg.norm([[3, 2, 2], [2, 3, -2]], 2) is 5; of a matrix of zeros it is 0.
    #[test]
    fn the_largest_singular_value_is_that_of_numpy() {
        let value = largest(&[3.0, 2.0, 2.0, 2.0, 3.0, -2.0], 3).expect("a number");
        assert!((value - 5.0).abs() < 5e-3, "{value}");
        assert_eq!(largest(&[0.0; 12], 4), Some(0.0));
        assert_eq!(largest(&[f64::NAN, 1.0, 1.0, 1.0], 2), None);
        let diagonal: Vec<f64> = (0..400).map(|i| if i % 21 == 0 { (i / 21) as f64 } else { 0.0 }).collect();
        let value = largest(&diagonal, 20).expect("a number");
        assert!((value / 19.0 - 1.0).abs() < 1e-2, "{value}");
    }
}
