//! What a request asks for: from JSON, from the wire, or from files; checked once.

use std::{collections::BTreeMap, path::Path, time::Duration};

use base64::Engine;
use deepfix_api::analysis::AnalysisSpec;
use deepfix_errors::{Error, ErrorCode};
use deepfix_model::{Artifact, ArtifactKind, ArtifactSource, Finding, MetricRole};
use deepfix_settings::Period;
use schemars::JsonSchema;
use serde::Deserialize;

/// A request, checked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spec {
    pub(crate) artifacts: Vec<Artifact>,
    pub(crate) label: String,
    pub(crate) datetime: String,
    pub(crate) task: String,
    pub(crate) dataset_name: String,
    pub(crate) model_name: String,
    pub(crate) language: String,
    pub(crate) agents: Vec<String>,
    pub(crate) timeouts: BTreeMap<String, Duration>,
    pub(crate) min_confidence: f64,
    /// Other limits, by agent or fault code.
    pub(crate) confidence_thresholds: BTreeMap<String, f64>,
    pub(crate) thresholds: BTreeMap<String, f64>,
    pub(crate) mask_examples: bool,
    pub(crate) metric_roles: BTreeMap<String, String>,
    pub(crate) knowledge_namespace: String,
    /// Kinds of fault looked for; none is all.
    pub(crate) only: Vec<String>,
    /// An MLflow run whose artifacts are analysed, the server that holds it, and whether the report goes
    /// back to it.
    pub(crate) mlflow_run: String,
    pub(crate) tracking_uri: String,
    pub(crate) log_back: bool,
    /// What the edge itself found: parts of the request that do not belong together.
    pub(crate) mismatches: Vec<Finding>,
}

/// One artifact of a JSON request: exactly one of `inline`, `uri`, `upload`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArtifactJson {
    /// `train`, `test`, `metrics`, `params`, `layer_stats`, `checkpoint`, `deepchecks` or `dataset_statistics`.
    pub kind: String,
    /// Format hint such as `csv`; told by content when absent.
    #[serde(default)]
    pub format: Option<String>,
    /// Name to show.
    #[serde(default)]
    pub file_name: Option<String>,
    /// The content: text, or any JSON value, which stands for its own text.
    #[serde(default)]
    pub inline: Option<serde_json::Value>,
    /// `base64` when `inline` is base64 of bytes.
    #[serde(default)]
    pub encoding: Option<String>,
    /// `file:///…` under an allowed root of the server.
    #[serde(default)]
    pub uri: Option<String>,
    /// `upload://…` as `POST /v1/artifacts` answered.
    #[serde(default)]
    pub upload: Option<String>,
}

/// Body of `POST /v1/analyses`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SpecJson {
    /// The artifacts, one per kind.
    pub artifacts: Vec<ArtifactJson>,
    /// Label column.
    pub label: Option<String>,
    /// Column that dates the rows.
    pub datetime: Option<String>,
    /// `classification` or `regression`; inferred when absent.
    pub task: Option<String>,
    /// Shown in the report.
    pub dataset_name: Option<String>,
    /// Shown in the report.
    pub model_name: Option<String>,
    /// Language of the report: name, code or tag. English and French are complete by themselves, others need a language model.
    pub language: Option<String>,
    /// Agents to ask; all that have something to look at when absent.
    pub agents: Option<Vec<String>>,
    /// Time limits by agent, and `request` for the whole: seconds, or text such as `500ms`.
    pub timeouts: Option<BTreeMap<String, serde_json::Value>>,
    /// Findings below this confidence are left out.
    pub min_confidence: Option<f64>,
    /// Other limits than `min_confidence` for an agent or a fault code, by its name; the code's counts before the
    /// agent's.
    pub confidence_thresholds: Option<BTreeMap<String, f64>>,
    /// Thresholds that replace the defaults, by name.
    pub thresholds: Option<BTreeMap<String, f64>>,
    /// Whether the words of cells are shown by their shape only: `Xxxx#3` for `Bern`.
    pub mask_examples: Option<bool>,
    /// What names of the training log mean, where the name does not tell: `train_loss`, `val_metric:min`,
    /// `learning_rate`, `gradient_norm`, `ignore`.
    pub metric_roles: Option<BTreeMap<String, String>>,
    /// A team, whose own knowledge pages are cited behind the shared ones.
    pub knowledge_namespace: Option<String>,
    /// Kinds of fault to look for: codes, or groups (`quality`, `drift`, `leakage`, `labels`); all when absent.
    pub only: Option<Vec<String>>,
    /// Id of an MLflow run whose metrics, parameters and artifacts are analysed beside those given.
    pub mlflow_run: Option<String>,
    /// The tracking server that holds it; the server's own when absent.
    pub tracking_uri: Option<String>,
    /// Leave the report on that run: artifacts `deepfix/report.json` and `.html`, tags, metrics.
    pub log_back: Option<bool>,
}

