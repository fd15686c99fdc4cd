//! Artifacts by address: `https://`, `s3://`, `gs://`. The gateway brings them into the upload store;
//! agents read the store and never the network. Only addresses below a configured one are fetched, a
//! redirect is not followed, and size and silence are bounded.

use std::time::Duration;

use deepfix_errors::{Error, ErrorCode};
use futures::{StreamExt, stream::BoxStream};
use reqwest::{Client, Url, redirect::Policy};

use crate::{
    Store, Stored,
    bucket::{self, Bucket},
};

/// Longest wait for a connection, and longest silence in the middle of an answer.
const CONNECT: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(30);

/// Fetches what the configuration allows.
#[derive(Debug, Clone)]
pub struct Remote {
    allowed: Vec<String>,
    client: Client,
}

/// Whether an address is one that has to be fetched.
#[must_use]
pub fn is_remote(uri: &str) -> bool {
    ["https://", "http://", "s3://", "gs://"].iter().any(|scheme| uri.starts_with(scheme))
}

/// Whether an address is that of several objects of a bucket: a folder, or a pattern.
#[must_use]
pub fn names_several(uri: &str) -> bool {
    let place = uri.strip_prefix("s3://").or_else(|| uri.strip_prefix("gs://"));
    // A bucket alone is all of it.
    let path = place.map(|place| place.split_once('/').map_or("", |(_, path)| path));
    path.is_some_and(|path| path.is_empty() || path.ends_with('/') || path.contains('*'))
}

/// Content as it arrives.
pub(crate) type Pieces = BoxStream<'static, Result<bytes::Bytes, Error>>;

pub(crate) fn refused(message: String) -> Error {
    Error::new(ErrorCode::InvalidArgument, message)
}

/// A client that follows no redirect and waits neither for a connection nor in the middle of an answer for
/// longer than it should.
pub(crate) fn http_client(silence: Duration) -> Result<Client, Error> {
    // Whoever came first has installed the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .redirect(Policy::none())
        .connect_timeout(CONNECT)
        .read_timeout(silence)
        .user_agent(concat!("deepfix/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| Error::new(ErrorCode::Internal, format!("no HTTP client: {error}")))
}

impl Remote {
    /// What may be fetched: addresses that begin like one of these.
    ///
    /// # Errors
    /// When the system's certificates cannot be used.
    pub fn new(allowed: &[String]) -> Result<Self, Error> {
        let client = http_client(SILENCE)?;
        Ok(Self { allowed: allowed.to_vec(), client })
    }

    /// The address, when it is allowed.
    fn checked(&self, uri: &str) -> Result<Url, Error> {
        let url = Url::parse(uri).map_err(|error| refused(format!("{uri:?} is no address: {error}")))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused(
                "an address with a name or password in it is not fetched; use the server's own credentials".to_owned(),
            ));
        }
        // Parsed addresses are compared, so that `..`, case and port cannot lead elsewhere.
        let below = |prefix: &Url| {
            let (path, wanted) = (url.path(), prefix.path());
            let folder = wanted.ends_with('/') || path.len() == wanted.len() || path.as_bytes().get(wanted.len()) == Some(&b'/');
            url.scheme() == prefix.scheme()
                && url.host_str() == prefix.host_str()
                && url.port_or_known_default() == prefix.port_or_known_default()
                && path.starts_with(wanted)
                && folder
        };
        if self.allowed.iter().filter_map(|prefix| Url::parse(prefix).ok()).any(|prefix| below(&prefix)) {
            Ok(url)
        } else {
            let place = format!("{}://{}/", url.scheme(), url.host_str().unwrap_or_default());
            Err(refused(format!(
                "{place} is not among the addresses this server fetches; upload the artifact, or add it to gateway.allowed_urls"
            )))
        }
    }

    /// Brings an artifact into the store: a file, or every object below a bucket's address that ends in `/` or holds
    /// `*` as a list of uploads.
    ///
    /// # Errors
    /// When it is not allowed, not there, too large, or does not arrive.
    pub async fn fetch(&self, uri: &str, store: &Store) -> Result<Stored, Error> {
        let url = self.checked(uri)?;
        if !matches!(url.scheme(), "s3" | "gs") {
            return keep(self.web(url).await?, store).await;
        }
        let bucket = Bucket::open(&url)?;
        let path = bucket::decoded(&url)?;
        if !names_several(uri) {
            return keep(bucket.read(&path).await?, store).await;
        }
        let (mut files, mut room) = (Vec::new(), store.limit());
        for (name, object, size) in bucket.below(&path).await? {
            room = room.checked_sub(size).ok_or_else(|| {
                let limit = store.limit();
                Error::new(
                    ErrorCode::TooLarge,
                    format!("{uri} holds more than {limit} bytes (limits.max_artifact); name fewer files"),
                )
            })?;
            files.push((name, keep(bucket.read(&object).await?, store).await?.uri));
        }
        let mut upload = store.begin().await?;
        upload.write(crate::list_of_uploads(&files).into()).await?;
        upload.finish().await
    }

    async fn web(&self, url: Url) -> Result<Pieces, Error> {
        let shown = without_query(&url);
        let failed = move |shown: &str, error: reqwest::Error| {
            let why = if error.is_timeout() { "does not answer in time" } else { "cannot be reached" };
            tracing::warn!(%error, "fetching an artifact failed");
            Error::new(ErrorCode::Unavailable, format!("{shown} {why}"))
        };
        let answer = self.client.get(url).send().await.map_err(|error| failed(&shown, error))?;
        let status = answer.status();
        if status.is_redirection() {
            let target = answer.headers().get("location").and_then(|v| v.to_str().ok()).unwrap_or("another address").to_owned();
            return Err(refused(format!("{shown} leads to {target}; redirects are not followed, name that address itself")));
        }
        if !status.is_success() {
            return Err(refused(format!("{shown} answers {status}")));
        }
        let stream = answer.bytes_stream();
        Ok(stream.map(move |piece| piece.map_err(|error| failed(&shown, error))).boxed())
    }
}

