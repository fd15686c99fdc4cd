//! Bounded readers for files nobody has vouched for: contents, decompression, text encodings,
//! JSON with bare `NaN`, YAML. No network, no async, nothing executed.

pub mod checkpoint;
mod content;
mod error;
mod json;
mod plain;
mod text;
mod yaml;

pub use content::{Content, digest, digest_all};
pub use error::ReadError;
pub use json::parse_json;
pub use plain::{Limits, decompress};
pub use text::{Decoded, decode_text, looks_binary};
pub use yaml::parse_yaml;
