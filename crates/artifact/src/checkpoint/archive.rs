//! Zip archives as loaders see them. Libraries that read archives tidy up: of two entries of one name they
//! keep one, they refuse a wrong checksum, they trust a flag. Loaders of models differ in all of this, so
//! the directory is read here as it stands and every entry that a loader could take for a pickle is looked
//! at. Layout: APPNOTE 6.3, sections 4.3.7 (local header), 4.3.12 (directory), 4.3.14 to 16 (its end).

use std::{borrow::Cow, cell::Cell, collections::BTreeMap, io::Read, ops::Range};

use super::{
    Checkpoint, CheckpointError, Look, keras, numpy,
    pickle::{self, Global},
    torch,
};

const MAX_ENTRIES: usize = 1_000_000;
/// Largest comment behind the directory, and its end.
const TAIL: usize = 65_535 + 22;

/// One entry of the directory.
pub(super) struct Entry {
    pub(super) name: String,
    /// 0 stored, 8 deflated.
    method: u16,
    /// Its bytes as they lie in the file; `None` when they reach beyond its end.
    pub(super) range: Option<Range<usize>>,
}

impl Entry {
    /// Bytes in the file that are the entry itself.
    pub(super) fn stored(&self) -> Option<Range<usize>> {
        self.range.clone().filter(|_| self.method == 0)
    }

    fn lower(&self) -> String {
        self.name.to_lowercase()
    }

    /// The content, inflated within what is left to inflate. A wrong checksum is no hindrance: PyTorch's
    /// reader does not look at it.
    pub(super) fn content<'a>(&self, bytes: &'a [u8], look: &Look<'_>) -> Result<Cow<'a, [u8]>, String> {
        let raw = &bytes[self.range.clone().ok_or_else(|| format!("{} reaches beyond the end of the file", self.name))?];
        match self.method {
            0 => Ok(Cow::Borrowed(raw)),
            8 => {
                look.unpack(flate2::read::DeflateDecoder::new(raw)).map(Cow::Owned).map_err(|why| format!("{} {why}", self.name))
            }
            other => Err(format!("{} is packed by method {other}, which no framework writes", self.name)),
        }
    }

    fn begins(&self, bytes: &[u8]) -> Vec<u8> {
        let Some(range) = self.range.clone() else { return Vec::new() };
        let mut head = Vec::new();
        match self.method {
            0 => head.extend(bytes[range].iter().take(16)),
            // What cannot be inflated begins with nothing; its content says why.
            8 => drop(flate2::read::DeflateDecoder::new(&bytes[range]).take(16).read_to_end(&mut head)),
            _ => {}
        }
        head
    }
}

