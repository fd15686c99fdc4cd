//! `WatchTraining` as a training job uses it: told while it runs, gone on with elsewhere.

mod support;

use deepfix_api::analysis::{
    MetricPoint, WatchTrainingRequest, WatchTrainingResponse, analysis_service_client::AnalysisServiceClient,
};
use support::Server;
use tonic::transport::Channel;

type Client = AnalysisServiceClient<Channel>;

fn up() -> Server {
    Server::start(&["up"], &[])
}

async fn connect(url: String) -> Client {
    let channel = tonic::transport::Endpoint::from_shared(url).expect("a url").connect().await.expect("connects");
    AnalysisServiceClient::new(channel).max_decoding_message_size(32 << 20)
}

/// Sixty epochs of twenty steps: train goes on falling, validation turns at epoch 15.
fn points() -> Vec<MetricPoint> {
    let mut out = Vec::new();
    for step in 0..1200_u64 {
        let epoch = (step / 20) as f64;
        let wiggle = ((step * 7919) % 101) as f64 / 101.0 - 0.5;
        let point = |key: &str, value: f64| MetricPoint { key: key.to_owned(), value, step, epoch: Some(epoch) };
        out.push(point("train_loss", 1.6 * (-epoch / 12.0).exp() + 0.05 + 0.02 * wiggle));
        if step % 20 == 19 {
            out.push(point("val_loss", 0.6 + 0.9 * (-epoch / 5.0).exp() + (epoch - 15.0).max(0.0) * 0.02 + 0.004 * wiggle));
        }
    }
    out
}

fn pieces(points: &[MetricPoint], first: usize) -> Vec<WatchTrainingRequest> {
    let one = |(i, piece): (usize, &[MetricPoint])| WatchTrainingRequest {
        points: piece.to_vec(),
        first: Some((first + i * 50) as u64),
        ..WatchTrainingRequest::default()
    };
    points.chunks(50).enumerate().map(one).collect()
}

async fn all(client: &mut Client, requests: Vec<WatchTrainingRequest>) -> Vec<WatchTrainingResponse> {
    let mut stream = client.watch_training(tokio_stream::iter(requests)).await.expect("answers").into_inner();
    let mut out = Vec::new();
    while let Some(response) = stream.message().await.expect("goes on") {
        out.push(response);
    }
    out
}

fn codes(responses: &[WatchTrainingResponse]) -> Vec<String> {
    responses.iter().filter_map(|r| Some(r.finding.as_ref()?.code.clone())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_goes_on_at_another_gateway_and_nothing_is_counted_or_told_twice() {
    let (here, there) = (up(), up());
    let (mut a, mut b) = (connect(here.url()).await, connect(there.url()).await);
    let points = points();

    let whole = all(&mut a, pieces(&points, 0)).await;
    let told = codes(&whole);
    assert!(told.contains(&"overfitting".to_owned()), "{told:?}");
    let first = whole.iter().find(|r| r.finding.as_ref().is_some_and(|f| f.code == "overfitting")).expect("told");
    assert!(first.points < points.len() as u64 && first.epoch.is_some_and(|e| e > 15.0 && e < 50.0), "{first:?}");

    // The caller leaves at two thirds with the state, and comes back elsewhere with some points once more.
    let cut = 800;
    let mut requests = pieces(&points[..cut], 0);
    requests.last_mut().expect("some").want_state = true;
    let (sender, receiver) = tokio::sync::mpsc::channel(64);
    for request in requests {
        sender.send(request).await.expect("room");
    }
    let mut stream = a.watch_training(tokio_stream::wrappers::ReceiverStream::new(receiver)).await.expect("answers").into_inner();
    let mut before = Vec::new();
    let state = loop {
        let response = stream.message().await.expect("goes on").expect("a state comes");
        if !response.state.is_empty() {
            assert_eq!(response.points, cut as u64);
            break response.state;
        }
        before.push(response);
    };
    drop((stream, sender));
    let mut rest = pieces(&points[cut - 100..], cut - 100);
    rest[0].state = state;
    let after = all(&mut b, rest).await;
    let both: Vec<String> = codes(&before).into_iter().chain(codes(&after)).collect();
    assert_eq!(both, told);
    assert!(after.iter().all(|r| r.points <= points.len() as u64), "points sent again are not counted again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_and_a_broken_state_are_refused_with_what_to_do() {
    let server = up();
    let mut client = connect(server.url()).await;
    let refusal = |request: WatchTrainingRequest| {
        let mut client = client.clone();
        async move {
            let mut stream = client.watch_training(tokio_stream::once(request)).await.expect("answers").into_inner();
            stream.message().await.expect_err("refused").message().to_owned()
        }
    };
    let gap = WatchTrainingRequest { first: Some(7), points: points()[..3].to_vec(), ..WatchTrainingRequest::default() };
    let said = refusal(gap).await;
    assert!(said.contains("from point 0 on"), "{said}");
    let garbage = WatchTrainingRequest { state: b"\x08\x01\xff\xff".to_vec(), ..WatchTrainingRequest::default() };
    let said = refusal(garbage).await;
    assert!(said.contains("no history of a run"), "{said}");
    assert!(all(&mut client, Vec::new()).await.is_empty());
}
