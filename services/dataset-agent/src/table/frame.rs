//! From bytes to a data frame, with the format told by content first, then by hint.

use std::{borrow::Cow, io::Cursor, num::NonZeroUsize};

use deepfix_agent::Cancel;
use deepfix_artifact::{ReadError, decode_text, looks_binary};
use polars::prelude::{DataFrame, JsonFormat, JsonReader, ParquetReader, SerReader};

use super::{arrow, csv};

/// Columns beyond this many are refused: no table of a model has them, hostile headers do.
const MAX_COLUMNS: usize = 100_000;

/// A table in the form of its file.
pub(super) struct Frame {
    pub(super) frame: DataFrame,
    pub(super) typed: bool,
    pub(super) remarks: Vec<String>,
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

    /// The error of a slice that begins so many bytes into the text.
    fn within(self, at: usize) -> Self {
        match self {
            Self::Unreadable(reason) => Self::Unreadable(format!("counting from byte {at}: {reason}")),
            other => other,
        }
    }
}

/// Columns of a Parquet file that are read at once, and most such groups.
const GROUP: usize = 2;
const GROUPS: usize = 32;
/// Rows of a text file that are read at once when it is read in slices, by bytes.
const SLICE_BYTES: usize = 32 << 20;
/// Cells that are read at once when a Parquet file is read in slices.
const SLICE_CELLS: usize = 8 << 20;

/// The frame of a whole file.
pub(super) fn whole(plain: &[u8], format: &str, cancel: &Cancel) -> Result<Frame, TableError> {
    let read = match form(plain, format)? {
        Form::Parquet => columnwise(plain, cancel)?,
        Form::Arrow => Frame { frame: arrow::whole(plain)?, typed: true, remarks: Vec::new() },
        Form::Text => text(plain, format)?,
    };
    if read.frame.width() > MAX_COLUMNS {
        return Err(TableError::Unreadable(format!("has {} columns, over the limit of {MAX_COLUMNS}", read.frame.width())));
    }
    Ok(read)
}

/// About how many cells a file has, without reading it.
pub(super) fn cells(plain: &[u8], format: &str) -> Result<usize, TableError> {
    Ok(match form(plain, format)? {
        Form::Parquet => {
            let (rows, columns) = parquet_shape(plain)?;
            rows.saturating_mul(columns)
        }
        // Uncompressed, eight bytes a cell.
        Form::Arrow => plain.len() / 8,
        Form::Text if is_json(plain) => plain.len() / 12,
        Form::Text => {
            let head = &plain[..plain.len().min(64 << 10)];
            let lines = head.iter().filter(|b| **b == b'\n').count().max(1);
            let fields = head.iter().filter(|b| matches!(b, b',' | b';' | b'\t' | b'|')).count() / lines + 1;
            plain.len() / (head.len() / lines).max(1) * fields
        }
    })
}

/// Reads a file slice by slice, in the order of its rows.
pub(super) fn slices(
    plain: &[u8],
    format: &str,
    mut each: impl FnMut(Frame) -> Result<(), TableError>,
) -> Result<(), TableError> {
    match form(plain, format)? {
        Form::Parquet => {
            let (rows, columns) = parquet_shape(plain)?;
            let step = (SLICE_CELLS / columns.max(1)).max(1);
            (0..rows.max(1)).step_by(step).try_for_each(|from| each(parquet(plain, Some((from, step)))?))
        }
        Form::Arrow => arrow::slices(plain, SLICE_CELLS, |frame| each(Frame { frame, typed: true, remarks: Vec::new() })),
        Form::Text => {
            let decoded = decode_text(plain);
            let body: &[u8] = &decoded.text;
            let json = is_json(body);
            if json && body.trim_ascii_start().first() == Some(&b'[') {
                return array_slices(body, |at, slice| each(text(slice, format).map_err(|error| error.within(at))?));
            }
            let body = &body[if json { 0 } else { csv::comments(body) }..];
            let header = if json { 0 } else { body.iter().position(|b| *b == b'\n').map_or(body.len(), |i| i + 1) };
            let mut at = header;
            while at < body.len() {
                let end = record_end(body, at, SLICE_BYTES);
                let slice =
                    if json { Cow::Borrowed(&body[at..end]) } else { Cow::Owned([&body[..header], &body[at..end]].concat()) };
                each(text(&slice, format).map_err(|error| error.within(at))?)?;
                at = end;
            }
            Ok(())
        }
    }
}

/// Where the record ends that holds the byte so far on; quoted line ends do not count.
fn record_end(body: &[u8], from: usize, far: usize) -> usize {
    let mut quoted = false;
    for (i, &byte) in body[from..].iter().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted && i >= far => return from + i + 1,
            _ => {}
        }
    }
    body.len()
}

