//! A table in several files: a folder of them, or a pattern such as `day=*/part-*.parquet`.

use std::path::{Path, PathBuf};

use deepfix_artifact::{Content, ReadError};
use deepfix_model::{Artifact, ArtifactKind, ArtifactSource, Input};
use sha2::{Digest, Sha256};

use crate::{LimitsConfig, Reader, SourceConfig, SourceError};

/// More files than this are no table but a lake.
const MAX_PARTS: usize = 10_000;
/// Folders within folders, as partitions by year, month, day and hour make them.
const MAX_DEPTH: usize = 8;

/// One file of a table.
#[derive(Debug)]
pub struct Part {
    /// Path below the folder or pattern's beginning; empty when the table is a single file.
    pub name: String,
    /// The bytes as handed in.
    pub content: Content,
}

/// The files of a table that the user of this process names.
///
/// # Errors
/// As [`Reader::open_parts`].
pub fn open_table(path: &Path, limits: LimitsConfig) -> Result<Vec<Part>, SourceError> {
    let path = std::path::absolute(path).map_err(|source| ReadError::Io { path: path.to_owned(), source })?;
    let root = path.ancestors().find(|p| p.exists()).map(Path::to_owned).into_iter().collect();
    let reader = Reader::new(&SourceConfig { allowed_roots: root, limits, ..SourceConfig::default() });
    let source = ArtifactSource::Uri(format!("file://{}", path.display()));
    let artifact = Artifact { kind: ArtifactKind::Train, format: String::new(), file_name: String::new(), source };
    reader.open_parts(&artifact).map(|(parts, _)| parts)
}

impl Reader {
    /// Every file of an artifact that may be several, ordered by path, and what the report says of
    /// them: sizes added up, and one digest over all contents in that order.
    ///
    /// # Errors
    /// When the address is not allowed, names no file, or the files are more than the limits allow.
    pub fn open_parts(&self, artifact: &Artifact) -> Result<(Vec<Part>, Input), SourceError> {
        let found = match &artifact.source {
            ArtifactSource::Uri(uri) => self.find_parts(uri)?,
            ArtifactSource::Inline(_) => None,
        };
        let Some((base, files)) = found else {
            let opened = self.open(artifact)?;
            return Ok((vec![Part { name: String::new(), content: opened.content }], opened.input));
        };
        let limit = self.limits().max_artifact;
        let (mut parts, mut hash, mut bytes) = (Vec::new(), Sha256::new(), 0);
        for file in files {
            let content = match Content::open(&file, limit) {
                Ok(content) => content,
                // Writers leave empty parts behind where a partition had no rows.
                Err(ReadError::Empty) => continue,
                Err(error) => return Err(error.into()),
            };
            bytes += content.len() as u64;
            if bytes > limit {
                return Err(ReadError::TooLarge { bytes, limit }.into());
            }
            hash.update(&*content);
            let name = file.strip_prefix(&base).unwrap_or(&file).to_string_lossy().into_owned();
            parts.push(Part { name, content });
        }
        if parts.is_empty() {
            return Err(ReadError::Empty.into());
        }
        let digest = hash.finalize().iter().map(|b| format!("{b:02x}")).collect::<String>();
        let input = Input { artifact: artifact.kind.name().to_owned(), bytes, digest: format!("sha256:{digest}"), rows: None };
        Ok((parts, input))
    }

    /// The folder an address names or begins with and the files below it; `None` for a single file.
    fn find_parts(&self, uri: &str) -> Result<Option<(PathBuf, Vec<PathBuf>)>, SourceError> {
        let Some(path) = uri.strip_prefix("file://").map(Path::new) else { return Ok(None) };
        let (base, mut files) = if path.is_dir() {
            let base = self.locate(uri)?;
            if base.join("_delta_log").is_dir() {
                return Err(SourceError::Parts {
                    path: path.to_owned(),
                    reason: "is a Delta table, whose log decides which of its files count; export one version of it as Parquet"
                        .to_owned(),
                });
            }
            let mut files = Vec::new();
            walk(&base, 0, &mut files).map_err(|source| ReadError::Io { path: base.clone(), source })?;
            (base, files)
        } else if is_pattern(path) && !path.exists() {
            let base = self.locate(&format!("file://{}", literal(path).display()))?;
            (base, self.matching(path)?)
        } else {
            return Ok(None);
        };
        if files.len() > MAX_PARTS {
            return Err(SourceError::Parts {
                path: path.to_owned(),
                reason: format!("holds more than {MAX_PARTS} files; name fewer, or merge their profiles (deepfix profile)"),
            });
        }
        if files.is_empty() {
            let reason = "names no file of a table (names that begin with . or _ are left out)".to_owned();
            return Err(SourceError::Parts { path: path.to_owned(), reason });
        }
        files.sort();
        Ok(Some((base, files)))
    }

