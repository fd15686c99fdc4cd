//! Tables in memory: files of several formats read into columns of numbers, words or times.

mod column;
mod csv;
mod read;

pub(crate) use column::{Column, Kind, MISSING, Values, hash_text, mix, show};
pub(crate) use read::{Table, read};
