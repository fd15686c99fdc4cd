//! Delimited text: the delimiter is found, types are inferred for the whole file, and a ragged
//! line is named by its number.

use std::io::Cursor;

use polars::prelude::{CsvParseOptions, CsvReadOptions, DataFrame, SerReader};

use super::frame::{TableError, guarded};

pub(super) fn read(body: &[u8], remarks: &mut Vec<String>) -> Result<DataFrame, TableError> {
    let comments = comments(body);
    if comments > 0 {
        let lines = body[..comments].iter().filter(|b| **b == b'\n').count();
        remarks.push(format!("the first {lines} lines begin with # and were left out as comments"));
    }
    let body = &body[comments..];
    let separator = separator(body);
    let header = fields(body.split(|&b| b == b'\n').next().unwrap_or_default(), separator);
    if header > 100_000 {
        return Err(TableError::Unreadable(format!("the first line has {header} fields, over the limit of 100000 columns")));
    }
    let quote = match quoting(body, separator) {
        Quoting::None => None,
        Quoting::WellFormed => Some(b'"'),
        Quoting::Broken(line) => {
            return Err(TableError::Unreadable(format!(
                "line {line} begins a quoted field that is not closed, or goes on after its closing quote; \
                 double the quotes inside quoted fields, or write the file again"
            )));
        }
    };
    let attempt = |infer: Option<usize>, dates: bool| {
        guarded(|| {
            CsvReadOptions::default()
                .with_infer_schema_length(infer)
                .with_parse_options(
                    CsvParseOptions::default()
                        .with_separator(separator)
                        .with_quote_char(quote)
                        .with_missing_is_null(true)
                        .with_try_parse_dates(dates),
                )
                .with_raise_if_empty(false)
                .with_rechunk(true)
                .into_reader_with_file_handle(Cursor::new(body))
                .finish()
        })
    };
    // A value that the first lines did not announce fails the first attempt; then all lines count. Dates
    // in several forms fail the second.
    let frame = attempt(Some(10_000), true)
        .or_else(|_| attempt(None, true))
        .or_else(|_| attempt(None, false))
        .map_err(|reason| unreadable(body, separator, header, &reason))?;
    if let Some((line, found)) = ragged(body, separator, header, 200) {
        remarks.push(format!("line {line} has {found} fields where the header has {header}; missing ones were read as empty"));
    }
    if frame.width() == 1 && frame.height() > 0 && header == 1 && !looks_like_name(body) {
        return Err(TableError::Unreadable(
            "is no table: no delimiter (comma, tab, semicolon, bar) separates its first lines into columns".into(),
        ));
    }
    Ok(frame)
}

/// Length of the comment lines before the header. A header may begin with `#` too; it has as many
/// fields as the line after it.
pub(super) fn comments(body: &[u8]) -> usize {
    let mut at = 0;
    while body[at..].starts_with(b"#") {
        let Some(end) = body[at..].iter().position(|b| *b == b'\n') else { break };
        let next = &body[at + end + 1..];
        let separator = separator(next);
        let second = next.split(|&b| b == b'\n').next().unwrap_or_default();
        if !second.starts_with(b"#") && fields(&body[at..at + end], separator) == fields(second, separator) {
            break;
        }
        at += end + 1;
    }
    at
}

fn looks_like_name(body: &[u8]) -> bool {
    let first = body.split(|&b| b == b'\n').next().unwrap_or_default();
    first.len() < 200 && first.iter().filter(|b| b.is_ascii_whitespace()).count() < 6
}

fn unreadable(body: &[u8], separator: u8, header: usize, reason: &str) -> TableError {
    match ragged(body, separator, header, usize::MAX) {
        Some((line, found)) => TableError::Unreadable(format!(
            "line {line} has {found} fields where the header has {header}; quote fields that hold the delimiter, or mend that line"
        )),
        None => TableError::Unreadable(format!("cannot be read as delimited text: {reason}")),
    }
}

/// How a file uses quotes.
#[derive(Debug, PartialEq, Eq)]
enum Quoting {
    /// Not at all, or only inside fields, where they are ordinary characters (5" pipe).
    None,
    /// As RFC 4180 says.
    WellFormed,
    /// Otherwise, first on this line.
    Broken(usize),
}

