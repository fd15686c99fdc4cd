//! Limits of the front, and where the services are.

use std::{collections::BTreeMap, path::PathBuf};

use deepfix_settings::{Period, Size};
use serde::{Deserialize, Serialize};

/// Where a service is, and how long to wait for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServiceConfig {
    /// `http://host:port`; empty is this process, where that is possible.
    pub target: String,
    /// Longest wait.
    pub timeout: Period,
    /// For an agent beyond the four known: the artifact kinds it is called for.
    pub kinds: Vec<String>,
}

impl Default for ServiceConfig {
    fn default() -> Self {
        Self { target: String::new(), timeout: Period::seconds(60), kinds: Vec::new() }
    }
}

/// Jobs of the SDK's asynchronous routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JobsConfig {
    /// How often the gateway that runs a job says so in the store.
    pub heartbeat: Period,
    /// Silence after which a job counts as lost. Clocks of gateways and store may differ by less than this.
    pub lost_after: Period,
    /// How long finished jobs can be asked for.
    pub ttl: Period,
}

impl Default for JobsConfig {
    fn default() -> Self {
        Self { heartbeat: Period::seconds(3), lost_after: Period::seconds(20), ttl: Period::seconds(86_400) }
    }
}

/// MLflow servers whose runs may be analysed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MlflowConfig {
    /// The server that is asked when a request names none; it alone is given the credentials of the
    /// environment (`MLFLOW_TRACKING_USERNAME` and `_PASSWORD`, or `MLFLOW_TRACKING_TOKEN`).
    pub tracking_uri: String,
    /// Other servers that a request may name.
    pub allowed: Vec<String>,
}

/// The gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatewayConfig {
    /// Largest request body.
    pub max_body: Size,
    /// Deadline of a request whose caller set none, and the longest a caller may set.
    pub request_timeout: Period,
    /// Longest pause between two pieces of a body.
    pub body_idle_timeout: Period,
    /// Analyses under way at once.
    pub max_concurrent: usize,
    /// Bytes of request bodies held in memory at once.
    pub max_buffered: Size,
    /// Folders that `file:` addresses may lie in. They must be readable by the agents too.
    pub allowed_roots: Vec<PathBuf>,
    /// Beginnings of `https:`, `s3:` and `gs:` addresses that may be fetched, such as `s3://bucket/models/`.
    pub allowed_urls: Vec<String>,
    /// MLflow.
    pub mlflow: MlflowConfig,
    /// Jobs of `/v2/analyse`.
    pub jobs: JobsConfig,
    /// File of the keys that callers must send as `Authorization: Bearer KEY`, one a line; empty lets
    /// everybody in.
    pub api_keys: PathBuf,
    /// Every service by its short name: dataset, training, checks, checkpoint, kb, reasoning.
    pub services: BTreeMap<String, ServiceConfig>,
}

/// Short names of the services besides the gateway.
pub(crate) const SERVICES: [&str; 6] = ["dataset", "training", "checks", "checkpoint", "kb", "reasoning"];

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            max_body: Size::mebibytes(256),
            request_timeout: Period::seconds(300),
            body_idle_timeout: Period::seconds(20),
            max_concurrent: 64,
            max_buffered: Size::mebibytes(1024),
            allowed_roots: Vec::new(),
            allowed_urls: Vec::new(),
            jobs: JobsConfig::default(),
            api_keys: PathBuf::new(),
            mlflow: MlflowConfig::default(),
            services: SERVICES.iter().map(|name| ((*name).to_owned(), ServiceConfig::default())).collect(),
        }
    }
}

impl GatewayConfig {
    /// Lifts every time limit, for a process that serves one request of one person.
    pub fn wait_for_ever(&mut self) {
        let week = Period::seconds(7 * 86_400);
        self.request_timeout = week;
        for service in self.services.values_mut() {
            service.timeout = week;
        }
    }
}
