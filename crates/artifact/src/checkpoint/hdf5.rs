//! HDF5, as Keras writes `.h5`. The model's configuration is text in an attribute, and is looked through;
//! weights are datasets, of which those that lie in one piece are read where they lie. Data and objects that
//! the file takes from other files are listed.

use hdf5_pure::{AttrValue, Dataset, Datatype, DatatypeByteOrder, File, Group, Layout};

use super::{Checkpoint, Dtype, Operator, Tensor, keras};

pub(super) const MAGIC: &[u8] = b"\x89HDF\r\n\x1a\n";

/// Largest file whose datasets are listed: it is copied for that.
const MAX_BYTES: usize = 512 << 20;
const MAX_DEPTH: usize = 32;
const MAX_DATASETS: usize = 100_000;

/// Whether it is one: its beginning may lie behind a block of the writer's own, of 512 bytes or a power of two
/// as many.
pub(super) fn begins(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC) || (9..=20).any(|power| bytes.get(1 << power..).is_some_and(|rest| rest.starts_with(MAGIC)))
}

pub(super) fn read(bytes: &[u8]) -> Checkpoint {
    let mut out = Checkpoint { format: "hdf5", ..Checkpoint::default() };
    // The whole file is searched for configurations: what a reader cannot open, another may.
    if keras::configs_within(bytes, &mut out) {
        out.format = "keras";
    }
    objects(bytes, &mut out);
    out
}

/// Data that lie in other files, of the weights within a Keras archive.
pub(super) fn reaches(bytes: &[u8], out: &mut Checkpoint) {
    let mut inner = Checkpoint::default();
    objects(bytes, &mut inner);
    out.operators.append(&mut inner.operators);
    out.problems.append(&mut inner.problems);
}

fn objects(bytes: &[u8], out: &mut Checkpoint) {
    external_links(bytes, out);
    if bytes.len() > MAX_BYTES || !bytes.starts_with(MAGIC) {
        return;
    }
    // The reader is another's: a defect of it must cost no more than this file's tensors.
    let walked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let file = File::from_bytes(bytes.to_vec()).map_err(|error| error.to_string())?;
        if let Ok(attributes) = file.root().attrs() {
            for key in ["keras_version", "backend"] {
                if let Some(AttrValue::String(text)) = attributes.get(key) {
                    out.metadata.insert(key.to_owned(), text.clone());
                }
            }
        }
        walk(&file.root(), "", 0, out)
    }));
    // Addresses and sizes are the file's own claims.
    out.tensors.retain(|tensor| {
        let elements = tensor.shape.iter().try_fold(tensor.dtype.size(), |n, d| n.checked_mul(*d));
        tensor.bytes.end <= bytes.len() && elements == Some(tensor.bytes.len())
    });
    match walked {
        Ok(Ok(())) => {}
        Ok(Err(why)) => out.problems.push(format!("the HDF5 file cannot be read through: {why}")),
        Err(_) => out.problems.push("the HDF5 file cannot be read through".to_owned()),
    }
}

/// Most links to other files that are listed.
const MAX_LINKS: usize = 100;

/// Lists links to other files. They are told by their form wherever they stand, in an object's header or in a heap of
/// a group's links: no reader that would leave some out decides. Form (HDF5 file format 3.0, IV.A.2.g): version 1,
/// flags, type 64, creation order and character set where flagged, length of the name, the name, length of what
/// follows, a zero, and the names of file and object, each with a zero behind it.
fn external_links(bytes: &[u8], out: &mut Checkpoint) {
    let mut found = 0;
    for at in memchr::memchr_iter(64, bytes).filter(|at| *at >= 2 && bytes[at - 2] == 1) {
        let Some((name, file)) = external_link(bytes[at - 1], &bytes[at + 1..]) else { continue };
        out.operators.push(Operator { what: format!("{name} is a link to another file, {file}"), grave: true });
        found += 1;
        if found == MAX_LINKS {
            return;
        }
    }
}

/// The name of a link and of the file that it leads to, from its flags and what follows its type. As libhdf5 reads
/// them: names end at their first zero, whatever stands behind. A name is looked at up to the first byte that none
/// has, so that a file of many beginnings is read in one pass.
fn external_link(flags: u8, mut rest: &[u8]) -> Option<(String, String)> {
    let mut take = |n: usize| {
        let (taken, left) = rest.split_at_checked(n)?;
        rest = left;
        Some(taken)
    };
    if flags & 0xe8 != 0x08 {
        return None;
    }
    take(if flags & 4 != 0 { 8 } else { 0 })?;
    take(usize::from(flags >> 4 & 1))?;
    let little = |bytes: &[u8]| bytes.iter().rev().try_fold(0_usize, |n, b| n.checked_mul(256)?.checked_add(usize::from(*b)));
    let length = little(take(1 << (flags & 3))?)?;
    let name = take(length).filter(|name| name.len() < 1 << 16 && !name.iter().any(|b| *b < b' '))?;
    let length = little(take(2)?)?;
    let (file, rest) = ended(take(length)?.strip_prefix(&[0])?)?;
    let (object, _) = ended(rest)?;
    let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    (!name.is_empty() && !file.is_empty() && !object.is_empty()).then(|| (text(name), text(file)))
}

