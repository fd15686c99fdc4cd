//! An MLflow run as the source of an analysis, and as the place its report is left.
//!
//! Callers may name a tracking server only when the configuration does; credentials are the gateway's
//! own and go to the configured server alone.

use std::{
    collections::BTreeMap,
    future::Future,
    path::Path,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use deepfix_errors::{Error, ErrorCode};
use deepfix_model::{Artifact, ArtifactKind, ArtifactSource, Note, Report, Severity};
use deepfix_render::{Format, render};
use deepfix_rpc::Deadline;
use deepfix_source::{
    SourceError, files_of, list_of_uploads,
    mlflow::{Credentials, Mlflow, Room, Run},
};
use tonic::Status;

use crate::{Gateway, run_dir, spec::Spec};

/// Points of all metrics of a run.
const POINTS: usize = 20_000_000;

/// A run that was asked for.
pub(crate) struct Source {
    server: Mlflow,
    run: Run,
}

/// The server a request names, when it may.
fn server(gateway: &Gateway, asked: &str) -> Result<Mlflow, Error> {
    let config = &gateway.config.mlflow;
    let plain = |uri: &str| uri.trim_end_matches('/').to_owned();
    let uri = if asked.is_empty() { config.tracking_uri.as_str() } else { asked };
    if uri.is_empty() {
        return Err(Error::field(
            "tracking_uri",
            "is not set; name the MLflow server that holds the run (--tracking-uri, MLFLOW_TRACKING_URI), or set gateway.mlflow.tracking_uri",
        ));
    }
    let own = !config.tracking_uri.is_empty() && plain(uri) == plain(&config.tracking_uri);
    if !own && !config.allowed.iter().any(|allowed| plain(allowed) == plain(uri)) {
        return Err(Error::field(
            "tracking_uri",
            "is not among the MLflow servers this gateway may ask (gateway.mlflow.allowed)",
        ));
    }
    Mlflow::new(uri, if own { Credentials::from_environment() } else { Credentials::None })
}

/// Brings a request's run in: its artifacts are added to those handed in, and its names where the
/// request has none. What could not be had is said in notes; when nothing else was handed in, a run
/// that cannot be read is the request's error.
pub(crate) async fn bring_in(
    gateway: &Gateway,
    spec: &mut Spec,
    deadline: Deadline,
) -> Result<(Option<Source>, Vec<Note>, Option<std::time::Duration>), Error> {
    if spec.mlflow_run.is_empty() {
        return Ok((None, Vec::new(), None));
    }
    let begun = Instant::now();
    let alone = spec.artifacts.is_empty();
    let subject = format!("run:{}", spec.mlflow_run);
    match limited(deadline, fetch(gateway, spec)).await {
        Ok((source, left_out)) => {
            let notes = left_out.into_iter().map(|text| Note::new("mlflow_left_out", subject.clone(), text)).collect();
            if spec.artifacts.is_empty() {
                let text =
                    format!("run {} holds nothing to analyse: no metrics, parameters or files of a known kind", source.run.id);
                return Err(Error::field("mlflow_run", text));
            }
            Ok((Some(source), notes, Some(begun.elapsed())))
        }
        Err(error) if alone => Err(error),
        Err(error) => Ok((None, vec![Note::new("mlflow_unavailable", subject, error.to_string())], None)),
    }
}

async fn fetch(gateway: &Gateway, spec: &mut Spec) -> Result<(Source, Vec<String>), Error> {
    let server = server(gateway, &spec.tracking_uri)?;
    let unkept = |error: std::io::Error| {
        tracing::error!(%error, "no temporary folder");
        Error::new(ErrorCode::Unavailable, "the run cannot be kept here for want of a temporary folder")
    };
    let folder = tempfile::tempdir().map_err(unkept)?;
    let limit = gateway.store.as_ref().map_or(crate::rest::IN_MESSAGE as u64, deepfix_source::Store::limit);
    let room = Room { file: limit, total: limit.saturating_mul(2), points: POINTS };
    let fetched = server.fetch(&spec.mlflow_run, folder.path(), room).await?;
    let mut left_out = fetched.left_out;
    let mut found = run_dir::find(folder.path())?;
    if let Some(model) = fetched.model.filter(|_| !found.iter().any(|a| a.kind == ArtifactKind::Checkpoint)) {
        let mut artifact = crate::artifact_of_file(ArtifactKind::Checkpoint, &model).map_err(unkept)?;
        "deepfix-sdk".clone_into(&mut artifact.format);
        found.push(artifact);
    }
    for mut artifact in found {
        if spec.artifacts.iter().any(|a| a.kind == artifact.kind) {
            continue;
        }
        match keep(gateway, &mut artifact).await {
            Ok(()) => spec.artifacts.push(artifact),
            Err(error) => left_out.push(format!("{}: {}", artifact.kind, error.message)),
        }
    }
    let run = fetched.run;
    if spec.dataset_name.is_empty() {
        let training = run.datasets.iter().find(|(_, role)| role.starts_with("train")).or_else(|| run.datasets.first());
        spec.dataset_name = training.map(|(name, _)| name.clone()).unwrap_or_default();
    }
    if spec.model_name.is_empty() {
        spec.model_name.clone_from(&run.name);
    }
    Ok((Source { server, run }, left_out))
}

/// Hands an artifact of the temporary folder on: in the message when it is small, through the store else; an index
/// together with its shards.
async fn keep(gateway: &Gateway, artifact: &mut Artifact) -> Result<(), Error> {
    let ArtifactSource::Uri(uri) = &artifact.source else { return Ok(()) };
    let path = Path::new(uri.strip_prefix("file://").unwrap_or(uri)).to_owned();
    let wrong = |error: SourceError| Error::new(ErrorCode::InvalidArgument, error.to_string());
    if artifact.kind.may_be_many()
        && let Some(files) = files_of(&path).map_err(wrong)?
    {
        let mut uploads = Vec::with_capacity(files.len());
        for (name, file) in files {
            uploads.push((name, store(gateway, &file).await?));
        }
        artifact.source = ArtifactSource::Inline(list_of_uploads(&uploads).into());
        return Ok(());
    }
    let size = tokio::fs::metadata(&path).await.map_err(unread)?.len();
    artifact.source = if size <= crate::rest::IN_MESSAGE as u64 {
        ArtifactSource::Inline(tokio::fs::read(&path).await.map_err(unread)?.into())
    } else {
        ArtifactSource::Uri(store(gateway, &path).await?)
    };
    Ok(())
}

fn unread(error: std::io::Error) -> Error {
    Error::new(ErrorCode::Unavailable, format!("cannot be read again: {error}"))
}

/// Puts a file into the upload store and answers its address.
async fn store(gateway: &Gateway, path: &Path) -> Result<String, Error> {
    let store = gateway.store.as_ref().ok_or_else(crate::grpc::uploads_are_off)?;
    let mut upload = store.begin().await?;
    let mut pieces = tokio_util::io::ReaderStream::with_capacity(tokio::fs::File::open(path).await.map_err(unread)?, 1 << 20);
    while let Some(piece) = futures::StreamExt::next(&mut pieces).await {
        upload.write(piece.map_err(unread)?).await?;
    }
    Ok(upload.finish().await?.uri)
}

async fn limited<T>(deadline: Deadline, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    deadline.run("the MLflow server", async { Ok::<_, Status>(work.await) }).await.and_then(|done| done)
}

/// Leaves a report on its run: JSON and HTML as artifacts, what a search may ask for as tags and
/// metrics. A note says what could not be left.
pub(crate) async fn log_back(source: &Source, report: &Report, deadline: Deadline) -> Vec<Note> {
    let Source { server, run } = source;
    let (tags, metrics) = (tags(report), metrics(report));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let timestamp = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    let json = render(report, Format::Json).into_bytes();
    let html = render(report, Format::Html).into_bytes();
    let mut notes = Vec::new();
    let mut say = |what: &str, done: Result<(), Error>| {
        if let Err(error) = done {
            notes.push(Note::new("log_back_failed", format!("run:{}", run.id), format!("{what}: {}", error.message)));
        }
    };
    say("tags and metrics", limited(deadline, server.annotate(run, &tags, &metrics, timestamp)).await);
    say("deepfix/report.json", limited(deadline, server.write(run, "deepfix/report.json", json)).await);
    say("deepfix/report.html", limited(deadline, server.write(run, "deepfix/report.html", html)).await);
    notes
}

/// `deepfix.CODE` holds the severity of the worst finding of a code, so that
/// `tags."deepfix.target_leakage" = 'high'` finds the runs with one.
fn tags(report: &Report) -> BTreeMap<String, String> {
    let mut worst: BTreeMap<&str, Severity> = BTreeMap::new();
    for finding in &report.findings {
        let severity = worst.entry(&finding.code).or_insert(finding.severity);
        *severity = (*severity).max(finding.severity);
    }
    let mut tags: BTreeMap<String, String> =
        worst.iter().map(|(code, severity)| (format!("deepfix.{code}"), severity.name().to_owned())).collect();
    tags.insert("deepfix.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    tags.insert("deepfix.codes".to_owned(), worst.keys().copied().collect::<Vec<_>>().join(","));
    tags.insert("deepfix.summary".to_owned(), report.summary.chars().take(1000).collect());
    if let Some(cause) = report.root_causes.first() {
        tags.insert("deepfix.root_cause".to_owned(), cause.code.clone());
    }
    tags
}

fn metrics(report: &Report) -> BTreeMap<String, f64> {
    let count = |severity| report.findings.iter().filter(|f| f.severity == severity).count() as f64;
    let mut metrics: BTreeMap<String, f64> =
        [Severity::High, Severity::Medium, Severity::Low].map(|s| (format!("deepfix.findings.{}", s.name()), count(s))).into();
    if let Some(score) = &report.readiness.score {
        metrics.insert("deepfix.readiness".to_owned(), *score);
    }
    metrics
}
