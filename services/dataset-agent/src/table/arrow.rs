//! Arrow IPC, batch by batch: files (Feather 2 among them) and streams (what Hugging Face `datasets` keeps
//! on disk).

use std::io::Cursor;

use polars::prelude::{DataFrame, PolarsResult, Schema, SchemaExt};
use polars_arrow::{
    datatypes::ArrowSchema,
    io::ipc::read::{FileReader, StreamReader, StreamState, read_file_metadata, read_stream_metadata},
};

use super::frame::{TableError, guarded};

/// First bytes, and last, of a file.
const FILE: &[u8] = b"ARROW1";
/// First bytes of a stream: the mark before its first message.
const STREAM: &[u8] = &[0xff; 4];

/// Whether bytes begin as Arrow does.
pub(super) fn is_arrow(bytes: &[u8]) -> bool {
    bytes.starts_with(FILE) || bytes.starts_with(STREAM)
}

/// All rows in one frame.
pub(super) fn whole(bytes: &[u8]) -> Result<DataFrame, TableError> {
    let mut all: Option<DataFrame> = None;
    batches(bytes, |batch| {
        match &mut all {
            None => all = Some(batch),
            Some(all) => {
                decoded(|| all.vstack_mut(&batch).map(|_| ()))?;
            }
        }
        Ok(())
    })?;
    let mut all = all.unwrap_or_default();
    all.rechunk_mut_par();
    Ok(all)
}

/// The rows in frames of at least so many cells each, the last one excepted.
pub(super) fn slices(
    bytes: &[u8],
    cells: usize,
    mut each: impl FnMut(DataFrame) -> Result<(), TableError>,
) -> Result<(), TableError> {
    let mut held: Option<DataFrame> = None;
    batches(bytes, |batch| {
        let frame = match held.take() {
            None => batch,
            Some(mut frame) => {
                decoded(|| frame.vstack_mut(&batch).map(|_| ()))?;
                frame
            }
        };
        if frame.height().saturating_mul(frame.width()) < cells {
            held = Some(frame);
            return Ok(());
        }
        each(frame)
    })?;
    held.map_or(Ok(()), each)
}

/// Every record batch in turn; one without rows when there is none.
fn batches(bytes: &[u8], mut each: impl FnMut(DataFrame) -> Result<(), TableError>) -> Result<(), TableError> {
    let (schema, mut next) = if bytes.starts_with(FILE) { file(bytes)? } else { stream(bytes)? };
    let mut any = false;
    while let Some(batch) = decoded(&mut next)? {
        any = true;
        each(batch)?;
    }
    if any { Ok(()) } else { each(decoded(|| Ok(DataFrame::empty_with_schema(&Schema::from_arrow_schema(&schema))))?) }
}

type Batches<'a> = Box<dyn FnMut() -> PolarsResult<Option<DataFrame>> + 'a>;

fn file(bytes: &[u8]) -> Result<(ArrowSchema, Batches<'_>), TableError> {
    if bytes.len() < 14 || !bytes.ends_with(FILE) {
        return Err(TableError::Incomplete(
            "the Arrow footer is missing, so the file was cut short; copy or write it again".into(),
        ));
    }
    let metadata = decoded(|| read_file_metadata(&mut Cursor::new(bytes)))?;
    let schema = ArrowSchema::clone(&metadata.schema);
    let mut reader = FileReader::new(Cursor::new(bytes), metadata, None, None);
    Ok((schema, Box::new(move || Ok(reader.next().transpose()?.map(DataFrame::from)))))
}

fn stream(bytes: &[u8]) -> Result<(ArrowSchema, Batches<'_>), TableError> {
    let mut cursor = Cursor::new(bytes);
    let metadata = decoded(|| read_stream_metadata(&mut cursor))?;
    let schema = metadata.schema.clone();
    let mut reader = StreamReader::new(cursor, metadata, None);
    let next = move || match reader.next().transpose()? {
        Some(StreamState::Some(batch)) => Ok(Some(DataFrame::from(batch))),
        // Written without its end mark, which is allowed.
        Some(StreamState::Waiting) | None => Ok(None),
    };
    Ok((schema, Box::new(next)))
}

fn decoded<T>(read: impl FnOnce() -> PolarsResult<T>) -> Result<T, TableError> {
    guarded(read).map_err(|reason| TableError::Unreadable(format!("the Arrow data cannot be decoded: {reason}")))
}
