//! NumPy's `.npy`: headers are read, arrays stay where they lie. An array of objects is a pickle, and
//! treated as one; so is what follows a header that cannot be understood.

use std::ops::Range;

use super::{
    Checkpoint, CheckpointError, Dtype, Look, Tensor,
    literal::{self, Literal},
    pickle,
};

pub(super) const MAGIC: &[u8] = b"\x93NUMPY";

/// Where the data begin, of which type, shape and order.
struct Header {
    data: usize,
    descr: Literal,
    shape: Vec<usize>,
    row_major: bool,
}

/// Where the data begin, and the header as far as it can be read.
fn header(bytes: &[u8]) -> Option<(usize, Option<Header>)> {
    let (major, rest) = (bytes.get(6)?, 8);
    let width = if *major == 1 { 2 } else { 4 };
    let mut length = 0_usize;
    for (i, byte) in bytes.get(rest..rest + width)?.iter().enumerate() {
        length |= usize::from(*byte) << (8 * i);
    }
    let data = (rest + width).checked_add(length)?;
    let text = bytes.get(rest + width..data)?;
    // The arrays of structures of a thousand fields have headers of some ten thousand characters.
    if text.len() > 1 << 20 {
        return Some((data, None));
    }
    let parsed = literal::parse(&String::from_utf8_lossy(text)).and_then(|header| {
        let Literal::List(shape) = header.get("shape")? else { return None };
        let shape: Option<Vec<usize>> =
            shape.iter().map(|n| if let Literal::Int(n) = n { usize::try_from(*n).ok() } else { None }).collect();
        let row_major = !matches!(header.get("fortran_order")?, Literal::Name(name) if name == "True");
        Some(Header { data, descr: header.get("descr")?.clone(), shape: shape?, row_major })
    });
    Some((data, parsed))
}

/// Whether elements may be objects: all but plain numbers, texts, times and structures of such.
fn holds_objects(descr: &Literal) -> bool {
    match descr {
        Literal::Text(code) => {
            let code = code.trim_start_matches(['<', '>', '=', '|']);
            // A list of types in one text: each would have to be told apart.
            if code.contains(',') {
                return true;
            }
            let kind = code.trim_end_matches(|c: char| {
                c.is_ascii_digit() || matches!(c, '[' | ']' | 'n' | 's' | 'u' | 'm' | 'D' | 'Y' | 'M' | 'W' | 'h')
            });
            !(matches!(kind, "b" | "i" | "u" | "f" | "c" | "S" | "a" | "U" | "V" | "?")
                || code.starts_with("M8")
                || code.starts_with("m8"))
        }
        // Fields: (name, type) or (name, type, shape), the name alone or with a title.
        Literal::List(fields) => fields.iter().any(|field| match field {
            Literal::List(parts) => parts.get(1).is_none_or(holds_objects),
            _ => true,
        }),
        _ => true,
    }
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

/// Adds an array that lies within a file.
pub(super) fn add(out: &mut Checkpoint, name: &str, file: &[u8], within: Range<usize>, look: &Look<'_>) -> Result<(), String> {
    let array = &file[within.clone()];
    let Some((_, Some(header))) = header(array) else { return names(out, array, look) };
    if holds_objects(&header.descr) {
        return names(out, array, look);
    }
    let Literal::Text(descr) = &header.descr else { return Ok(()) };
    let (dtype, begin) = (dtype(descr), within.start + header.data);
    let elements = header.shape.iter().try_fold(1_usize, |n, d| n.checked_mul(*d));
    let bytes = elements.and_then(|n| n.checked_mul(dtype.size())).and_then(|n| begin.checked_add(n));
    // Whoever reads on finds the next array or pickle.
    if let Some(rest) =
        bytes.filter(|_| dtype != Dtype::Other).and_then(|end| file.get(end..within.end)).filter(|rest| rest.len() > 2)
    {
        if rest.starts_with(MAGIC) {
            names(out, rest, look)?;
        } else {
            let found = pickle::scan(rest, look.within);
            out.absorb_names(found, false);
        }
    }
    match bytes {
        Some(end) if end <= within.end => {
            // Column-major arrays are named, with their values in an order of their own.
            let shape = if header.row_major { header.shape } else { header.shape.into_iter().rev().collect() };
            out.tensors.push(Tensor { name: name.to_owned(), dtype, shape, bytes: begin..end, file: 0 });
            Ok(())
        }
        _ => Err(format!("{name} needs more bytes than the file has; copy or save it again")),
    }
}

/// What an array would import when it is loaded, if it is one of objects.
pub(super) fn names(out: &mut Checkpoint, array: &[u8], look: &Look<'_>) -> Result<(), String> {
    let Some((data, parsed)) = header(array) else { return Err("an array has a header that is none of NumPy's".to_owned()) };
    let objects = parsed.as_ref().is_none_or(|header| holds_objects(&header.descr));
    if objects && let Some(bytes) = array.get(data..) {
        let found = pickle::scan(bytes, look.within);
        let sure = found.broken.is_none();
        if parsed.as_ref().is_some_and(|header| matches!(&header.descr, Literal::Text(code) if code.contains('O'))) {
            out.problems.extend(found.broken.clone());
        }
        out.absorb_names(found, sure);
    }
    if parsed.is_none() { Err("an array has a header that is none of NumPy's".to_owned()) } else { Ok(()) }
}

pub(super) fn read(bytes: &[u8], look: &Look<'_>) -> Result<Checkpoint, CheckpointError> {
    let mut out = Checkpoint { format: "numpy", ..Checkpoint::default() };
    match add(&mut out, "array", bytes, 0..bytes.len(), look) {
        Err(why) if out.globals.is_empty() => Err(CheckpointError::Truncated(why)),
        Err(why) => {
            out.problems.push(why);
            Ok(out)
        }
        Ok(()) => Ok(out),
    }
}
