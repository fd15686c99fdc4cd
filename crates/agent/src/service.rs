//! The generated contract around an [`Agent`].

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use deepfix_api::agent::{
    self as wire, AnalyzeRequest, AnalyzeResponse, DescribeRequest, DescribeResponse,
    agent_service_server::{AgentService, AgentServiceServer, SERVICE_NAME},
    analyze_response::Event,
};
use deepfix_errors::Error;
use deepfix_model::{Artifact, Checked, Finding, Note, Scope};
use deepfix_rpc::{Cancel, Compute, MAX_MESSAGE, Module};
use deepfix_source::Reader;
use tokio::sync::mpsc;
use tokio_stream::{Stream, StreamExt, wrappers::ReceiverStream};
use tonic::{Request, Response, Status, service::Routes};

use crate::{Agent, Analysis, Describe, Options, Sink, Stop, analysis::Emitted};

/// Version reported by every agent: that of the product.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Progress is for people: the first stage is told at once, later ones no faster than they can be read.
const PROGRESS_EVERY: Duration = Duration::from_millis(40);

struct Service<A> {
    agent: Arc<A>,
    reader: Reader,
    compute: Compute,
}

/// The module of an agent. `parallel` analyses run at once, further ones wait.
pub fn build<A: Agent>(module: &'static str, agent: A, reader: Reader, parallel: usize) -> Module {
    let service = Service { agent: Arc::new(agent), reader, compute: Compute::new(parallel) };
    let mut routes = Routes::builder();
    routes.add_service(
        AgentServiceServer::new(service).max_decoding_message_size(MAX_MESSAGE).max_encoding_message_size(MAX_MESSAGE),
    );
    Module::new(module, routes, vec![SERVICE_NAME])
}

/// What an agent gave when run right here.
#[derive(Debug)]
pub struct Local {
    /// Faults.
    pub findings: Vec<Finding>,
    /// Hints and "cannot tell".
    pub notes: Vec<Note>,
    /// What was looked at.
    pub checked: Vec<Checked>,
    /// Artifacts that could not be used, and why.
    pub failures: Vec<(String, String)>,
    /// Tensors of a model file.
    pub layers: Vec<deepfix_model::LayerCard>,
    /// Metrics beside those of an earlier run.
    pub metric_changes: Vec<deepfix_model::MetricChange>,
}

impl Local {
    /// Codes found, in order, once each.
    #[must_use]
    pub fn codes(&self) -> Vec<&str> {
        let mut codes: Vec<&str> = self.findings.iter().map(|f| f.code.as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    }
}

/// Runs an agent on artifacts right here; for tests and benchmarks of detectors.
///
/// # Errors
/// On a defect of the agent.
pub fn run_local<A: Agent>(agent: &A, reader: &Reader, artifacts: Vec<Artifact>, options: Options) -> Result<Local, Stop> {
    let describe = agent.describe();
    let mut analysis = Analysis::new(reader, &describe, artifacts, options, Cancel::default());
    let mut findings = Vec::new();
    let mut emit = |emitted| {
        if let Emitted::Finding(finding) = emitted {
            findings.push(*finding);
        }
        Ok(())
    };
    let mut sink = Sink { agent: describe.name, scope: analysis.options.scope.clone(), emit: &mut emit };
    agent.analyze(&mut analysis, &mut sink)?;
    analysis.say_left_out(&describe);
    for finding in std::mem::take(&mut analysis.unreadable) {
        sink.finding(finding)?;
    }
    Ok(Local {
        findings,
        notes: analysis.notes,
        checked: analysis.checked,
        failures: analysis.failures,
        layers: analysis.layers,
        metric_changes: analysis.metric_changes,
    })
}

#[tonic::async_trait]
impl<A: Agent> AgentService for Service<A> {
    type AnalyzeStream = Pin<Box<dyn Stream<Item = Result<AnalyzeResponse, Status>> + Send>>;

    async fn describe(&self, _: Request<DescribeRequest>) -> Result<Response<DescribeResponse>, Status> {
        let Describe { name, kinds, fault_codes, thresholds } = self.agent.describe();
        Ok(Response::new(DescribeResponse {
            name: name.to_owned(),
            version: VERSION.to_owned(),
            artifact_kinds: kinds.into_iter().map(|k| deepfix_api::artifact::ArtifactKind::from(k).into()).collect(),
            fault_codes: fault_codes.into_iter().map(str::to_owned).collect(),
            thresholds: thresholds.into_iter().map(|(k, v)| (k.to_owned(), v)).collect(),
        }))
    }