fn number(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    let raw = bytes.get(at..at.checked_add(width)?)?;
    Some(raw.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

fn place(bytes: &[u8], at: usize, width: usize) -> Option<usize> {
    usize::try_from(number(bytes, at, width)?).ok()
}

/// Where end records of a directory may begin, the last first. A comment may hold what looks like one, and
/// readers differ in which they take.
fn end_records(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let from = bytes.len().saturating_sub(TAIL);
    let whole = bytes[from..].windows(22).enumerate().rev();
    whole.filter(|(_, record)| record.starts_with(b"PK\x05\x06")).map(move |(at, _)| from + at).take(3)
}

/// Whether an archive ends here, whatever begins.
pub(super) fn ends(bytes: &[u8]) -> bool {
    end_records(bytes).next().is_some()
}

/// The entries of every directory that a reader could find; `None` without one.
fn directory(bytes: &[u8]) -> Option<Vec<Entry>> {
    let found: Vec<Vec<Entry>> = end_records(bytes).filter_map(|end| directory_at(bytes, end)).collect();
    (!found.is_empty()).then(|| found.into_iter().flatten().collect())
}

/// Some readers take the directory's address as written, others count back from its end: where both lead to
/// one, both are listed.
fn directory_at(bytes: &[u8], end: usize) -> Option<Vec<Entry>> {
    let plain = (place(bytes, end + 12, 4)?, place(bytes, end + 16, 4)?, end);
    let mut records = vec![plain];
    if let Some(locator) = end.checked_sub(20).filter(|at| bytes[*at..].starts_with(b"PK\x06\x07"))
        && let Some(far) = place(bytes, locator + 8, 8)
    {
        let near = locator.saturating_sub(56);
        for at in [far, near] {
            if bytes.get(at..).is_some_and(|b| b.starts_with(b"PK\x06\x06"))
                && let (Some(size), Some(offset)) = (place(bytes, at + 40, 8), place(bytes, at + 48, 8))
            {
                records.push((size, offset, at));
            }
        }
        records.dedup();
    }
    let mut out = Vec::new();
    let mut found = false;
    for (size, offset, last) in records {
        let back = last.checked_sub(size);
        let shift = i64::try_from(back.unwrap_or(0)).ok()?.checked_sub(i64::try_from(offset).unwrap_or(i64::MAX))?;
        for (start, shift) in [(Some(offset), 0), (back.filter(|b| *b != offset), shift)] {
            let Some(start) = start.filter(|s| *s <= last) else { continue };
            let listed = list(bytes, start..last, shift);
            found |= listed.is_some() || size == 0;
            out.extend(listed.unwrap_or_default());
        }
    }
    found.then_some(out)
}

fn list(bytes: &[u8], within: Range<usize>, shift: i64) -> Option<Vec<Entry>> {
    let (mut at, mut out) = (within.start, Vec::new());
    while at < within.end && bytes[at..].starts_with(b"PK\x01\x02") && out.len() <= MAX_ENTRIES {
        let method = u16::try_from(number(bytes, at + 10, 2)?).ok()?;
        let (mut packed, mut plain) = (number(bytes, at + 20, 4)?, number(bytes, at + 24, 4)?);
        let (name, extra, comment) = (place(bytes, at + 28, 2)?, place(bytes, at + 30, 2)?, place(bytes, at + 32, 2)?);
        let mut local = number(bytes, at + 42, 4)?;
        let named = bytes.get(at + 46..at + 46 + name)?;
        // Sizes of 64 bits stand in an extra field, in this order, where the plain ones are full.
        let (mut field, stop, mut unicode) = (at + 46 + name, at + 46 + name + extra, None);
        while field + 4 <= stop {
            let (id, length) = (number(bytes, field, 2)?, place(bytes, field + 2, 2)?);
            if id == 1 {
                let mut from = field + 4;
                for value in [&mut plain, &mut packed, &mut local] {
                    if *value == 0xffff_ffff && from + 8 <= field + 4 + length {
                        *value = number(bytes, from, 8)?;
                        from += 8;
                    }
                }
            } else if id == 0x7075 && length > 5 {
                unicode = bytes.get(field + 9..field + 4 + length).map(|name| String::from_utf8_lossy(name).into_owned());
            }
            field += 4 + length;
        }
        // Python cuts names at the first zero byte, and newer ones take the name in Unicode beside it.
        let named = named.split(|b| *b == 0).next().unwrap_or_default();
        let range = data(bytes, local, packed, shift);
        for name in unicode.into_iter().chain([String::from_utf8_lossy(named).into_owned()]) {
            out.push(Entry { name, method, range: range.clone() });
        }
        at = stop + comment;
    }
    (!out.is_empty()).then_some(out)
}

/// Where an entry's bytes lie, by its local header.
fn data(bytes: &[u8], local: u64, packed: u64, shift: i64) -> Option<Range<usize>> {
    let at = usize::try_from(i64::try_from(local).ok()?.checked_add(shift)?).ok()?;
    if !bytes.get(at..)?.starts_with(b"PK\x03\x04") {
        return None;
    }
    let start = at + 30 + place(bytes, at + 26, 2)? + place(bytes, at + 28, 2)?;
    let end = start.checked_add(usize::try_from(packed).ok()?)?;
    (end <= bytes.len()).then_some(start..end)
}

/// What a pickle calls when it loads an archive from its own bytes, which lie within so many pickles; `None`
/// when that cannot be read here.
pub(super) fn names_within(bytes: &[u8], within: pickle::Within<'_>) -> Option<Vec<Global>> {
    // PyTorch stores and never packs: nothing is left to inflate.
    let left = Cell::new(0);
    let inner = read(bytes, &Look { depth: 2, within, left: &left }).ok()?;
    (inner.problems.is_empty() && inner.operators.is_empty()).then_some(inner.globals)
}

pub(super) fn read(bytes: &[u8], look: &Look<'_>) -> Result<Checkpoint, CheckpointError> {
    if !look.within.spend(bytes.len()) {
        return Err(CheckpointError::Corrupt("archives and pickles lie too often within each other".to_owned()));
    }
    let entries = directory(bytes).ok_or_else(|| {
        CheckpointError::Truncated(
            "the archive's directory at its end cannot be read: the file was cut short or overwritten; copy or save it again"
                .to_owned(),
        )
    })?;
    if entries.len() > MAX_ENTRIES {
        return Err(CheckpointError::Corrupt(format!("the archive claims more than {MAX_ENTRIES} entries")));
    }
    let mut out = Checkpoint::default();
    let mut mains: Vec<(&Entry, Cow<'_, [u8]>)> = Vec::new();
    let has = |name: &str| entries.iter().any(|e| e.name == name);
    let is_keras = has("config.json") && (has("metadata.json") || entries.iter().any(|e| e.name.starts_with("model.weights.")));
    for entry in &entries {
        let (lower, head) = (entry.lower(), entry.begins(bytes));
        if !matches!(entry.method, 0 | 8) {
            out.problems.push(format!("{} is packed by method {}, which is not read here", entry.name, entry.method));
            continue;
        }
        let pickled = head.first() == Some(&0x80) && matches!(head.get(1), Some(0..=5));
        let content = |out: &mut Checkpoint| match entry.content(bytes, look) {
            Ok(content) => Some(content),
            Err(why) => {
                out.problems.push(why);
                None
            }
        };
        if lower.ends_with(".pkl") || lower.ends_with(".pickle") {
            let Some(content) = content(&mut out) else { continue };
            let found = pickle::scan(&content, look.within);
            out.problems.extend(found.broken.iter().map(|why| format!("{}: {why}", entry.name)));
            let sure = found.broken.is_none();
            out.absorb_names(found, sure);
            if lower.ends_with("/data.pkl") || lower == "data.pkl" {
                mains.push((entry, content));
            }
        } else if head.starts_with(numpy::MAGIC) {
            out.format = "numpy";
            let name = entry.name.trim_end_matches(".npy");
            let added = match entry.stored() {
                Some(range) => numpy::add(&mut out, name, bytes, range, look),
                // A packed array is not mapped; whether it is a pickle is still looked at.
                None => content(&mut out).map_or(Ok(()), |plain| numpy::names(&mut out, &plain, look)),
            };
            out.problems.extend(added.err());
        } else if is_keras && lower.ends_with("config.json") {
            let Some(content) = content(&mut out) else { continue };
            keras::config(&content, &mut out).map_err(CheckpointError::Corrupt)?;
        } else if look.depth < 3
            && (head.starts_with(b"PK\x03\x04")
                || [".pt", ".pth", ".bin", ".ckpt", ".joblib", ".npz"].iter().any(|end| lower.ends_with(end)))
        {
            let Some(content) = content(&mut out) else { continue };
            match super::read_at(&content, &look.deeper()) {
                Ok(inner) => out.absorb(inner),
                // An entry that is no model is no fault of the archive.
                Err(CheckpointError::Unknown(_)) => {}
                Err(error) => out.problems.push(format!("{}: {error}", entry.name)),
            }
        } else if pickled {
            let Some(content) = content(&mut out) else { continue };
            let found = pickle::scan(&content, look.within);
            let sure = found.broken.is_none();
            out.absorb_names(found, sure);
        } else if head.starts_with(b"\x89HDF") && is_keras {
            let Some(content) = content(&mut out) else { continue };
            super::hdf5::reaches(&content, &mut out);
        }
    }
    if is_keras {
        out.format = "keras";
    }
    // PyTorch looks below the folder of the first entry.
    let top = entries.first().and_then(|e| e.name.split_once('/')).map_or(String::new(), |(top, _)| format!("{top}/"));
    let main = mains.iter().find(|(e, _)| e.name == format!("{top}data.pkl")).or(mains.first());
    if let Some((entry, content)) = main {
        let folder = entry.name.get(..entry.name.len() - "data.pkl".len()).unwrap_or_default();
        out.format = "pytorch";
        if look.within.depth > 0 {
            return Ok(out);
        }
        tensors(&mut out, content, &storages(&entries, folder))?;
    }
    if out.format.is_empty() {
        if out.globals.is_empty() && out.operators.is_empty() {
            return Err(CheckpointError::Unknown(
                "is a zip archive without data.pkl, so no PyTorch checkpoint; hand in what torch.save wrote".to_owned(),
            ));
        }
        out.format = "zip";
    }
    Ok(out)
}

fn storages(entries: &[Entry], folder: &str) -> BTreeMap<String, Result<Range<usize>, String>> {
    let mut out = BTreeMap::new();
    let prefix = format!("{folder}data/");
    for entry in entries {
        let Some(key) = entry.name.strip_prefix(&prefix) else { continue };
        let range = match (&entry.range, entry.method) {
            (Some(range), 0) => Ok(range.clone()),
            (Some(_), _) => Err(format!("storage {key} is compressed, which torch.save never does")),
            (None, _) => Err(format!("storage {key} reaches beyond the end of the file")),
        };
        out.insert(key.to_owned(), range);
    }
    out
}

fn tensors(
    out: &mut Checkpoint,
    main: &[u8],
    storages: &BTreeMap<String, Result<Range<usize>, String>>,
) -> Result<(), CheckpointError> {
    out.problems.extend(storages.values().filter_map(|s| s.as_ref().err().cloned()));
    let storages: BTreeMap<String, Range<usize>> =
        storages.iter().filter_map(|(key, range)| Some((key.clone(), range.as_ref().ok()?.clone()))).collect();
    match pickle::read(main) {
        Ok(pickle) => torch::collect(&pickle, &storages, out),
        // What it would import before it breaks is in the list already.
        Err(reason) if out.globals.is_empty() => return Err(CheckpointError::Corrupt(format!("data.pkl: {reason}"))),
        // Why it breaks is among the problems already.
        Err(_) => {}
    }
    Ok(())
}