    /// Files a pattern names, each resolved and checked against the roots as a single one would be.
    fn matching(&self, pattern: &Path) -> Result<Vec<PathBuf>, SourceError> {
        let options =
            glob::MatchOptions { require_literal_separator: true, require_literal_leading_dot: true, ..Default::default() };
        let text = pattern.to_string_lossy();
        let found = glob::glob_with(&text, options)
            .map_err(|error| SourceError::Parts { path: pattern.to_owned(), reason: format!("is no pattern: {error}") })?;
        let mut files = Vec::new();
        for path in found.filter_map(Result::ok) {
            let resolved = self.locate(&format!("file://{}", path.display()))?;
            if resolved.is_dir() {
                walk(&resolved, 1, &mut files).map_err(|source| ReadError::Io { path: resolved.clone(), source })?;
            } else if is_data(&path) {
                files.push(resolved);
            }
            if files.len() > MAX_PARTS {
                break;
            }
        }
        files.dedup();
        Ok(files)
    }
}

/// Whether a path holds characters that stand for others.
fn is_pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '['])
}

/// The folders of a pattern before its first such character.
fn literal(pattern: &Path) -> PathBuf {
    pattern.components().take_while(|part| !is_pattern(Path::new(part.as_os_str()))).collect()
}

/// Writers keep their own files (`_SUCCESS`, `.part-0.crc`) beside the data.
fn is_data(path: &Path) -> bool {
    path.file_name().is_some_and(|name| !name.to_string_lossy().starts_with(['.', '_']))
}

fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if !is_data(&path) || files.len() > MAX_PARTS {
            continue;
        }
        // Links lead in circles or out of the folder.
        if kind.is_dir() && depth < MAX_DEPTH {
            walk(&path, depth + 1, files)?;
        } else if kind.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_patterns_are_their_files_in_order_and_nothing_outside() {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path().join("root");
        for (name, text) in [
            ("t/day=2/b.csv", "a\n2\n"),
            ("t/day=1/a.csv", "a\n1\n"),
            ("t/_SUCCESS", "x"),
            ("t/day=1/.a.csv.crc", "x"),
            ("t/day=3/e.csv", ""),
        ] {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            std::fs::write(path, text).expect("a file");
        }
        std::fs::write(dir.path().join("secret.csv"), "a\n9\n").expect("a file");
        std::os::unix::fs::symlink(dir.path().join("secret.csv"), root.join("t/day=1/link.csv")).expect("a link");
        let reader = Reader::new(&SourceConfig { allowed_roots: vec![root.clone()], ..SourceConfig::default() });
        let open = |path: &str| {
            let source = ArtifactSource::Uri(format!("file://{}", root.join(path).display()));
            let artifact = Artifact { kind: ArtifactKind::Train, format: String::new(), file_name: String::new(), source };
            reader
                .open_parts(&artifact)
                .map(|(parts, input)| (parts.into_iter().map(|p| p.name).collect::<Vec<_>>(), input.bytes))
        };
        let expected = (vec!["day=1/a.csv".to_owned(), "day=2/b.csv".to_owned()], 8);
        assert_eq!(open("t").expect("a folder"), expected);
        assert_eq!(open("t/day=*/[ab].csv").expect("a pattern"), expected);
        assert_eq!(open("t/day=2/b.csv").expect("one file"), (vec![String::new()], 4));
        assert!(matches!(open("t/day=1/*.csv"), Err(SourceError::Outside(_))), "a link out of the root");
        assert!(matches!(open("../*.csv"), Err(SourceError::Outside(_))));
        assert!(open("t/day=9*").expect_err("nothing").to_string().contains("names no file"));
        std::fs::create_dir(root.join("t/_delta_log")).expect("a folder");
        assert!(open("t").expect_err("delta").to_string().contains("Delta"));
    }
}
