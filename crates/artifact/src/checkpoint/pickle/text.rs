//! Text of the old protocols, which is written with escapes: a name may hide behind them.

/// The argument of `V`: Latin-1 with `\\uXXXX` and `\\UXXXXXXXX`.
pub(super) fn raw_unicode(line: &[u8]) -> String {
    decode(line, |kind| match kind {
        b'u' => Some(4),
        b'U' => Some(8),
        _ => None,
    })
}

/// The argument of `S`: a quoted Python string of bytes.
pub(super) fn quoted(line: &[u8]) -> String {
    let inner = line.trim_ascii();
    let inner = match inner {
        [a @ (b'\'' | b'"'), middle @ .., b] if a == b => middle,
        _ => inner,
    };
    let (mut out, mut at) = (String::new(), 0);
    while at < inner.len() {
        let (c, used) = match &inner[at..] {
            [b'\\', b'x', a, b, ..] if hex(&[*a, *b]).is_some() => (hex(&[*a, *b]).unwrap_or('?'), 4),
            [b'\\', digits @ (b'0'..=b'7'), rest @ ..] => {
                let more = rest.iter().take(2).take_while(|d| matches!(d, b'0'..=b'7')).count();
                let value = rest[..more].iter().fold(u32::from(digits - b'0'), |v, d| v * 8 + u32::from(d - b'0'));
                (char::from_u32(value & 0xff).unwrap_or('?'), 2 + more)
            }
            [b'\\', b'n', ..] => ('\n', 2),
            [b'\\', b't', ..] => ('\t', 2),
            [b'\\', b'r', ..] => ('\r', 2),
            [b'\\', b'a', ..] => ('\u{7}', 2),
            [b'\\', b'b', ..] => ('\u{8}', 2),
            [b'\\', b'f', ..] => ('\u{c}', 2),
            [b'\\', b'v', ..] => ('\u{b}', 2),
            [b'\\', c @ (b'\\' | b'\'' | b'"'), ..] => (char::from(*c), 2),
            [c, ..] => (char::from(*c), 1),
            [] => break,
        };
        out.push(c);
        at += used;
    }
    out
}

fn decode(line: &[u8], width: impl Fn(u8) -> Option<usize>) -> String {
    let (mut out, mut at) = (String::new(), 0);
    while at < line.len() {
        let escaped = match &line[at..] {
            [b'\\', kind, rest @ ..] => width(*kind).and_then(|n| Some((hex(rest.get(..n)?)?, 2 + n))),
            _ => None,
        };
        match (escaped, &line[at..]) {
            (Some((c, used)), _) => {
                out.push(c);
                at += used;
            }
            // A backslash keeps what follows it as it is.
            (None, [b'\\', next, ..]) => {
                out.push('\\');
                out.push(char::from(*next));
                at += 2;
            }
            (None, _) => {
                out.push(char::from(line[at]));
                at += 1;
            }
        }
    }
    out
}

fn hex(digits: &[u8]) -> Option<char> {
    let text = std::str::from_utf8(digits).ok()?;
    char::from_u32(u32::from_str_radix(text, 16).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_hide_no_name() {
        assert_eq!(raw_unicode(b"\\u006fs"), "os");
        assert_eq!(raw_unicode(b"o\\U00000073"), "os");
        assert_eq!(raw_unicode(b"a\\u1"), "a\\u1");
        assert_eq!(raw_unicode(br"\\u0041"), r"\\u0041");
        assert_eq!(quoted(br#"'\x6f\163'"#), "os");
        assert_eq!(quoted(br#""a\'b""#), "a'b");
        assert_eq!(quoted(b"'"), "'");
    }
}
