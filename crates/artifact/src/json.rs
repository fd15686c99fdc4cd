//! JSON as training tools write it: bare `NaN`, `Infinity` and `-Infinity` (Python's `json`)
//! become those strings; nesting is bounded by the parser.

use std::borrow::Cow;

use serde_json::Value;

use crate::ReadError;

/// Parses, with at most 128 levels of nesting.
///
/// # Errors
/// With line and column of the first fault.
pub fn parse_json(bytes: &[u8]) -> Result<Value, ReadError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    serde_json::from_slice(bytes)
        .or_else(|error| {
            let quoted = quote_bare_numbers(bytes);
            if matches!(quoted, Cow::Borrowed(_)) { Err(error) } else { serde_json::from_slice(&quoted) }
        })
        .map_err(|error| ReadError::Syntax { format: "JSON", reason: error.to_string() })
}

const BARE: [(&[u8], &[u8]); 3] = [(b"-Infinity", b"\"-Infinity\""), (b"Infinity", b"\"Infinity\""), (b"NaN", b"\"NaN\"")];

fn quote_bare_numbers(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut out: Vec<u8> = Vec::new();
    let (mut copied, mut i, mut in_string) = (0, 0, false);
    while i < bytes.len() {
        let byte = bytes[i];
        if in_string {
            match byte {
                b'\\' => i += 1,
                b'"' => in_string = false,
                _ => {}
            }
        } else if byte == b'"' {
            in_string = true;
        } else if let Some((bare, quoted)) = BARE.iter().find(|(bare, _)| bytes[i..].starts_with(bare)) {
            out.extend_from_slice(&bytes[copied..i]);
            out.extend_from_slice(quoted);
            i += bare.len();
            copied = i;
            continue;
        }
        i += 1;
    }
    if copied == 0 {
        return Cow::Borrowed(bytes);
    }
    out.extend_from_slice(&bytes[copied..]);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_nan_reads_as_a_string_and_quoted_text_stays() {
        let value = parse_json(br#"{"loss": NaN, "b": [-Infinity, Infinity, 1], "t": "is \"NaN\" here"}"#).expect("lenient");
        assert_eq!(value["loss"], "NaN");
        assert_eq!(value["b"][0], "-Infinity");
        assert_eq!(value["t"], "is \"NaN\" here");
    }

    #[test]
    fn deep_nesting_is_an_error() {
        let deep = [vec![b'['; 10_000], vec![b']'; 10_000]].concat();
        let error = parse_json(&deep).expect_err("too deep");
        assert!(error.to_string().contains("recursion limit"), "{error}");
    }
}