/// A name up to its zero, and what stands behind.
fn ended(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|b| *b < b' ')?;
    (bytes[end] == 0).then(|| (&bytes[..end], &bytes[end + 1..]))
}

fn walk(group: &Group, path: &str, depth: usize, out: &mut Checkpoint) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err("groups lie too deep within each other".to_owned());
    }
    for (name, dataset) in group.iter_datasets().map_err(|error| error.to_string())? {
        if out.tensors.len() >= MAX_DATASETS {
            return Err(format!("more than {MAX_DATASETS} datasets"));
        }
        look(&dataset, &join(path, &name), out);
    }
    for (name, inner) in group.iter_groups().map_err(|error| error.to_string())? {
        walk(&inner, &join(path, &name), depth + 1, out)?;
    }
    Ok(())
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") }
}

fn look(dataset: &Dataset, name: &str, out: &mut Checkpoint) {
    let (Ok(shape), Ok(layout), Ok(datatype)) = (dataset.shape(), dataset.layout(), dataset.datatype()) else { return };
    match layout {
        Layout::Contiguous { address: Some(address), size } => {
            let Some(dtype) = dtype(&datatype) else { return };
            let place = usize::try_from(address).ok().zip(usize::try_from(size).ok());
            let shape: Option<Vec<usize>> = shape.iter().map(|n| usize::try_from(*n).ok()).collect();
            if let (Some((from, length)), Some(shape)) = (place, shape) {
                let end = from.saturating_add(length);
                out.tensors.push(Tensor { name: name.to_owned(), dtype, shape, bytes: from..end, file: 0 });
            }
        }
        // Without an address the values are in no file, or in another one: reading a single row tells.
        Layout::Contiguous { address: None, .. } => {
            if let Err(error) = dataset.read_raw_rows(0, 1)
                && error.to_string().to_lowercase().contains("external")
            {
                out.operators.push(Operator { what: format!("{name} lies in another file"), grave: true });
            }
        }
        Layout::Virtual => out.operators.push(Operator { what: format!("{name} is put together of other files"), grave: true }),
        _ => {}
    }
}

fn dtype(datatype: &Datatype) -> Option<Dtype> {
    match datatype {
        Datatype::FloatingPoint { size, byte_order: DatatypeByteOrder::LittleEndian, .. } => match size {
            8 => Some(Dtype::F64),
            4 => Some(Dtype::F32),
            2 => Some(Dtype::F16),
            _ => None,
        },
        Datatype::FixedPoint { size, byte_order: DatatypeByteOrder::LittleEndian, .. } => match size {
            8 => Some(Dtype::I64),
            4 => Some(Dtype::I32),
            2 => Some(Dtype::I16),
            1 => Some(Dtype::I8),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(name: &[u8], value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(value.len()).expect("short").to_le_bytes();
        [&[1, 0x08, 64, u8::try_from(name.len()).expect("short")], name, &length, value].concat()
    }

    fn found(bytes: &[u8]) -> Vec<String> {
        let mut out = Checkpoint::default();
        external_links(bytes, &mut out);
        out.operators.into_iter().map(|operator| operator.what).collect()
    }

    #[test]
    fn links_to_other_files_are_told_however_they_are_written() {
        for value in ["\0/etc/passwd\0/x\0", "\0/etc/passwd\0/x\0\0", "\0/etc/passwd\0/x\0more"] {
            assert_eq!(found(&link(b"w", value.as_bytes())), ["w is a link to another file, /etc/passwd"], "{value:?}");
        }
        assert_eq!(found(&link(b"\xe9", b"\0/home/\xe9/w.h5\0/x\0")).len(), 1);
        for value in ["/etc/passwd\0/x\0", "\0/etc/passwd\0/x", "\0\0/x\0", "\0a\x01\0/x\0", ""] {
            assert_eq!(found(&link(b"w", value.as_bytes())), Vec::<String>::new(), "{value:?}");
        }
        // A file of beginnings alone is read in one pass.
        assert_eq!(found(&[1, 9, 64, 0x7f, 0x7f].repeat(1 << 20)), Vec::<String>::new());
    }
}
