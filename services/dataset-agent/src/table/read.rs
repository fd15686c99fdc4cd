//! From the files of a table to its columns, within the memory allowed: a table over it is read slice
//! by slice, and rows are kept by the hash of their content, so that rows that are equal are kept or
//! left together, in one split as in the other.

use std::borrow::Cow;

use deepfix_agent::{Cancel, Part};
use deepfix_artifact::{Limits, ReadError, decompress};
use polars::prelude::{BooleanChunked, DataFrame, DataType, IntoColumn, NamedFrom, NewChunkedArray, PlSmallStr, Series};

use super::{
    Column, Table, TableError,
    column::mix,
    concat::concat,
    frame::{self, Frame, guarded},
};
use crate::profile::{MAGIC, Profile};

/// Memory that a cell takes from reading to the last detector: the frame, the column, its order, and
/// what is built from them. Measured on tables of numbers (`bench/dataset`).
const CELL: usize = 40;
/// Partition value that Hive and Spark write for "missing".
const HIVE_NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The files of a table, decompressed.
pub(crate) struct Unpacked<'a> {
    parts: Vec<(&'a str, Cow<'a, [u8]>)>,
    format: &'a str,
    cancel: Cancel,
}

/// How a table is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading<'a> {
    /// Share of the rows to keep; 1 for all.
    pub(crate) share: f64,
    /// Column that does not decide which rows are kept, so that rows that differ in it only stay together.
    pub(crate) label: &'a str,
}

impl<'a> Unpacked<'a> {
    /// Decompresses the files.
    pub(crate) fn new(parts: &'a [Part], format: &'a str, limits: Limits) -> Result<Self, TableError> {
        let mut unpacked = Vec::with_capacity(parts.len());
        let mut total = 0_usize;
        for part in parts {
            let plain = decompress(&part.content, limits).map_err(|error| named(&part.name, error.into()))?;
            if let Cow::Owned(bytes) = &plain {
                total = total.saturating_add(bytes.len());
                if total > limits.max_decompressed {
                    return Err(ReadError::Bomb { compressed: part.content.len(), limit: limits.max_decompressed }.into());
                }
            }
            unpacked.push((part.name.as_str(), plain));
        }
        Ok(Self { parts: unpacked, format, cancel: Cancel::default() })
    }

    /// Reads no further once the caller has left.
    pub(crate) fn until(mut self, cancel: Cancel) -> Self {
        self.cancel = cancel;
        self
    }

    /// Bytes of memory that the whole table would take, roughly.
    pub(crate) fn weight(&self) -> Result<u64, TableError> {
        let mut cells = 0_usize;
        for (name, plain) in &self.parts {
            if !plain.starts_with(MAGIC) {
                cells = cells.saturating_add(frame::cells(plain, self.format).map_err(|error| named(name, error))?);
            }
        }
        Ok((cells as u64).saturating_mul(CELL as u64))
    }

    /// Reads the table.
    pub(crate) fn read(&self, reading: Reading<'_>) -> Result<Table, TableError> {
        if let Some(profile) = self.profile()? {
            return Ok(Table::of_profile(&profile));
        }
        let (mut frames, mut typed, mut remarks, mut rows) = (Vec::new(), true, Vec::<String>::new(), 0_u64);
        let mut take = |read: Frame, name: &str| -> Result<(), TableError> {
            if self.cancel.is_cancelled() {
                return Err(frame::left());
            }
            rows += read.frame.height() as u64;
            typed &= read.typed;
            for remark in read.remarks {
                if remarks.len() < 20 && !remarks.contains(&remark) {
                    remarks.push(remark);
                }
            }
            let kept = if reading.share < 1.0 { keep(read.frame, reading)? } else { read.frame };
            frames.push(partitioned(kept, name)?);
            Ok(())
        };
        for (name, plain) in &self.parts {
            if reading.share < 1.0 {
                frame::slices(plain, self.format, |slice| take(slice, name)).map_err(|error| named(name, error))?;
            } else {
                let whole = frame::whole(plain, self.format, &self.cancel).map_err(|error| named(name, error))?;
                take(whole, name).map_err(|error| named(name, error))?;
            }
        }
        let frame = guarded(|| concat(frames))
            .map_err(|reason| TableError::Unreadable(format!("the files do not make one table: {reason}")))?;
        if frame.height() == 0 {
            return Err(TableError::Incomplete(format!(
                "has a header of {} columns and no rows; was the export cut short, or a filter too strict?",
                frame.width()
            )));
        }
        let mut table = Table::new(Frame { frame, typed, remarks });
        table.sampled_from = (reading.share < 1.0).then_some(rows);
        Ok(table)
    }

