//! Against answers that a real server gave once, and against servers that misbehave.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use deepfix_errors::ErrorCode;
use serde_json::Value;

use super::*;

const RUN: &str = "2fc7b95a79c2451abfd51c55a2ed9ed3";

fn recorded(name: &str) -> (u16, String) {
    let path = format!("{}/../../testdata/mlflow/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let whole: Value = serde_json::from_slice(&std::fs::read(path).expect("committed")).expect("JSON");
    (u16::try_from(whole["status"].as_u64().expect("a status")).expect("small"), whole["response"].to_string())
}

/// A server that answers each request by its path and query.
async fn server(answer: impl Fn(&str) -> (u16, String) + Send + Sync + 'static) -> Mlflow {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = vec![0; 8192];
            let n = stream.read(&mut head).await.unwrap_or(0);
            let text = String::from_utf8_lossy(&head[..n]).into_owned();
            let (status, body) = answer(text.split(' ').nth(1).unwrap_or_default());
            let head = format!(
                "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            // A caller that leaves early is its own affair.
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.write_all(body.as_bytes()).await;
        }
    });
    Mlflow::new(&format!("http://{address}"), Credentials::None).expect("an address")
}

#[tokio::test]
async fn recorded_answers_are_read() {
    let server = server(|path| {
        let name = match path {
            p if p.contains("runs/get?run_id=deadbeef") => "runs_get_missing",
            p if p.contains("runs/get") => "runs_get",
            p if p.contains("metric_key=grad_norm") => "metrics_get_history_nan",
            p if p.contains("metric_key=nope") => "metrics_get_history_missing",
            p if p.contains("page_token=") => "metrics_get_history_page2",
            p if p.contains("get-history") => "metrics_get_history",
            p if p.contains("path=") => "artifacts_list_missing",
            p if p.contains("artifacts/list") => "artifacts_list_root",
            _ => "logged_models_artifacts",
        };
        recorded(name)
    })
    .await;
    let run = server.run(RUN).await.expect("recorded");
    assert_eq!((run.id.as_str(), run.name.as_str(), run.status.as_str(), run.experiment.as_str()), (RUN, "r1", "FINISHED", "1"));
    assert_eq!(run.params["lr"], "0.001");
    assert!(run.metrics["grad_norm"].is_infinite(), "the largest double stands for infinity");
    assert_eq!(run.datasets, [("toy".to_owned(), "training".to_owned())]);
    assert_eq!(run.models, ["m-a362fbca705546309fb0832c4faea422"]);
    let norms = server.history(RUN, "grad_norm", 100).await.expect("recorded");
    assert!(norms[0].value.is_nan() && norms[1].value.is_infinite() && norms[1].step == 2, "{norms:?}");
    let losses = server.history(RUN, "train_loss", 1000).await.expect("recorded");
    // The second page, which is all there is on record, is given for the third too.
    assert!(losses.len() > 25 && losses[..50].windows(2).all(|w| w[0].step < w[1].step), "pages in order: {}", losses.len());
    assert_eq!(server.history(RUN, "train_loss", 30).await.expect("recorded").len(), 30);
    assert!(server.history(RUN, "nope", 10).await.expect("recorded").is_empty());
    let files = server.entries(&Place::Run(RUN.to_owned())).await.expect("recorded");
    assert_eq!(files, [Entry { path: "metrics.csv".to_owned(), size: 46 }]);
    let model = server.entries(&Place::Model(run.models[0].clone())).await.expect("recorded");
    assert!(model.iter().any(|entry| entry.path == "python_model.pkl" && entry.size == 2187), "{model:?}");
    let error = server.run("deadbeef").await.expect_err("there is none");
    assert!(error.code == ErrorCode::NotFound && error.message.contains("not found"), "{error}");
}

#[tokio::test]
async fn servers_that_misbehave_are_told_from_those_that_refuse() {
    for (answer, code, says) in [
        ((401, "<html>".to_owned()), ErrorCode::InvalidArgument, "MLFLOW_TRACKING_USERNAME"),
        ((403, "Invalid Host header".to_owned()), ErrorCode::InvalidArgument, "refuses"),
        ((302, String::new()), ErrorCode::InvalidArgument, "redirects"),
        ((200, "<html>a proxy's page</html>".to_owned()), ErrorCode::Unavailable, "is it an MLflow server"),
        ((200, "{}".to_owned()), ErrorCode::Unavailable, "does not answer as MLflow does"),
        ((500, "{\"message\": \"broken\"}".to_owned()), ErrorCode::Unavailable, "500"),
    ] {
        let shown = format!("{answer:?}");
        let server = server(move |_| answer.clone()).await;
        let error = server.run(RUN).await.expect_err("no run");
        assert!(error.code == code && error.message.contains(says), "{shown}: {error}");
    }
    // Busy twice, then itself again.
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let server = server(move |_| {
        if asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) < 2 { (503, String::new()) } else { recorded("runs_get") }
    })
    .await;
    assert_eq!(server.run(RUN).await.expect("the third time").id, RUN);
    // A token that repeats would be read for ever.
    let page = r#"{"metrics": [{"key": "a", "value": 1, "timestamp": 1, "step": 1}], "next_page_token": "again"}"#;
    let endless = self::server(move |_| (200, page.to_owned())).await;
    assert_eq!(endless.history(RUN, "a", 1_000_000).await.expect("ends").len(), 2);
    for id in ["", "../x", "a/b", "a?b"] {
        assert!(endless.run(id).await.is_err(), "{id}");
    }
    for uri in ["ftp://x", "file:///runs", "nonsense", "http://"] {
        assert!(Mlflow::new(uri, Credentials::None).is_err(), "{uri}");
    }
    let named = Mlflow::new("http://me:secret@127.0.0.1:1/base/", Credentials::None).expect("an address");
    assert!(!format!("{named:?} {}", named.address()).contains("secret"));
}
