//! An MLflow tracking server, by its REST API (2.x and 3.x): runs, metric histories, artifacts, logged
//! models; and what a report leaves on its run.

mod fetch;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, path::Path, time::Duration};

use deepfix_errors::{Error, ErrorCode};
pub use fetch::{Fetched, Room};
use futures::{StreamExt, stream::BoxStream};
use reqwest::{Client, Method, RequestBuilder, StatusCode, Url, redirect::Policy};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

/// Longest wait for a connection, and longest silence in the middle of an answer.
const CONNECT: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(60);
/// Largest answer that is no artifact.
const MAX_ANSWER: usize = 256 << 20;
/// How often a question that changes nothing is asked when the server is busy or away, and the first
/// pause between; it doubles.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(250);
/// Points of a metric that are asked for at once, the most the server gives.
const PAGE: &str = "25000";
/// Artifact entries that are looked at, and folders within folders.
const MAX_ENTRIES: usize = 5000;
const MAX_DEPTH: usize = 6;
/// The server's databases hold no infinity: they store the largest double instead.
const INFINITE: f64 = f64::MAX;

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

/// A run, without the histories of its metrics.
#[derive(Debug, Clone)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// The name people gave it.
    pub name: String,
    /// `RUNNING`, `FINISHED`, `FAILED`, …
    pub status: String,
    /// Its experiment's id.
    pub experiment: String,
    /// Where its artifacts lie.
    pub artifact_uri: String,
    /// Name of every metric with its last value.
    pub metrics: BTreeMap<String, f64>,
    /// Its parameters.
    pub params: BTreeMap<String, String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Names of the datasets that were logged as its inputs, with their role.
    pub datasets: Vec<(String, String)>,
    /// Ids of the models it logged (MLflow 3).
    pub models: Vec<String>,
}

/// A point of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Step.
    pub step: i64,
    /// Milliseconds since 1970.
    pub timestamp: i64,
    /// Value; may be NaN or infinite.
    pub value: f64,
}

/// Where artifacts lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Of a run.
    Run(String),
    /// Of a logged model.
    Model(String),
}

/// A file of a run or model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path below the run's or model's folder.
    pub path: String,
    /// Size in bytes, 0 where the server does not say.
    pub size: u64,
}

#[derive(Deserialize)]
struct Pair {
    key: String,
    #[serde(default)]
    value: Value,
}

