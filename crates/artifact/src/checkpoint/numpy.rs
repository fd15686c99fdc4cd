//! NumPy's `.npy` and `.npz`: headers are read, arrays stay where they lie. An array of objects is a
//! pickle, and treated as one.

use std::io::{Cursor, Read};

use zip::{CompressionMethod, ZipArchive};

use super::{Checkpoint, CheckpointError, Dtype, Tensor, pickle};

/// Largest array of objects whose pickle is looked at.
const MAX_OBJECTS: u64 = 64 << 20;

pub(super) const MAGIC: &[u8] = b"\x93NUMPY";

/// Where the data begin, of which type, shape and order.
struct Header {
    data: usize,
    descr: String,
    shape: Vec<usize>,
    row_major: bool,
}

fn header(bytes: &[u8]) -> Option<Header> {
    let (major, rest) = (bytes.get(6)?, 8);
    let width = if *major == 1 { 2 } else { 4 };
    let mut length = 0_usize;
    for (i, byte) in bytes.get(rest..rest + width)?.iter().enumerate() {
        length |= usize::from(*byte) << (8 * i);
    }
    let data = (rest + width).checked_add(length)?;
    let text = String::from_utf8_lossy(bytes.get(rest + width..data)?).into_owned();
    let after = |key: &str| text.split_once(key).map(|(_, rest)| rest.trim_start_matches(['\'', '"', ':', ' ']));
    let shape = after("'shape'")?.split_once('(')?.1.split_once(')')?.0;
    let shape = shape.split(',').map(str::trim).filter(|n| !n.is_empty()).map(str::parse).collect::<Result<_, _>>().ok()?;
    let descr = after("'descr'")?.split(['\'', '"']).next()?.to_owned();
    let descr = if descr.is_empty() || descr.starts_with('[') { "V".to_owned() } else { descr };
    Some(Header { data, descr, shape, row_major: after("'fortran_order'")?.starts_with("False") })
}

fn dtype(descr: &str) -> Dtype {
    match descr {
        "<f8" => Dtype::F64,
        "<f4" => Dtype::F32,
        "<f2" => Dtype::F16,
        "<i8" => Dtype::I64,
        "<i4" => Dtype::I32,
        "<i2" => Dtype::I16,
        "|i1" => Dtype::I8,
        "|u1" => Dtype::U8,
        "|b1" => Dtype::Bool,
        _ => Dtype::Other,
    }
}

/// Adds an array that begins at `from` of a file and ends at `to`.
fn add(out: &mut Checkpoint, name: &str, file: &[u8], from: usize, to: usize) -> Result<(), String> {
    let array = &file[from..to];
    let Some(header) = header(array) else { return Err(format!("{name} has a header that is none of NumPy's")) };
    if header.descr.contains('O') {
        out.globals.extend(pickle::globals_of(&array[header.data..]));
        return Ok(());
    }
    let (dtype, begin) = (dtype(&header.descr), from + header.data);
    let elements = header.shape.iter().try_fold(1_usize, |n, d| n.checked_mul(*d));
    let bytes = elements.and_then(|n| n.checked_mul(dtype.size())).and_then(|n| begin.checked_add(n));
    match bytes {
        Some(end) if end <= to => {
            // Column-major arrays are named, with their values in an order of their own.
            let shape = if header.row_major { header.shape } else { header.shape.into_iter().rev().collect() };
            out.tensors.push(Tensor { name: name.to_owned(), dtype, shape, bytes: begin..end });
            Ok(())
        }
        _ => Err(format!("{name} needs more bytes than the file has; copy or save it again")),
    }
}

pub(super) fn read(bytes: &[u8]) -> Result<Checkpoint, CheckpointError> {
    let mut out = Checkpoint { format: "numpy", ..Checkpoint::default() };
    add(&mut out, "array", bytes, 0, bytes.len()).map_err(CheckpointError::Truncated)?;
    Ok(out)
}

/// A zip archive whose entries end in `.npy`.
pub(super) fn read_archive(bytes: &[u8], archive: &mut ZipArchive<Cursor<&[u8]>>) -> Checkpoint {
    let mut out = Checkpoint { format: "numpy", ..Checkpoint::default() };
    for index in 0..archive.len() {
        let Ok(mut entry) = archive.by_index(index) else { continue };
        let name = entry.name().map(|name| name.trim_end_matches(".npy").to_owned()).unwrap_or_default();
        let place = entry.data_start().and_then(|start| {
            let start = usize::try_from(start).ok()?;
            let end = start.checked_add(usize::try_from(entry.size()).ok()?)?;
            (end <= bytes.len()).then_some((start, end))
        });
        let added = match place {
            Some((start, end)) if entry.compression() == CompressionMethod::Stored => add(&mut out, &name, bytes, start, end),
            _ => {
                // A compressed array is not mapped; whether it is a pickle is still looked at.
                let mut plain = Vec::new();
                match entry.by_ref().take(MAX_OBJECTS).read_to_end(&mut plain) {
                    Ok(_) => {
                        if let Some(header) = header(&plain).filter(|h| h.descr.contains('O')) {
                            out.globals.extend(pickle::globals_of(&plain[header.data..]));
                        }
                        Ok(())
                    }
                    Err(error) => Err(format!("{name} cannot be read: {error}")),
                }
            }
        };
        if let Err(problem) = added {
            out.problems.push(problem);
        }
    }
    out
}
