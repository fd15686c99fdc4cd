//! Model files behind a compression or in a tar archive, as joblib, pandas and old PyTorch write them: they
//! are unpacked in memory, within a limit, and read as what they hold.

use std::io::Read;

use super::{Checkpoint, CheckpointError, Look};

/// The compressions that begin like these bytes.
pub(super) fn read(bytes: &[u8], look: &Look<'_>) -> Option<Result<Checkpoint, CheckpointError>> {
    let plain = match bytes {
        [0x1f, 0x8b, ..] => look.unpack(flate2::read::MultiGzDecoder::new(bytes)),
        [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => look.unpack(flate2::read::ZlibDecoder::new(bytes)),
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => look.unpack(bzip2::read::MultiBzDecoder::new(bytes)),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => look.unpack(lzma_rust2::XzReader::new(bytes, true)),
        // LZMA alone: properties, a dictionary size that is a power of two, and the length.
        [0x5d, 0, 0, ..] => match lzma_rust2::LzmaReader::new_mem_limit(bytes, 1 << 20, None) {
            Ok(reader) => look.unpack(reader),
            Err(error) => Err(format!("is packed and damaged: {error}")),
        },
        [0x28, 0xb5, 0x2f, 0xfd, ..] => match zstd::Decoder::new(bytes) {
            Ok(reader) => look.unpack(reader),
            Err(error) => Err(format!("is packed and damaged: {error}")),
        },
        _ if is_tar(bytes) => return Some(tar(bytes, look)),
        _ => return None,
    };
    Some(match plain {
        Ok(plain) if look.depth < 3 => super::read_at(&plain, &look.deeper()).map(|mut inner| {
            // Tensors lie in the unpacked bytes, which are not kept.
            inner.tensors.clear();
            inner
        }),
        Ok(_) => Err(CheckpointError::Corrupt("is packed more than three times".to_owned())),
        Err(why) => Err(CheckpointError::Corrupt(why)),
    })
}

fn is_tar(bytes: &[u8]) -> bool {
    bytes.get(257..262) == Some(b"ustar")
}

/// Every file of a tar archive.
fn tar(bytes: &[u8], look: &Look<'_>) -> Result<Checkpoint, CheckpointError> {
    let broken = |error: std::io::Error| CheckpointError::Corrupt(format!("the tar archive is damaged: {error}"));
    let mut archive = tar::Archive::new(bytes);
    let mut out = Checkpoint { format: "tar", ..Checkpoint::default() };
    let mut any = false;
    for entry in archive.entries().map_err(broken)?.take(10_000) {
        let mut entry = entry.map_err(broken)?;
        // PyTorch 0.1 unpickled entries of set names; their content is looked at, not their names.
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(broken)?;
        if look.depth < 3
            && let Ok(mut inner) = super::read_at(&content, &look.deeper())
        {
            inner.tensors.clear();
            any = true;
            out.absorb(inner);
        }
    }
    if any { Ok(out) } else { Err(CheckpointError::Unknown("is a tar archive without a model".to_owned())) }
}
