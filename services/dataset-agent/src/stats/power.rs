//! How well one column predicts the label, held out.
//!
//! Classification: the area under the ROC curve (Hanley and McNeil 1982: the Mann–Whitney statistic
//! over the pairs), one-vs-rest and averaged over classes (Fawcett 2006). Two predictors are tried
//! per column and the better counts: the value itself (monotone; nothing is fitted but the
//! direction) and the class rate of the value's bin or category, learnt on one half of the rows and
//! scored on the other. Regression: the coefficient of determination of bin means, likewise held out.

use super::rank;
use crate::table::{Column, Values, mix};

/// Most rows looked at; beyond it a sample chosen by a hash of the row's content.
pub(crate) const SAMPLE: usize = 100_000;
const NUMBER_BINS: usize = 32;
const WORD_BINS: usize = 256;

/// The label, ready to be predicted.
#[derive(Debug)]
pub(crate) struct Target {
    /// Rows looked at, in the order of their lots.
    pub(crate) rows: Vec<usize>,
    /// Whether the row teaches (first half) or is scored.
    teaches: Vec<bool>,
    pub(crate) what: What,
}

/// Kind of label.
#[derive(Debug)]
pub(crate) enum What {
    /// Class of each row, and the number of classes.
    Classes(Vec<usize>, usize),
    Number(Vec<f64>),
}

impl Target {
    /// A label's rows that are present, sampled. `classes` maps each row to its class.
    /// `lots` are the table's ([`crate::table::Table::lots`]).
    pub(crate) fn new(what: What, lots: &[u64], present: impl Fn(usize) -> bool) -> Self {
        let rows = rank::sample(lots, (0..lots.len()).filter(|&i| present(i)), SAMPLE);
        let teaches = rows.iter().map(|&i| mix(lots[i] ^ 0x5eed) & 1 == 0).collect();
        let what = match what {
            What::Classes(classes, k) => What::Classes(rows.iter().map(|&i| classes[i]).collect(), k),
            What::Number(values) => What::Number(rows.iter().map(|&i| values[i]).collect()),
        };
        Self { rows, teaches, what }
    }

    /// Rows of the rarest class; all of them for a number.
    pub(crate) fn smallest_class(&self) -> usize {
        match &self.what {
            What::Classes(classes, k) => {
                let mut counts = vec![0_usize; *k];
                classes.iter().for_each(|&c| counts[c] += 1);
                counts.into_iter().min().unwrap_or(0)
            }
            What::Number(values) => values.len(),
        }
    }

    /// Rows that are scored.
    pub(crate) fn scored(&self) -> usize {
        self.teaches.iter().filter(|t| !**t).count()
    }
}

/// Predictive power of one column alone: AUC or R².
pub(crate) fn alone(column: &Column, target: &Target) -> f64 {
    let bins = binned(column, target);
    match &target.what {
        What::Classes(classes, k) => {
            let scores = class_scores(&bins, classes, *k, &target.teaches);
            let fitted = auc_over_classes(&scores, classes, *k, &target.teaches);
            let ranked = match &column.values {
                Values::Numbers(values) => rank_auc(values, target, classes, *k),
                Values::Words { .. } => 0.5,
            };
            fitted.max(ranked)
        }
        What::Number(values) => r_squared(&bins, values, &target.teaches).max(linear(column, target, values)),
    }
}

/// Share of rows in which the column is the label under other names: as many values as there are classes, each the
/// most frequent one of another class. `None` where it is not so, or a value has fewer than ten rows.
pub(crate) fn renames(column: &Column, target: &Target) -> Option<f64> {
    let What::Classes(classes, k) = &target.what else { return None };
    if column.spread().distinct != *k || column.present() < column.rows() {
        return None;
    }
    let mut counts = std::collections::BTreeMap::<usize, Vec<usize>>::new();
    for (&bin, &class) in binned(column, target).iter().zip(classes) {
        counts.entry(bin).or_insert_with(|| vec![0; *k])[class] += 1;
    }
    let mut taken = vec![false; *k];
    let mut agree = 0;
    for of_value in counts.values() {
        let (class, most) = of_value.iter().enumerate().max_by_key(|(_, n)| **n)?;
        let rows: usize = of_value.iter().sum();
        if rows < 10 || most * 10 < rows * 9 || std::mem::replace(&mut taken[class], true) {
            return None;
        }
        agree += most;
    }
    (counts.len() == *k).then_some(agree as f64 / classes.len() as f64)
}

