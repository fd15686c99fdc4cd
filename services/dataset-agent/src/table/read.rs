//! From bytes to a table, with the format told by content first, then by hint and name.

use std::{borrow::Cow, io::Cursor, num::NonZeroUsize, sync::OnceLock};

use deepfix_artifact::{Limits, ReadError, decode_text, decompress, looks_binary};
use hashbrown::HashMap;
use polars::prelude::{DataFrame, IpcReader, JsonFormat, JsonReader, ParquetReader, SerReader};
use rayon::prelude::*;

use super::{
    CellHasher, Column, csv,
    refine::{decimal_commas, refine},
};
use crate::profile::Profile;

/// Columns beyond this many are refused: no table of a model has them, hostile headers do.
const MAX_COLUMNS: usize = 100_000;

/// A table as read: every column taken out of the file's form once.
#[derive(Debug)]
pub(crate) struct Table {
    names: Vec<String>,
    columns: Vec<Column>,
    index: HashMap<String, usize>,
    rows: usize,
    sums: OnceLock<Vec<u64>>,
    /// Whether the file declares types (Parquet, JSON), or they were inferred (CSV).
    pub(crate) typed: bool,
    /// Spread out from a profile: columns stand each by itself, rows mean nothing.
    pub(crate) marginal: bool,
    /// What a reader should know: an encoding replaced, columns left out.
    pub(crate) remarks: Vec<String>,
}

/// A table in the form of its file.
struct Frame {
    frame: DataFrame,
    typed: bool,
    remarks: Vec<String>,
}

/// Why a table could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TableError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("{0}")]
    Unreadable(String),
    /// The format is right but something it promises is missing.
    #[error("{0}")]
    Incomplete(String),
}

impl TableError {
    /// The fault code that says whose fault it is.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Read(_) | Self::Unreadable(_) => "artifact_unreadable",
            Self::Incomplete(_) => "artifact_incomplete",
        }
    }
}

