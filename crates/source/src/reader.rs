//! From an artifact's address to its bytes, never outside what the configuration allows.

use std::path::{Path, PathBuf};

use deepfix_artifact::{Content, Limits, ReadError, digest};
use deepfix_model::{Artifact, ArtifactSource, Input};

use crate::SourceConfig;

/// Opens artifacts for agents.
#[derive(Debug, Clone)]
pub struct Reader {
    roots: Vec<PathBuf>,
    store: Option<PathBuf>,
    limits: Limits,
}

/// An artifact's bytes and what the report says of them.
#[derive(Debug)]
pub struct Opened {
    /// The bytes as handed in.
    pub content: Content,
    /// Size and digest.
    pub input: Input,
}

/// Why an artifact could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file itself.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Outside the allowed folders.
    #[error("{0} is outside the folders this server may read; upload it, or add its folder to gateway.allowed_roots")]
    Outside(PathBuf),
    /// A scheme we do not read.
    #[error("the address {0:?} is none this server reads; use file:///… or upload the artifact first")]
    Scheme(String),
    /// A folder or pattern that is no table.
    #[error("{} {reason}", path.display())]
    Parts {
        /// As asked for.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
    /// No upload by that id.
    #[error("there is no upload {0:?} (any more); upload the artifact again")]
    NoUpload(String),
}

impl Reader {
    /// A reader with the configuration's bounds. Roots that do not exist are left out.
    #[must_use]
    pub fn new(config: &SourceConfig) -> Self {
        Self {
            roots: config.allowed_roots.iter().filter_map(|root| root.canonicalize().ok()).collect(),
            store: (!config.store.path.as_os_str().is_empty()).then(|| config.store.path.clone()),
            limits: config.limits.limits(),
        }
    }

    /// The bounds in force.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The artifact's bytes, with their digest.
    ///
    /// # Errors
    /// When the address is not allowed, or the file cannot be read within the limits.
    pub fn open(&self, artifact: &Artifact) -> Result<Opened, SourceError> {
        let content = self.peek(artifact)?;
        let input = Input {
            artifact: artifact.kind.name().to_owned(),
            bytes: content.len() as u64,
            digest: digest(&content),
            rows: None,
        };
        Ok(Opened { content, input })
    }

    /// The artifact's bytes alone.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn peek(&self, artifact: &Artifact) -> Result<Content, SourceError> {
        match &artifact.source {
            ArtifactSource::Inline(bytes) if bytes.is_empty() => Err(ReadError::Empty.into()),
            ArtifactSource::Inline(bytes) => Ok(Content::Shared(bytes.clone())),
            ArtifactSource::Uri(uri) => Ok(Content::open(&self.locate(uri)?, self.limits.max_artifact)?),
        }
    }

    /// The file behind an address, resolved (links and `..` first) and checked.
    ///
    /// # Errors
    /// When the address is not allowed or nothing is there.
    pub fn locate(&self, uri: &str) -> Result<PathBuf, SourceError> {
        if let Some(id) = uri.strip_prefix("upload://") {
            let store = self.store.as_deref().ok_or_else(|| SourceError::Scheme(uri.to_owned()))?;
            let known = !id.is_empty() && id.bytes().all(|b| b.is_ascii_hexdigit());
            let path = store.join(id);
            return if known && path.is_file() { Ok(path) } else { Err(SourceError::NoUpload(uri.to_owned())) };
        }
        let Some(path) = uri.strip_prefix("file://") else { return Err(SourceError::Scheme(uri.to_owned())) };
        let path = Path::new(path);
        let resolved = match path.canonicalize() {
            Ok(resolved) => resolved,
            // Whether a file outside the roots exists is nobody's business.
            Err(_) if !self.roots.iter().any(|root| path.starts_with(root)) => return Err(SourceError::Outside(path.to_owned())),
            Err(source) => return Err(ReadError::Io { path: path.to_owned(), source }.into()),
        };
        if self.roots.iter().any(|root| resolved.starts_with(root)) {
            Ok(resolved)
        } else {
            Err(SourceError::Outside(path.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use deepfix_model::ArtifactKind;

    use super::*;

    fn artifact(uri: String) -> Artifact {
        Artifact { kind: ArtifactKind::Train, format: String::new(), file_name: String::new(), source: ArtifactSource::Uri(uri) }
    }

    #[test]
    fn no_address_reaches_outside_the_roots() {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path().join("root");
        std::fs::create_dir_all(root.join("in")).expect("folders");
        std::fs::write(dir.path().join("secret.csv"), "a\n1\n").expect("a file");
        std::fs::write(root.join("fine.csv"), "a\n1\n").expect("a file");
        std::os::unix::fs::symlink(dir.path().join("secret.csv"), root.join("link.csv")).expect("a link");
        let reader = Reader::new(&SourceConfig { allowed_roots: vec![root.clone()], ..SourceConfig::default() });
        let open = |path: &Path| reader.open(&artifact(format!("file://{}", path.display())));
        assert!(open(&root.join("fine.csv")).is_ok());
        for path in ["link.csv", "in/../../secret.csv", "../secret.csv", "../missing.csv"] {
            assert!(matches!(open(&root.join(path)), Err(SourceError::Outside(_) | SourceError::Read(_))), "{path}");
        }
        assert!(matches!(open(Path::new("/etc/passwd")), Err(SourceError::Outside(_))));
        assert!(matches!(reader.open(&artifact("https://example.org/x".into())), Err(SourceError::Scheme(_))));
        assert!(matches!(reader.open(&artifact("upload://../x".into())), Err(SourceError::Scheme(_))));
    }

    #[test]
    fn a_folder_is_refused_with_a_remedy() {
        let dir = tempfile::tempdir().expect("a folder");
        let reader = Reader::new(&SourceConfig { allowed_roots: vec![dir.path().to_owned()], ..SourceConfig::default() });
        let error = reader.open(&artifact(format!("file://{}", dir.path().display()))).expect_err("a folder");
        assert!(error.to_string().contains("--run-dir"), "{error}");
    }
}