/// Signed addresses carry secrets behind the question mark.
pub(crate) fn without_query(url: &Url) -> String {
    let mut shown = url.clone();
    shown.set_query(None);
    shown.to_string()
}

/// Writes what arrives into the store.
async fn keep(mut pieces: Pieces, store: &Store) -> Result<Stored, Error> {
    let mut upload = store.begin().await?;
    while let Some(piece) = pieces.next().await {
        let written = match piece {
            Ok(piece) => upload.write(piece).await,
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            upload.abort().await;
            return Err(error);
        }
    }
    upload.finish().await
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;
    use crate::SourceConfig;

    /// A server that gives one answer to every request.
    async fn server(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = listener.local_addr().expect("bound");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = [0; 4096];
                let _ = stream.read(&mut head).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        format!("http://{address}")
    }

    fn store(folder: &std::path::Path) -> (Store, SourceConfig) {
        let mut config = SourceConfig::default();
        config.store.path = folder.to_owned();
        config.limits.max_artifact = deepfix_settings::Size(64);
        (Store::open(&config).expect("opens").expect("on"), config)
    }

    #[tokio::test]
    async fn what_is_allowed_is_fetched_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, config) = store(folder.path());
        let good = server("HTTP/1.1 200 OK\r\ncontent-length: 8\r\nconnection: close\r\n\r\na,b\n1,2\n").await;
        let remote = Remote::new(&[format!("{good}/data")]).expect("a client");
        let stored = remote.fetch(&format!("{good}/data/t.csv"), &store).await.expect("arrives");
        let path = crate::Reader::new(&config).locate(&stored.uri).expect("is there");
        assert_eq!(std::fs::read(path).expect("reads"), b"a,b\n1,2\n");
        for (uri, says) in [
            (format!("{good}/database/t.csv"), "allowed_urls"),
            (format!("{good}/data/../secret"), "allowed_urls"),
            (good.replace("127.0.0.1", "localhost") + "/data/t.csv", "allowed_urls"),
            (good.replace("http://", "http://user:word@") + "/data/t.csv", "credentials"),
            ("s3://bucket/key".to_owned(), "allowed_urls"),
        ] {
            let error = remote.fetch(&uri, &store).await.expect_err("refused").to_string();
            assert!(error.contains(says), "{uri}: {error}");
        }
    }

    #[tokio::test]
    async fn redirects_errors_and_floods_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, _) = store(folder.path());
        for (answer, says) in [
            (
                "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
                "redirects are not followed",
            ),
            ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", "404"),
            ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", "empty"),
            ("HTTP/1.1 200 OK\r\ncontent-length: 900\r\nconnection: close\r\n\r\ncut", "cannot be reached"),
            (
                "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n0123456789012345678901234567890123456789012345678901234567890123456789",
                "over the limit",
            ),
        ] {
            let place = server(answer).await;
            let remote = Remote::new(std::slice::from_ref(&place)).expect("a client");
            let error = remote.fetch(&format!("{place}/t.csv"), &store).await.expect_err("refused").to_string();
            assert!(error.contains(says), "{error}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing of a broken one stays");
    }
}
