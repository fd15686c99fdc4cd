//! Tables in memory: files of several formats read into columns of numbers, words or times.

mod arrow;
mod column;
mod columns;
mod concat;
mod csv;
mod dates;
mod frame;
mod harmonize;
mod mask;
mod read;
mod refine;
mod sentinels;

pub(crate) use column::{CellHasher, Column, Kind, MISSING, Values, mix, runs, show};
pub(crate) use columns::Table;
pub(crate) use frame::TableError;
pub(crate) use harmonize::{all_names, harmonize};
pub(crate) use mask::mask;
pub(crate) use read::{Reading, Unpacked};
