//! Rows of test that occur in train up to rounding. Two rows are near when every category agrees and
//! every number differs by at most a twentieth of its standard deviation. How natural that is shows in
//! train itself: the share of train's rows that have such a neighbour in the rest of train. A sample of
//! rows, chosen by a hash of their content, is looked up among train's rows of the same categories, sorted by
//! their most varied column.

use deepfix_agent::Cancel;
use rayon::prelude::*;

use crate::{
    stats::drift::standard_deviation,
    table::{Column, Kind, Table, Values},
};

/// Rows looked up on each side.
const SAMPLE: usize = 3000;
/// Largest difference, in standard deviations: the wide one first, and a narrow one for tables of so few
/// columns that neighbours are natural at the wide one.
const TOLERANCES: [f64; 2] = [0.05, 0.005];
/// Fewest numeric columns with many values; below, neighbours are everywhere.
const CONTINUOUS: usize = 2;

/// Neighbours of test's rows in train.
#[derive(Debug)]
pub(super) struct Near {
    /// Test rows that were looked up.
    pub(super) looked_up: usize,
    /// Those with a neighbour in train.
    pub(super) rows: Vec<usize>,
    /// Share of train's rows with a neighbour in the rest of train.
    pub(super) natural: f64,
    /// Train rows that this share was counted on.
    pub(super) counted: usize,
    /// Largest difference in a column, in its standard deviations.
    pub(super) tolerance: f64,
}

impl Near {
    /// Whether there are more than train's own rate makes, at the upper end of its uncertainty.
    pub(super) fn beyond_chance(&self) -> bool {
        let n = self.counted.max(1) as f64;
        let rate = self.natural + 2.0 * (self.natural / n).sqrt() + 1.0 / n;
        let expected = rate * self.looked_up as f64;
        super::rows::Pairs { observed: self.rows.len() as f64, expected }.beyond_chance()
    }

    pub(super) fn share(&self) -> f64 {
        self.rows.len() as f64 / self.looked_up.max(1) as f64
    }
}

struct Numbers<'a> {
    train: &'a [f64],
    test: &'a [f64],
    deviation: f64,
}

struct Lookup<'a> {
    numbers: Vec<Numbers<'a>>,
    /// Hashes of everything else, row by row.
    rest: [Vec<u64>; 2],
    /// Train's rows by the hash of everything else, then by the first of the numbers.
    order: Vec<usize>,
    tolerance: f64,
}

/// `None` also when the caller has left.
pub(super) fn find(train: &Table, test: &Table, names: &[String], cancel: &Cancel) -> Option<Near> {
    let mut numbers: Vec<(usize, Numbers<'_>)> = Vec::new();
    let mut rest = [vec![0_u64; train.rows()], vec![0_u64; test.rows()]];
    for name in names {
        let (a, b) = (train.column(name)?, test.column(name)?);
        let distinct = a.spread().distinct;
        match (&a.values, &b.values) {
            (Values::Numbers(x), Values::Numbers(y)) if a.kind == Kind::Number && distinct > 30 => {
                let deviation = standard_deviation(a.sorted());
                numbers.push((distinct, Numbers { train: x, test: y, deviation }));
            }
            _ => {
                for (sum, column) in rest.iter_mut().zip([a, b]) {
                    add(sum, column, name);
                }
            }
        }
    }
    if numbers.len() < CONTINUOUS {
        return None;
    }
    if cancel.is_cancelled() {
        return None;
    }
    numbers.sort_by_key(|n| std::cmp::Reverse(n.0));
    let numbers: Vec<Numbers<'_>> = numbers.into_iter().map(|n| n.1).collect();
    let mut order: Vec<usize> = (0..train.rows()).filter(|&i| !numbers[0].train[i].is_nan()).collect();
    let (hashes, first) = (&rest[0], &numbers[0].train);
    order.par_sort_unstable_by(|&a, &b| hashes[a].cmp(&hashes[b]).then_with(|| first[a].total_cmp(&first[b])));
    let mut lookup = Lookup { numbers, rest, order, tolerance: 0.0 };
    let most = if train.rows() > 200_000 { SAMPLE / 3 } else { SAMPLE };
    let (ours, mut theirs) = (train.sample(most), test.sample(most));
    theirs.sort_unstable();
    let mut near = None;
    for tolerance in TOLERANCES {
        lookup.tolerance = tolerance;
        let natural = ours.par_iter().filter(|&&i| !cancel.is_cancelled() && lookup.has_neighbour(i, true)).count() as f64
            / ours.len().max(1) as f64;
        let rows: Vec<usize> =
            theirs.par_iter().copied().filter(|&i| !cancel.is_cancelled() && lookup.has_neighbour(i, false)).collect();
        if cancel.is_cancelled() {
            return None;
        }
        let found = Near { looked_up: theirs.len(), rows, natural, counted: ours.len(), tolerance };
        let enough = found.beyond_chance();
        near = Some(found);
        if enough {
            break;
        }
    }
    near
}

fn add(sum: &mut [u64], column: &Column, name: &str) {
    let hasher = column.hasher(name);
    sum.par_iter_mut().enumerate().for_each(|(row, total)| *total = total.wrapping_add(hasher.hash(row)));
}

impl Lookup<'_> {
    /// Whether a row of train (other than itself) or of test has a neighbour in train.
    fn has_neighbour(&self, row: usize, of_train: bool) -> bool {
        let value = |n: &Numbers<'_>| if of_train { n.train[row] } else { n.test[row] };
        let (first, hash) = (&self.numbers[0], self.rest[usize::from(!of_train)][row]);
        let x = value(first);
        if x.is_nan() {
            return false;
        }
        let reach = self.tolerance * first.deviation;
        let hashes = &self.rest[0];
        let before = |&i: &usize| hashes[i] < hash || hashes[i] == hash && first.train[i] < x - reach;
        let from = self.order.partition_point(before);
        self.order[from..]
            .iter()
            .take_while(|&&i| hashes[i] == hash && first.train[i] <= x + reach)
            .filter(|&&i| !of_train || i != row)
            .any(|&i| {
                self.numbers[1..].iter().all(|n| {
                    let (a, b) = (n.train[i], value(n));
                    (a - b).abs() <= self.tolerance * n.deviation || (a.is_nan() && b.is_nan())
                })
            })
    }
}
