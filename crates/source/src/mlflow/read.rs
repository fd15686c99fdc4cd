//! Runs, histories, artifacts and experiments.

use std::path::Path;

use deepfix_errors::{Error, ErrorCode};
use futures::{StreamExt, stream::BoxStream};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use super::{
    Entry, Mlflow, Place, Point, Run,
    run::{checked_id, is_plain, number, text},
};

/// Points of a metric that are asked for at once, the most the server gives.
const PAGE: &str = "25000";
/// Artifact entries that are looked at, and folders within folders.
const MAX_ENTRIES: usize = 5000;
const MAX_DEPTH: usize = 6;

impl Mlflow {
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
}