/// A number as the server writes it.
fn number(value: &Value) -> f64 {
    let value = match value {
        Value::String(text) => text.parse().unwrap_or(f64::NAN),
        other => other.as_f64().unwrap_or(f64::NAN),
    };
    if value.abs() >= INFINITE { f64::INFINITY.copysign(value) } else { value }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl Run {
    fn read(run: &Value) -> Option<Self> {
        let info = run.get("info")?;
        let field = |name: &str| info.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let pairs = |name: &str| -> Vec<Pair> {
            run.pointer(&format!("/data/{name}")).cloned().and_then(|v| serde_json::from_value(v).ok()).unwrap_or_default()
        };
        let tags: BTreeMap<String, String> = pairs("tags").into_iter().map(|p| (p.key, text(&p.value))).collect();
        let name = Some(field("run_name")).filter(|n| !n.is_empty()).or_else(|| tags.get("mlflow.runName").cloned());
        let inputs = run.pointer("/inputs/dataset_inputs").and_then(Value::as_array).into_iter().flatten();
        let datasets = inputs
            .filter_map(|input| {
                let role = input
                    .get("tags")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .find_map(|tag| (tag.get("key")?.as_str()? == "mlflow.data.context").then(|| text(&tag["value"])));
                Some((input.pointer("/dataset/name")?.as_str()?.to_owned(), role.unwrap_or_default()))
            })
            .collect();
        let models = run.pointer("/outputs/model_outputs").and_then(Value::as_array).into_iter().flatten();
        Some(Self {
            id: Some(field("run_id")).filter(|id| !id.is_empty()).unwrap_or_else(|| field("run_uuid")),
            name: name.unwrap_or_default(),
            status: field("status"),
            experiment: field("experiment_id"),
            artifact_uri: field("artifact_uri"),
            metrics: pairs("metrics").into_iter().map(|p| (p.key, number(&p.value))).collect(),
            params: pairs("params").into_iter().map(|p| (p.key, text(&p.value))).collect(),
            tags,
            datasets,
            models: models.filter_map(|m| m.get("model_id")?.as_str().map(str::to_owned)).collect(),
        })
    }
}

/// Ids are put into addresses: letters, digits, `-` and `_`.
fn checked_id(id: &str) -> Result<&str, Error> {
    let fine = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if id.is_empty() || id.len() > 64 || !id.bytes().all(fine) {
        return Err(Error::new(ErrorCode::InvalidArgument, format!("{id:?} is no id of an MLflow run")));
    }
    Ok(id)
}

impl Mlflow {
    /// A server by its tracking address.
    ///
    /// # Errors
    /// When it is no `http://` or `https://` address.
    pub fn new(tracking_uri: &str, credentials: Credentials) -> Result<Self, Error> {
        let wrong = |why: &str| {
            Error::field(
                "tracking_uri",
                format!("{tracking_uri:?} {why}; give the server's address, such as http://127.0.0.1:5000"),
            )
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
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .redirect(Policy::none())
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .user_agent(concat!("deepfix/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Error::new(ErrorCode::Internal, format!("no HTTP client: {error}")))?;
        Ok(Self { base, credentials, client })
    }

    /// The address without credentials, for people.
    #[must_use]
    pub fn address(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    fn url(&self, segments: &[&str], query: &[(&str, &str)]) -> Result<Url, Error> {
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

    fn request(&self, method: Method, url: Url) -> RequestBuilder {
        let request = self.client.request(method, url);
        match &self.credentials {
            Credentials::None => request,
            Credentials::Basic(name, password) => request.basic_auth(name, Some(password)),
            Credentials::Bearer(token) => request.bearer_auth(token),
        }
    }

    /// Sends a request until the server answers for itself, within [`TRIES`].
    async fn send(&self, make: impl Fn() -> RequestBuilder, what: &str) -> Result<reqwest::Response, Error> {
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

    async fn get(&self, path: &str, query: &[(&str, &str)], what: &str) -> Result<Value, Error> {
        let segments: Vec<&str> = path.split('/').collect();
        let url = self.url(&segments, query)?;
        let answer = self.send(|| self.request(Method::GET, url.clone()), what).await?;
        self.read(answer, what).await
    }

    async fn post(&self, path: &str, body: &Value, what: &str) -> Result<Value, Error> {
        let segments: Vec<&str> = path.split('/').collect();
        let url = self.url(&segments, &[])?;
        let body = body.to_string();
        let make = || self.request(Method::POST, url.clone()).header("content-type", "application/json").body(body.clone());
        let answer = self.send(make, what).await?;
        self.read(answer, what).await
    }

    /// A run.
    ///
    /// # Errors
    /// When there is none of that id, or the server does not answer.
    pub async fn run(&self, id: &str) -> Result<Run, Error> {
        let what = format!("run {}", checked_id(id)?);
        let answer = self.get("api/2.0/mlflow/runs/get", &[("run_id", id)], &what).await?;
        answer
            .get("run")
            .and_then(Run::read)
            .ok_or_else(|| Error::new(ErrorCode::Unavailable, format!("{} does not answer as MLflow does", self.address())))
    }

    /// Every point of a metric, at most so many.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn history(&self, run: &str, metric: &str, most: usize) -> Result<Vec<Point>, Error> {
        let (mut points, mut token) = (Vec::new(), String::new());
        loop {
            let mut query = vec![("run_id", checked_id(run)?), ("metric_key", metric), ("max_results", PAGE)];
            if !token.is_empty() {
                query.push(("page_token", &token));
            }
            let answer = self.get("api/2.0/mlflow/metrics/get-history", &query, &format!("metric {metric:?}")).await?;
            let page = answer.get("metrics").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let integer = |v: &Value| v.as_i64().or_else(|| v.as_str()?.parse().ok()).unwrap_or(0);
            points.extend(page.iter().map(|point| Point {
                step: point.get("step").map_or(0, integer),
                timestamp: point.get("timestamp").map_or(0, integer),
                value: number(point.get("value").unwrap_or(&Value::Null)),
            }));
            let next = answer.get("next_page_token").and_then(Value::as_str).unwrap_or_default();
            // A server that repeats its token would be read for ever.
            if next.is_empty() || page.is_empty() || next == token || points.len() >= most {
                points.truncate(most);
                return Ok(points);
            }
            next.clone_into(&mut token);
        }
    }

    /// Files of a run or model, without their content.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn entries(&self, place: &Place) -> Result<Vec<Entry>, Error> {
        let (mut folders, mut files, mut seen) = (vec![(String::new(), 0)], Vec::new(), 0);
        while let Some((folder, depth)) = folders.pop() {
            let what = format!("the artifacts in {folder:?}");
            let mut token = String::new();
            loop {
                let mut query = Vec::new();
                let path = match place {
                    Place::Run(id) => {
                        query.push(("run_id", checked_id(id)?));
                        "api/2.0/mlflow/artifacts/list".to_owned()
                    }
                    Place::Model(id) => format!("api/2.0/mlflow/logged-models/{}/artifacts/directories", checked_id(id)?),
                };
                if !folder.is_empty() {
                    query.push((if matches!(place, Place::Run(_)) { "path" } else { "artifact_directory_path" }, &folder));
                }
                if !token.is_empty() {
                    query.push(("page_token", &token));
                }
                let answer = self.get(&path, &query, &what).await?;
                for file in answer.get("files").and_then(Value::as_array).into_iter().flatten() {
                    seen += 1;
                    let Some(path) = file.get("path").and_then(Value::as_str).filter(|path| is_plain(path)) else { continue };
                    if file.get("is_dir").and_then(Value::as_bool) == Some(true) {
                        if depth < MAX_DEPTH {
                            folders.push((path.to_owned(), depth + 1));
                        }
                    } else {
                        let size = file.get("file_size").and_then(|v| v.as_u64().or_else(|| v.as_str()?.parse().ok()));
                        files.push(Entry { path: path.to_owned(), size: size.unwrap_or(0) });
                    }
                }
                let next = answer.get("next_page_token").and_then(Value::as_str).unwrap_or_default();
                if next.is_empty() || next == token || seen > MAX_ENTRIES {
                    break;
                }
                next.clone_into(&mut token);
            }
            if seen > MAX_ENTRIES {
                break;
            }
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    async fn content(&self, place: &Place, path: &str) -> Result<BoxStream<'static, reqwest::Result<bytes::Bytes>>, Error> {
        let url = match place {
            Place::Run(id) => self.url(&["get-artifact"], &[("run_id", checked_id(id)?), ("path", path)])?,
            Place::Model(id) => {
                let file = ["ajax-api", "2.0", "mlflow", "logged-models", checked_id(id)?, "artifacts", "files"];
                self.url(&file, &[("artifact_file_path", path)])?
            }
        };
        let answer = self.send(|| self.request(Method::GET, url.clone()), &format!("artifact {path:?}")).await?;
        Ok(answer.bytes_stream().boxed())
    }

    /// Brings a file here.
    ///
    /// # Errors
    /// When it is larger than the limit, does not arrive, or cannot be written.
    pub async fn download(&self, place: &Place, path: &str, to: &Path, limit: u64) -> Result<u64, Error> {
        let unwritten = |error: std::io::Error| {
            tracing::error!(%error, "a downloaded artifact cannot be kept");
            Error::new(ErrorCode::Unavailable, "a downloaded artifact cannot be kept here")
        };
        let mut pieces = self.content(place, path).await?;
        let mut file = tokio::fs::File::create(to).await.map_err(unwritten)?;
        let mut size = 0;
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|_| Error::new(ErrorCode::Unavailable, format!("artifact {path:?} broke off")))?;
            size += piece.len() as u64;
            if size > limit {
                return Err(Error::new(ErrorCode::TooLarge, format!("artifact {path:?} is larger than {limit} bytes")));
            }
            file.write_all(&piece).await.map_err(unwritten)?;
        }
        file.flush().await.map_err(unwritten)?;
        Ok(size)
    }

    /// Runs of an experiment, by its name or id, newest first, at most so many.
    ///
    /// # Errors
    /// When there is none of that name, or the server does not answer.
    pub async fn runs(&self, experiment: &str, most: usize) -> Result<Vec<Run>, Error> {
        let what = format!("experiment {experiment:?}");
        let named = self.get("api/2.0/mlflow/experiments/get-by-name", &[("experiment_name", experiment)], &what).await;
        let id = match named {
            Ok(answer) => answer.pointer("/experiment/experiment_id").map(text).unwrap_or_default(),
            Err(error) if error.code == ErrorCode::NotFound && experiment.bytes().all(|b| b.is_ascii_digit()) => {
                experiment.to_owned()
            }
            Err(error) => return Err(error),
        };
        let (mut runs, mut token) = (Vec::new(), String::new());
        loop {
            let mut body =
                json!({ "experiment_ids": [id], "max_results": most.min(500), "order_by": ["attributes.start_time DESC"] });
            if !token.is_empty() {
                body["page_token"] = json!(token);
            }
            let answer = self.post("api/2.0/mlflow/runs/search", &body, &what).await?;
            let page = answer.get("runs").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            runs.extend(page.iter().filter_map(Run::read));
            let next = answer.get("next_page_token").and_then(Value::as_str).unwrap_or_default();
            if next.is_empty() || page.is_empty() || next == token || runs.len() >= most {
                runs.truncate(most);
                return Ok(runs);
            }
            next.clone_into(&mut token);
        }
    }

    /// Leaves tags and metrics on a run. Tags of ours that are not among them are removed.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn annotate(
        &self,
        run: &Run,
        tags: &BTreeMap<String, String>,
        metrics: &BTreeMap<String, f64>,
        timestamp: u64,
    ) -> Result<(), Error> {
        let what = format!("tags on run {}", run.id);
        for old in run.tags.keys().filter(|tag| tag.starts_with("deepfix.") && !tags.contains_key(*tag)) {
            self.post("api/2.0/mlflow/runs/delete-tag", &json!({ "run_id": run.id, "key": old }), &what).await?;
        }
        let tags: Vec<Value> = tags.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
        let metrics: Vec<Value> =
            metrics.iter().map(|(key, value)| json!({ "key": key, "value": value, "timestamp": timestamp, "step": 0 })).collect();
        // The server takes a hundred tags at once.
        for tags in tags.chunks(100) {
            self.post("api/2.0/mlflow/runs/log-batch", &json!({ "run_id": run.id, "tags": tags }), &what).await?;
        }
        self.post("api/2.0/mlflow/runs/log-batch", &json!({ "run_id": run.id, "metrics": metrics }), &what).await?;
        Ok(())
    }

    /// Writes a file among a run's artifacts, through the server.
    ///
    /// # Errors
    /// When the run's artifacts do not lie with the server, or it refuses.
    pub async fn write(&self, run: &Run, path: &str, content: Vec<u8>) -> Result<(), Error> {
        let root = run.artifact_uri.strip_prefix("mlflow-artifacts:").map(|root| root.trim_start_matches('/'));
        // `mlflow-artifacts://host/…` names the server once more.
        let root = match (root, run.artifact_uri.starts_with("mlflow-artifacts://")) {
            (Some(root), true) => root.split_once('/').map(|(_, rest)| rest),
            (root, _) => root,
        };
        let Some(root) = root else {
            return Err(Error::new(
                ErrorCode::Unsupported,
                "the run's artifacts do not lie with the MLflow server (it was started without --serve-artifacts), so nothing can be written there",
            ));
        };
        let mut segments = vec!["api", "2.0", "mlflow-artifacts", "artifacts"];
        segments.extend(root.split('/').chain(path.split('/')).filter(|part| !part.is_empty() && *part != ".."));
        let url = self.url(&segments, &[])?;
        let content = bytes::Bytes::from(content);
        self.send(|| self.request(Method::PUT, url.clone()).body(content.clone()), &format!("artifact {path:?}")).await?;
        Ok(())
    }
}

/// Whether a path stays below its folder.
fn is_plain(path: &str) -> bool {
    !path.is_empty()
        && !path.starts_with('/')
        && !path.contains(['\\', '\0'])
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}
