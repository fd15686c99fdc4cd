//! GGUF: metadata and tensor descriptions at the front, tensors behind them. Quantised blocks are named
//! and not read.

use super::{Checkpoint, CheckpointError, Dtype, Operator, Tensor};

pub(super) const MAGIC: &[u8] = b"GGUF";
/// More entries or tensors than any model has.
const MANY: u64 = 1_000_000;
/// What a chat template (Jinja) needs to get from text to Python's functions, and nothing else: attributes
/// between double underscores, plainly, escaped, or through a filter.
const ESCAPES: [&str; 6] = ["\\x5f", "\\u005f", "\\137", "|attr(", "'_'*", "\"_\"*"];

fn reaches(template: &str) -> bool {
    let dense: String = template.chars().filter(|c| !c.is_whitespace()).collect();
    // A name between double underscores, not a separator of them.
    let dunder = dense
        .split("__")
        .skip(1)
        .any(|after| after.starts_with(|c: char| c.is_ascii_alphabetic()) && dense.matches("__").count() > 1);
    dunder || ESCAPES.iter().any(|escape| dense.contains(escape))
}

/// Arrays within arrays.
const DEPTH: usize = 4;

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], CheckpointError> {
        let end = self.at.checked_add(n).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or_else(|| {
            CheckpointError::Truncated(format!("the header ends at byte {} in the middle of a value; copy it again", self.at))
        })?;
        let out = &self.bytes[self.at..end];
        self.at = end;
        Ok(out)
    }

    fn uint(&mut self, width: usize) -> Result<u64, CheckpointError> {
        Ok(self.take(width)?.iter().rev().fold(0, |n, byte| (n << 8) | u64::from(*byte)))
    }

    fn text(&mut self) -> Result<String, CheckpointError> {
        let n = usize::try_from(self.uint(8)?).unwrap_or(usize::MAX);
        Ok(String::from_utf8_lossy(self.take(n)?).into_owned())
    }

    /// A value of a type; scalars and texts come back as text.
    fn value(&mut self, kind: u64, depth: usize) -> Result<Option<String>, CheckpointError> {
        let width = match kind {
            0 | 1 | 7 => 1,
            2 | 3 => 2,
            4..=6 => 4,
            10..=12 => 8,
            8 => return self.text().map(Some),
            9 if depth < DEPTH => {
                let (inner, count) = (self.uint(4)?, self.uint(8)?);
                for _ in 0..count {
                    self.value(inner, depth + 1)?;
                }
                return Ok(None);
            }
            other => {
                return Err(CheckpointError::Corrupt(format!("a metadata value has type {other}, which GGUF does not know")));
            }
        };
        let raw = self.uint(width)?;
        Ok(Some(raw.to_string()).filter(|_| kind != 6 && kind != 12))
    }
}

fn dtype(kind: u64) -> Dtype {
    match kind {
        0 => Dtype::F32,
        1 => Dtype::F16,
        24 => Dtype::I8,
        25 => Dtype::I16,
        26 => Dtype::I32,
        27 => Dtype::I64,
        28 => Dtype::F64,
        30 => Dtype::Bf16,
        _ => Dtype::Other,
    }
}

pub(super) fn read(bytes: &[u8]) -> Result<Checkpoint, CheckpointError> {
    let mut reader = Reader { bytes, at: MAGIC.len() };
    let version = reader.uint(4)?;
    if !(2..=3).contains(&version) {
        return Err(CheckpointError::Unknown(format!("is GGUF of version {version}; versions 2 and 3 are read")));
    }
    let (tensors, entries) = (reader.uint(8)?, reader.uint(8)?);
    if tensors > MANY || entries > MANY {
        return Err(CheckpointError::Corrupt(format!("the header claims {tensors} tensors and {entries} entries")));
    }
    let mut out = Checkpoint { format: "gguf", ..Checkpoint::default() };
    for _ in 0..entries {
        let key = reader.text()?;
        let kind = reader.uint(4)?;
        if let Some(value) = reader.value(kind, 0)? {
            out.metadata.insert(key, value);
        }
    }
    for (key, template) in out.metadata.iter().filter(|(key, _)| key.starts_with("tokenizer.chat_template")) {
        if reaches(template) {
            out.operators.push(Operator { what: format!("{key} reaches for Python's internals"), grave: true });
        }
    }
    let mut described = Vec::new();
    for _ in 0..tensors {
        let name = reader.text()?;
        let count = reader.uint(4)?;
        if count > 8 {
            return Err(CheckpointError::Corrupt(format!("tensor {name} has {count} dimensions")));
        }
        let mut shape = Vec::new();
        for _ in 0..count {
            shape.push(usize::try_from(reader.uint(8)?).unwrap_or(usize::MAX));
        }
        // The first dimension is the fastest here, the last elsewhere.
        shape.reverse();
        let (kind, offset) = (reader.uint(4)?, reader.uint(8)?);
        described.push((name, shape, dtype(kind), offset));
    }
    let alignment = out.metadata.get("general.alignment").and_then(|a| a.parse::<usize>().ok()).filter(|a| *a > 0).unwrap_or(32);
    let start = reader.at.next_multiple_of(alignment.min(1 << 20));
    for (name, shape, dtype, offset) in described {
        let from = usize::try_from(offset).ok().and_then(|offset| start.checked_add(offset));
        let size = shape.iter().try_fold(dtype.size(), |n, d| n.checked_mul(*d));
        match from.zip(size).and_then(|(from, size)| Some((from, from.checked_add(size)?))) {
            Some((from, to)) if to <= bytes.len() => out.tensors.push(Tensor { name, dtype, shape, bytes: from..to, file: 0 }),
            _ => {
                return Err(CheckpointError::Truncated(format!(
                    "tensor {name} reaches beyond the file's {} bytes; copy or convert it again",
                    bytes.len()
                )));
            }
        }
    }
    Ok(out)
}
