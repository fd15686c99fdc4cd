//! What a report leaves on its run.

use std::collections::BTreeMap;

use deepfix_errors::{Error, ErrorCode};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Mlflow, Run};

impl Mlflow {
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
