//! An artifact of several uploads: a list that names each with the path it had. The list itself is handed in
//! inline or as an upload, in place of a file:
//!
//! ```text
//! deepfix-files 1
//! upload://6f1c…<TAB>day=1/part-0.parquet
//! upload://09ab…<TAB>day=2/part-0.parquet
//! ```

use std::{io::Read, path::PathBuf};

use crate::SourceError;

const FIRST_LINE: &str = "deepfix-files 1\n";

/// The list of files that are one artifact: each with its path below the folder and the address of its upload.
/// Line ends and tabs in paths become spaces.
#[must_use]
pub fn list(files: &[(String, String)]) -> String {
    let plain = |path: &str| path.replace(['\n', '\r', '\t'], " ");
    FIRST_LINE.to_owned() + &files.iter().map(|(path, uri)| format!("{uri}\t{}\n", plain(path))).collect::<String>()
}

/// Whether a file begins as a list does.
pub(crate) fn begins(file: &std::fs::File) -> bool {
    let mut head = [0; FIRST_LINE.len()];
    (&mut &*file).read_exact(&mut head).is_ok() && head == *FIRST_LINE.as_bytes()
}

/// Paths and addresses of a list; `None` when the content is no list.
pub(crate) fn read(content: &[u8]) -> Result<Option<Vec<(String, String)>>, SourceError> {
    let Some(lines) = content.strip_prefix(FIRST_LINE.as_bytes()) else { return Ok(None) };
    let wrong = |reason: String| SourceError::Parts { path: PathBuf::from("the list of files"), reason };
    let lines = std::str::from_utf8(lines).map_err(|_| wrong("is not UTF-8".to_owned()))?;
    let mut files = Vec::new();
    for (i, line) in lines.lines().enumerate() {
        match line.split_once('\t') {
            Some((uri, path)) if uri.starts_with("upload://") => files.push((path.to_owned(), uri.to_owned())),
            _ => return Err(wrong(format!("has no upload://ID, tab and path in line {}", i + 2))),
        }
    }
    Ok(Some(files))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_reads_back_and_nothing_else_is_one() {
        let files = [("day=1/a b.csv".to_owned(), "upload://00ff".to_owned()), ("b.csv".to_owned(), "upload://01".to_owned())];
        assert_eq!(read(list(&files).as_bytes()).expect("a list").as_deref(), Some(&files[..]));
        assert!(read(b"a,b\n1,2\n").expect("no list").is_none());
        let error = read(b"deepfix-files 1\nfile:///etc/passwd\tx\n").expect_err("no upload");
        assert!(error.to_string().contains("line 2"), "{error}");
    }
}