impl Table {
    fn new(mut read: Frame) -> Self {
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
        Self { names, columns, index, rows, sums: OnceLock::new(), typed: false, marginal: false, remarks: Vec::new() }
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
        let whole = self.sums.get_or_init(|| {
            let hashers: Vec<CellHasher<'_>> = self.columns().map(|(name, column)| column.hasher(name)).collect();
            self.sum(&hashers, |sum, hash| *sum = sum.wrapping_add(hash), vec![0; self.rows])
        });
        let wanted: hashbrown::HashSet<&String> = names.iter().collect();
        let out: Vec<CellHasher<'_>> =
            self.columns().filter(|(name, _)| !wanted.contains(name)).map(|(name, column)| column.hasher(name)).collect();
        self.sum(&out, |sum, hash| *sum = sum.wrapping_sub(hash), whole.clone())
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

/// Reads a table.
pub(crate) fn read(bytes: &[u8], format: &str, limits: Limits) -> Result<Table, TableError> {
    let plain = decompress(bytes, limits)?;
    if plain.starts_with(crate::profile::MAGIC) {
        let profile = Profile::decode(&plain).map_err(|e| TableError::Unreadable(e.to_string()))?;
        return Ok(Table::of_profile(&profile));
    }
    let read = if plain.starts_with(b"PAR1") {
        parquet(&plain)?
    } else if plain.starts_with(b"ARROW1") {
        arrow(&plain)?
    } else if format.eq_ignore_ascii_case("parquet") {
        return Err(TableError::Unreadable("is not Parquet: it does not begin with PAR1; write it again with to_parquet".into()));
    } else if looks_binary(&plain) {
        return Err(TableError::Unreadable(format!(
            "is binary and none of the formats read here (first bytes {}); export the table as CSV, Parquet, Arrow or NDJSON",
            hex(&plain[..plain.len().min(8)])
        )));
    } else {
        text(&plain, format)?
    };
    if read.frame.width() > MAX_COLUMNS {
        return Err(TableError::Unreadable(format!("has {} columns, over the limit of {MAX_COLUMNS}", read.frame.width())));
    }
    if read.frame.height() == 0 {
        return Err(TableError::Incomplete(format!(
            "has a header of {} columns and no rows; was the export cut short, or a filter too strict?",
            read.frame.width()
        )));
    }
    Ok(Table::new(read))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(" ")
}

fn parquet(bytes: &[u8]) -> Result<Frame, TableError> {
    if bytes.len() < 12 || !bytes.ends_with(b"PAR1") {
        return Err(TableError::Incomplete(
            "the Parquet footer is missing, so the file was cut short; copy or write it again".into(),
        ));
    }
    let frame = guarded(|| ParquetReader::new(Cursor::new(bytes)).finish())
        .map_err(|reason| TableError::Unreadable(format!("the Parquet file cannot be decoded: {reason}")))?;
    Ok(Frame { frame, typed: true, remarks: Vec::new() })
}

fn arrow(bytes: &[u8]) -> Result<Frame, TableError> {
    if bytes.len() < 14 || !bytes.ends_with(b"ARROW1") {
        return Err(TableError::Incomplete(
            "the Arrow footer is missing, so the file was cut short; copy or write it again".into(),
        ));
    }
    let frame = guarded(|| IpcReader::new(Cursor::new(bytes)).finish())
        .map_err(|reason| TableError::Unreadable(format!("the Arrow file cannot be decoded: {reason}")))?;
    Ok(Frame { frame, typed: true, remarks: Vec::new() })
}

fn text(bytes: &[u8], format: &str) -> Result<Frame, TableError> {
    let decoded = decode_text(bytes);
    let mut remarks = Vec::new();
    if decoded.encoding != "UTF-8" {
        remarks.push(format!("read as {}, because it is not valid UTF-8", decoded.encoding));
    }
    let body: &[u8] = &decoded.text;
    let first = body.iter().find(|b| !b.is_ascii_whitespace());
    let mut typed = false;
    let frame = match (format, first) {
        ("csv" | "tsv", _) => csv::read(body, &mut remarks)?,
        (_, Some(b'{' | b'[')) => {
            typed = true;
            json(body)?
        }
        (_, None) => return Err(TableError::Incomplete("holds nothing but white space".into())),
        _ => csv::read(body, &mut remarks)?,
    };
    Ok(Frame { frame, typed, remarks })
}

fn json(body: &[u8]) -> Result<DataFrame, TableError> {
    let first = body.iter().position(|b| !b.is_ascii_whitespace()).unwrap_or(0);
    let depth = nesting(&body[first..]);
    if depth > 32 {
        return Err(TableError::Unreadable(format!(
            "is nested {depth} levels deep; a table is one object per line, or an array of them"
        )));
    }
    let lines = body[first] == b'{';
    let format = if lines { JsonFormat::JsonLines } else { JsonFormat::Json };
    let body: Cow<'_, [u8]> = Cow::Borrowed(body);
    guarded(|| JsonReader::new(Cursor::new(&*body)).with_json_format(format).infer_schema_len(NonZeroUsize::new(10_000)).finish())
        .map_err(|reason| TableError::Unreadable(format!("is not valid {}: {reason}", if lines { "NDJSON" } else { "JSON" })))
}

/// Deepest nesting of brackets outside strings.
fn nesting(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0_usize, false, false);
    for &byte in bytes {
        if in_string {
            match (escaped, byte) {
                (true, _) => escaped = false,
                (false, b'\\') => escaped = true,
                (false, b'"') => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Some paths of polars panic on malformed input; a panic is an unreadable file here.
pub(super) fn guarded<T>(read: impl FnOnce() -> polars::prelude::PolarsResult<T>) -> Result<T, String> {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(error.to_string().lines().next().unwrap_or_default().to_owned()),
        Err(_) => Err("the decoder gave up on malformed content".to_owned()),
    }
}