/// Power of whether the cell is empty: AUC of the class it tells best, with that class; 0.5 for a number.
pub(crate) fn absence(column: &Column, target: &Target) -> (f64, usize) {
    let What::Classes(classes, k) = &target.what else { return (0.5, 0) };
    let present = column.is_present();
    // Nothing is learnt but the direction.
    (0..*k)
        .filter_map(|class| {
            let cells = target.rows.iter().zip(classes).map(|(&row, &c)| (f64::from(u8::from(present[row])), c == class));
            let auc = auc(cells.collect())?;
            Some((auc.max(1.0 - auc), class))
        })
        .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)))
        .unwrap_or((0.5, 0))
}

/// Power of summed evidence for one class.
pub(crate) fn together_for(sum: &[f64], target: &Target, class: usize) -> f64 {
    let What::Classes(classes, k) = &target.what else { return 0.5 };
    let scored = (0..classes.len()).filter(|&i| !target.teaches[i]).map(|i| (sum[i * k + class], classes[i] == class));
    auc(scored.collect()).unwrap_or(0.5)
}

/// Adds a column's evidence for each class (naive Bayes: log of bin rate over class rate) to the
/// rows' scores, so that [`together`] can tell what several columns reach.
pub(crate) fn add_evidence(column: &Column, target: &Target, sum: &mut [f64], sign: f64) {
    let bins = binned(column, target);
    match &target.what {
        What::Classes(classes, k) => {
            for (total, score) in sum.iter_mut().zip(class_scores(&bins, classes, *k, &target.teaches)) {
                *total += sign * score;
            }
        }
        What::Number(values) => {
            let means = bin_means(&bins, values, &target.teaches);
            for (total, bin) in sum.iter_mut().zip(&bins) {
                *total += sign * means[*bin];
            }
        }
    }
}

/// Length of the score vector of [`add_evidence`].
pub(crate) fn evidence_len(target: &Target) -> usize {
    match &target.what {
        What::Classes(_, k) => target.rows.len() * k,
        What::Number(_) => target.rows.len(),
    }
}

/// Predictive power of summed evidence: AUC, or the squared correlation.
pub(crate) fn together(sum: &[f64], target: &Target) -> f64 {
    match &target.what {
        What::Classes(classes, k) => auc_over_classes(sum, classes, *k, &target.teaches),
        What::Number(values) => {
            let scored: Vec<(f64, f64)> =
                sum.iter().zip(values).zip(&target.teaches).filter(|(_, t)| !**t).map(|((s, v), _)| (*s, *v)).collect();
            correlation(&scored).powi(2)
        }
    }
}

/// Bin of each row: numbers by equal counts, words by category (rare ones together), missing apart.
fn binned(column: &Column, target: &Target) -> Vec<usize> {
    match &column.values {
        Values::Numbers(values) => {
            let mut sorted: Vec<f64> = target.rows.iter().map(|&i| values[i]).filter(|x| !x.is_nan()).collect();
            sorted.sort_unstable_by(f64::total_cmp);
            let mut distinct = sorted.clone();
            distinct.dedup();
            // Few values are categories in disguise; many are cut by equal counts.
            let edges = if distinct.len() <= WORD_BINS {
                distinct
            } else {
                let mut edges: Vec<f64> =
                    (1..NUMBER_BINS).filter_map(|b| sorted.get(b * sorted.len() / NUMBER_BINS).copied()).collect();
                edges.dedup();
                edges
            };
            target
                .rows
                .iter()
                .map(|&i| if values[i].is_nan() { 0 } else { 1 + edges.partition_point(|e| *e <= values[i]) })
                .collect()
        }
        Values::Words { codes, words } => {
            let mut counts = vec![0_usize; words.len()];
            for &i in &target.rows {
                if let Some(count) = counts.get_mut(codes[i] as usize) {
                    *count += 1;
                }
            }
            let mut order: Vec<usize> = (0..words.len()).collect();
            order.sort_by(|&a, &b| counts[b].cmp(&counts[a]).then_with(|| words[a].cmp(&words[b])));
            let mut bin = vec![1_usize; words.len()];
            for (rank, &word) in order.iter().take(WORD_BINS).enumerate() {
                bin[word] = 2 + rank;
            }
            target.rows.iter().map(|&i| bin.get(codes[i] as usize).copied().unwrap_or(0)).collect()
        }
    }
}

