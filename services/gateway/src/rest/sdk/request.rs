//! The SDK's body, cut into artifacts. What the SDK never reads is not parsed: each part of the body
//! is taken as it stands and handed to the agent that knows it.

use axum::{extract::Request, http::StatusCode};
use bytes::Bytes;
use deepfix_model::{Artifact, ArtifactKind, ArtifactSource};
use serde::Deserialize;
use serde_json::{json, value::RawValue};

use super::{
    super::{analyses, body},
    Refused,
    check::{self, Outline},
    mismatch,
};
use crate::{Gateway, admission::Admission, spec::Spec};

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    dataset_artifacts: Option<&'a RawValue>,
    #[serde(borrow, default)]
    training_artifacts: Option<&'a RawValue>,
    #[serde(borrow, default)]
    deepchecks_artifacts: Option<&'a RawValue>,
    #[serde(borrow, default)]
    model_checkpoint_artifacts: Option<&'a RawValue>,
    #[serde(borrow, default)]
    dataset_name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    model_name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    language: Option<&'a RawValue>,
    #[serde(borrow, default)]
    original_code: Option<&'a RawValue>,
    #[serde(borrow, default)]
    verify_repairs: Option<&'a RawValue>,
}

/// A request, ready to be run.
pub(super) struct Asked {
    pub(super) spec: Spec,
    pub(super) about: About,
    pub(super) body: Bytes,
    /// Why the dataset part cannot be decoded, where that is so.
    pub(super) undecodable: Option<String>,
}

/// What the answer needs to know of the request.
pub(super) struct About {
    pub(super) dataset_name: String,
    /// Code was sent along, to try repairs on.
    pub(super) code: bool,
}

#[derive(Deserialize)]
struct Training<'a> {
    #[serde(borrow, default)]
    metrics_values: Option<&'a RawValue>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
    #[serde(borrow, default)]
    metrics_path: Option<&'a RawValue>,
}

/// A part as an artifact; `null` is none.
fn artifact(body: &Bytes, part: Option<&RawValue>, kind: ArtifactKind, format: &str) -> Option<Artifact> {
    let text = part?.get();
    (text != "null").then(|| Artifact {
        kind,
        format: format.to_owned(),
        file_name: format!("{}.json", kind.name()),
        // The part shares the body's memory.
        source: ArtifactSource::Inline(body.slice_ref(text.as_bytes())),
    })
}

pub(super) async fn read(gateway: &Gateway, request: Request, admission: &mut Admission) -> Result<Asked, Refused> {
    let bytes = body::collect(request, gateway, admission).await?;
    let unprocessable = |error: &serde_json::Error| {
        let detail = json!([{ "type": "json_invalid", "loc": ["body", error.column()], "msg": error.to_string(), "input": {} }]);
        Refused(StatusCode::UNPROCESSABLE_ENTITY, detail)
    };
    let refused = |errors: Vec<serde_json::Value>| Refused(StatusCode::UNPROCESSABLE_ENTITY, errors.into());
    if bytes.iter().find(|b| !b.is_ascii_whitespace()).is_some_and(|b| *b != b'{') {
        let whole: &RawValue = serde_json::from_slice(&bytes).map_err(|e| unprocessable(&e))?;
        return Err(refused(vec![check::wrong("dict_type", &[], "Input should be a valid dictionary", Some(whole))]));
    }
    let parts: Body<'_> = serde_json::from_slice(&bytes).map_err(|e| unprocessable(&e))?;
    let (dataset, checks) = (Outline::of(parts.dataset_artifacts), Outline::of(parts.deepchecks_artifacts));
    let mut errors = Vec::new();
    for (name, part) in [
        ("dataset_artifacts", parts.dataset_artifacts),
        ("training_artifacts", parts.training_artifacts),
        ("deepchecks_artifacts", parts.deepchecks_artifacts),
        ("model_checkpoint_artifacts", parts.model_checkpoint_artifacts),
    ] {
        check::object(part, &[name], &mut errors);
    }
    check::deepchecks(parts.deepchecks_artifacts, &checks, &mut errors);
    let dataset_name = check::text(parts.dataset_name, &["dataset_name"], &mut errors).unwrap_or_default();
    let model_name = check::text(parts.model_name, &["model_name"], &mut errors).unwrap_or_default();
    let language = check::text(parts.language, &["language"], &mut errors).unwrap_or_default();
    check::text(parts.original_code, &["original_code"], &mut errors);
    check::flag(parts.verify_repairs, &["verify_repairs"], &mut errors);
    let training: Option<Training<'_>> = match parts.training_artifacts.filter(|p| p.get().starts_with('{')) {
        Some(raw) => Some(serde_json::from_str(raw.get()).map_err(|e| unprocessable(&e))?),
        None => None,
    };
    let metrics_path =
        training.as_ref().and_then(|t| check::text(t.metrics_path, &["training_artifacts", "metrics_path"], &mut errors));
    check::object(training.as_ref().and_then(|t| t.params), &["training_artifacts", "params"], &mut errors);
    if !errors.is_empty() {
        return Err(refused(errors));
    }
    let mut artifacts: Vec<Artifact> = [
        artifact(&bytes, parts.dataset_artifacts, ArtifactKind::DatasetStatistics, "deepfix-sdk"),
        artifact(&bytes, parts.deepchecks_artifacts, ArtifactKind::Deepchecks, "deepfix-sdk"),
        artifact(&bytes, parts.model_checkpoint_artifacts, ArtifactKind::Checkpoint, "deepfix-sdk"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if let Some(training) = training {
        artifacts.extend(artifact(&bytes, training.metrics_values, ArtifactKind::Metrics, "").map(|mut a| {
            a.file_name = metrics_path.unwrap_or_else(|| "metrics_values.json".to_owned());
            a
        }));
        artifacts.extend(
            artifact(&bytes, training.params, ArtifactKind::Params, "")
                .filter(|_| training.params.is_some_and(|p| p.get() != "{}")),
        );
    }
    let task = match dataset.task_type().as_deref() {
        Some(task) if task.contains("classification") => "classification",
        Some(task) if task.contains("regression") => "regression",
        _ => "",
    };
    let part = |kind, dataset, model| mismatch::Part { kind, dataset, model };
    let mismatches = mismatch::findings(
        &dataset_name,
        &model_name,
        &[
            part(ArtifactKind::DatasetStatistics, dataset.dataset_name().as_deref(), None),
            part(ArtifactKind::Deepchecks, checks.dataset_name().as_deref(), checks.model_name().as_deref()),
        ],
    );
    let code = parts.original_code.is_some_and(|code| code.get() != "null");
    let mut spec = Spec {
        artifacts,
        task: task.to_owned(),
        dataset_name: dataset_name.clone(),
        model_name,
        language,
        mismatches,
        ..Spec::default()
    };
    analyses::settle(gateway, &mut spec).await?;
    let undecodable = check::undecodable(parts.dataset_artifacts, &dataset);
    Ok(Asked { spec, about: About { dataset_name, code }, undecodable, body: bytes })
}
