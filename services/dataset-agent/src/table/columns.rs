//! A table as its columns, each taken out of the file's form once.

use std::sync::OnceLock;

use hashbrown::HashMap;
use rayon::prelude::*;

use super::{
    CellHasher, Column,
    frame::{Frame, guarded},
    mix,
    refine::{decimal_commas, refine},
};
use crate::stats::rank;

/// A table as read.
#[derive(Debug)]
pub(crate) struct Table {
    names: Vec<String>,
    columns: Vec<Column>,
    index: HashMap<String, usize>,
    rows: usize,
    sums: OnceLock<Vec<u64>>,
    lots: OnceLock<Vec<u64>>,
    /// Whether the file declares types (Parquet, JSON), or they were inferred (CSV).
    pub(crate) typed: bool,
    /// Spread out from a profile: columns stand each by itself, rows mean nothing.
    pub(crate) marginal: bool,
    /// Rows of the whole file, where these are a sample of them.
    pub(crate) sampled_from: Option<u64>,
    /// What a reader should know: an encoding replaced, columns left out.
    pub(crate) remarks: Vec<String>,
}

impl Table {
    pub(super) fn new(mut read: Frame) -> Self {
        let rows = read.frame.height();
        let names: Vec<String> = read.frame.get_column_names().iter().map(|name| name.to_string()).collect();
        let columns: Vec<Option<Column>> =
            read.frame.columns().par_iter().map(|column| guarded(|| Column::from_polars(column)).ok()).collect();
        let commas = !read.typed && decimal_commas(columns.iter().flatten());
        let columns: Vec<Option<Column>> = columns.into_par_iter().map(|column| column.map(|c| refine(c, commas))).collect();
        drop(read.frame);
        let mut kept = Vec::new();
        for (name, column) in names.into_iter().zip(columns) {
            match column {
                Some(column) => kept.push((name, column)),
                None => read.remarks.push(format!("column `{name}` has a type that is not read here and was left out")),
            }
        }
        Self { typed: read.typed, remarks: read.remarks, ..Self::of_columns(rows, kept) }
    }

    pub(crate) fn of_columns(rows: usize, columns: Vec<(String, Column)>) -> Self {
        let (names, columns): (Vec<String>, Vec<Column>) = columns.into_iter().unzip();
        let index = names.iter().enumerate().map(|(i, name)| (name.clone(), i)).collect();
        Self {
            names,
            columns,
            index,
            rows,
            sums: OnceLock::new(),
            lots: OnceLock::new(),
            typed: false,
            marginal: false,
            sampled_from: None,
            remarks: Vec::new(),
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.index.get(name).map(|&i| &self.columns[i])
    }

    pub(crate) fn column_mut(&mut self, name: &str) -> Option<&mut Column> {
        self.index.get(name).map(|&i| &mut self.columns[i])
    }

    /// Orders every column, on all cores: what follows asks for it column by column.
    pub(crate) fn order(&self, cancelled: impl Fn() -> bool + Sync) {
        self.columns.par_iter().filter(|_| !cancelled()).for_each(|column| {
            column.spread();
        });
    }

    /// Per row, the sum of its cells' hashes in these columns: sums, because they do not depend on the
    /// order of columns, and because a column is taken out of them again by subtraction.
    pub(crate) fn row_sums(&self, names: &[String]) -> Vec<u64> {
        let whole = self.whole_sums();
        let wanted: hashbrown::HashSet<&String> = names.iter().collect();
        let out: Vec<CellHasher<'_>> =
            self.columns().filter(|(name, _)| !wanted.contains(name)).map(|(name, column)| column.hasher(name)).collect();
        self.sum(&out, |sum, hash| *sum = sum.wrapping_sub(hash), whole.to_vec())
    }

    fn whole_sums(&self) -> &[u64] {
        self.sums.get_or_init(|| {
            let hashers: Vec<CellHasher<'_>> = self.columns().map(|(name, column)| column.hasher(name)).collect();
            self.sum(&hashers, |sum, hash| *sum = sum.wrapping_add(hash), vec![0; self.rows])
        })
    }

    /// Per row a number drawn from what the row holds, by which samples are taken: the order of rows has
    /// no part in it. Copies of a row draw each its own, so that a frequent row is not all in or all out.
    pub(crate) fn lots(&self) -> &[u64] {
        self.lots.get_or_init(|| {
            let mut rows: Vec<(u64, usize)> = self.whole_sums().iter().enumerate().map(|(i, sum)| (mix(*sum), i)).collect();
            rows.par_sort_unstable();
            let mut lots = vec![0; rows.len()];
            for copies in rows.chunk_by(|a, b| a.0 == b.0) {
                for (nth, (hash, row)) in copies.iter().enumerate() {
                    lots[*row] = mix(hash.wrapping_add(nth as u64));
                }
            }
            lots
        })
    }

    /// At most so many rows, by their lots.
    pub(crate) fn sample(&self, most: usize) -> Vec<usize> {
        rank::sample(self.lots(), 0..self.rows, most)
    }

    fn sum(&self, hashers: &[CellHasher<'_>], apply: fn(&mut u64, u64), mut sums: Vec<u64>) -> Vec<u64> {
        // A chunk of sums stays in the cache while the columns pass by.
        const CHUNK: usize = 16_384;
        sums.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, sums)| {
            for hasher in hashers {
                for (i, sum) in sums.iter_mut().enumerate() {
                    apply(sum, hasher.hash(chunk * CHUNK + i));
                }
            }
        });
        sums
    }

    /// Names and columns, in order.
    pub(crate) fn columns(&self) -> impl Iterator<Item = (&String, &Column)> {
        self.names.iter().zip(&self.columns)
    }
}
