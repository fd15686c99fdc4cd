//! The bytes of an artifact: in memory when small, mapped when large.

use std::{
    fmt,
    fs::File,
    io::{self, Read},
    ops::Deref,
    path::Path,
};

use memmap2::Mmap;
use sha2::{Digest, Sha256};

use crate::ReadError;

/// Files up to this size are read into memory; larger ones are mapped, because a checkpoint may
/// exceed memory. A mapped file that another process truncates meanwhile would kill the reader,
/// which is why small files (logs that a running training rewrites) are never mapped.
const MAP_FROM: u64 = 64 << 20;

/// The bytes of an artifact.
pub enum Content {
    /// In memory.
    Memory(Vec<u8>),
    /// Shared memory, as it came over the wire.
    Shared(bytes::Bytes),
    /// A mapped file.
    Mapped(Mmap),
}

impl Content {
    /// Opens a file of at most `limit` bytes.
    ///
    /// # Errors
    /// When it is no regular file, over the limit, empty, or the system refuses.
    pub fn open(path: &Path, limit: u64) -> Result<Self, ReadError> {
        let io = |source: io::Error| ReadError::Io { path: path.to_owned(), source };
        // Asked before opening: opening a pipe would wait for a writer.
        let meta = std::fs::metadata(path).map_err(io)?;
        if meta.is_dir() {
            return Err(ReadError::NotAFile {
                path: path.to_owned(),
                what: "a folder",
                remedy: "hand in one file of it, or the whole folder of a run with --run-dir",
            });
        }
        if !meta.is_file() {
            return Err(ReadError::NotAFile {
                path: path.to_owned(),
                what: "a device or pipe",
                remedy: "copy its content into a file first",
            });
        }
        let file = File::open(path).map_err(io)?;
        let size = file.metadata().map_err(io)?.len();
        if size > limit {
            return Err(ReadError::TooLarge { bytes: size, limit });
        }
        let content = if size >= MAP_FROM {
            #[expect(unsafe_code, reason = "mapping is unsafe only if the file changes underneath; see MAP_FROM")]
            let map = unsafe { Mmap::map(&file) }.map_err(io)?;
            Self::Mapped(map)
        } else {
            let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
            // A file that grows while it is read stays within the limit.
            file.take(limit).read_to_end(&mut bytes).map_err(io)?;
            Self::Memory(bytes)
        };
        if content.is_empty() { Err(ReadError::Empty) } else { Ok(content) }
    }
}

impl Deref for Content {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Memory(bytes) => bytes,
            Self::Shared(bytes) => bytes,
            Self::Mapped(map) => map,
        }
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self {
            Self::Memory(_) => "memory",
            Self::Shared(_) => "shared",
            Self::Mapped(_) => "mapped",
        };
        write!(f, "Content({how}, {} bytes)", self.len())
    }
}

/// From this size on digests are BLAKE3's, which takes less than half the time of SHA-256 and shares it among cores: of a
/// checkpoint the latter took longer than all that is computed from it (`bench/checkpoint`, ADR 14).
const BLAKE3_FROM: usize = 64 << 20;

/// What tells the bytes from others: `sha256:` and 64 hexadecimal digits, `blake3:` and as many of 64 MiB and more.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    digest_all(&[bytes])
}

/// The digest of bytes that lie in pieces.
#[must_use]
pub fn digest_all(pieces: &[&[u8]]) -> String {
    if pieces.iter().map(|piece| piece.len()).sum::<usize>() >= BLAKE3_FROM {
        let mut hash = blake3::Hasher::new();
        pieces.iter().for_each(|piece| {
            hash.update_rayon(piece);
        });
        return format!("blake3:{}", hash.finalize().to_hex());
    }
    let mut hash = Sha256::new();
    pieces.iter().for_each(|piece| hash.update(piece));
    let digits: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}
