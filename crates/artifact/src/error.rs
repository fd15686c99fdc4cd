//! Why a file could not be read: what, where, and how to mend it.

use std::path::PathBuf;

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system would not give it.
    #[error("cannot read {path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// A folder, a device, a pipe.
    #[error("{path} is {what}, not a file; {remedy}")]
    NotAFile {
        /// Which path.
        path: PathBuf,
        /// What it is.
        what: &'static str,
        /// What to hand in instead.
        remedy: &'static str,
    },
    /// Over the limit as it is.
    #[error("{bytes} bytes are over the limit of {limit}; hand in a sample or raise limits.max_artifact")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// Over the limit once decompressed.
    #[error(
        "decompresses to more than {limit} bytes (from {compressed}); \
         hand in a sample or raise limits.max_decompressed or limits.max_ratio"
    )]
    Bomb {
        /// Its size as it is.
        compressed: usize,
        /// The limit.
        limit: usize,
    },
    /// The compressed stream is damaged.
    #[error("the {format} stream is damaged: {reason}; compress it again or hand in the plain file")]
    Compression {
        /// gzip or zstd.
        format: &'static str,
        /// What the decoder said.
        reason: String,
    },
    /// Not the syntax it should have.
    #[error("is not valid {format}: {reason}")]
    Syntax {
        /// JSON or YAML.
        format: &'static str,
        /// Where and what.
        reason: String,
    },
    /// Nothing in it.
    #[error("is empty (0 bytes); was the run that writes it cut short?")]
    Empty,
}
