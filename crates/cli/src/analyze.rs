//! `deepfix analyze`.

use std::{
    collections::BTreeMap,
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use deepfix_api::analysis::{AnalysisSpec, AnalyzeStreamRequest, analyze_stream_response::Event};
use deepfix_errors::{Error, ErrorCode};
use deepfix_gateway::run_dir;
use deepfix_model::{AgentStatus, Artifact, ArtifactKind, ArtifactSource, MetricRole, Report, Severity};
use deepfix_render::{Format, Terminal};

use crate::{
    Outcome,
    args::{AnalyzeArgs, FailOn, Task},
    connect::{self, Gateway},
    experiment,
    progress::Progress,
    upload::upload,
};

pub(crate) async fn analyze(args: &AnalyzeArgs) -> Outcome {
    let found = artifacts(args)?;
    if found.is_empty() && args.mlflow_run().is_none() && args.mlflow_experiment.is_none() {
        return Err(match &args.run_dir {
            Some(dir) => Error::field("--run-dir", format!("no artifact was recognised in {}", dir.display())),
            None => {
                Error::field("artifacts", "none given; name at least one, such as --train FILE or --metrics FILE (see --help)")
            }
        });
    }
    let mut spec = spec(args)?;
    let mut lost = Vec::new();
    // Kept until the report is written; removed with what was fetched into it.
    let mut fetched = None;
    let gateway = match &args.server {
        Some(url) => {
            let mut gateway = connect::server(url)?;
            (spec.artifacts, lost) = upload(&mut gateway, found).await.map_err(|error| reaching(url, error))?;
            if spec.artifacts.is_empty() && spec.mlflow_run.is_empty() && args.mlflow_experiment.is_none() {
                for (kind, reason) in &lost {
                    anstream::eprintln!("error: {kind}: {reason}");
                }
                return Ok(3);
            }
            gateway
        }
        None => {
            let mut config = deepfix_standalone::load(args.config.as_deref())?;
            config.gateway.allowed_roots = found.iter().filter_map(root_of).collect();
            // Who types an address may fetch it.
            config.gateway.allowed_urls.extend(found.iter().filter_map(remote_of));
            // So is the tracking server's.
            if let Some(uri) = args.tracking_uri() {
                config.gateway.mlflow.tracking_uri = uri;
            }
            let fetches =
                args.mlflow_run().or(args.mlflow_experiment.clone()).is_some() || !config.gateway.allowed_urls.is_empty();
            if fetches && config.store.path.as_os_str().is_empty() {
                let folder = tempfile::tempdir()
                    .map_err(|error| Error::new(ErrorCode::Unavailable, format!("no temporary folder: {error}")))?;
                config.store.path = folder.path().to_owned();
                fetched = Some(folder);
            }
            if let Some(limit) = &args.memory_limit {
                config.limits.max_memory = limit.parse().map_err(|error| Error::field("--memory-limit", error))?;
            }
            // One request of one person: `--timeout` is the only limit.
            config.gateway.wait_for_ever();
            spec.artifacts = found.into_iter().map(Into::into).collect();
            connect::local(&config)?
        }
    };
    if let Some(name) = &args.mlflow_experiment {
        let reports = experiment::analyze(args, name, gateway, spec).await?;
        drop(fetched);
        return Ok(if reports.is_empty() { 3 } else { failed(args, &reports) });
    }
    let limit = spec.timeouts_ms.get("request").map(|ms| Duration::from_millis(*ms) + PATIENCE);
    let asked = ask(gateway, spec, args.quiet);
    let answered = match limit {
        Some(limit) => tokio::time::timeout(limit, asked)
            .await
            .unwrap_or_else(|_| Err(Error::new(ErrorCode::DeadlineExceeded, "nothing came within --timeout"))),
        None => asked.await,
    };
    let answered = match &args.server {
        Some(url) => answered.map_err(|error| reaching(url, error)),
        None => answered,
    };
    let mut report = match answered {
        // The run was all there was to read.
        Err(error) if args.mlflow_run().is_some() && matches!(error.code, ErrorCode::NotFound | ErrorCode::Unavailable) => {
            anstream::eprintln!("error: {error}");
            return Ok(3);
        }
        answered => answered?,
    };
    name_losses(&mut report, &lost);
    write(args, &report)?;
    drop(fetched);
    if !report.agents.iter().any(|a| a.status == AgentStatus::Completed) {
        return Ok(3);
    }
    Ok(failed(args, std::slice::from_ref(&report)))
}

/// 1 when a finding is as severe as `--fail-on` says.
fn failed(args: &AnalyzeArgs, reports: &[Report]) -> u8 {
    let limit = args.fail_on.map(|f| match f {
        FailOn::Low => Severity::Low,
        FailOn::Medium => Severity::Medium,
        FailOn::High => Severity::High,
    });
    u8::from(limit.is_some_and(|limit| reports.iter().flat_map(|r| &r.findings).any(|f| f.severity >= limit)))
}

/// What a server gets beyond `--timeout` to say that it was too short.
const PATIENCE: Duration = Duration::from_secs(12);

/// An error of a connection, with where it leads.
fn reaching(url: &str, mut error: Error) -> Error {
    if matches!(error.code, ErrorCode::Unavailable | ErrorCode::Internal) {
        error.message = format!("{url} cannot be reached ({}); is `deepfix up` running there?", error.message);
    }
    error
}

/// Artifacts that never reached the server are gaps of their agents, as they are without a server.
fn name_losses(report: &mut Report, lost: &[(ArtifactKind, String)]) {
    for (kind, reason) in lost {
        let name = match kind {
            ArtifactKind::Train | ArtifactKind::Test | ArtifactKind::DatasetStatistics => "dataset",
            ArtifactKind::Metrics | ArtifactKind::BaselineMetrics | ArtifactKind::Params | ArtifactKind::LayerStats => "training",
            ArtifactKind::Deepchecks => "checks",
            ArtifactKind::Checkpoint | ArtifactKind::Baseline => "checkpoint",
        };
        let Some(agent) = report.agents.iter_mut().find(|a| a.name == name) else { continue };
        let said = agent.reason.take().filter(|_| agent.status != AgentStatus::Skipped);
        agent.reason = Some([said, Some(format!("{kind}: {reason}"))].into_iter().flatten().collect::<Vec<_>>().join("; "));
        if agent.status == AgentStatus::Skipped {
            agent.status = AgentStatus::Failed;
        }
    }
}

/// Numbers by name, as flags give them.
fn pairs(flag: &str, given: &[String]) -> Result<BTreeMap<String, f64>, Error> {
    let parse = |pair: &String| {
        let parsed = pair.split_once('=').and_then(|(name, value)| Some((name.trim().to_owned(), value.trim().parse().ok()?)));
        parsed.ok_or_else(|| Error::field(flag, format!("{pair:?} is not NAME=NUMBER")))
    };
    given.iter().map(parse).collect()
}

/// Roles by name. A name may hold an equals sign, a role holds none.
fn roles(given: &[String]) -> Result<BTreeMap<String, String>, Error> {
    let parse = |pair: &String| {
        let (name, role) =
            pair.rsplit_once('=').ok_or_else(|| Error::field("--metric-role", format!("{pair:?} is not NAME=ROLE")))?;
        role.trim().parse::<MetricRole>().map_err(|why| Error::field("--metric-role", why))?;
        Ok((name.trim().to_owned(), role.trim().to_owned()))
    };
    given.iter().map(parse).collect()
}

fn spec(args: &AnalyzeArgs) -> Result<AnalysisSpec, Error> {
    let mut timeouts_ms = BTreeMap::new();
    if let Some(text) = &args.timeout {
        let limit = deepfix_gateway::parse_timeout(text).map_err(|error| Error::field("--timeout", error))?;
        timeouts_ms.insert("request".to_owned(), u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
    }
    let thresholds = pairs("--threshold", &args.threshold)?;
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    Ok(AnalysisSpec {
        artifacts: Vec::new(),
        label: text(&args.label),
        datetime: text(&args.datetime),
        task: match args.task {
            Some(Task::Classification) => "classification".to_owned(),
            Some(Task::Regression) => "regression".to_owned(),
            None => String::new(),
        },
        dataset_name: text(&args.dataset_name),
        model_name: text(&args.model_name),
        language: text(&args.language),
        agents: args.agents.clone(),
        timeouts_ms,
        min_confidence: args.min_confidence.unwrap_or(0.0),
        confidence_thresholds: pairs("--confidence-threshold", &args.confidence_threshold)?,
        thresholds,
        mask_examples: args.mask_examples,
        metric_roles: roles(&args.metric_role)?,
        knowledge_namespace: text(&args.knowledge_namespace),
        only: args.only.clone(),
        mlflow_run: args.mlflow_run().unwrap_or_default(),
        // A server asks its own unless told otherwise; this process asks what it was configured with.
        tracking_uri: args.server.as_ref().and(args.tracking_uri.clone()).unwrap_or_default(),
        log_back: args.log_back,
    })
}

/// The artifacts named, and those found in the run's folder for kinds not named.
fn artifacts(args: &AnalyzeArgs) -> Result<Vec<Artifact>, Error> {
    let named = [
        (ArtifactKind::Train, &args.train),
        (ArtifactKind::Test, &args.test),
        (ArtifactKind::DatasetStatistics, &args.dataset_statistics),
        (ArtifactKind::Deepchecks, &args.deepchecks),
        (ArtifactKind::Metrics, &args.metrics),
        (ArtifactKind::Params, &args.params),
        (ArtifactKind::LayerStats, &args.layer_stats),
        (ArtifactKind::Checkpoint, &args.checkpoint),
        (ArtifactKind::Baseline, &args.baseline),
        (ArtifactKind::BaselineMetrics, &args.baseline_metrics),
    ];
    let mut out: Vec<Artifact> = named.into_iter().filter_map(|(kind, path)| Some(of_path(kind, path.as_deref()?))).collect();
    if let Some(dir) = &args.run_dir {
        for artifact in run_dir::find(dir)? {
            if !out.iter().any(|a| a.kind == artifact.kind) {
                out.push(artifact);
            }
        }
    }
    Ok(out)
}

/// The artifact at a path. That it does not exist is for its agent to say, so that the others
/// are looked at all the same.
fn of_path(kind: ArtifactKind, path: &Path) -> Artifact {
    if let Some(uri) = path.to_str().filter(|text| deepfix_standalone::is_remote(text)) {
        let source = ArtifactSource::Uri(uri.to_owned());
        return Artifact { kind, format: String::new(), file_name: String::new(), source };
    }
    if kind == ArtifactKind::Metrics
        && path.is_dir()
        && let Some(artifact) = run_dir::mlflow_metrics(path)
    {
        return artifact;
    }
    deepfix_gateway::artifact_of_file(kind, path).unwrap_or_else(|_| {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Artifact {
            kind,
            format: String::new(),
            file_name: path.display().to_string(),
            source: ArtifactSource::Uri(format!("file://{}", absolute.display())),
        }
    })
}

/// What the services of this process may read for an artifact: the file itself, or the nearest
/// folder that exists, so that the error says "no such file".
fn root_of(artifact: &Artifact) -> Option<PathBuf> {
    let ArtifactSource::Uri(uri) = &artifact.source else { return None };
    let mut path = PathBuf::from(uri.strip_prefix("file://")?);
    // An index names the files beside it.
    if path.to_string_lossy().ends_with(".index.json") {
        path.pop();
    }
    while !path.exists() {
        path = path.parent()?.to_owned();
    }
    Some(path)
}

/// The address of an artifact that has to be fetched.
fn remote_of(artifact: &Artifact) -> Option<String> {
    match &artifact.source {
        ArtifactSource::Uri(uri) if deepfix_standalone::is_remote(uri) => {
            Some(uri.split(['?', '#']).next().unwrap_or(uri).to_owned())
        }
        _ => None,
    }
}

pub(crate) async fn ask(mut gateway: Gateway, spec: AnalysisSpec, quiet: bool) -> Result<Report, Error> {
    let mut progress = Progress::new(quiet);
    let mut stream = gateway
        .analyze_stream(AnalyzeStreamRequest { spec: Some(spec) })
        .await
        .map_err(|status| Error::from_status(&status))?
        .into_inner();
    loop {
        let message = stream.message().await.map_err(|status| Error::from_status(&status))?;
        let Some(event) = message else {
            return Err(Error::new(ErrorCode::Unavailable, "the server ended the stream before its report; try again"));
        };
        match event.event {
            Some(Event::Report(report)) => {
                progress.finish();
                return Ok(Report::try_from(report)?);
            }
            Some(event) => progress.event(&event),
            None => {}
        }
    }
}

fn write(args: &AnalyzeArgs, report: &Report) -> Result<(), Error> {
    let failed =
        |path: &Path, error: std::io::Error| Error::field("--output", format!("cannot write {}: {error}", path.display()));
    if let Some(path) = &args.html {
        std::fs::write(path, deepfix_render::render(report, Format::Html)).map_err(|e| failed(path, e))?;
    }
    let stdout = std::io::stdout();
    let document = match args.format {
        Format::Terminal => {
            let colour = args.output.is_none() && anstream::AutoStream::choice(&stdout) != anstream::ColorChoice::Never;
            Terminal { width: width(stdout.is_terminal() && args.output.is_none()), colour }.report(report)
        }
        format => deepfix_render::render(report, format),
    };
    match &args.output {
        Some(path) => std::fs::write(path, document).map_err(|error| failed(path, error)),
        None => match stdout.lock().write_all(document.as_bytes()) {
            // A reader that has seen enough (`| head`) is no error.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            other => other.map_err(|error| failed(Path::new("standard output"), error)),
        },
    }
}

/// Columns of the terminal; 80 when there is none.
pub(crate) fn width(terminal: bool) -> usize {
    let size = terminal.then(terminal_size::terminal_size).flatten();
    size.map_or(80, |(width, _)| usize::from(width.0)).clamp(40, 120)
}