    async fn analyze(&self, request: Request<AnalyzeRequest>) -> Result<Response<Self::AnalyzeStream>, Status> {
        let request = request.into_inner();
        let artifacts: Vec<Artifact> =
            request.artifacts.into_iter().map(Artifact::try_from).collect::<Result<_, _>>().map_err(Error::from)?;
        let options = request.options.unwrap_or_default();
        let options = Options {
            label: options.label,
            datetime: options.datetime,
            task: options.task,
            thresholds: options.thresholds,
            mask_examples: options.mask_examples,
            metric_roles: options.metric_roles,
            scope: Scope::of(&options.only),
            findings_only: options.findings_only,
        };
        let (sender, receiver) = mpsc::channel(64);
        let (agent, reader) = (self.agent.clone(), self.reader.clone());
        let cancel = Cancel::default();
        let in_work = cancel.clone();
        tracing::debug!(request_id = request.request_id, artifacts = artifacts.len(), "analysis");
        self.compute.spawn(agent.describe().name, sender, move |out| work(&*agent, &reader, artifacts, options, in_work, out));
        let stream = Watched { inner: ReceiverStream::new(receiver), cancel };
        Ok(Response::new(Box::pin(stream.map(|item| item.map_err(|error| error.to_status())))))
    }
}

fn work<A: Agent>(
    agent: &A,
    reader: &Reader,
    artifacts: Vec<Artifact>,
    options: Options,
    cancel: Cancel,
    out: &mpsc::Sender<Result<AnalyzeResponse, Error>>,
) -> Result<(), Error> {
    let describe = agent.describe();
    let send = |event| out.blocking_send(Ok(AnalyzeResponse { event: Some(event) })).map_err(|_| Stop::Cancelled);
    let mut analysis = Analysis::new(reader, &describe, artifacts, options, cancel.clone());
    let mut told: Option<Instant> = None;
    let mut emit = |emitted| {
        if cancel.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        if matches!(emitted, Emitted::Progress(..)) {
            if told.is_some_and(|at| at.elapsed() < PROGRESS_EVERY) {
                return Ok(());
            }
            told = Some(Instant::now());
        }
        send(match emitted {
            Emitted::Progress(stage, done) => Event::Progress(wire::Progress { stage, done }),
            Emitted::Finding(finding) => Event::Finding((*finding).into()),
        })
    };
    let mut sink = Sink { agent: describe.name, scope: analysis.options.scope.clone(), emit: &mut emit };
    let mut outcome = agent.analyze(&mut analysis, &mut sink);
    analysis.say_left_out(&describe);
    for finding in std::mem::take(&mut analysis.unreadable) {
        outcome = outcome.and_then(|()| sink.finding(finding));
    }
    match outcome.and_then(|()| send(Event::Result(result(analysis, describe.name)))) {
        Ok(()) => Ok(()),
        Err(Stop::Cancelled) => {
            tracing::info!(agent = describe.name, "the caller left; the analysis stopped");
            Ok(())
        }
        Err(Stop::Failed(error)) => Err(error),
    }
}

fn result(analysis: Analysis<'_>, agent: &str) -> wire::AgentResult {
    let thresholds = if analysis.options.findings_only { BTreeMap::new() } else { analysis.thresholds };
    wire::AgentResult {
        version: VERSION.to_owned(),
        notes: analysis.notes.into_iter().map(Into::into).collect(),
        checked: analysis
            .checked
            .into_iter()
            .map(|mut checked| {
                agent.clone_into(&mut checked.agent);
                checked.into()
            })
            .collect(),
        charts: analysis.charts.into_iter().map(Into::into).collect(),
        columns: analysis.columns.into_iter().map(Into::into).collect(),
        layers: analysis.layers.into_iter().map(Into::into).collect(),
        metric_changes: analysis.metric_changes.into_iter().map(Into::into).collect(),
        inputs: analysis.inputs.into_iter().map(Into::into).collect(),
        thresholds,
        failures: analysis.failures.into_iter().map(|(artifact, reason)| wire::ArtifactFailure { artifact, reason }).collect(),
    }
}

/// A stream that cancels the work behind it when it is dropped, as tonic does when the caller leaves.
struct Watched<S> {
    inner: S,
    cancel: Cancel,
}

impl<S: Stream + Unpin> Stream for Watched<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<Option<S::Item>> {
        Pin::new(&mut self.inner).poll_next(cx)
    }
}

impl<S> Drop for Watched<S> {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}
