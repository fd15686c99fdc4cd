//! `low_rank_collapse`: a hidden matrix whose directions have died out. The effective rank (Roy and Vetterli
//! 2007) is the exponential of the entropy of the singular values, normalised to sum one. It is taken of a
//! block of evenly spaced rows and columns: the rank of a block is never above that of the matrix, and a
//! matrix of few directions has blocks of as few.

use deepfix_artifact::checkpoint::Tensor;
use deepfix_model::{Evidence, Finding, Severity};
use rayon::prelude::*;

use super::{Looked, Weights, about};
use crate::tensors::{is_matrix_by_design, matrix, value};

/// Side of the block, and its longer side.
const ROWS: usize = 64;
const COLUMNS: usize = 256;
/// Smallest matrix looked at: below, few directions are all there are.
const SIDE: usize = 16;

pub(super) fn detect(weights: &Weights<'_>) -> Looked {
    let (share, directions) = (weights.limit("low_rank_collapse.share"), weights.limit("low_rank_collapse.directions"));
    let matrices: Vec<(&Tensor, (usize, usize))> = weights
        .weights()
        .filter(|(tensor, summary)| summary.bad() == 0 && !summary.is_constant() && !is_matrix_by_design(&tensor.name))
        .filter_map(|(tensor, _)| Some((*tensor, matrix(tensor)?)))
        .filter(|(_, (rows, columns))| *rows.min(columns) >= SIDE)
        .collect();
    let findings = matrices
        .par_iter()
        .filter_map(|(tensor, (rows, columns))| -> Option<Finding> {
            let block = block(weights, tensor, *rows, *columns);
            let side = block.len();
            let values = singular_values(&block);
            let total: f64 = values.iter().sum();
            if total <= 0.0 {
                return None;
            }
            let entropy: f64 = values.iter().map(|s| s / total).filter(|p| *p > 0.0).map(|p| -p * p.ln()).sum();
            let (rank, part) = (entropy.exp(), entropy.exp() / side as f64);
            if part >= share {
                return None;
            }
            let severity = if rank < directions { Severity::High } else { Severity::Medium };
            let stable = values.iter().map(|s| s * s).sum::<f64>() / values[0].powi(2);
            let subject = format!("layer:{}", tensor.name);
            let confidence = 0.8 + 0.18 * (1.0 - part / share);
            Some(
                about("low_rank_collapse", tensor, severity, (confidence * 100.0).round() / 100.0)
                    .title(format!("`{}` has about {rank:.1} directions of {side} that it could have", tensor.name))
                    .evidence(
                        Evidence::new("effective_rank_share", &subject, part)
                            .versus("<", share)
                            .unit("share")
                            .method("exponential of the entropy of the singular values over the side of the block; a random matrix has above one half")
                            .source(format!("{side} by {} evenly spaced rows and columns of {rows} by {columns}", block.first().map_or(0, Vec::len))),
                    )
                    .evidence(Evidence::new("effective_rank", &subject, rank).unit("directions").method("of the same block"))
                    .evidence(
                        Evidence::new("stable_rank", &subject, stable)
                            .unit("directions")
                            .method("squared Frobenius norm over the squared largest singular value, of the same block"),
                    )
                    .fix(
                        "train this layer again from an earlier save, with less weight decay or a lower learning rate",
                        "whatever comes in leaves along a few directions, and the layers behind cannot tell inputs apart",
                    )
                    .step("compare the same number in earlier checkpoints: falling steadily, training does it; low from the start, the initialiser")
                    .step("if it is meant (a factored layer), say so in its name or store the factors"),
            )
        })
        .collect();
    (matrices.len(), findings)
}

/// Evenly spaced rows and columns, the shorter side first.
fn block(weights: &Weights<'_>, tensor: &Tensor, rows: usize, columns: usize) -> Vec<Vec<f64>> {
    let picked = |n: usize, most: usize| -> Vec<usize> { (0..n.min(most)).map(|i| i * n / n.min(most)).collect() };
    let at = |r: usize, c: usize| value(tensor, weights.files, r * columns + c);
    if rows <= columns {
        let across = picked(columns, COLUMNS);
        picked(rows, ROWS).into_iter().map(|r| across.iter().map(|&c| at(r, c)).collect()).collect()
    } else {
        let down = picked(rows, COLUMNS);
        picked(columns, ROWS).into_iter().map(|c| down.iter().map(|&r| at(r, c)).collect()).collect()
    }
}

/// Singular values in descending order, by one-sided Jacobi rotations of the rows (Hestenes 1958).
fn singular_values(block: &[Vec<f64>]) -> Vec<f64> {
    let mut rows = block.to_vec();
    for _ in 0..30 {
        let mut turned = false;
        for i in 0..rows.len() {
            for j in i + 1..rows.len() {
                let (head, tail) = rows.split_at_mut(j);
                let (a, b) = (&mut head[i], &mut tail[0]);
                let (mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0);
                for (x, y) in a.iter().zip(b.iter()) {
                    aa += x * x;
                    bb += y * y;
                    ab += x * y;
                }
                if ab.abs() <= 1e-9 * (aa * bb).sqrt() || ab == 0.0 {
                    continue;
                }
                turned = true;
                let zeta = (bb - aa) / (2.0 * ab);
                let t = zeta.signum() / (zeta.abs() + (1.0 + zeta * zeta).sqrt());
                let (c, s) = (1.0 / (1.0 + t * t).sqrt(), t / (1.0 + t * t).sqrt());
                for (x, y) in a.iter_mut().zip(b.iter_mut()) {
                    (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
                }
            }
        }
        if !turned {
            break;
        }
    }
    let mut values: Vec<f64> = rows.iter().map(|row| row.iter().map(|x| x * x).sum::<f64>().sqrt()).collect();
    values.sort_by(|a, b| b.total_cmp(a));
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    /// numpy.linalg.svd([[3, 2, 2], [2, 3, -2]]) has the singular values 5 and 3.
    #[test]
    fn singular_values_are_those_of_numpy() {
        let values = singular_values(&[vec![3.0, 2.0, 2.0], vec![2.0, 3.0, -2.0]]);
        assert!((values[0] - 5.0).abs() < 1e-9 && (values[1] - 3.0).abs() < 1e-9, "{values:?}");
        assert_eq!(singular_values(&[vec![0.0; 4], vec![0.0; 4]]), [0.0, 0.0]);
    }
}
