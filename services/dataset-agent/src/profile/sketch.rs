//! A quantile sketch that can be merged: KLL (Karnin, Lang and Liberty 2016). Levels of items, an item
//! of level h standing for 2^h values; a level that is full is sorted, every second item moves up and
//! the others are let go. Which half moves is decided by a hash of what was compacted before, so equal
//! input gives an equal sketch. Until a level first overflows it is exact.

use serde::{Deserialize, Serialize};

use crate::table::mix;

/// Capacity of the top level; lower ones hold two thirds of the level above, at least eight.
const K: usize = 800;
const SHRINK: f64 = 2.0 / 3.0;
const LEAST: usize = 8;

/// Rank error that 99 of 100 quantiles keep: 1.65 % · 200 / K^0.9 after the measurements published with
/// Apache DataSketches (single-sided 1.33 % at K = 200), rounded up.
pub(crate) const RANK_ERROR: f64 = 0.005;

/// Values by rank, in a few thousand numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sketch {
    levels: Vec<Vec<f64>>,
    /// Compactions so far; decides halves.
    compactions: u64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Default for Sketch {
    fn default() -> Self {
        Self { levels: vec![Vec::new()], compactions: 0, min: f64::INFINITY, max: f64::NEG_INFINITY }
    }
}

impl Sketch {
    /// Adds a value that occurs so many times.
    pub(crate) fn add(&mut self, value: f64, times: u64) {
        if times == 0 || !value.is_finite() {
            return;
        }
        (self.min, self.max) = (self.min.min(value), self.max.max(value));
        for level in 0..64 - times.leading_zeros() as usize {
            if (times >> level) & 1 == 1 {
                while self.levels.len() <= level {
                    self.levels.push(Vec::new());
                }
                self.levels[level].push(value);
            }
        }
        self.compact();
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        (self.min, self.max) = (self.min.min(other.min), self.max.max(other.max));
        self.compactions = self.compactions.wrapping_add(other.compactions);
        for (level, items) in other.levels.iter().enumerate() {
            while self.levels.len() <= level {
                self.levels.push(Vec::new());
            }
            self.levels[level].extend(items);
        }
        self.compact();
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most K")]
    fn capacity(&self, level: usize) -> usize {
        let below_top = self.levels.len() - 1 - level;
        ((K as f64 * SHRINK.powi(i32::try_from(below_top).unwrap_or(i32::MAX))) as usize).max(LEAST)
    }

    fn compact(&mut self) {
        let mut level = 0;
        while level < self.levels.len() {
            // Bounded before sorting, so that a value costs a constant on average.
            if self.levels[level].len() > self.capacity(level).max(2 * LEAST) {
                if level + 1 == self.levels.len() {
                    self.levels.push(Vec::new());
                }
                let mut items = std::mem::take(&mut self.levels[level]);
                items.sort_unstable_by(f64::total_cmp);
                // An odd one stays behind, so that no weight is lost.
                let odd = if items.len() % 2 == 1 { items.pop() } else { None };
                let half = usize::from(mix(self.compactions ^ ((level as u64) << 48)) & 1 == 1);
                self.compactions += 1;
                self.levels[level + 1].extend(items.into_iter().skip(half).step_by(2));
                self.levels[level].extend(odd);
            }
            level += 1;
        }
    }

    /// Items ascending, each with the number of values it stands for.
    pub(crate) fn items(&self) -> Vec<(f64, u64)> {
        let mut items: Vec<(f64, u64)> = self
            .levels
            .iter()
            .enumerate()
            .flat_map(|(level, values)| values.iter().map(move |v| (*v, 1_u64 << level.min(63))))
            .collect();
        items.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        items
    }

    /// Whether the levels are those of some sketch: what is read from a file is not trusted.
    pub(crate) fn is_sound(&self) -> bool {
        self.levels.len() <= 48 && self.levels.iter().all(|l| l.len() <= 4 * K && l.iter().all(|x| x.is_finite()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranks_hold(sketch: &Sketch, sorted: &[f64]) {
        let n = sorted.len() as f64;
        let items = sketch.items();
        assert_eq!(items.iter().map(|i| i.1).sum::<u64>(), sorted.len() as u64);
        let mut seen = 0.0;
        for (value, weight) in items {
            let rank = sorted.partition_point(|x| *x <= value) as f64;
            seen += weight as f64;
            assert!((seen - rank).abs() / n <= 2.0 * RANK_ERROR, "{value}: {seen} for {rank} of {n}");
        }
    }

    #[test]
    fn ranks_hold_for_the_whole_and_for_merged_parts() {
        let values: Vec<f64> = (0..200_000_u64).map(|i| (mix(i) % 1_000_003) as f64).collect();
        let sorted = {
            let mut sorted = values.clone();
            sorted.sort_unstable_by(f64::total_cmp);
            sorted
        };
        let of = |values: &[f64]| {
            let mut sketch = Sketch::default();
            values.iter().for_each(|v| sketch.add(*v, 1));
            sketch
        };
        let whole = of(&values);
        ranks_hold(&whole, &sorted);
        assert!(whole.levels.iter().map(Vec::len).sum::<usize>() < 4 * K);
        let mut merged = Sketch::default();
        values.chunks(9_973).for_each(|part| merged.merge(&of(part)));
        ranks_hold(&merged, &sorted);
        let mut sorted_input = Sketch::default();
        sorted.iter().for_each(|v| sorted_input.add(*v, 1));
        ranks_hold(&sorted_input, &sorted);
    }
}
