//! The upload store: one immutable object per upload, written under a temporary name and made
//! visible whole by `object_store`.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use deepfix_errors::{Error, ErrorCode, occurrence_id};
use object_store::{MultipartUpload, ObjectStore, PutPayload, local::LocalFileSystem, path::Path};
use sha2::{Digest, Sha256};

use crate::SourceConfig;

/// Pieces of this size are written at once.
const PART: usize = 8 << 20;

/// Takes uploads.
#[derive(Debug, Clone)]
pub struct Store {
    objects: Arc<LocalFileSystem>,
    root: PathBuf,
    limit: u64,
    ttl: Duration,
}

/// A finished upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// `upload://…`
    pub uri: String,
    /// Size in bytes.
    pub size: u64,
    /// `sha256:…`
    pub digest: String,
}

/// An upload under way. Dropping it leaves nothing visible.
pub struct Upload {
    id: String,
    parts: Box<dyn MultipartUpload>,
    pending: Vec<u8>,
    size: u64,
    limit: u64,
    hash: Sha256,
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Upload({}, {} bytes)", self.id, self.size)
    }
}

fn failed(error: impl std::fmt::Display) -> Error {
    let error_shown = Error::new(ErrorCode::Unavailable, "the upload store cannot be written");
    tracing::error!(%error, id = error_shown.id, "upload store failed");
    error_shown
}

impl Store {
    /// The store of a configuration; `None` when uploads are switched off.
    ///
    /// # Errors
    /// When its folder cannot be made.
    pub fn open(config: &SourceConfig) -> Result<Option<Self>, std::io::Error> {
        if config.store.path.as_os_str().is_empty() {
            return Ok(None);
        }
        std::fs::create_dir_all(&config.store.path)?;
        let objects =
            LocalFileSystem::new_with_prefix(&config.store.path).map_err(std::io::Error::other)?.with_automatic_cleanup(true);
        Ok(Some(Self {
            objects: Arc::new(objects),
            root: config.store.path.clone(),
            limit: config.limits.max_artifact.0,
            ttl: config.store.ttl.0,
        }))
    }

    /// Largest upload in bytes.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// The objects themselves, for what else is kept beside uploads.
    #[must_use]
    pub fn objects(&self) -> Arc<dyn ObjectStore> {
        self.objects.clone()
    }

    /// Begins an upload, and removes those past their time.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn begin(&self) -> Result<Upload, Error> {
        let (root, ttl) = (self.root.clone(), self.ttl);
        tokio::task::spawn_blocking(move || remove_old(&root, ttl)).await.map_err(failed)?;
        let id = occurrence_id() + &occurrence_id();
        let parts = self.objects.put_multipart_opts(&Path::from(id.as_str()), Default::default()).await.map_err(failed)?;
        Ok(Upload { id, parts, pending: Vec::new(), size: 0, limit: self.limit, hash: Sha256::new() })
    }
}

/// Whether a file of the folder is an upload of ours: the id alone, or with the number that marks
/// one under way. The folder may hold other things, which are nobody's to remove.
fn is_ours(name: &str) -> bool {
    let id = name.split_once('#').map_or(name, |(id, _)| id);
    id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit())
}

fn remove_old(root: &std::path::Path, ttl: Duration) {
    let Ok(entries) = std::fs::read_dir(root) else { return };
    let now = SystemTime::now();
    for entry in entries.filter_map(Result::ok).filter(|e| is_ours(&e.file_name().to_string_lossy())) {
        let age = entry.metadata().and_then(|m| m.modified()).ok().and_then(|at| now.duration_since(at).ok());
        if age.is_some_and(|age| age > ttl)
            && let Err(error) = std::fs::remove_file(entry.path())
        {
            tracing::warn!(%error, path = %entry.path().display(), "could not remove an old upload");
        }
    }
}

impl Upload {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// When the upload grows over the limit or cannot be written.
    pub async fn write(&mut self, chunk: Bytes) -> Result<(), Error> {
        self.size += chunk.len() as u64;
        if self.size > self.limit {
            let limit = self.limit;
            let message = format!("the upload is over the limit of {limit} bytes (limits.max_artifact); send a sample");
            return Err(Error::new(ErrorCode::TooLarge, message));
        }
        self.hash.update(&chunk);
        self.pending.extend_from_slice(&chunk);
        if self.pending.len() >= PART {
            self.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Error> {
        let part = std::mem::take(&mut self.pending);
        self.parts.put_part(PutPayload::from(part)).await.map_err(failed)
    }

    /// Makes it visible.
    ///
    /// # Errors
    /// When it is empty or cannot be written.
    pub async fn finish(mut self) -> Result<Stored, Error> {
        if self.size == 0 {
            self.abort().await;
            return Err(Error::new(ErrorCode::InvalidArgument, "the upload is empty; send the file's bytes as the body"));
        }
        self.flush().await?;
        self.parts.complete().await.map_err(failed)?;
        let digest = self.hash.finalize().iter().map(|b| format!("{b:02x}")).collect::<String>();
        Ok(Stored { uri: format!("upload://{}", self.id), size: self.size, digest: format!("sha256:{digest}") })
    }

    /// Gives it up.
    pub async fn abort(&mut self) {
        if let Err(error) = self.parts.abort().await {
            tracing::warn!(%error, "could not remove a broken upload");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reader;

    #[tokio::test]
    async fn an_upload_reads_back_and_a_large_one_is_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut config = SourceConfig::default();
        config.store.path = dir.path().join("s");
        config.limits.max_artifact = deepfix_settings::Size(10);
        let store = Store::open(&config).expect("a store").expect("switched on");
        let mut upload = store.begin().await.expect("begins");
        upload.write(Bytes::from_static(b"a,b\n1,2\n")).await.expect("fits");
        let stored = upload.finish().await.expect("finishes");
        assert_eq!(stored.size, 8);
        assert_eq!(stored.digest, deepfix_artifact::digest(b"a,b\n1,2\n"));
        let path = Reader::new(&config).locate(&stored.uri).expect("is there");
        assert_eq!(std::fs::read(path).expect("reads"), b"a,b\n1,2\n");

        // What is not an upload stays, however old; an upload that is too old goes.
        let (foreign, old) = (dir.path().join("s/precious.csv"), dir.path().join("s").join("a".repeat(32)));
        for path in [&foreign, &old] {
            std::fs::write(path, "x").expect("writes");
            let week_ago = SystemTime::now() - Duration::from_secs(8 * 86_400);
            std::fs::File::options().append(true).open(path).expect("opens").set_modified(week_ago).expect("a date");
        }
        let mut upload = store.begin().await.expect("begins");
        assert!(foreign.exists() && !old.exists());
        let error = upload.write(Bytes::from_static(b"0123456789x")).await.expect_err("over the limit");
        assert_eq!(error.code, ErrorCode::TooLarge);
    }
}
