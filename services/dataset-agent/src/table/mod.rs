//! Tables in memory: files of several formats read into columns of numbers, words or times.

mod column;
mod csv;
mod dates;
mod harmonize;
mod read;
mod refine;
mod sentinels;

pub(crate) use column::{CellHasher, Column, Kind, MISSING, Values, mix, runs, show};
pub(crate) use harmonize::{all_names, harmonize};
pub(crate) use read::{Table, TableError, read};
