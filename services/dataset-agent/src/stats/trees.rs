//! A small learner: gradient-boosted trees on binned columns (Friedman 2001, with the second-order
//! gain and leaf values of Chen and Guestrin 2016), logistic or softmax loss for classes, squared loss
//! for numbers. It exists to say what the columns can tell about the label on rows held out; it is
//! single-threaded in each fit and has no randomness, so equal input gives equal bits.

use crate::{
    stats::drift::quantile,
    table::{Column, MISSING, Values},
};

/// Most bins of a column; bin 0 holds missing cells.
const BINS: usize = 32;
const ROUNDS: usize = 40;
const DEPTH: usize = 3;
const RATE: f64 = 0.1;
const LAMBDA: f64 = 1.0;

/// What is to be predicted, row by row.
#[derive(Debug, Clone)]
pub(crate) enum Answers {
    Classes(Vec<usize>, usize),
    Numbers(Vec<f64>),
}

impl Answers {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Classes(c, _) => c.len(),
            Self::Numbers(v) => v.len(),
        }
    }
}

/// How a column is cut into bins; learnt on train, used on both splits.
#[derive(Debug)]
pub(crate) enum Cut {
    Edges(Vec<f64>),
    /// Bin of each known word.
    Words(hashbrown::HashMap<String, u8>),
}

impl Cut {
    /// Bins of equal counts for numbers; the most frequent words each their own, the rest together.
    pub(crate) fn of(column: &Column) -> Self {
        match &column.values {
            Values::Numbers(_) => {
                let sorted = column.sorted();
                let mut edges: Vec<f64> = match column.few_numbers(BINS - 1) {
                    Some(few) => few.into_iter().map(|(x, _)| x).collect(),
                    None => (1..BINS - 1).map(|i| quantile(sorted, i as f64 / (BINS - 1) as f64)).collect(),
                };
                edges.dedup();
                edges.pop();
                Self::Edges(edges)
            }
            Values::Words { words, .. } => {
                let cells = column.by_code();
                let mut order: Vec<usize> = (0..words.len()).collect();
                order.sort_by(|&a, &b| cells[b].cmp(&cells[a]).then_with(|| words[a].cmp(&words[b])));
                let bins = order
                    .into_iter()
                    .take(BINS - 2)
                    .enumerate()
                    .map(|(rank, w)| (words[w].clone(), u8::try_from(rank + 2).unwrap_or(1)))
                    .collect();
                Self::Words(bins)
            }
        }
    }

