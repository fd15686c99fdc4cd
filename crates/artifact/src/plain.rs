//! Decompression within bounds: gzip and zstd, told by their first bytes.

use std::{
    borrow::Cow,
    io::{self, Read},
};

use crate::ReadError;

/// How large things may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of an artifact as handed in.
    pub max_artifact: u64,
    /// Bytes after decompression.
    pub max_decompressed: usize,
    /// Most times its size that a compressed artifact may become. Text tables reach about 50;
    /// bombs start at 1000. Small results (below 64 MiB) are exempt.
    pub max_ratio: usize,
    /// Memory that the tables of one analysis may take, roughly; larger ones are read in slices.
    pub max_memory: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_artifact: 8 << 30, max_decompressed: 4 << 30, max_ratio: 500, max_memory: 6 << 30 }
    }
}

const RATIO_FREE: usize = 64 << 20;

/// The plain bytes; borrowed when they are plain already.
///
/// # Errors
/// When the stream is damaged or grows over the limits.
pub fn decompress(bytes: &[u8], limits: Limits) -> Result<Cow<'_, [u8]>, ReadError> {
    let limit = limits.max_decompressed.min(bytes.len().saturating_mul(limits.max_ratio).max(RATIO_FREE));
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return bounded("gzip", flate2::read::MultiGzDecoder::new(bytes), bytes.len(), limit).map(Cow::Owned);
    }
    if bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        let mut decoder =
            zstd::Decoder::with_buffer(bytes).map_err(|e| ReadError::Compression { format: "zstd", reason: e.to_string() })?;
        // 128 MiB, the window zstd's own command line accepts by default.
        decoder.window_log_max(27).map_err(|e| ReadError::Compression { format: "zstd", reason: e.to_string() })?;
        return bounded("zstd", decoder, bytes.len(), limit).map(Cow::Owned);
    }
    Ok(Cow::Borrowed(bytes))
}

fn bounded(format: &'static str, reader: impl Read, compressed: usize, limit: usize) -> Result<Vec<u8>, ReadError> {
    let mut out = Vec::new();
    let read: io::Result<usize> = reader.take(limit as u64 + 1).read_to_end(&mut out);
    match read {
        Ok(n) if n > limit => Err(ReadError::Bomb { compressed, limit }),
        Ok(0) => Err(ReadError::Empty),
        Ok(_) => Ok(out),
        Err(error) => Err(ReadError::Compression { format, reason: error.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).expect("in memory");
        encoder.finish().expect("in memory")
    }

    #[test]
    fn gzip_and_zstd_come_back_as_they_were() {
        let text = b"a,b\n1,2\n".repeat(1000);
        assert_eq!(&*decompress(&gzip(&text), Limits::default()).expect("valid"), &text[..]);
        let zst = zstd::encode_all(&text[..], 3).expect("in memory");
        assert_eq!(&*decompress(&zst, Limits::default()).expect("valid"), &text[..]);
        assert!(matches!(decompress(&text, Limits::default()), Ok(Cow::Borrowed(_))));
    }

    #[test]
    fn several_gzip_members_are_one_file() {
        let joined = [gzip(b"a,b\n"), gzip(b"1,2\n")].concat();
        assert_eq!(&*decompress(&joined, Limits::default()).expect("valid"), b"a,b\n1,2\n");
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let bomb = gzip(&vec![0_u8; 100 << 20]);
        let limits = Limits { max_ratio: 100, ..Limits::default() };
        assert!(matches!(decompress(&bomb, limits), Err(ReadError::Bomb { .. })), "{} bytes", bomb.len());
    }

    #[test]
    fn a_cut_stream_says_so() {
        let whole = gzip(&b"a,b\n1,2\n".repeat(1000));
        let error = decompress(&whole[..whole.len() / 2], Limits::default()).expect_err("cut");
        assert!(error.to_string().contains("gzip stream is damaged"), "{error}");
    }
}
