//! Text in the encodings that exports use.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// Text and how it was encoded.
#[derive(Debug)]
pub struct Decoded<'a> {
    /// UTF-8, without a byte order mark.
    pub text: Cow<'a, [u8]>,
    /// Name of the encoding found.
    pub encoding: &'static str,
}

/// Decodes by byte order mark; otherwise UTF-8 when valid, else Windows-1252 (which every byte
/// string is, so that nothing is lost; the encoding found is reported).
#[must_use]
pub fn decode_text(bytes: &[u8]) -> Decoded<'_> {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes)
        && [UTF_8, UTF_16LE, UTF_16BE].contains(&encoding)
    {
        let body = &bytes[mark..];
        if encoding == UTF_8 && std::str::from_utf8(body).is_ok() {
            return Decoded { text: Cow::Borrowed(body), encoding: "UTF-8" };
        }
        return decoded(encoding, body);
    }
    if std::str::from_utf8(bytes).is_ok() {
        return Decoded { text: Cow::Borrowed(bytes), encoding: "UTF-8" };
    }
    decoded(WINDOWS_1252, bytes)
}

fn decoded(encoding: &'static Encoding, body: &[u8]) -> Decoded<'static> {
    let (text, _) = encoding.decode_without_bom_handling(body);
    Decoded { text: Cow::Owned(text.into_owned().into_bytes()), encoding: encoding.name() }
}

/// Whether the first bytes cannot be text: NUL bytes (outside UTF-16) or many control characters.
#[must_use]
pub fn looks_binary(bytes: &[u8]) -> bool {
    if Encoding::for_bom(bytes).is_some() {
        return false;
    }
    let head = &bytes[..bytes.len().min(8192)];
    let control = head.iter().filter(|&&b| b < 0x20 && !matches!(b, b'\n' | b'\r' | b'\t' | 0x0c | 0x1b)).count();
    head.contains(&0) || control * 20 > head.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encodings_of_exports_read_as_utf_8() {
        let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain("é,b\n".encode_utf16().flat_map(u16::to_le_bytes)).collect();
        assert_eq!(&*decode_text(&utf16).text, "é,b\n".as_bytes());
        assert_eq!(&*decode_text(b"\xef\xbb\xbfa,b").text, b"a,b");
        let latin = decode_text(b"caf\xe9,1");
        assert_eq!((&*latin.text, latin.encoding), ("café,1".as_bytes(), "windows-1252"));
    }

    #[test]
    fn binary_is_told_from_text() {
        assert!(looks_binary(b"PAR1\x00\x01"));
        assert!(!looks_binary("naïve,text\n".as_bytes()));
    }
}