    /// Bin of each of these rows.
    pub(crate) fn bins(&self, column: &Column, rows: &[usize]) -> Vec<u8> {
        match (self, &column.values) {
            (Self::Edges(edges), Values::Numbers(values)) => rows
                .iter()
                .map(|&i| {
                    if values[i].is_nan() {
                        0
                    } else {
                        u8::try_from(1 + edges.partition_point(|e| *e < values[i])).unwrap_or(u8::MAX)
                    }
                })
                .collect(),
            (Self::Words(bins), Values::Words { codes, words }) => {
                let by_code: Vec<u8> = words.iter().map(|w| bins.get(w).copied().unwrap_or(1)).collect();
                rows.iter().map(|&i| if codes[i] == MISSING { 0 } else { by_code[codes[i] as usize] }).collect()
            }
            // The splits disagree on the type; that is said elsewhere.
            _ => vec![0; rows.len()],
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Node {
    Split { column: usize, bin: u8, left: usize },
    Leaf(f64),
}

#[derive(Debug)]
struct Tree(Vec<Node>);

impl Tree {
    fn value(&self, columns: &[Vec<u8>], row: usize) -> f64 {
        let mut at = 0;
        loop {
            match self.0[at] {
                Node::Leaf(value) => return value,
                Node::Split { column, bin, left } => at = if columns[column][row] <= bin { left } else { left + 1 },
            }
        }
    }
}

/// A fitted model.
#[derive(Debug)]
pub(crate) struct Model {
    base: Vec<f64>,
    /// One tree per output and round.
    trees: Vec<Vec<Tree>>,
    numbers: bool,
}

impl Model {
    /// Fits on the rows named by `rows` (indices into the bins and answers).
    pub(crate) fn fit(columns: &[Vec<u8>], answers: &Answers, rows: &[usize], stop: &dyn Fn() -> bool) -> Self {
        let n = answers.len();
        let (outputs, numbers) = match answers {
            Answers::Classes(_, 2) => (1, false),
            Answers::Classes(_, k) => (*k, false),
            Answers::Numbers(_) => (1, true),
        };
        let scale = match answers {
            Answers::Numbers(v) => {
                let (mean, count) =
                    (rows.iter().map(|&i| v[i]).sum::<f64>() / rows.len().max(1) as f64, rows.len().max(1) as f64);
                (rows.iter().map(|&i| (v[i] - mean).powi(2)).sum::<f64>() / count).sqrt().max(1e-300)
            }
            Answers::Classes(..) => 1.0,
        };
        let base: Vec<f64> = match answers {
            Answers::Numbers(v) => vec![rows.iter().map(|&i| v[i]).sum::<f64>() / rows.len().max(1) as f64],
            Answers::Classes(classes, k) => {
                let mut counts = vec![1.0; *k];
                rows.iter().for_each(|&i| counts[classes[i]] += 1.0);
                let total: f64 = counts.iter().sum();
                if *k == 2 { vec![(counts[1] / counts[0]).ln()] } else { counts.iter().map(|c: &f64| (c / total).ln()).collect() }
            }
        };
        let mut model = Self { base: base.clone(), trees: Vec::new(), numbers };
        let mut scores: Vec<Vec<f64>> = base.iter().map(|b| vec![*b; n]).collect();
        let rounds = if outputs > 3 { ROUNDS * 3 / 4 } else { ROUNDS };
        let (mut gradient, mut hessian) = (vec![0.0; n], vec![0.0; n]);
        for _ in 0..rounds {
            if stop() {
                break;
            }
            let probabilities: Vec<Vec<f64>> = if outputs > 1 { softmax(&scores, rows) } else { Vec::new() };
            let mut round = Vec::with_capacity(outputs);
            for output in 0..outputs {
                for (at, &i) in rows.iter().enumerate() {
                    let (g, h) = match answers {
                        Answers::Numbers(v) => ((scores[0][i] - v[i]) / scale, 1.0),
                        Answers::Classes(classes, _) => {
                            let p = if outputs == 1 { sigmoid(scores[0][i]) } else { probabilities[output][at] };
                            let y = if outputs == 1 { classes[i] == 1 } else { classes[i] == output };
                            (p - f64::from(u8::from(y)), (p * (1.0 - p)).max(1e-6))
                        }
                    };
                    (gradient[i], hessian[i]) = (g, h);
                }
                let tree = grow(columns, &gradient, &hessian, rows, if numbers { scale } else { 1.0 });
                for &i in rows {
                    scores[output][i] += tree.value(columns, i);
                }
                round.push(tree);
            }
            model.trees.push(round);
        }
        model
    }

    /// Probabilities of each class, or the number in a vector of one.
    pub(crate) fn predict(&self, columns: &[Vec<u8>], row: usize) -> Vec<f64> {
        let mut scores = self.base.clone();
        for round in &self.trees {
            for (score, tree) in scores.iter_mut().zip(round) {
                *score += tree.value(columns, row);
            }
        }
        if self.numbers {
            return scores;
        }
        if let [score] = scores[..] {
            let p = sigmoid(score);
            return vec![1.0 - p, p];
        }
        let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let exps: Vec<f64> = scores.iter().map(|s| (s - most).exp()).collect();
        let total: f64 = exps.iter().sum();
        exps.into_iter().map(|e| e / total).collect()
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn softmax(scores: &[Vec<f64>], rows: &[usize]) -> Vec<Vec<f64>> {
    let mut out = vec![vec![0.0; rows.len()]; scores.len()];
    for (at, &i) in rows.iter().enumerate() {
        let most = scores.iter().map(|s| s[i]).fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = scores.iter().map(|s| (s[i] - most).exp()).sum();
        for (out, score) in out.iter_mut().zip(scores) {
            out[at] = (score[i] - most).exp() / total;
        }
    }
    out
}

/// One tree, level by level; leaves hold at least this many rows.
fn grow(columns: &[Vec<u8>], gradient: &[f64], hessian: &[f64], rows: &[usize], scale: f64) -> Tree {
    let least = (rows.len() / 200).clamp(3, 20);
    let mut nodes = vec![Node::Leaf(0.0)];
    let mut open: Vec<(usize, Vec<usize>, usize)> = vec![(0, rows.to_vec(), 0)];
    while let Some((at, rows, depth)) = open.pop() {
        let (g, h) = rows.iter().fold((0.0, 0.0), |(g, h), &i| (g + gradient[i], h + hessian[i]));
        let best = if depth < DEPTH { best_split(columns, gradient, hessian, &rows, (g, h), least) } else { None };
        match best {
            Some((column, bin)) => {
                let left = nodes.len();
                nodes.extend([Node::Leaf(0.0), Node::Leaf(0.0)]);
                nodes[at] = Node::Split { column, bin, left };
                let (below, above) = rows.into_iter().partition(|&i| columns[column][i] <= bin);
                open.push((left, below, depth + 1));
                open.push((left + 1, above, depth + 1));
            }
            None => nodes[at] = Node::Leaf(-RATE * g / (h + LAMBDA) * scale),
        }
    }
    Tree(nodes)
}

fn best_split(
    columns: &[Vec<u8>],
    gradient: &[f64],
    hessian: &[f64],
    rows: &[usize],
    (g, h): (f64, f64),
    least: usize,
) -> Option<(usize, u8)> {
    if rows.len() < 2 * least {
        return None;
    }
    let whole = g * g / (h + LAMBDA);
    let mut best: Option<(f64, usize, u8)> = None;
    for (c, column) in columns.iter().enumerate() {
        let mut bins = [(0.0_f64, 0.0_f64, 0_u32); BINS + 1];
        for &i in rows {
            let bin = &mut bins[column[i] as usize];
            bin.0 += gradient[i];
            bin.1 += hessian[i];
            bin.2 += 1;
        }
        let (mut gl, mut hl, mut nl) = (0.0, 0.0, 0_usize);
        for (b, bin) in bins.iter().enumerate().take(BINS) {
            gl += bin.0;
            hl += bin.1;
            nl += bin.2 as usize;
            if bin.2 == 0 || nl < least {
                continue;
            }
            if rows.len() - nl < least {
                break;
            }
            let gain = gl * gl / (hl + LAMBDA) + (g - gl).powi(2) / (h - hl + LAMBDA) - whole;
            if gain > best.map_or(1e-6, |b| b.0) {
                best = Some((gain, c, u8::try_from(b).unwrap_or(u8::MAX)));
            }
        }
    }
    best.map(|(_, c, b)| (c, b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Kind, mix};

    fn uniform(i: u64) -> f64 {
        (mix(i) >> 11) as f64 / (1_u64 << 53) as f64
    }

    #[test]
    fn interactions_are_learnt_and_noise_is_not() {
        let n = 2000_u64;
        let column = |seed: u64| Column::new(Kind::Number, Values::Numbers((0..n).map(|i| uniform(i + seed * n)).collect()));
        let (a, b, c) = (column(1), column(2), column(3));
        let rows: Vec<usize> = (0..n as usize).collect();
        let bins: Vec<Vec<u8>> = [&a, &b, &c].iter().map(|c| Cut::of(c).bins(c, &rows)).collect();
        let (x, y) = (a.numbers().expect("numbers"), b.numbers().expect("numbers"));
        let xor: Vec<usize> = (0..n as usize).map(|i| usize::from((x[i] > 0.5) != (y[i] > 0.5))).collect();
        let (teach, check): (Vec<usize>, Vec<usize>) = rows.iter().partition(|i| **i % 2 == 0);
        let answers = Answers::Classes(xor.clone(), 2);
        let model = Model::fit(&bins, &answers, &teach, &|| false);
        let right = check.iter().filter(|&&i| (model.predict(&bins, i)[1] > 0.5) == (xor[i] == 1)).count();
        assert!(right as f64 > 0.95 * check.len() as f64, "{right} of {}", check.len());

        let noise: Vec<usize> = (0..n).map(|i| usize::from(uniform(i + 9 * n) > 0.5)).collect();
        let model = Model::fit(&bins, &Answers::Classes(noise.clone(), 2), &teach, &|| false);
        let right = check.iter().filter(|&&i| (model.predict(&bins, i)[1] > 0.5) == (noise[i] == 1)).count();
        assert!((right as f64 / check.len() as f64 - 0.5).abs() < 0.06);

        let sums: Vec<f64> = (0..n as usize).map(|i| 1000.0 * (x[i] + y[i])).collect();
        let model = Model::fit(&bins, &Answers::Numbers(sums.clone()), &teach, &|| false);
        let error = check.iter().map(|&i| (model.predict(&bins, i)[0] - sums[i]).powi(2)).sum::<f64>() / check.len() as f64;
        assert!(error.sqrt() < 80.0, "{}", error.sqrt());
    }
}
