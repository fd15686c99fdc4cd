//! Model files behind a compression or in a tar archive, as joblib, pandas and old PyTorch write them: they
//! are unpacked in memory, within a limit, and read as what they hold.

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

/// Files of a tar archive that are looked at.
const MEMBERS: usize = 10_000;

fn is_tar(bytes: &[u8]) -> bool {
    bytes.get(257..262) == Some(b"ustar")
}

/// Every file of a tar archive.
fn tar(bytes: &[u8], look: &Look<'_>) -> Result<Checkpoint, CheckpointError> {
    let broken = |error: std::io::Error| CheckpointError::Corrupt(format!("the tar archive is damaged: {error}"));
    let mut archive = tar::Archive::new(bytes);
    let mut out = Checkpoint { format: "tar", ..Checkpoint::default() };
    let mut any = false;
    let mut members = 0;
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        // A sparse file claims more than it holds, and no model is one.
        if entry.header().entry_type() == tar::EntryType::GNUSparse {
            return Err(CheckpointError::Corrupt("the tar archive holds a sparse file, which no framework writes".to_owned()));
        }
        // PyTorch 0.1 unpickled entries of set names; their content is looked at, not their names.
        let content = look.unpack(&mut entry).map_err(CheckpointError::Corrupt)?;
        if look.depth >= 3 {
            return Err(CheckpointError::Corrupt("archives lie more than three deep within each other".to_owned()));
        }
        match super::read_at(&content, &look.deeper()) {
            Ok(mut inner) => {
                inner.tensors.clear();
                any = true;
                out.absorb(inner);
            }
            Err(CheckpointError::Unknown(_)) => {}
            Err(error) => {
                out.problems.push(format!("{}: {error}", entry.path().map(|p| p.display().to_string()).unwrap_or_default()))
            }
        }
        members += 1;
        if members == MEMBERS {
            out.problems.push(format!("the tar archive holds more than {MEMBERS} files; the rest was not read"));
            break;
        }
    }
    any |= !out.problems.is_empty();
    if any { Ok(out) } else { Err(CheckpointError::Unknown("is a tar archive without a model".to_owned())) }
}
