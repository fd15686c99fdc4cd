//! `WatchTraining`: points of a running training in, findings out. The points so far are kept in
//! bounded memory and handed to the training agent as a log whenever enough new ones have come, so
//! the live answer is that of the finished log so far.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use deepfix_api::{
    agent::{self as wa, analyze_response},
    analysis::{MetricPoint, WatchTrainingRequest, WatchTrainingResponse},
};
use deepfix_errors::{Error, ErrorCode};
use deepfix_model::{Artifact, ArtifactKind, ArtifactSource, Finding};
use deepfix_rpc::Deadline;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::{Gateway, grpc::BoxStream};

/// Points kept per stream; a longer run loses its oldest.
const MAX_POINTS: usize = 200_000;
/// Longest name of a metric.
const MAX_KEY: usize = 200;

struct Watch {
    gateway: Arc<Gateway>,
    params: String,
    points: Vec<MetricPoint>,
    taken: u64,
    looked_at: u64,
    told: BTreeSet<(String, String)>,
}

pub(crate) fn watch(gateway: Arc<Gateway>, mut incoming: Streaming<WatchTrainingRequest>) -> BoxStream<WatchTrainingResponse> {
    let (sender, receiver) = mpsc::channel(64);
    tokio::spawn(async move {
        let mut watch =
            Watch { gateway, params: String::new(), points: Vec::new(), taken: 0, looked_at: 0, told: BTreeSet::new() };
        let outcome = tokio::select! {
            outcome = watch.run(&mut incoming, &sender) => outcome,
            () = sender.closed() => return,
        };
        if let Err(error) = outcome {
            // Nobody listens any more when this fails.
            let _ = sender.send(Err(Status::from(error))).await;
        }
    });
    Box::pin(ReceiverStream::new(receiver))
}

type Out = mpsc::Sender<Result<WatchTrainingResponse, Status>>;

impl Watch {
    async fn run(&mut self, incoming: &mut Streaming<WatchTrainingRequest>, out: &Out) -> Result<(), Error> {
        while let Some(request) = incoming.message().await.map_err(|status| Error::from_status(&status))? {
            if self.taken == 0 && self.params.is_empty() {
                self.params = request.params;
            }
            self.taken += request.points.len() as u64;
            self.points.extend(request.points.into_iter().map(|mut point| {
                point.key = point.key.chars().take(MAX_KEY).collect();
                point
            }));
            if self.points.len() > MAX_POINTS {
                self.points.drain(..self.points.len() - MAX_POINTS);
            }
            // Looking again costs as much as there are points, so new ones must be a share of them.
            let new = self.taken - self.looked_at;
            if new > self.points.len() as u64 / 10 {
                self.look(out, false).await?;
            }
        }
        if self.taken > 0 { self.look(out, true).await } else { Ok(()) }
    }

    /// Looks at all points so far; what only a finished run shows waits for the end of the stream.
    async fn look(&mut self, out: &Out, ended: bool) -> Result<(), Error> {
        self.looked_at = self.taken;
        let inline = |kind, name: &str, bytes: String| Artifact {
            kind,
            format: String::new(),
            file_name: name.to_owned(),
            source: ArtifactSource::Inline(Bytes::from(bytes)),
        };
        let mut artifacts = vec![inline(ArtifactKind::Metrics, "live.csv", self.table())];
        if !self.params.trim().is_empty() {
            artifacts.push(inline(ArtifactKind::Params, "params", self.params.clone()));
        }
        let agent = self
            .gateway
            .clients
            .agents
            .iter()
            .find(|a| a.name == "training")
            .ok_or_else(|| Error::new(ErrorCode::Unsupported, "this server has no training agent"))?;
        let request = wa::AnalyzeRequest {
            request_id: String::new(),
            artifacts: artifacts.into_iter().map(Into::into).collect(),
            options: None,
        };
        let mut client = agent.client.clone();
        let deadline = Deadline::after(agent.timeout);
        let mut stream = deadline.run("training", client.analyze(request)).await?.into_inner();
        while let Some(message) = deadline.run("training", stream.message()).await? {
            if let Some(analyze_response::Event::Finding(finding)) = message.event
                && (ended || !Finding::END_OF_RUN.contains(&finding.code.as_str()))
                && self.told.insert((finding.code.clone(), finding.artifact.clone()))
            {
                let response = WatchTrainingResponse { finding: Some(finding), points: self.taken };
                out.send(Ok(response)).await.map_err(|_| Error::new(ErrorCode::Cancelled, "the caller left"))?;
            }
        }
        Ok(())
    }

    /// The points as a long table.
    fn table(&self) -> String {
        use std::fmt::Write;
        let mut out = "key,value,step,epoch\n".to_owned();
        for point in &self.points {
            let key = point.key.replace(['"', '\n', '\r'], " ");
            let epoch = point.epoch.map(|e| e.to_string()).unwrap_or_default();
            let _ = writeln!(out, "\"{key}\",{},{},{epoch}", point.value, point.step);
        }
        out
    }
}