fn content(index: usize, artifact: &ArtifactJson) -> Result<ArtifactSource, Error> {
    let field = |name: &str| format!("artifacts[{index}].{name}");
    let given = [artifact.inline.is_some(), artifact.uri.is_some(), artifact.upload.is_some()];
    if given.iter().filter(|g| **g).count() != 1 {
        return Err(Error::field(format!("artifacts[{index}]"), "needs exactly one of inline, uri, upload"));
    }
    if let Some(uri) = artifact.uri.as_ref().or(artifact.upload.as_ref()) {
        return Ok(ArtifactSource::Uri(uri.clone()));
    }
    let bytes = match (artifact.inline.as_ref(), artifact.encoding.as_deref()) {
        (Some(serde_json::Value::String(text)), Some("base64")) => base64::engine::general_purpose::STANDARD
            .decode(text.trim())
            .map_err(|error| Error::field(field("inline"), format!("is not base64: {error}")))?,
        (_, Some(other)) if other != "text" => {
            return Err(Error::field(field("encoding"), format!("is {other:?}; only \"base64\" and \"text\" are known")));
        }
        (Some(serde_json::Value::String(text)), _) => text.clone().into_bytes(),
        (Some(value), _) => value.to_string().into_bytes(),
        (None, _) => Vec::new(),
    };
    Ok(ArtifactSource::Inline(bytes.into()))
}

fn timeout(name: &str, value: &serde_json::Value) -> Result<Duration, Error> {
    let wrong =
        || Error::field(format!("timeouts.{name}"), "is no time limit; give seconds as a number, or text such as \"500ms\"");
    match value {
        serde_json::Value::Number(n) => {
            n.as_f64().filter(|s| *s > 0.0 && *s < 1e6).map(Duration::from_secs_f64).ok_or_else(wrong)
        }
        serde_json::Value::String(text) => text.parse::<Period>().map(|p| p.0).map_err(|_| wrong()),
        _ => Err(wrong()),
    }
}

/// An id, with or without `mlflow:` before it.
fn run_id(text: String) -> String {
    text.strip_prefix("mlflow:").map_or(text.clone(), str::to_owned)
}

impl TryFrom<SpecJson> for Spec {
    type Error = Error;

    fn try_from(json: SpecJson) -> Result<Self, Error> {
        let mut artifacts = Vec::new();
        for (index, artifact) in json.artifacts.iter().enumerate() {
            let kind = ArtifactKind::from_name(&artifact.kind).ok_or_else(|| {
                let known: Vec<&str> = ArtifactKind::ALL.iter().map(|k| k.name()).collect();
                Error::field(
                    format!("artifacts[{index}].kind"),
                    format!("{:?} is no kind; one of {}", artifact.kind, known.join(", ")),
                )
            })?;
            artifacts.push(Artifact {
                kind,
                format: artifact.format.clone().unwrap_or_default(),
                file_name: artifact.file_name.clone().unwrap_or_default(),
                source: content(index, artifact)?,
            });
        }
        let mut timeouts = BTreeMap::new();
        for (name, value) in json.timeouts.unwrap_or_default() {
            timeouts.insert(name.clone(), timeout(&name, &value)?);
        }
        Ok(Self {
            artifacts,
            label: json.label.unwrap_or_default(),
            datetime: json.datetime.unwrap_or_default(),
            task: json.task.unwrap_or_default(),
            dataset_name: json.dataset_name.unwrap_or_default(),
            model_name: json.model_name.unwrap_or_default(),
            language: json.language.unwrap_or_default(),
            agents: json.agents.unwrap_or_default(),
            timeouts,
            min_confidence: json.min_confidence.unwrap_or(0.0),
            confidence_thresholds: json.confidence_thresholds.unwrap_or_default(),
            thresholds: json.thresholds.unwrap_or_default(),
            mask_examples: json.mask_examples.unwrap_or_default(),
            metric_roles: json.metric_roles.unwrap_or_default(),
            knowledge_namespace: json.knowledge_namespace.unwrap_or_default(),
            only: json.only.unwrap_or_default(),
            mlflow_run: run_id(json.mlflow_run.unwrap_or_default()),
            tracking_uri: json.tracking_uri.unwrap_or_default(),
            log_back: json.log_back.unwrap_or_default(),
            mismatches: Vec::new(),
        })
    }
}