/// Looks at every quote. polars' reader assumes well-formed quoting and reads out of bounds where it
/// is not (0.55.2: a field that is a lone quote), so nothing else may reach it.
fn quoting(body: &[u8], separator: u8) -> Quoting {
    if !body.contains(&b'"') {
        return Quoting::None;
    }
    let (mut line, mut at, mut quoted, mut stray, mut broken) = (1, 0, false, None, None);
    while at < body.len() {
        // Here a field begins.
        if body[at] == b'"' {
            quoted = true;
            let opened = line;
            at += 1;
            loop {
                match (body.get(at), body.get(at + 1)) {
                    (Some(b'"'), Some(b'"')) => at += 2,
                    (Some(b'"'), after) => {
                        if !after.is_none_or(|b| *b == separator || *b == b'\n' || *b == b'\r') {
                            broken.get_or_insert(opened);
                        }
                        at += 1;
                        break;
                    }
                    (Some(byte), _) => {
                        line += usize::from(*byte == b'\n');
                        at += 1;
                    }
                    (None, _) => {
                        broken.get_or_insert(opened);
                        break;
                    }
                }
            }
        }
        // What is left of the field, without quotes when all is well.
        while let Some(&byte) = body.get(at) {
            at += 1;
            if byte == b'"' {
                stray.get_or_insert(line);
            }
            if byte == separator {
                break;
            }
            if byte == b'\n' {
                line += 1;
                break;
            }
        }
    }
    match (quoted, broken.or(stray)) {
        (false, _) => Quoting::None,
        // Quotes in unquoted fields beside quoted ones make it a guess where records end.
        (true, Some(line)) => Quoting::Broken(line),
        (true, None) => Quoting::WellFormed,
    }
}

/// The delimiter that splits the first lines most evenly into the most fields.
fn separator(body: &[u8]) -> u8 {
    let head = &body[..body.len().min(64 << 10)];
    let lines: Vec<&[u8]> = head.split(|&b| b == b'\n').filter(|l| !l.is_empty()).take(20).collect();
    let score = |separator: u8| {
        let first = lines.first().map_or(1, |line| fields(line, separator));
        let same = lines.iter().filter(|line| fields(line, separator) == first).count();
        if first < 2 { 0 } else { same * 1000 + first.min(999) }
    };
    // In this order on a tie.
    [b',', b'\t', b';', b'|'].into_iter().rev().max_by_key(|&s| score(s)).filter(|&s| score(s) > 0).unwrap_or(b',')
}

/// Fields of a line, quotes respected.
fn fields(line: &[u8], separator: u8) -> usize {
    let (mut count, mut quoted) = (1, false);
    for &byte in line {
        if byte == b'"' {
            quoted = !quoted;
        } else if byte == separator && !quoted {
            count += 1;
        }
    }
    count
}

/// The first record, among so many, whose number of fields is not the header's: its line and fields.
fn ragged(body: &[u8], separator: u8, header: usize, records: usize) -> Option<(usize, usize)> {
    let (mut line, mut start_line, mut count, mut quoted, mut empty, mut seen) = (1, 1, 1, false, true, 0);
    for &byte in body.iter().chain(std::iter::once(&b'\n')) {
        match byte {
            b'"' => {
                quoted = !quoted;
                empty = false;
            }
            b'\n' => {
                line += 1;
                if !quoted {
                    if !empty && count != header {
                        return Some((start_line, count));
                    }
                    seen += 1;
                    if seen > records {
                        return None;
                    }
                    (count, empty, start_line) = (1, true, line);
                }
            }
            b'\r' => {}
            _ if byte == separator && !quoted => {
                count += 1;
                empty = false;
            }
            _ => empty = false,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Quoting, quoting};

    #[test]
    fn comments_before_the_header_are_left_out_and_headers_are_kept() {
        assert_eq!(super::comments(b"# made today\n# by hand\na,b\n1,2\n"), 23);
        assert_eq!(super::comments(b"#id,b\n1,2\n"), 0);
        assert_eq!(super::comments(b"a,b\n#1,2\n"), 0);
        assert_eq!(super::comments(b"#only"), 0);
    }

    #[test]
    fn only_well_formed_quotes_reach_the_reader() {
        for (text, expected) in [
            ("a,b\n1,2\n", Quoting::None),
            ("a,b\n5\" pipe,2\n", Quoting::None),
            ("a,b\n\"x, y\",2\n", Quoting::WellFormed),
            ("a,b\r\n\"x \"\"y\"\" z\",\"two\nlines\"\r\n", Quoting::WellFormed),
            ("a,b\n\"\",\"\"", Quoting::WellFormed),
            ("a,b\n1,\"", Quoting::Broken(2)),
            ("a,b\n1,2\n\"unclosed,2\n3,4\n", Quoting::Broken(3)),
            ("a,b\n\"x\"y,2\n", Quoting::Broken(2)),
            ("a,b\n\"x\",2\n5\",2\n", Quoting::Broken(3)),
        ] {
            assert_eq!(quoting(text.as_bytes(), b','), expected, "{text:?}");
        }
    }
}