/// Log of the class's rate in the row's bin over its rate overall, from the teaching half, with one
/// row of the overall rate added to each bin. Row-major, `k` per row.
fn class_scores(bins: &[usize], classes: &[usize], k: usize, teaches: &[bool]) -> Vec<f64> {
    let width = bins.iter().max().map_or(0, |b| b + 1);
    let mut counts = vec![0.0_f64; width * k];
    let mut totals = vec![0.0_f64; k];
    for ((&bin, &class), _) in bins.iter().zip(classes).zip(teaches).filter(|(_, t)| **t) {
        counts[bin * k + class] += 1.0;
        totals[class] += 1.0;
    }
    let all: f64 = totals.iter().sum();
    for bin in counts.chunks_mut(k) {
        let n: f64 = bin.iter().sum();
        for (count, total) in bin.iter_mut().zip(&totals) {
            let rate = (total / all).max(1e-9);
            *count = ((*count + rate) / (n + 1.0) / rate).ln();
        }
    }
    bins.iter().flat_map(|&bin| counts[bin * k..(bin + 1) * k].iter().copied()).collect()
}

/// AUC of each class against the rest on the scored half, averaged over classes seen there.
fn auc_over_classes(scores: &[f64], classes: &[usize], k: usize, teaches: &[bool]) -> f64 {
    let scored: Vec<usize> = (0..classes.len()).filter(|&i| !teaches[i]).collect();
    // Two classes mirror each other.
    let aucs: Vec<f64> = (0..k)
        .skip(usize::from(k == 2))
        .filter_map(|class| auc(scored.iter().map(|&i| (scores[i * k + class], classes[i] == class)).collect()))
        .collect();
    if aucs.is_empty() { 0.5 } else { aucs.iter().sum::<f64>() / aucs.len() as f64 }
}

/// The value's own AUC, whichever direction; missing cells sit in the middle (no information).
fn rank_auc(values: &[f64], target: &Target, classes: &[usize], k: usize) -> f64 {
    let missing = target.rows.iter().filter(|&&i| values[i].is_nan()).count();
    if missing * 2 > target.rows.len() {
        return 0.5;
    }
    let mut present: Vec<f64> = target.rows.iter().map(|&i| values[i]).filter(|x| !x.is_nan()).collect();
    if present.is_empty() {
        return 0.5;
    }
    let middle = present.len() / 2;
    let (_, median, _) = present.select_nth_unstable_by(middle, f64::total_cmp);
    let median = *median;
    let filled: Vec<f64> = target.rows.iter().map(|&i| if values[i].is_nan() { median } else { values[i] }).collect();
    let aucs: Vec<f64> = (0..k)
        .skip(usize::from(k == 2))
        .filter_map(|class| auc(filled.iter().zip(classes).map(|(x, c)| (*x, *c == class)).collect()))
        .map(|auc| auc.max(1.0 - auc))
        .collect();
    if aucs.is_empty() { 0.5 } else { aucs.iter().sum::<f64>() / aucs.len() as f64 }
}

/// Area under the ROC curve from scores and truth; ties count half. `None` with one class only.
pub(crate) fn auc(mut scored: Vec<(f64, bool)>) -> Option<f64> {
    scored.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let positives = scored.iter().filter(|s| s.1).count() as f64;
    let negatives = scored.len() as f64 - positives;
    if positives == 0.0 || negatives == 0.0 {
        return None;
    }
    let (mut rank_sum, mut i) = (0.0, 0);
    while i < scored.len() {
        let tied = scored[i..].iter().take_while(|s| s.0 == scored[i].0).count().max(1);
        let mean_rank = i as f64 + (tied as f64 + 1.0) / 2.0;
        rank_sum += mean_rank * scored[i..i + tied].iter().filter(|s| s.1).count() as f64;
        i += tied;
    }
    Some((rank_sum - positives * (positives + 1.0) / 2.0) / (positives * negatives))
}

fn bin_means(bins: &[usize], values: &[f64], teaches: &[bool]) -> Vec<f64> {
    let width = bins.iter().max().map_or(0, |b| b + 1);
    let (mut sums, mut counts) = (vec![0.0_f64; width], vec![0.0_f64; width]);
    let (mut all, mut n) = (0.0, 0.0);
    for ((&bin, &value), _) in bins.iter().zip(values).zip(teaches).filter(|(_, t)| **t) {
        sums[bin] += value;
        counts[bin] += 1.0;
        all += value;
        n += 1.0;
    }
    let mean = all / f64::max(n, 1.0);
    // One row of the overall mean in each bin.
    sums.iter().zip(&counts).map(|(sum, count)| (sum + mean) / (count + 1.0) - mean).collect()
}

fn r_squared(bins: &[usize], values: &[f64], teaches: &[bool]) -> f64 {
    let means = bin_means(bins, values, teaches);
    let scored: Vec<(f64, f64)> =
        bins.iter().zip(values).zip(teaches).filter(|(_, t)| !**t).map(|((bin, value), _)| (means[*bin], *value)).collect();
    correlation(&scored).powi(2)
}

