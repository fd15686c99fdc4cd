//! ONNX: a protobuf message walked field by field, so that tensors stay where they lie. Field numbers are
//! those of `onnx.proto`. Operators of unknown domains and external data that leaves the model's folder
//! are listed.

use std::ops::Range;

use super::{Checkpoint, CheckpointError, Dtype, Operator, Tensor};

/// Domains whose operators every runtime brings along.
const KNOWN: [&str; 8] = [
    "",
    "ai.onnx",
    "ai.onnx.ml",
    "ai.onnx.training",
    "ai.onnx.preview.training",
    "com.microsoft",
    "com.microsoft.nchwc",
    "org.pytorch.aten",
];
/// Operators listed.
const LISTED: usize = 100;

/// One field of a message: its number, a plain number, or the bytes of text and inner messages.
struct Field {
    number: u64,
    value: u64,
    range: Option<Range<usize>>,
}

/// A number in groups of seven bits, the lowest first.
fn varint(bytes: &[u8], at: &mut usize, end: usize) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at).filter(|_| *at < end)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// The fields of a message, `None` where it is none.
fn fields(bytes: &[u8], within: Range<usize>) -> Option<Vec<Field>> {
    let (mut at, mut out) = (within.start, Vec::new());
    while at < within.end {
        let tag = varint(bytes, &mut at, within.end)?;
        // Parsers keep 32 bits of a tag.
        let tag = tag & 0xffff_ffff;
        let number = tag >> 3;
        let (value, range) = match tag & 7 {
            0 => (varint(bytes, &mut at, within.end)?, None),
            1 | 5 => {
                let from = at;
                at = at.checked_add(if tag & 7 == 1 { 8 } else { 4 }).filter(|end| *end <= within.end)?;
                (0, Some(from..at))
            }
            2 => {
                let length = usize::try_from(varint(bytes, &mut at, within.end)?).ok()?;
                let from = at;
                at = at.checked_add(length).filter(|end| *end <= within.end)?;
                (0, Some(from..at))
            }
            _ => return None,
        };
        if number == 0 {
            return None;
        }
        out.push(Field { number, value, range });
    }
    Some(out)
}

fn text(bytes: &[u8], field: &Field) -> String {
    field.range.clone().map_or_else(String::new, |range| String::from_utf8_lossy(&bytes[range]).into_owned())
}

/// Whether bytes are an ONNX model: a message with a version and a graph, in any order.
pub(super) fn is_onnx(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(0x08 | 0x12 | 0x1a | 0x22 | 0x28 | 0x32 | 0x3a | 0x42 | 0x72 | 0xa2 | 0xca))
        && fields(bytes, 0..bytes.len()).is_some_and(|model| {
            model.iter().any(|f| f.number == 7 && f.range.is_some()) && model.iter().any(|f| f.number == 1 && f.range.is_none())
        })
}

/// Deepest graph within a graph.
const MAX_DEPTH: usize = 32;

pub(super) fn read(bytes: &[u8]) -> Result<Checkpoint, CheckpointError> {
    let broken = |what: &str| CheckpointError::Corrupt(format!("{what} is no ONNX message; export the model again"));
    let model = fields(bytes, 0..bytes.len()).ok_or_else(|| broken("the file"))?;
    let mut reader = Reader { bytes, out: Checkpoint { format: "onnx", ..Checkpoint::default() }, own: Vec::new() };
    let parts = |number: u64| model.iter().filter(move |f| f.number == number).filter_map(|f| f.range.clone());
    // Functions that the model brings along give its own domains a meaning.
    for function in parts(25) {
        let inner = fields(bytes, function).ok_or_else(|| broken("a function"))?;
        reader.own.extend(inner.iter().filter(|f| f.number == 10).map(|f| text(bytes, f)));
    }
    for function in parts(25) {
        reader.nodes(function, 7, 0).ok_or_else(|| broken("a function"))?;
    }
    for graph in parts(7) {
        reader.graph(graph, 0).ok_or_else(|| broken("the graph"))?;
    }
    // Training: how to initialise, and the algorithm.
    for training in parts(20) {
        for field in fields(bytes, training).ok_or_else(|| broken("the training part"))? {
            if let (1 | 2, Some(range)) = (field.number, field.range) {
                reader.graph(range, 0).ok_or_else(|| broken("the training part"))?;
            }
        }
    }
    Ok(reader.out)
}

struct Reader<'a> {
    bytes: &'a [u8],
    out: Checkpoint,
    /// Domains of the model's own functions.
    own: Vec<String>,
}

