//! UBJSON (draft 12), as XGBoost writes it: bounded in depth and in how much is kept. Of lists the numbers are looked
//! at and not kept; what a model says of itself stands in objects.

use serde_json::{Map, Value};

const MAX_DEPTH: usize = 64;
/// Entries of objects that are kept.
const MAX_ENTRIES: usize = 1_000_000;
/// Longest text that is kept.
const MAX_TEXT: usize = 4096;

pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    entries: usize,
}

impl<'a> Reader<'a> {
    /// The document's objects and single values; lists are `null`.
    ///
    /// # Errors
    /// Says at which byte what is wrong.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Value, String> {
        let mut reader = Self { bytes, at: 0, entries: 0 };
        let value = reader.marker().and_then(|marker| reader.value(marker, 0));
        value.map_err(|why| format!("UBJSON offset {}: {why}", reader.at))
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8], String> {
        let end = self.at.checked_add(n).filter(|end| *end <= self.bytes.len()).ok_or("the file ends within a value")?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    /// The next marker; `N` stands for nothing.
    fn marker(&mut self) -> Result<u8, String> {
        loop {
            let marker = self.take(1)?[0];
            if marker != b'N' {
                return Ok(marker);
            }
        }
    }

    fn integer(&mut self, marker: u8) -> Result<i64, String> {
        Ok(match marker {
            b'i' => i64::from(i8::from_be_bytes([self.take(1)?[0]])),
            b'U' => i64::from(self.take(1)?[0]),
            b'I' => self.take(2)?.try_into().map(i16::from_be_bytes).map(i64::from).unwrap_or_default(),
            b'l' => self.take(4)?.try_into().map(i32::from_be_bytes).map(i64::from).unwrap_or_default(),
            b'L' => self.take(8)?.try_into().map(i64::from_be_bytes).unwrap_or_default(),
            other => return Err(format!("{:?} is no whole number", char::from(other))),
        })
    }

    fn length(&mut self) -> Result<usize, String> {
        let marker = self.marker()?;
        usize::try_from(self.integer(marker)?).map_err(|_| "a length is negative".to_owned())
    }

    fn text(&mut self) -> Result<String, String> {
        let length = self.length()?;
        let bytes = self.take(length)?;
        Ok(String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_TEXT)]).into_owned())
    }

    fn value(&mut self, marker: u8, depth: usize) -> Result<Value, String> {
        if depth > MAX_DEPTH {
            return Err(format!("is nested deeper than {MAX_DEPTH}"));
        }
        Ok(match marker {
            b'{' => self.object(depth)?,
            b'[' => {
                self.list(depth)?;
                Value::Null
            }
            b'S' | b'H' => Value::String(self.text()?),
            b'C' => Value::String(char::from(self.take(1)?[0]).to_string()),
            b'T' => Value::Bool(true),
            b'F' => Value::Bool(false),
            b'Z' => Value::Null,
            b'd' => self.take(4)?.try_into().map(f32::from_be_bytes).map(|v| Value::from(f64::from(v))).unwrap_or_default(),
            b'D' => self.take(8)?.try_into().map(f64::from_be_bytes).map(Value::from).unwrap_or_default(),
            other => Value::from(self.integer(other)?),
        })
    }

    /// The type and number of what follows, where they are given.
    fn header(&mut self) -> Result<(Option<u8>, Option<usize>), String> {
        let mut of = None;
        if self.bytes.get(self.at) == Some(&b'$') {
            of = Some(self.take(2)?[1]);
            if self.bytes.get(self.at) != Some(&b'#') {
                return Err("a type without a number".to_owned());
            }
        }
        if self.bytes.get(self.at) == Some(&b'#') {
            self.at += 1;
            return Ok((of, Some(self.length()?)));
        }
        Ok((None, None))
    }

    fn object(&mut self, depth: usize) -> Result<Value, String> {
        let (of, count) = self.header()?;
        let mut out = Map::new();
        let mut read = 0;
        while count.is_none_or(|count| read < count) {
            if count.is_none() && self.bytes.get(self.at) == Some(&b'}') {
                self.at += 1;
                break;
            }
            let key = self.text()?;
            let marker = of.map_or_else(|| self.marker(), Ok)?;
            let value = self.value(marker, depth + 1)?;
            read += 1;
            self.entries += 1;
            if self.entries <= MAX_ENTRIES {
                out.insert(key, value);
            }
        }
        Ok(Value::Object(out))
    }

    fn list(&mut self, depth: usize) -> Result<(), String> {
        let (of, count) = self.header()?;
        let width = match of {
            Some(b'i' | b'U' | b'C') => Some(1),
            Some(b'I') => Some(2),
            Some(b'l' | b'd') => Some(4),
            Some(b'L' | b'D') => Some(8),
            _ => None,
        };
        if let (Some(width), Some(count)) = (width, count) {
            self.take(count.checked_mul(width).ok_or("a list is larger than any file")?)?;
            return Ok(());
        }
        // Values of no bytes could be named without end.
        if matches!(of, Some(b'T' | b'F' | b'Z')) {
            return Ok(());
        }
        let mut read = 0;
        while count.is_none_or(|count| read < count) {
            if count.is_none() && self.bytes.get(self.at) == Some(&b']') {
                self.at += 1;
                break;
            }
            let marker = of.map_or_else(|| self.marker(), Ok)?;
            self.value(marker, depth + 1)?;
            read += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_and_nothing_is_read_beyond_the_end() {
        // {"a": {"n": 7, "x": 0.5}, "list": [$l#2 ...], "s": "hi"}
        let mut bytes = b"{i\x01a{i\x01nU\x07i\x01xd".to_vec();
        bytes.extend(0.5_f32.to_be_bytes());
        bytes.extend(b"}i\x04list[$l#i\x02\0\0\0\x01\0\0\0\x02i\x01sSi\x02hi}");
        let read = Reader::read(&bytes).expect("reads");
        assert_eq!(read, serde_json::json!({ "a": { "n": 7, "x": 0.5 }, "list": null, "s": "hi" }));
        for length in 0..bytes.len() {
            assert!(Reader::read(&bytes[..length]).is_err(), "cut to {length}");
        }
        assert!(Reader::read(&b"[".repeat(1000)).expect_err("deep").contains("nested"));
        assert!(Reader::read(b"[$D#L\x7f\xff\xff\xff\xff\xff\xff\xff").is_err());
        assert!(Reader::read(b"{L\xff\xff\xff\xff\xff\xff\xff\xffx").expect_err("negative").contains("negative"));
        assert!(Reader::read(b"[$Z#L\x7f\xff\xff\xff\xff\xff\xff\xff").is_ok(), "no bytes, no work");
    }
}
