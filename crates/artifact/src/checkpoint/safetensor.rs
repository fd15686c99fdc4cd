//! safetensors: the crate checks header, offsets and sizes; nothing is copied.

use safetensors::{SafeTensorError, SafeTensors, tensor::Dtype as Theirs};

use super::{Checkpoint, CheckpointError, Dtype, Tensor};

pub(super) fn read(bytes: &[u8]) -> Result<Checkpoint, CheckpointError> {
    let (header, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| explain(bytes, &error))?;
    let start = header + 8;
    let mut out = Checkpoint { format: "safetensors", ..Checkpoint::default() };
    for (key, value) in metadata.metadata().iter().flatten() {
        out.metadata.insert(key.clone(), value.clone());
    }
    for (name, info) in metadata.tensors() {
        let (from, to) = info.data_offsets;
        let (Some(from), Some(to)) = (start.checked_add(from), start.checked_add(to)) else {
            return Err(CheckpointError::Corrupt(format!("tensor {name} has offsets beyond what a file can hold")));
        };
        if to > bytes.len() {
            return Err(CheckpointError::Truncated(format!(
                "tensor {name} needs bytes up to {to}, the file ends at {}; copy or save it again",
                bytes.len()
            )));
        }
        out.tensors.push(Tensor {
            name: name.clone(),
            dtype: dtype(info.dtype),
            shape: info.shape.clone(),
            bytes: from..to,
            file: 0,
        });
    }
    // The crate's own check of gaps, overlaps and the total length.
    SafeTensors::deserialize(bytes).map_err(|error| explain(bytes, &error))?;
    Ok(out)
}

fn explain(bytes: &[u8], error: &SafeTensorError) -> CheckpointError {
    let claimed = bytes.get(..8).and_then(|head| head.try_into().ok()).map_or(0, u64::from_le_bytes);
    match error {
        SafeTensorError::HeaderTooSmall | SafeTensorError::InvalidHeaderLength => CheckpointError::Truncated(format!(
            "the header claims {claimed} bytes, the file has {}; copy or save it again",
            bytes.len()
        )),
        SafeTensorError::MetadataIncompleteBuffer => CheckpointError::Truncated(format!(
            "the tensors do not fill the file of {} bytes exactly: it was cut short or something was appended",
            bytes.len()
        )),
        other => CheckpointError::Corrupt(format!("the safetensors header is damaged: {other}")),
    }
}

fn dtype(theirs: Theirs) -> Dtype {
    match theirs {
        Theirs::F64 => Dtype::F64,
        Theirs::F32 => Dtype::F32,
        Theirs::F16 => Dtype::F16,
        Theirs::BF16 => Dtype::Bf16,
        Theirs::I64 => Dtype::I64,
        Theirs::I32 => Dtype::I32,
        Theirs::I16 => Dtype::I16,
        Theirs::I8 => Dtype::I8,
        Theirs::U8 => Dtype::U8,
        Theirs::BOOL => Dtype::Bool,
        _ => Dtype::Other,
    }
}
