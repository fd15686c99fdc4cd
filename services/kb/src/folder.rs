//! A folder of a user's own documents: pages and plain texts of everybody at its top, those of a team in a folder of
//! the team's name.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
};

use crate::{Page, PageError, page::is_namespace};

/// Largest document.
const LARGEST: u64 = 4 << 20;

/// The documents' files with their namespaces, in order.
fn files(folder: &Path) -> Result<Vec<(String, PathBuf)>, PageError> {
    let unreadable = |source| PageError::Io { path: folder.to_owned(), source };
    let mut out = Vec::new();
    let mut namespaces = vec![(String::new(), folder.to_owned())];
    while let Some((namespace, place)) = namespaces.pop() {
        for entry in std::fs::read_dir(&place).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            // Mounted volumes keep their own (`..data`) beside the files.
            if name.starts_with('.') {
                continue;
            }
            if path.is_dir() {
                if namespace.is_empty() && is_namespace(&name) {
                    namespaces.push((name, path));
                }
            } else if path.extension().is_some_and(|end| end == "md" || end == "txt") {
                out.push((namespace.clone(), path));
            }
        }
    }
    out.sort();
    Ok(out)
}

/// What tells whether a folder's documents have changed: their names, sizes and times.
pub(crate) fn fingerprint(folder: &Path) -> Result<u64, PageError> {
    let mut hasher = DefaultHasher::new();
    for (_, path) in files(folder)? {
        let meta = std::fs::metadata(&path).ok();
        (&path, meta.as_ref().map(std::fs::Metadata::len), meta.and_then(|m| m.modified().ok())).hash(&mut hasher);
    }
    Ok(hasher.finish())
}

/// The documents of a folder.
///
/// # Errors
/// When one cannot be read, with its name.
pub(crate) fn pages(folder: &Path) -> Result<Vec<Page>, PageError> {
    let mut out = Vec::new();
    for (namespace, path) in files(folder)? {
        let io = |source| PageError::Io { path: path.clone(), source };
        if std::fs::metadata(&path).map_err(io)?.len() > LARGEST {
            let problem = format!("is larger than {LARGEST} bytes; cut it into documents of a subject each");
            return Err(PageError::Form { page: path.display().to_string(), problem });
        }
        let text = String::from_utf8_lossy(&std::fs::read(&path).map_err(io)?).into_owned();
        let name = path.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        out.push(Page::of_user(&name, &namespace, &text)?);
    }
    out.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(out)
}
