//! `WatchTraining`: points of a running training in, findings out. The stream holds the run's history in
//! bounded memory (`deepfix-live`) and hands it to the training agent whenever enough new points have
//! come, so every look may go to another agent, and one that dies costs a look and nothing else. A caller
//! who took the state along goes on from it on any gateway.

use std::sync::Arc;

use bytes::Bytes;
use deepfix_api::{
    agent::{self as wa, analyze_response},
    analysis::{WatchTrainingRequest, WatchTrainingResponse},
};
use deepfix_errors::{Error, ErrorCode};
use deepfix_live::{Cadence, FORMAT, Point, RunHistory};
use deepfix_model::{Artifact, ArtifactKind, ArtifactSource, Finding};
use deepfix_rpc::Deadline;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::{Gateway, grpc::BoxStream};

/// Longest hyper-parameters.
const MOST_PARAMS: usize = 1 << 20;

struct Watch {
    gateway: Arc<Gateway>,
    run: RunHistory,
    cadence: Cadence,
    /// The largest step and epoch so far.
    step: Option<f64>,
    epoch: Option<f64>,
    /// Looks that no agent answered, in a row.
    missed: u32,
    /// Points taken when the state was last given.
    stated: Option<u64>,
}

/// Looks in a row that may go unanswered before the stream is given up.
const MISSED: u32 = 3;

pub(crate) fn watch(gateway: Arc<Gateway>, mut incoming: Streaming<WatchTrainingRequest>) -> BoxStream<WatchTrainingResponse> {
    let (sender, receiver) = mpsc::channel(2);
    tokio::spawn(async move {
        let mut watch = Watch {
            gateway,
            run: RunHistory::default(),
            cadence: Cadence::default(),
            step: None,
            epoch: None,
            missed: 0,
            stated: None,
        };
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
        let mut begun = false;
        while let Some(mut request) = incoming.message().await.map_err(|status| Error::from_status(&status))? {
            if !std::mem::replace(&mut begun, true) {
                self.begin(&mut request)?;
            }
            let known = self.known(&request)?;
            let mut alarmed = false;
            for point in request.points.into_iter().skip(known) {
                let taken = Point::new(Some(point.step as f64), point.epoch, None, point.value);
                // One alarm a message: whoever sends many at once can wait for the next look.
                let alarm = self.run.push(&point.key, taken)? && !std::mem::replace(&mut alarmed, true);
                self.reach(point.step as f64, point.epoch);
                if self.cadence.due(self.run.taken(), self.run.metrics().len(), alarm) {
                    self.look(out, false).await?;
                }
            }
            if request.want_state && self.stated != Some(self.run.taken()) {
                self.stated = Some(self.run.taken());
                let state = self.run.encode();
                self.answer(out, None, state).await?;
            }
        }
        if self.run.taken() > 0 { self.look(out, true).await } else { Ok(()) }
    }

    /// What the first message alone may hold.
    fn begin(&mut self, request: &mut WatchTrainingRequest) -> Result<(), Error> {
        if !request.state.is_empty() {
            self.run = RunHistory::decode(&request.state)?;
            self.cadence.looked(self.run.taken());
            let kept: Vec<Point> = self.run.metrics().iter().flat_map(|(_, history)| history.points().to_vec()).collect();
            kept.iter().for_each(|p| self.reach(p.step().unwrap_or(0.0), p.epoch()));
            let held = self.run.params.len();
            if held > MOST_PARAMS {
                return Err(Error::field("state", format!("holds parameters of {held} bytes, most are {MOST_PARAMS}")));
            }
        }
        if request.params.len() > MOST_PARAMS {
            return Err(Error::field("params", format!("is {} bytes, most are {MOST_PARAMS}", request.params.len())));
        }
        if !request.params.is_empty() {
            self.run.params = std::mem::take(&mut request.params);
        }
        Ok(())
    }

    /// How many of a message's points were taken before.
    fn known(&self, request: &WatchTrainingRequest) -> Result<usize, Error> {
        let taken = self.run.taken();
        match request.first {
            Some(first) if first > taken => {
                Err(Error::field("first", format!("is {first}, but {taken} points have come: send again from point {taken} on")))
            }
            Some(first) => Ok(usize::try_from(taken - first).unwrap_or(usize::MAX)),
            None => Ok(0),
        }
    }

    fn reach(&mut self, step: f64, epoch: Option<f64>) {
        self.step = Some(self.step.map_or(step, |known| known.max(step)));
        self.epoch = [self.epoch, epoch].into_iter().flatten().reduce(f64::max);
    }

    async fn answer(&self, out: &Out, finding: Option<Finding>, state: Vec<u8>) -> Result<(), Error> {
        let finding = finding.map(Into::into);
        let response = WatchTrainingResponse { finding, points: self.run.taken(), state, step: self.step, epoch: self.epoch };
        out.send(Ok(response)).await.map_err(|_| Error::new(ErrorCode::Cancelled, "the caller left"))
    }

    /// Looks at what is known so far; what only a finished run shows waits for the end of the stream.
    async fn look(&mut self, out: &Out, ended: bool) -> Result<(), Error> {
        let found = match self.ask().await {
            Ok(found) => found,
            // The history is here: the next look may find an agent again.
            Err(error) if !ended && error.code != ErrorCode::Cancelled && self.missed < MISSED => {
                self.missed += 1;
                tracing::warn!(error = %error, "a look at a running training failed");
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        self.missed = 0;
        let told: Vec<Finding> = self.run.told.tell(&found, ended).into_iter().cloned().collect();
        for finding in told {
            self.answer(out, Some(finding), Vec::new()).await?;
        }
        Ok(())
    }

    /// The findings of the training agent on the history.
    async fn ask(&self) -> Result<Vec<Finding>, Error> {
        let inline = |kind, format: &str, name: &str, bytes: Vec<u8>| Artifact {
            kind,
            format: format.to_owned(),
            file_name: name.to_owned(),
            source: ArtifactSource::Inline(Bytes::from(bytes)),
        };
        let mut artifacts = vec![inline(ArtifactKind::Metrics, FORMAT, "live", self.run.encode_metrics())];
        if !self.run.params.trim().is_empty() {
            artifacts.push(inline(ArtifactKind::Params, "", "params", self.run.params.clone().into_bytes()));
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
            options: Some(wa::Options { findings_only: true, ..wa::Options::default() }),
        };
        let mut client = agent.client.clone();
        let deadline = Deadline::after(agent.timeout);
        let mut stream = deadline.run("training", client.analyze(request)).await?.into_inner();
        let mut found = Vec::new();
        while let Some(message) = deadline.run("training", stream.message()).await? {
            if let Some(analyze_response::Event::Finding(finding)) = message.event {
                found.push(Finding::try_from(finding)?);
            }
        }
        Ok(found)
    }
}
