//! Jobs of `/v2/analyse` over the lives and deaths of gateways that share a store.

mod support;

use std::{
    io::Write,
    net::{TcpListener, TcpStream},
    time::{Duration, Instant},
};

use serde_json::Value;
use support::{Server, http, root};

const JSON: (&str, &str) = ("Content-Type", "application/json");

/// A place that takes connections and never says a word, as an agent.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    let target = format!("http://{}", listener.local_addr().expect("bound"));
    (listener, target)
}

fn gateway(store: &std::path::Path, dataset: &str, timeout: &str) -> Server {
    let variable = |name: &str, value: &str| (format!("DEEPFIX_{name}"), value.to_owned());
    Server::start(
        &["up"],
        &[
            variable("STORE__PATH", &store.display().to_string()),
            variable("GATEWAY__JOBS__HEARTBEAT", "100ms"),
            variable("GATEWAY__JOBS__LOST_AFTER", "1500ms"),
            variable("GATEWAY__SERVICES__DATASET__TARGET", dataset),
            variable("GATEWAY__SERVICES__DATASET__TIMEOUT", timeout),
        ],
    )
}

fn body() -> Vec<u8> {
    std::fs::read(root().join("testdata/sdk-requests/tabular_classification_no_model.json")).expect("committed")
}

fn submit(server: &Server, key: &str) -> Value {
    let answer = http(server.address, "POST", "/v2/analyse", &[JSON, ("Idempotency-Key", key)], &body());
    assert_eq!(answer.status, 202, "{}", answer.head);
    answer.json()
}

fn poll(server: &Server, id: &str) -> Value {
    let answer = http(server.address, "GET", &format!("/v2/jobs/{id}"), &[], b"");
    assert_eq!(answer.status, 200, "{}", answer.head);
    answer.json()
}

fn id(job: &Value) -> String {
    job["job_id"].as_str().expect("an id").to_owned()
}

/// Polls, as a client does, until the job has ended.
fn ended(server: &Server, id: &str) -> Value {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let job = poll(server, id);
        if job["status"] != "PROCESSING" {
            return job;
        }
        assert!(Instant::now() < until, "stuck: {job}");
    }
}

#[test]
fn a_job_survives_its_gateway_or_fails_by_name_and_is_never_stuck() {
    let store = tempfile::tempdir().expect("a folder");
    let (_silence, nowhere) = silent();
    let (a, b) = (gateway(store.path(), &nowhere, "60s"), gateway(store.path(), &nowhere, "60s"));

    // Killed before a submission is whole: there is no job.
    let first = gateway(store.path(), &nowhere, "60s");
    let mut half = TcpStream::connect(first.address).expect("connects");
    let body = body();
    write!(
        half,
        "POST /v2/analyse HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .and_then(|()| half.write_all(&body[..body.len() / 2]))
    .expect("is taken");
    first.signal("-KILL");
    first.wait();
    let listed = http(b.address, "GET", "/v2/jobs", &[], b"").json();
    assert!(listed["jobs"].as_array().expect("a list").is_empty(), "{listed}");
    // Killed while the job runs.
    let job = submit(&a, "nightly");
    assert_eq!(job["status"], "PROCESSING", "{job}");
    assert_eq!(poll(&b, &id(&job))["status"], "PROCESSING", "any gateway answers");
    assert_eq!(id(&submit(&b, "nightly")), id(&job), "one key, one job");
    let other = http(b.address, "POST", "/v2/analyse", &[JSON, ("Idempotency-Key", "nightly")], b"{}");
    assert!(other.status == 400 && String::from_utf8_lossy(&other.body).contains("another request"), "{}", other.head);
    a.signal("-KILL");
    let lost = ended(&b, &id(&job));
    assert_eq!(lost["status"], "FAILED");
    assert!(lost["error"].as_str().is_some_and(|e| e.contains("submit it again")), "{lost}");
    // Submitted again under the same key, and cancelled.
    let again = submit(&b, "nightly");
    assert_ne!(id(&again), id(&job));
    let cancelled = http(b.address, "DELETE", &format!("/v2/jobs/{}", id(&again)), &[], b"").json();
    assert!(cancelled["status"] == "FAILED" && cancelled["error"] == "cancelled by request", "{cancelled}");
    // Killed after the end: the answer stays.
    b.signal("-KILL");
    let c = gateway(store.path(), &nowhere, "60s");
    assert_eq!(poll(&c, &id(&again))["error"], "cancelled by request");
    let listed = http(c.address, "GET", "/v2/jobs?limit=1", &[], b"").json();
    assert_eq!(listed["jobs"].as_array().expect("a list").len(), 1);
    let next = listed["next"].as_str().expect("there is another").to_owned();
    let rest = http(c.address, "GET", &format!("/v2/jobs?before={next}"), &[], b"").json();
    assert!(rest["jobs"].as_array().expect("a list").len() == 1 && rest["next"].is_null(), "{rest}");
    for bad in ["/v2/jobs?limit=0", "/v2/jobs?limit=x"] {
        assert_eq!(http(c.address, "GET", bad, &[], b"").status, 422, "{bad}");
    }
}

#[test]
fn a_gateway_that_is_asked_to_stop_finishes_its_jobs() {
    let store = tempfile::tempdir().expect("a folder");
    let (_silence, nowhere) = silent();
    let a = gateway(store.path(), &nowhere, "6s");
    let job = submit(&a, "last");
    assert_eq!(job["status"], "PROCESSING", "{job}");
    a.signal("-TERM");
    assert_eq!(a.wait(), Some(0));
    let b = gateway(store.path(), &nowhere, "6s");
    let done = poll(&b, &id(&job));
    assert_eq!(done["status"], "COMPLETED", "{done}");
    let gap = done["result"]["agent_results"]["DatasetArtifactsAnalyzer"]["error_message"].as_str().expect("a named gap");
    assert!(gap.contains("did not answer within 6s"), "{gap}");
    assert!(done["result"]["agent_results"]["DeepchecksArtifactsAnalyzer"]["error_message"].is_null());
}
