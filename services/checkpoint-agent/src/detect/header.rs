//! `oversized_header`: a safetensors header far larger than its tensors need. What fills it is text that
//! every reader has to parse.

use deepfix_model::{ArtifactKind, BugType, Evidence, Finding, Severity, fmt_number};

use super::{Looked, Weights};

/// Bytes per tensor above which a header of a megabyte is padded; an entry takes about 130.
const PER_TENSOR: f64 = 1000.0;

pub(super) fn detect(weights: &Weights<'_>) -> Looked {
    let head = weights.files.first().get(..8).and_then(|head| <[u8; 8]>::try_from(head).ok());
    let Some(length) = head.filter(|_| weights.checkpoint.format == "safetensors").map(u64::from_le_bytes) else {
        return (0, Vec::new());
    };
    let (bytes, limit) = (length as f64, weights.limit("oversized_header.bytes"));
    let per_tensor = bytes / weights.checkpoint.tensors.len().max(1) as f64;
    if bytes <= limit && !(bytes > 1e6 && per_tensor > PER_TENSOR) {
        return (1, Vec::new());
    }
    let text: usize = weights.checkpoint.metadata.iter().map(|(k, v)| k.len() + v.len()).sum();
    let finding = Finding::new("oversized_header", ArtifactKind::Checkpoint, "artifact:checkpoint", Severity::Medium, 0.9)
        .title(format!(
            "the header takes {} MB for {} tensors",
            fmt_number((bytes / 1e5).round() / 10.0),
            weights.checkpoint.tensors.len()
        ))
        .bug(BugType::Performance)
        .evidence(
            Evidence::new("header_bytes", "artifact:checkpoint", bytes)
                .versus(">", limit.min(1e6))
                .unit("bytes")
                .method("the file's first eight bytes"),
        )
        .evidence(
            Evidence::new("bytes_per_tensor", "artifact:checkpoint", per_tensor)
                .versus(">", PER_TENSOR)
                .unit("bytes")
                .method("header over tensors"),
        )
        .evidence(Evidence::new("metadata_bytes", "artifact:checkpoint", text).unit("bytes").method("free text in __metadata__"))
        .fix(
            "keep what is no tensor out of the header: configuration and vocabulary belong in files of their own",
            "every reader parses it whole before the first weight",
        )
        .step("safetensors.torch.save_file(tensors, path, metadata={\"format\": \"pt\"})");
    (1, vec![finding])
}
