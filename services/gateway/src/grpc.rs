//! The gRPC edge.

use std::{pin::Pin, sync::Arc};

use deepfix_api::{
    agent::DescribeRequest,
    analysis::{
        self as wire, Agent, AnalyzeRequest, AnalyzeResponse, AnalyzeStreamRequest, AnalyzeStreamResponse, ListAgentsRequest,
        ListAgentsResponse, UploadArtifactRequest, UploadArtifactResponse, WatchTrainingRequest, WatchTrainingResponse,
        analysis_service_server::{AnalysisService, AnalysisServiceServer},
    },
};
use deepfix_errors::{Error, ErrorCode};
use deepfix_rpc::{Deadline, MAX_MESSAGE};
use futures::{Stream, StreamExt, future::join_all};
use tonic::{Request, Response, Status, Streaming, codec::CompressionEncoding};
use tracing::Instrument;

use crate::{
    Event, Gateway,
    admission::Admission,
    analysis::{self, Events},
    spec::Spec,
    watch,
};

pub(crate) struct Service(Arc<Gateway>);

pub(crate) fn service(gateway: Arc<Gateway>) -> AnalysisServiceServer<Service> {
    AnalysisServiceServer::new(Service(gateway))
        .max_decoding_message_size(MAX_MESSAGE)
        .max_encoding_message_size(MAX_MESSAGE)
        .accept_compressed(CompressionEncoding::Zstd)
        .accept_compressed(CompressionEncoding::Gzip)
}

pub(crate) type BoxStream<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

fn spec(spec: Option<wire::AnalysisSpec>) -> Result<Spec, Error> {
    spec.ok_or_else(|| Error::field("spec", "is not set"))?.try_into()
}

/// Events of an analysis as a stream. The analysis runs beside it, so that its time limits hold
/// whether or not somebody reads; when the stream is dropped the analysis is stopped.
pub(crate) fn events(gateway: Arc<Gateway>, admission: Admission, spec: Spec) -> impl Stream<Item = Result<Event, Error>> + Send {
    let (sender, receiver) = tokio::sync::mpsc::channel(256);
    let work = tokio::spawn(analysis::run(gateway, admission, spec, Events::to(sender)).in_current_span());
    let guard = tokio_util::task::AbortOnDropHandle::new(work);
    let events = tokio_stream::wrappers::ReceiverStream::new(receiver).map(Ok);
    // The report is the last event of a good end; of a bad one it is the error.
    let end = futures::stream::once(guard).filter_map(|ended| async move {
        match ended {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(Err(error)),
            Err(error) => Some(Err(Error::new(ErrorCode::Internal, format!("the analysis ended abnormally: {error}")))),
        }
    });
    events.chain(end)
}

/// What every agent says of itself; one that does not answer is listed as such.
pub(crate) async fn list_agents(gateway: &Gateway) -> Vec<Agent> {
    let asked = gateway.clients.agents.iter().map(|agent| async move {
        let mut client = agent.client.clone();
        let deadline = Deadline::after(std::time::Duration::from_secs(3));
        match deadline.run(&agent.name, client.describe(DescribeRequest {})).await {
            Ok(response) => {
                let described = response.into_inner();
                Agent {
                    name: agent.name.clone(),
                    version: described.version,
                    available: true,
                    reason: String::new(),
                    artifact_kinds: described.artifact_kinds,
                    fault_codes: described.fault_codes,
                    thresholds: described.thresholds,
                }
            }
            Err(error) => Agent { name: agent.name.clone(), available: false, reason: error.message, ..Agent::default() },
        }
    });
    join_all(asked).await
}

#[tonic::async_trait]
impl AnalysisService for Service {
    type AnalyzeStreamStream = BoxStream<AnalyzeStreamResponse>;
    type WatchTrainingStream = BoxStream<WatchTrainingResponse>;

    async fn analyze(&self, request: Request<AnalyzeRequest>) -> Result<Response<AnalyzeResponse>, Status> {
        let admission = self.0.doors.admit()?;
        let spec = spec(request.into_inner().spec)?.check(&self.0)?;
        let report = analysis::run(self.0.clone(), admission, spec, Events::nowhere()).await?;
        Ok(Response::new(AnalyzeResponse { report: Some(report.into()) }))
    }

    async fn analyze_stream(
        &self,
        request: Request<AnalyzeStreamRequest>,
    ) -> Result<Response<Self::AnalyzeStreamStream>, Status> {
        let admission = self.0.doors.admit()?;
        let spec = spec(request.into_inner().spec)?.check(&self.0)?;
        let mut id = 0;
        let stream = events(self.0.clone(), admission, spec).map(move |event| {
            id += 1;
            event.map(|event| event.to_wire(id)).map_err(Status::from)
        });
        Ok(Response::new(Box::pin(stream)))
    }

    async fn upload_artifact(
        &self,
        request: Request<Streaming<UploadArtifactRequest>>,
    ) -> Result<Response<UploadArtifactResponse>, Status> {
        let store = self.0.store.as_ref().ok_or_else(uploads_are_off)?;
        let mut stream = request.into_inner();
        let mut upload = store.begin().await?;
        let idle = self.0.config.body_idle_timeout.0;
        loop {
            match Deadline::after(idle).run("the rest of the upload", stream.message()).await {
                Ok(Some(piece)) => {
                    if let Err(error) = upload.write(piece.chunk).await {
                        upload.abort().await;
                        return Err(error.into());
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    upload.abort().await;
                    return Err(error.into());
                }
            }
        }
        let stored = upload.finish().await?;
        Ok(Response::new(UploadArtifactResponse { uri: stored.uri, size: stored.size, digest: stored.digest }))
    }

    async fn watch_training(
        &self,
        request: Request<Streaming<WatchTrainingRequest>>,
    ) -> Result<Response<Self::WatchTrainingStream>, Status> {
        Ok(Response::new(watch::watch(self.0.clone(), request.into_inner())))
    }

    async fn list_agents(&self, _: Request<ListAgentsRequest>) -> Result<Response<ListAgentsResponse>, Status> {
        Ok(Response::new(ListAgentsResponse { agents: list_agents(&self.0).await }))
    }
}

pub(crate) fn uploads_are_off() -> Error {
    Error::new(ErrorCode::Unsupported, "uploads are off on this server (store.path is empty); hand artifacts in inline")
}