impl Reader<'_> {
    fn graph(&mut self, range: Range<usize>, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        for field in fields(self.bytes, range)? {
            let Some(range) = field.range else { continue };
            match field.number {
                1 => self.node(range, depth)?,
                5 => tensor(&mut self.out, self.bytes, range)?,
                15 => self.sparse(range)?,
                _ => {}
            }
        }
        Some(())
    }

    fn nodes(&mut self, range: Range<usize>, number: u64, depth: usize) -> Option<()> {
        for field in fields(self.bytes, range)? {
            match field.number {
                n if n == number => self.node(field.range?, depth)?,
                // Defaults of a function's attributes.
                11 => self.attribute(field.range?, depth)?,
                _ => {}
            }
        }
        Some(())
    }

    /// Values and indices.
    fn sparse(&mut self, range: Range<usize>) -> Option<()> {
        for field in fields(self.bytes, range)? {
            if let (1 | 2, Some(inner)) = (field.number, field.range) {
                self.quiet(inner)?;
            }
        }
        Some(())
    }

    /// A tensor that is no weight: where it lies counts, its values do not.
    fn quiet(&mut self, range: Range<usize>) -> Option<()> {
        let weights = self.out.tensors.len();
        tensor(&mut self.out, self.bytes, range)?;
        self.out.tensors.truncate(weights);
        Some(())
    }

    fn node(&mut self, range: Range<usize>, depth: usize) -> Option<()> {
        let bytes = self.bytes;
        let fields = fields(bytes, range)?;
        let of = |number| fields.iter().rfind(|f| f.number == number).map(|f| text(bytes, f)).unwrap_or_default();
        let (kind, domain) = (of(4), of(7));
        let what = format!("operator {domain}.{kind}");
        let known = KNOWN.contains(&domain.as_str()) || self.own.contains(&domain);
        // Operators that run Python.
        if matches!(kind.as_str(), "PythonOp" | "PythonOpGrad" | "PyOp" | "PyCustomOp") && self.out.operators.len() < LISTED {
            self.out.operators.push(Operator { what: format!("operator {domain}.{kind} runs Python"), grave: true });
        }
        if !known && self.out.operators.len() < LISTED && !self.out.operators.iter().any(|o| o.what == what) {
            self.out.operators.push(Operator { what, grave: false });
        }
        fields.into_iter().filter(|f| f.number == 5).try_for_each(|attribute| self.attribute(attribute.range?, depth))
    }

    fn attribute(&mut self, range: Range<usize>, depth: usize) -> Option<()> {
        for field in fields(self.bytes, range)? {
            let Some(range) = field.range else { continue };
            match field.number {
                5 | 10 => self.quiet(range)?,
                6 | 11 => self.graph(range, depth + 1)?,
                22 | 23 => self.sparse(range)?,
                _ => {}
            }
        }
        Some(())
    }
}

fn tensor(out: &mut Checkpoint, bytes: &[u8], range: Range<usize>) -> Option<()> {
    let fields = fields(bytes, range)?;
    let mut shape = Vec::new();
    let (mut kind, mut name, mut data, mut external) = (0, String::new(), None, false);
    for field in &fields {
        match (field.number, &field.range) {
            (1, None) => shape.push(usize::try_from(field.value).ok()?),
            (1, Some(packed)) => {
                let mut at = packed.start;
                while at < packed.end {
                    shape.push(usize::try_from(varint(bytes, &mut at, packed.end)?).ok()?);
                }
            }
            (2, None) => kind = field.value,
            (8, Some(_)) => name = text(bytes, field),
            (9, Some(raw)) => data = Some(raw.clone()),
            (13, Some(entry)) => {
                external = true;
                location(out, bytes, entry.clone())?;
            }
            _ => {}
        }
    }
    let dtype = match kind {
        1 => Dtype::F32,
        3 => Dtype::I8,
        2 => Dtype::U8,
        5 => Dtype::I16,
        6 => Dtype::I32,
        7 => Dtype::I64,
        9 => Dtype::Bool,
        10 => Dtype::F16,
        11 => Dtype::F64,
        16 => Dtype::Bf16,
        _ => Dtype::Other,
    };
    let size = shape.iter().try_fold(dtype.size(), |n, d| n.checked_mul(*d))?;
    match data {
        Some(raw) if dtype == Dtype::Other || raw.len() == size => {
            let bytes = if dtype == Dtype::Other { raw.start..raw.start } else { raw };
            out.tensors.push(Tensor { name, dtype, shape, bytes, file: 0 });
        }
        Some(raw) => out.problems.push(format!("tensor {name} of shape {shape:?} has {} bytes instead of {size}", raw.len())),
        // Small tensors may be lists of numbers; external ones lie in another file.
        None => {
            if external {
                out.metadata.insert("external_data".to_owned(), "yes".to_owned());
            }
        }
    }
    Some(())
}

/// Where external data lies: a path below the model's folder, or an escape from it.
fn location(out: &mut Checkpoint, bytes: &[u8], entry: Range<usize>) -> Option<()> {
    let fields = fields(bytes, entry)?;
    let of = |number| fields.iter().rfind(|f| f.number == number).map(|f| text(bytes, f)).unwrap_or_default();
    let path = of(2);
    let escapes = path.starts_with(['/', '\\', '~']) || path.split(['/', '\\']).any(|part| part == "..") || path.contains(':');
    let what = format!("external data at {path}");
    if of(1) == "location" && escapes && out.operators.len() < LISTED && !out.operators.iter().any(|o| o.what == what) {
        out.operators.push(Operator { what, grave: true });
    }
    Some(())
}