impl TryFrom<AnalysisSpec> for Spec {
    type Error = Error;

    fn try_from(wire: AnalysisSpec) -> Result<Self, Error> {
        Ok(Self {
            artifacts: wire.artifacts.into_iter().map(Artifact::try_from).collect::<Result<_, _>>()?,
            label: wire.label,
            datetime: wire.datetime,
            task: wire.task,
            dataset_name: wire.dataset_name,
            model_name: wire.model_name,
            language: wire.language,
            agents: wire.agents,
            timeouts: wire.timeouts_ms.into_iter().map(|(k, v)| (k, Duration::from_millis(v))).collect(),
            min_confidence: wire.min_confidence,
            confidence_thresholds: wire.confidence_thresholds,
            thresholds: wire.thresholds,
            mask_examples: wire.mask_examples,
            metric_roles: wire.metric_roles,
            knowledge_namespace: wire.knowledge_namespace,
            only: wire.only,
            mlflow_run: run_id(wire.mlflow_run),
            tracking_uri: wire.tracking_uri,
            log_back: wire.log_back,
            mismatches: Vec::new(),
        })
    }
}

impl Spec {
    /// Time limit of the whole: the caller's within the configured one.
    pub(crate) fn limit(&self, gateway: &crate::Gateway) -> Duration {
        let most = gateway.config.request_timeout.0;
        self.timeouts.get("request").copied().unwrap_or(most).min(most)
    }

    /// Checks what no conversion can.
    pub(crate) fn check(self, gateway: &crate::Gateway) -> Result<Self, Error> {
        let known: Vec<&str> = gateway.clients.agents.iter().map(|a| a.name.as_str()).collect();
        let mut error = Error::new(ErrorCode::InvalidArgument, "the request is not valid");
        if self.artifacts.is_empty() && self.mlflow_run.is_empty() {
            error = error
                .with_field("artifacts", "is empty; hand in at least one of train, test, metrics, checkpoint, deepchecks, …");
        }
        for (index, artifact) in self.artifacts.iter().enumerate() {
            if self.artifacts[..index].iter().any(|a| a.kind == artifact.kind) {
                error = error.with_field(
                    format!("artifacts[{index}].kind"),
                    format!("{} is handed in twice; one of each kind", artifact.kind),
                );
            }
        }
        if !matches!(self.task.as_str(), "" | "classification" | "regression") {
            error = error.with_field("task", format!("is {:?}; it may be classification or regression", self.task));
        }
        if self.log_back && self.mlflow_run.is_empty() {
            error = error.with_field("log_back", "needs a run to go back to (mlflow_run)");
        }
        if !(0.0..=1.0).contains(&self.min_confidence) {
            error = error.with_field("min_confidence", format!("is {}, not between 0 and 1", self.min_confidence));
        }
        for (name, value) in &self.confidence_thresholds {
            if !(0.0..=1.0).contains(value) {
                error = error.with_field(format!("confidence_thresholds.{name}"), format!("is {value}, not between 0 and 1"));
            }
        }
        for agent in self.agents.iter().chain(self.timeouts.keys().filter(|k| *k != "request")) {
            if !known.contains(&agent.as_str()) {
                error = error.with_field("agents", format!("{agent:?} is no agent here; known are {}", known.join(", ")));
            }
        }
        for (name, role) in &self.metric_roles {
            if let Err(why) = role.parse::<MetricRole>() {
                error = error.with_field(format!("metric_roles.{name}"), why);
            }
        }
        for (name, value) in &self.thresholds {
            if !value.is_finite() {
                error = error.with_field(format!("thresholds.{name}"), "is no finite number");
            }
        }
        if error.fields.is_empty() { Ok(self) } else { Err(error) }
    }
}

/// The artifact of a local file, by address.
///
/// # Errors
/// When the path does not exist.
pub fn artifact_of_file(kind: ArtifactKind, path: &Path) -> std::io::Result<Artifact> {
    let resolved = path.canonicalize()?;
    Ok(Artifact {
        kind,
        format: String::new(),
        file_name: path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default(),
        source: ArtifactSource::Uri(format!("file://{}", resolved.display())),
    })
}

/// A time limit as the command line writes it.
///
/// # Errors
/// Says how to write it.
pub fn parse_timeout(text: &str) -> Result<Duration, String> {
    text.parse::<Period>().map(|p| p.0).or_else(|error| {
        let seconds = text.parse::<f64>().ok().filter(|s| *s > 0.0 && *s < 1e7);
        seconds.and_then(|s| Duration::try_from_secs_f64(s).ok()).ok_or(error)
    })
}