    /// The tables of the file one after the other, none larger than a slice.
    pub(crate) fn slices(&self, mut each: impl FnMut(&Table) -> Result<(), TableError>) -> Result<(), TableError> {
        self.parts.iter().try_for_each(|(name, plain)| {
            frame::slices(plain, self.format, |slice| {
                let frame = partitioned(slice.frame, name)?;
                each(&Table::new(Frame { frame, ..slice }))
            })
            .map_err(|error| named(name, error))
        })
    }

    /// The profile that the files are, merged; `None` for tables.
    pub(crate) fn profile(&self) -> Result<Option<Profile>, TableError> {
        let mut merged: Option<Profile> = None;
        for (name, plain) in self.parts.iter().filter(|(_, plain)| plain.starts_with(MAGIC)) {
            let wrong = |error: crate::ProfileError| named(name, TableError::Unreadable(error.to_string()));
            let part = Profile::decode(plain).map_err(wrong)?;
            match &mut merged {
                None => merged = Some(part),
                Some(whole) => whole.merge(&part).map_err(wrong)?,
            }
        }
        let tables = self.parts.iter().filter(|(_, plain)| !plain.starts_with(MAGIC)).count();
        if merged.is_some() && tables > 0 {
            return Err(TableError::Unreadable("holds profiles beside tables; hand in one or the other".into()));
        }
        Ok(merged)
    }
}

fn named(name: &str, error: TableError) -> TableError {
    match error {
        TableError::Unreadable(reason) if !name.is_empty() => TableError::Unreadable(format!("{name}: {reason}")),
        TableError::Incomplete(reason) if !name.is_empty() => TableError::Incomplete(format!("{name}: {reason}")),
        TableError::Read(error) if !name.is_empty() => TableError::Unreadable(format!("{name}: {error}")),
        error => error,
    }
}

/// Rows whose hash falls below the share.
fn keep(frame: DataFrame, reading: Reading<'_>) -> Result<DataFrame, TableError> {
    let columns: Vec<(String, Column)> = frame
        .columns()
        .iter()
        .filter(|column| column.name().as_str() != reading.label)
        .filter_map(|column| Some((column.name().to_string(), guarded(|| Column::from_polars(column)).ok()?)))
        .collect();
    let names: Vec<String> = columns.iter().map(|c| c.0.clone()).collect();
    let sums = Table::of_columns(frame.height(), columns).row_sums(&names);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of the range")]
    let cut = (reading.share * u64::MAX as f64) as u64;
    let mask: Vec<bool> = sums.iter().map(|sum| mix(*sum) < cut).collect();
    let mask = BooleanChunked::from_slice(PlSmallStr::EMPTY, &mask);
    guarded(|| frame.filter(&mask)).map_err(|reason| TableError::Unreadable(format!("a slice cannot be filtered: {reason}")))
}

/// The frame with the columns that its folders name (`year=2026/month=11/part.parquet`).
fn partitioned(mut frame: DataFrame, name: &str) -> Result<DataFrame, TableError> {
    for (key, value) in name.split('/').filter_map(|folder| folder.split_once('=')) {
        if key.is_empty() || frame.column(key).is_ok() {
            continue;
        }
        let (name, rows) = (PlSmallStr::from(key), frame.height());
        let series = if value == HIVE_NULL {
            Series::full_null(name, rows, &DataType::String)
        } else {
            Series::new(name, vec![value; rows])
        };
        guarded(|| frame.with_column(series.into_column()).map(|_| ()))
            .map_err(|reason| TableError::Unreadable(format!("the partition {key}={value} cannot be added: {reason}")))?;
    }
    Ok(frame)
}
