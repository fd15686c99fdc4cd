//! Objects of a bucket, with the credentials of the environment or the machine.

use std::sync::Arc;

use deepfix_errors::{Error, ErrorCode};
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectStore, ObjectStoreExt, aws::AmazonS3Builder, gcp::GoogleCloudStorageBuilder, path::Path};
use reqwest::Url;

use crate::{
    parts::{MAX_PARTS, is_data},
    remote::{Pieces, refused, without_query},
};

/// A bucket that an address names.
pub(crate) struct Bucket {
    objects: Arc<dyn ObjectStore>,
    /// `s3://bucket/`, for messages.
    shown: String,
}

/// The path of an address within its bucket, without the slash at its beginning.
pub(crate) fn decoded(url: &Url) -> Result<String, Error> {
    let path = percent_encoding::percent_decode_str(url.path().trim_start_matches('/')).decode_utf8();
    path.map(|path| path.into_owned()).map_err(|_| refused(format!("{} is not UTF-8", without_query(url))))
}

/// Lists are refused with an error of no kind, whose text holds the answer's status.
fn is_denied(error: &object_store::Error) -> bool {
    match error {
        object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => true,
        object_store::Error::Generic { source, .. } => {
            let said = source.to_string();
            said.contains("403 Forbidden") || said.contains("401 Unauthorized")
        }
        _ => false,
    }
}

impl Bucket {
    /// The bucket of an address.
    pub(crate) fn open(url: &Url) -> Result<Self, Error> {
        let name = url.host_str().ok_or_else(|| refused(format!("{} names no bucket", without_query(url))))?;
        let shown = format!("{}://{name}/", url.scheme());
        let unset = |error: object_store::Error| {
            tracing::warn!(%error, "a bucket cannot be asked");
            Error::new(
                ErrorCode::Unavailable,
                format!("{shown} cannot be asked; the server's credentials or endpoint are not set up"),
            )
        };
        let objects: Arc<dyn ObjectStore> = if url.scheme() == "s3" {
            Arc::new(AmazonS3Builder::from_env().with_bucket_name(name).build().map_err(unset)?)
        } else {
            Arc::new(GoogleCloudStorageBuilder::from_env().with_bucket_name(name).build().map_err(unset)?)
        };
        Ok(Self { objects, shown })
    }

    fn failed(&self, path: &str, error: object_store::Error) -> Error {
        let shown = format!("{}{path}", self.shown);
        match error {
            object_store::Error::NotFound { .. } => refused(format!("{shown} does not exist")),
            error if is_denied(&error) => refused(format!("{shown} may not be read with this server's credentials")),
            error => {
                tracing::warn!(%error, "fetching an artifact failed");
                Error::new(ErrorCode::Unavailable, format!("{shown} cannot be read"))
            }
        }
    }

    /// An object's content.
    pub(crate) async fn read(&self, path: &str) -> Result<Pieces, Error> {
        let place = Path::parse(path).map_err(|error| refused(format!("{}{path} is no object: {error}", self.shown)))?;
        let answer = self.objects.get(&place).await.map_err(|error| self.failed(path, error))?;
        let cut = format!("{}{path} broke off", self.shown);
        Ok(answer.into_stream().map(move |piece| piece.map_err(|_| Error::new(ErrorCode::Unavailable, cut.clone()))).boxed())
    }

    /// Objects below a folder, or that a pattern names: the path below it, the whole path and the size, in order.
    pub(crate) async fn below(&self, path: &str) -> Result<Vec<(String, String, u64)>, Error> {
        // Up to the last slash before the first star.
        let folder = path[..path.find('*').unwrap_or(path.len())].rsplit_once('/').map_or("", |(folder, _)| folder);
        let pattern = path.contains('*').then(|| glob::Pattern::new(path)).transpose();
        let pattern = pattern.map_err(|error| refused(format!("{}{path} is no pattern: {error}", self.shown)))?;
        let strict = glob::MatchOptions { require_literal_separator: true, ..Default::default() };
        let place = Path::parse(folder).map_err(|error| refused(format!("{}{path} is no folder: {error}", self.shown)))?;
        let below = if folder.is_empty() { 0 } else { folder.len() + 1 };
        let mut found = Vec::new();
        let mut listed = self.objects.list(Some(&place));
        while let Some(object) = listed.try_next().await.map_err(|error| self.failed(path, error))? {
            let whole = object.location.to_string();
            if whole.get(below..).is_some_and(|name| name.starts_with("_delta_log/")) {
                let shown = &self.shown;
                let why = "is a Delta table, whose log decides which of its files count; export one version of it as Parquet";
                return Err(refused(format!("{shown}{path} {why}")));
            }
            let wanted = pattern.as_ref().is_none_or(|pattern| pattern.matches_with(&whole, strict));
            let Some(name) = whole.get(below..).filter(|name| wanted && object.size > 0 && name.split('/').all(is_data)) else {
                continue;
            };
            found.push((name.to_owned(), whole, object.size));
            if found.len() > MAX_PARTS {
                let shown = &self.shown;
                return Err(refused(format!(
                    "{shown}{path} holds more than {MAX_PARTS} files; name fewer, or merge their profiles"
                )));
            }
        }
        if found.is_empty() {
            return Err(refused(format!("{}{path} names no file of a table", self.shown)));
        }
        found.sort();
        Ok(found)
    }
}
