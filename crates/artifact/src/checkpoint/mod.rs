//! Model files without executing anything in them: safetensors and PyTorch archives, as names,
//! shapes and byte ranges into the file, with what a pickle would import.

mod gguf;
mod numpy;
mod onnx;
mod pickle;
mod safetensor;
mod torch;

use std::{collections::BTreeMap, ops::Range};

pub use pickle::Global;

/// A model file as it was read.
#[derive(Debug, Default)]
pub struct Checkpoint {
    /// `safetensors`, `pytorch`, `pickle`, `numpy`, `keras`, `onnx` or `gguf`.
    pub format: &'static str,
    /// Tensors, sorted by name.
    pub tensors: Vec<Tensor>,
    /// Scalars worth knowing: `epoch`, `global_step`, the file's own metadata.
    pub metadata: BTreeMap<String, String>,
    /// Everything a pickle names for import, in order of first appearance.
    pub globals: Vec<Global>,
    /// Parts of the model that are code of the file's own or reach out of its folder.
    pub operators: Vec<Operator>,
    /// What in the file contradicts itself, though most of it reads.
    pub problems: Vec<String>,
}

/// A part of a model that does more than compute, such as a Keras `Lambda` layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// What it is and where.
    pub what: String,
    /// Code, or a path out of the model's folder; otherwise an operation of a library of its own.
    pub grave: bool,
}

/// One tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// Name in the state dictionary.
    pub name: String,
    /// Type of its elements.
    pub dtype: Dtype,
    /// Shape.
    pub shape: Vec<usize>,
    /// Bytes in the file, contiguous and row-major.
    pub bytes: Range<usize>,
}

impl Tensor {
    /// Number of elements.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Type of a tensor's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the field's own")]
pub enum Dtype {
    F64,
    F32,
    F16,
    Bf16,
    I64,
    I32,
    I16,
    I8,
    U8,
    Bool,
    /// Complex, quantised and 8-bit floating types: named, not read.
    Other,
}

impl Dtype {
    /// Bytes of an element; 0 when unknown.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 => 4,
            Self::F16 | Self::Bf16 | Self::I16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
            Self::Other => 0,
        }
    }

    /// Whether elements can be NaN.
    #[must_use]
    pub const fn is_float(self) -> bool {
        matches!(self, Self::F64 | Self::F32 | Self::F16 | Self::Bf16)
    }
}

/// Why a model file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// It begins like a known format and then breaks its rules.
    #[error("{0}")]
    Corrupt(String),
    /// It is of a known format that stops before its end.
    #[error("{0}")]
    Truncated(String),
    /// Its first bytes are those of no format read here.
    #[error("{0}")]
    Unknown(String),
}

/// Reads a model file. Nothing is executed and no tensor is copied.
///
/// # Errors
/// When it is corrupt, truncated, or of no format read here.
pub fn read_checkpoint(bytes: &[u8]) -> Result<Checkpoint, CheckpointError> {
    let mut checkpoint = if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        torch::read(bytes)?
    } else if bytes.starts_with(&[0x80]) && matches!(bytes.get(1), Some(2..=5)) {
        torch::read_bare_pickle(bytes)?
    } else if bytes.starts_with(numpy::MAGIC) {
        numpy::read(bytes)?
    } else if bytes.starts_with(&[0x78]) && matches!(bytes.get(1), Some(0x01 | 0x5e | 0x9c | 0xda)) {
        torch::read_compressed_pickle(bytes)?
    } else if bytes.starts_with(gguf::MAGIC) {
        gguf::read(bytes)?
    } else if looks_like_safetensors(bytes) {
        safetensor::read(bytes)?
    } else if onnx::is_onnx(bytes) {
        onnx::read(bytes)?
    } else {
        return Err(CheckpointError::Unknown(unknown(bytes)));
    };
    checkpoint.tensors.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(checkpoint)
}

fn looks_like_safetensors(bytes: &[u8]) -> bool {
    // Eight bytes of header length, then a JSON object.
    bytes.get(8) == Some(&b'{') || bytes.len() > 8 && bytes[..8].iter().skip(4).all(|&b| b == 0) && bytes[8].is_ascii_whitespace()
}

fn unknown(bytes: &[u8]) -> String {
    let kind = match bytes {
        [0x89, b'H', b'D', b'F', ..] => "HDF5 (Keras .h5), which is not read yet",
        _ => "no format known here",
    };
    let first: Vec<String> = bytes.iter().take(8).map(|b| format!("{b:02x}")).collect();
    format!("the first bytes ({}) are {kind}; hand in a safetensors file or a PyTorch checkpoint", first.join(" "))
}
