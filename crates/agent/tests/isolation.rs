//! What an agent does wrong stays its own: a panic is an error of that call, a caller who leaves
//! stops the work, and the service goes on.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use deepfix_agent::{Agent, Analysis, Describe, Reader, Sink, Stop};
use deepfix_api::{
    DESCRIPTORS,
    agent::{AnalyzeRequest, Options, agent_service_client::AgentServiceClient},
};
use deepfix_errors::{Error, ErrorCode};
use deepfix_model::ArtifactKind;
use deepfix_rpc::{Client, in_process, serve_in_process};
use tokio_util::sync::CancellationToken;

/// Does as the label says.
struct Odd {
    running: Arc<AtomicUsize>,
    stopped: Arc<AtomicBool>,
}

impl Agent for Odd {
    fn describe(&self) -> Describe {
        Describe { name: "odd", kinds: vec![ArtifactKind::Train], fault_codes: vec![], thresholds: vec![] }
    }

    fn analyze(&self, analysis: &mut Analysis<'_>, sink: &mut Sink<'_>) -> Result<(), Stop> {
        match analysis.options.label.as_str() {
            "panic" => panic!("on purpose"),
            "forever" => {
                self.running.fetch_add(1, Ordering::SeqCst);
                sink.progress("begun", None)?;
                while !analysis.cancel().is_cancelled() {
                    std::thread::yield_now();
                }
                self.stopped.store(true, Ordering::SeqCst);
                Err(Stop::Cancelled)
            }
            _ => Ok(()),
        }
    }
}

fn client(agent: Odd) -> AgentServiceClient<Client> {
    let (client, connections) = in_process();
    let module = deepfix_agent::build("odd-agent", agent, Reader::new(&Default::default()), 2);
    tokio::spawn(serve_in_process(module, DESCRIPTORS, connections, CancellationToken::new()));
    AgentServiceClient::new(client)
}

fn request(label: &str) -> AnalyzeRequest {
    AnalyzeRequest { options: Some(Options { label: label.to_owned(), ..Options::default() }), ..AnalyzeRequest::default() }
}

fn odd() -> (Odd, Arc<AtomicBool>) {
    let stopped = Arc::new(AtomicBool::new(false));
    (Odd { running: Arc::new(AtomicUsize::new(0)), stopped: stopped.clone() }, stopped)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_an_error_of_that_call_alone() {
    let mut client = client(odd().0);
    let mut stream = client.analyze(request("panic")).await.expect("begins").into_inner();
    let error = Error::from_status(&stream.message().await.expect_err("the agent panicked"));
    assert_eq!(error.code, ErrorCode::Internal);
    assert!(!error.message.contains("on purpose"), "the cause is for the log: {}", error.message);
    let mut stream = client.analyze(request("")).await.expect("goes on").into_inner();
    assert!(stream.message().await.expect("answers").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_leaves_stops_the_work() {
    let (agent, stopped) = odd();
    let mut client = client(agent);
    let mut stream = client.analyze(request("forever")).await.expect("begins").into_inner();
    stream.message().await.expect("works").expect("progress");
    drop(stream);
    // A work that is not told to stop runs for ever, and this waits with it.
    while !stopped.load(Ordering::SeqCst) {
        tokio::task::yield_now().await;
    }
}
