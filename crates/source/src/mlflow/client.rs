//! Asking a tracking server: who asks, how often, and what its refusals mean.

use std::time::Duration;

use deepfix_errors::{Error, ErrorCode};
use futures::StreamExt;
use reqwest::{Client, Method, RequestBuilder, StatusCode, Url};
use serde_json::Value;

use crate::remote::http_client;

/// Longest silence in the middle of an answer: a long history takes the server a while.
const SILENCE: Duration = Duration::from_secs(60);
/// Largest answer that is no artifact.
const MAX_ANSWER: usize = 256 << 20;
/// How often a question that changes nothing is asked when the server is busy or away, and the first
/// pause between; it doubles.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(250);

/// How a server is told who asks.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Credentials {
    /// It is not told.
    #[default]
    None,
    /// HTTP basic.
    Basic(String, String),
    /// A bearer token.
    Bearer(String),
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Basic(..) => "Basic(…)",
            Self::Bearer(_) => "Bearer(…)",
        })
    }
}

impl Credentials {
    /// From the variables that MLflow's own client reads.
    #[must_use]
    pub fn from_environment() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        match (variable("MLFLOW_TRACKING_USERNAME"), variable("MLFLOW_TRACKING_TOKEN")) {
            (Some(name), _) => Self::Basic(name, variable("MLFLOW_TRACKING_PASSWORD").unwrap_or_default()),
            (None, Some(token)) => Self::Bearer(token),
            (None, None) => Self::None,
        }
    }
}

/// A tracking server.
#[derive(Debug, Clone)]
pub struct Mlflow {
    base: Url,
    credentials: Credentials,
    client: Client,
}

impl Mlflow {
    /// A server by its tracking address.
    ///
    /// # Errors
    /// When it is no `http://` or `https://` address.
    pub fn new(tracking_uri: &str, credentials: Credentials) -> Result<Self, Error> {
        // An address may hold a password, before the @.
        let shown = tracking_uri.rsplit_once('@').map_or(tracking_uri, |(_, rest)| rest);
        let wrong = |why: &str| {
            Error::field("tracking_uri", format!("{shown:?} {why}; give the server's address, such as http://127.0.0.1:5000"))
        };
        let mut base = Url::parse(tracking_uri).map_err(|_| wrong("is no address"))?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(wrong("is no http or https address"));
        }
        let mut credentials = credentials;
        if !base.username().is_empty() {
            // As MLflow's own client takes them.
            credentials = Credentials::Basic(base.username().to_owned(), base.password().unwrap_or_default().to_owned());
            if base.set_username("").is_err() || base.set_password(None).is_err() {
                return Err(wrong("holds a name that cannot be read"));
            }
        }
        base.set_query(None);
        base.set_fragment(None);
        let client = http_client(SILENCE)?;
        Ok(Self { base, credentials, client })
    }

    /// The address without credentials, for people.
    #[must_use]
    pub fn address(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    pub(super) fn url(&self, segments: &[&str], query: &[(&str, &str)]) -> Result<Url, Error> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| Error::new(ErrorCode::InvalidArgument, "the tracking address takes no paths"))?
            .pop_if_empty()
            .extend(segments);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    pub(super) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        let request = self.client.request(method, url);
        match &self.credentials {
            Credentials::None => request,
            Credentials::Basic(name, password) => request.basic_auth(name, Some(password)),
            Credentials::Bearer(token) => request.bearer_auth(token),
        }
    }

    /// Sends a request until the server answers for itself, within [`TRIES`].
    pub(super) async fn send(&self, make: impl Fn() -> RequestBuilder, what: &str) -> Result<reqwest::Response, Error> {
        let mut pause = PAUSE;
        for attempt in 1.. {
            let last = attempt == TRIES;
            match make().send().await {
                Ok(answer) => {
                    let status = answer.status();
                    let busy = status == StatusCode::TOO_MANY_REQUESTS || matches!(status.as_u16(), 502..=504);
                    if !busy || last {
                        return self.accept(answer, what).await;
                    }
                }
                Err(error) if last => {
                    tracing::warn!(%error, what, "MLflow does not answer");
                    let why = if error.is_timeout() { "does not answer in time" } else { "cannot be reached" };
                    return Err(Error::new(ErrorCode::Unavailable, format!("the MLflow server {} {why}", self.address())));
                }
                Err(_) => {}
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        unreachable!("the last attempt returns")
    }

    /// The answer, when it is one; what the server says of the trouble otherwise.
    async fn accept(&self, answer: reqwest::Response, what: &str) -> Result<reqwest::Response, Error> {
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let mut head = Vec::new();
        let mut pieces = answer.bytes_stream();
        while let Some(Ok(piece)) = pieces.next().await {
            head.extend_from_slice(&piece);
            if head.len() > 8192 {
                break;
            }
        }
        let said = serde_json::from_slice::<Value>(&head)
            .ok()
            .and_then(|v| Some(v.get("message")?.as_str()?.chars().take(300).collect::<String>()));
        let place = self.address();
        let (code, message) = match status.as_u16() {
            401 | 403 => (
                ErrorCode::InvalidArgument,
                format!(
                    "the MLflow server {place} refuses {what} ({status}); set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
                ),
            ),
            404 => (
                ErrorCode::NotFound,
                format!("the MLflow server {place} has no {what}{}", said.map(|s| format!(": {s}")).unwrap_or_default()),
            ),
            300..=399 => (
                ErrorCode::InvalidArgument,
                format!("the MLflow server {place} redirects {what}; redirects are not followed, name the address it leads to"),
            ),
            400..=499 if status != StatusCode::TOO_MANY_REQUESTS => (
                ErrorCode::InvalidArgument,
                format!("the MLflow server {place} refuses {what}: {}", said.unwrap_or_else(|| status.to_string())),
            ),
            _ => (ErrorCode::Unavailable, format!("the MLflow server {place} fails over {what} ({status})")),
        };
        Err(Error::new(code, message))
    }

    async fn read(&self, answer: reqwest::Response, what: &str) -> Result<Value, Error> {
        let mut bytes = Vec::new();
        let mut pieces = answer.bytes_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|_| {
                Error::new(ErrorCode::Unavailable, format!("the MLflow server {} broke off over {what}", self.address()))
            })?;
            bytes.extend_from_slice(&piece);
            if bytes.len() > MAX_ANSWER {
                return Err(Error::new(
                    ErrorCode::TooLarge,
                    format!("the MLflow server answers more than {MAX_ANSWER} bytes for {what}"),
                ));
            }
        }
        serde_json::from_slice(&bytes).map_err(|_| {
            Error::new(
                ErrorCode::Unavailable,
                format!("{} does not answer {what} as MLflow does; is it an MLflow server?", self.address()),
            )
        })
    }

    pub(super) async fn get(&self, path: &str, query: &[(&str, &str)], what: &str) -> Result<Value, Error> {
        let segments: Vec<&str> = path.split('/').collect();
        let url = self.url(&segments, query)?;
        let answer = self.send(|| self.request(Method::GET, url.clone()), what).await?;
        self.read(answer, what).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value, what: &str) -> Result<Value, Error> {
        let segments: Vec<&str> = path.split('/').collect();
        let url = self.url(&segments, &[])?;
        let body = body.to_string();
        let make = || self.request(Method::POST, url.clone()).header("content-type", "application/json").body(body.clone());
        let answer = self.send(make, what).await?;
        self.read(answer, what).await
    }
}
