//! An artifact in several files: a folder of them, a pattern such as `day=*/part-*.parquet`, or a list of uploads.

use std::path::{Path, PathBuf};

use deepfix_artifact::{Content, ReadError, digest_all};
use deepfix_model::{Artifact, ArtifactKind, ArtifactSource, Input};

use crate::{LimitsConfig, Reader, SourceConfig, SourceError, manifest};

/// More files than this are no table but a lake.
pub(crate) const MAX_PARTS: usize = 10_000;
/// Folders within folders, as partitions by year, month, day and hour make them.
const MAX_DEPTH: usize = 8;

/// Most bytes of an index of shards, and of a list of uploads.
const MAX_INDEX: u64 = 256 << 20;

/// One file of an artifact.
#[derive(Debug)]
pub struct Part {
    /// Path below the folder or pattern's beginning; empty when the artifact is a single file.
    pub name: String,
    /// The bytes as handed in.
    pub content: Content,
}

/// The files of a table that the user of this process names.
///
/// # Errors
/// As [`Reader::open_parts`].
pub fn open_table(path: &Path, limits: LimitsConfig) -> Result<Vec<Part>, SourceError> {
    let (reader, uri) = of_user(path, limits)?;
    let source = ArtifactSource::Uri(uri);
    let artifact = Artifact { kind: ArtifactKind::Train, format: String::new(), file_name: String::new(), source };
    reader.open_parts(&artifact).map(|(parts, _)| parts)
}

/// The files that a path of this process's user stands for, each with its path below the folder: those of a folder or
/// pattern, or an index of shards and the shards beside it. `None` for a single file. Empty files are left out.
///
/// # Errors
/// When the path names no file, or more than may be.
pub fn files_of(path: &Path) -> Result<Option<Vec<(String, PathBuf)>>, SourceError> {
    let (reader, uri) = of_user(path, LimitsConfig::default())?;
    let found = reader.find_parts(&uri)?;
    let filled = |file: &(String, PathBuf)| std::fs::metadata(&file.1).is_ok_and(|meta| meta.len() > 0);
    Ok(found.map(|files| files.into_iter().filter(filled).collect()))
}

/// A reader that may read what the path names, and the path's address.
fn of_user(path: &Path, limits: LimitsConfig) -> Result<(Reader, String), SourceError> {
    let path = std::path::absolute(path).map_err(|source| ReadError::Io { path: path.to_owned(), source })?;
    // An index names the files beside it.
    let named = if is_index(&path) { path.parent().unwrap_or(&path) } else { &path };
    let root = named.ancestors().find(|p| p.exists()).map(Path::to_owned).into_iter().collect();
    let reader = Reader::new(&SourceConfig { allowed_roots: root, limits, ..SourceConfig::default() });
    Ok((reader, format!("file://{}", path.display())))
}

impl Reader {
    /// Every file of an artifact that may be several, ordered by path, and what the report says of
    /// them: sizes added up, and one digest over all contents in that order.
    ///
    /// # Errors
    /// When the address is not allowed, names no file, or the files are more than the limits allow.
    pub fn open_parts(&self, artifact: &Artifact) -> Result<(Vec<Part>, Input), SourceError> {
        let found = match &artifact.source {
            ArtifactSource::Uri(uri) if uri.starts_with("upload://") => self.listed(&self.locate(uri)?)?,
            ArtifactSource::Uri(uri) => self.find_parts(uri)?,
            ArtifactSource::Inline(bytes) => self.uploads(bytes)?,
        };
        let Some(files) = found else {
            let opened = self.open(artifact)?;
            return Ok((vec![Part { name: String::new(), content: opened.content }], opened.input));
        };
        let limit = self.limits().max_artifact;
        let (mut parts, mut bytes) = (Vec::<Part>::new(), 0);
        for (name, file) in files {
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
            parts.push(Part { name, content });
        }
        if parts.is_empty() {
            return Err(ReadError::Empty.into());
        }
        let digest = digest_all(&parts.iter().map(|part| &*part.content).collect::<Vec<_>>());
        let input = Input { artifact: artifact.kind.name().to_owned(), bytes, digest, rows: None };
        Ok((parts, input))
    }

    /// The files of an upload that is a list of others; `None` for any other.
    fn listed(&self, upload: &Path) -> Result<Option<Vec<(String, PathBuf)>>, SourceError> {
        let io = |source| ReadError::Io { path: upload.to_owned(), source };
        let file = std::fs::File::open(upload).map_err(io)?;
        if !manifest::begins(&file) || file.metadata().map_err(io)?.len() > MAX_INDEX {
            return Ok(None);
        }
        self.uploads(&std::fs::read(upload).map_err(io)?)
    }

    /// The files that a list of uploads names; `None` when the content is no list.
    fn uploads(&self, content: &[u8]) -> Result<Option<Vec<(String, PathBuf)>>, SourceError> {
        let Some(files) = manifest::read(content)? else { return Ok(None) };
        if files.len() > MAX_PARTS {
            let reason = format!("holds more than {MAX_PARTS} files");
            return Err(SourceError::Parts { path: PathBuf::from("the list of files"), reason });
        }
        files.into_iter().map(|(name, uri)| Ok((name, self.locate(&uri)?))).collect::<Result<_, SourceError>>().map(Some)
    }

    /// The files below the folder an address names or begins with, by their path below it; `None` for a single file.
    fn find_parts(&self, uri: &str) -> Result<Option<Vec<(String, PathBuf)>>, SourceError> {
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
        } else if is_index(path) {
            return Ok(self.shards_beside(&self.locate(uri)?));
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
        let below = |file: &Path| file.strip_prefix(&base).unwrap_or(file).to_string_lossy().into_owned();
        Ok(Some(files.into_iter().map(|file| (below(&file), file)).collect()))
    }

    /// The index of a model in shards with those of its shards that lie beside it; `None` for any other file.
    fn shards_beside(&self, index: &Path) -> Option<Vec<(String, PathBuf)>> {
        let name = index.file_name()?.to_str()?.to_owned();
        if std::fs::metadata(index).ok()?.len() > MAX_INDEX {
            return None;
        }
        let content = deepfix_artifact::parse_json(&std::fs::read(index).ok()?).ok()?;
        let mut names: Vec<&str> = content.get("weight_map")?.as_object()?.values().filter_map(|file| file.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let beside = names.into_iter().filter(|name| !name.contains(['/', '\\', '\0']) && !name.starts_with('.'));
        // What lies outside the folders that may be read is as good as not there.
        let located = |name: &str| {
            let path = self.locate(&format!("file://{}", index.with_file_name(name).display())).ok()?;
            path.is_file().then(|| (name.to_owned(), path))
        };
        let shards = beside.filter_map(located);
        Some(std::iter::once((name, index.to_owned())).chain(shards).take(MAX_PARTS).collect())
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
            } else if is_data(&name_of(&path)) {
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

/// Whether a path looks like the index of a model in shards.
fn is_index(path: &Path) -> bool {
    path.to_string_lossy().ends_with(".index.json")
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
pub(crate) fn is_data(name: &str) -> bool {
    !name.starts_with(['.', '_'])
}

fn name_of(path: &Path) -> std::borrow::Cow<'_, str> {
    path.file_name().map(std::ffi::OsStr::to_string_lossy).unwrap_or_default()
}

fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if !is_data(&name_of(&path)) || files.len() > MAX_PARTS {
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