/// The elements of a JSON array in arrays of about a slice each, with where they begin.
fn array_slices(body: &[u8], mut each: impl FnMut(usize, &[u8]) -> Result<(), TableError>) -> Result<(), TableError> {
    let open = body.iter().position(|b| *b == b'[').unwrap_or(0);
    let (mut from, mut depth, mut in_string, mut escaped) = (open + 1, 0_usize, false, false);
    let mut slice = Vec::new();
    let mut give = |from: usize, to: usize| {
        slice.clear();
        slice.push(b'[');
        slice.extend_from_slice(&body[from..to]);
        slice.push(b']');
        each(from, &slice)
    };
    for (i, &byte) in body.iter().enumerate().skip(open + 1) {
        if in_string {
            (in_string, escaped) = (escaped || byte != b'"', !escaped && byte == b'\\');
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => depth += 1,
            b']' if depth == 0 => {
                let rest = body[i + 1..].trim_ascii();
                if !rest.is_empty() {
                    return Err(TableError::Unreadable(format!("holds more after the JSON array, which ends at byte {i}")));
                }
                return give(from, i);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' if depth == 0 && i - from >= SLICE_BYTES => {
                give(from, i)?;
                from = i + 1;
            }
            _ => {}
        }
    }
    Err(TableError::Incomplete("the JSON array is not closed, so the file was cut short; copy or write it again".into()))
}

#[derive(Clone, Copy)]
enum Form {
    Parquet,
    Arrow,
    Text,
}

fn form(plain: &[u8], format: &str) -> Result<Form, TableError> {
    if plain.starts_with(b"PAR1") {
        if plain.len() < 12 || !plain.ends_with(b"PAR1") {
            return Err(TableError::Incomplete(
                "the Parquet footer is missing, so the file was cut short; copy or write it again".into(),
            ));
        }
        return Ok(Form::Parquet);
    }
    if arrow::is_arrow(plain) {
        return Ok(Form::Arrow);
    }
    if format.eq_ignore_ascii_case("parquet") {
        return Err(TableError::Unreadable("is not Parquet: it does not begin with PAR1; write it again with to_parquet".into()));
    }
    if looks_binary(plain) {
        return Err(TableError::Unreadable(format!(
            "is binary and none of the formats read here (first bytes {}); export the table as CSV, Parquet, Arrow or NDJSON",
            hex(&plain[..plain.len().min(8)])
        )));
    }
    Ok(Form::Text)
}

fn is_json(text: &[u8]) -> bool {
    matches!(text.trim_ascii_start().first(), Some(b'{' | b'['))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(" ")
}

fn parquet_shape(bytes: &[u8]) -> Result<(usize, usize), TableError> {
    guarded(|| {
        let mut reader = ParquetReader::new(Cursor::new(bytes));
        Ok((reader.num_rows()?, reader.schema()?.len()))
    })
    .map_err(|reason| TableError::Unreadable(format!("the Parquet file cannot be decoded: {reason}")))
}

/// What a reader says that stopped because nobody waits for its table any more.
pub(super) fn left() -> TableError {
    TableError::Unreadable("the caller left while it was read".into())
}

/// A whole Parquet file, some columns at a time, so that reading can be stopped between them.
fn columnwise(bytes: &[u8], cancel: &Cancel) -> Result<Frame, TableError> {
    let (_, columns) = parquet_shape(bytes)?;
    if columns <= GROUP {
        return parquet(bytes, None);
    }
    // The footer is read anew for each group: few of them, whatever the width.
    let step = GROUP.max(columns.div_ceil(GROUPS));
    let mut whole: Option<DataFrame> = None;
    for from in (0..columns).step_by(step) {
        if cancel.is_cancelled() {
            return Err(left());
        }
        let wanted = (from..(from + step).min(columns)).collect();
        let some = guarded(|| ParquetReader::new(Cursor::new(bytes)).with_projection(Some(wanted)).finish())
            .map_err(|reason| TableError::Unreadable(format!("the Parquet file cannot be decoded: {reason}")))?;
        whole = Some(match whole {
            None => some,
            Some(before) => guarded(|| before.hstack(some.columns()))
                .map_err(|reason| TableError::Unreadable(format!("the Parquet file contradicts itself: {reason}")))?,
        });
    }
    Ok(Frame { frame: whole.unwrap_or_default(), typed: true, remarks: Vec::new() })
}

fn parquet(bytes: &[u8], slice: Option<(usize, usize)>) -> Result<Frame, TableError> {
    let frame = guarded(|| ParquetReader::new(Cursor::new(bytes)).with_slice(slice).finish())
        .map_err(|reason| TableError::Unreadable(format!("the Parquet file cannot be decoded: {reason}")))?;
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