/// Squared correlation of the raw values, and of their logarithms where both sides are positive: what
/// bins cut off at the ends of a skewed target.
fn linear(column: &Column, target: &Target, values: &[f64]) -> f64 {
    let Values::Numbers(x) = &column.values else { return 0.0 };
    let scored: Vec<(f64, f64)> = target
        .rows
        .iter()
        .zip(values)
        .zip(&target.teaches)
        .filter(|((row, _), teaches)| !**teaches && x[**row].is_finite())
        .map(|((row, y), _)| (x[*row], *y))
        .collect();
    // Missing cells would have to be guessed; a column that has many is judged by its bins.
    if scored.len() * 10 < target.scored() * 9 {
        return 0.0;
    }
    let raw = correlation(&scored).powi(2);
    let logs: Vec<(f64, f64)> = scored.iter().filter(|(x, y)| *x > 0.0 && *y > 0.0).map(|(x, y)| (x.ln(), y.ln())).collect();
    if logs.len() == scored.len() { raw.max(correlation(&logs).powi(2)) } else { raw }
}

/// Correlation of two numeric columns within classes, over the rows looked at. Two measurements of
/// one thing correlate there; two independent leaks do not.
pub(crate) fn within_classes(a: &Column, b: &Column, target: &Target) -> f64 {
    let (Values::Numbers(x), Values::Numbers(y)) = (&a.values, &b.values) else { return 0.0 };
    let (classes, k) = match &target.what {
        What::Classes(classes, k) => (classes.clone(), *k),
        // Tenths of a number stand for classes.
        What::Number(values) => {
            let mut sorted = values.clone();
            sorted.sort_unstable_by(f64::total_cmp);
            let edges = super::drift::deciles(&sorted);
            (values.iter().map(|v| edges.partition_point(|e| e < v)).collect(), 10)
        }
    };
    let rows: Vec<(usize, f64, f64)> = target
        .rows
        .iter()
        .zip(&classes)
        .map(|(&row, &class)| (class, x[row], y[row]))
        .filter(|(_, x, y)| x.is_finite() && y.is_finite())
        .collect();
    let mut means = vec![(0.0, 0.0, 0.0); k];
    for (class, x, y) in &rows {
        let mean = &mut means[*class];
        *mean = (mean.0 + x, mean.1 + y, mean.2 + 1.0);
    }
    let centred: Vec<(f64, f64)> =
        rows.iter().map(|(c, x, y)| (x - means[*c].0 / means[*c].2, y - means[*c].1 / means[*c].2)).collect();
    correlation(&centred)
}

pub(crate) fn correlation(pairs: &[(f64, f64)]) -> f64 {
    let n = pairs.len() as f64;
    let (mx, my) = (pairs.iter().map(|p| p.0).sum::<f64>() / n, pairs.iter().map(|p| p.1).sum::<f64>() / n);
    let (mut xy, mut xx, mut yy) = (0.0, 0.0, 0.0);
    for (x, y) in pairs {
        xy += (x - mx) * (y - my);
        xx += (x - mx).powi(2);
        yy += (y - my).powi(2);
    }
    if xx > 0.0 && yy > 0.0 { xy / (xx * yy).sqrt() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Kind;

    #[test]
    fn auc_counts_pairs_and_ties() {
        // scikit-learn roc_auc_score([0,0,1,1], [0.1,0.4,0.35,0.8]) is 0.75.
        assert_eq!(auc(vec![(0.1, false), (0.4, false), (0.35, true), (0.8, true)]), Some(0.75));
        assert_eq!(auc(vec![(1.0, false), (1.0, true)]), Some(0.5));
        assert_eq!(auc(vec![(1.0, true)]), None);
    }

    #[test]
    fn a_column_that_encodes_the_label_without_order_is_found() {
        let classes: Vec<usize> = (0..4000_u64).map(|i| (mix(i) % 2) as usize).collect();
        // Values 0..40; even ones mean class 1: no threshold separates them.
        let values = classes.iter().enumerate().map(|(i, &c)| (mix(i as u64 + 9) % 20 * 2 + u64::from(c == 0)) as f64).collect();
        let noise = (0..4000_u64).map(|i| (mix(i + 77) % 1000) as f64).collect();
        let lots: Vec<u64> = (0..4000).map(mix).collect();
        let target = Target::new(What::Classes(classes, 2), &lots, |_| true);
        let column = |values| Column::new(Kind::Number, Values::Numbers(values));
        assert!(alone(&column(values), &target) > 0.99);
        assert!(alone(&column(noise), &target) < 0.56);
    }
}
