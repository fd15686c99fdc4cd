//! Two shapes, one answer: one process, and seven over TCP.

mod support;

use std::{
    fmt::Write as _,
    io::{BufRead, BufReader, Read},
    time::Duration,
};

use serde_json::Value;
use support::{Server, Seven, agent, analyze, codes, demo_flags, events, flights, http, multipart, open, parse};

fn without_timing(mut report: Value) -> String {
    report.as_object_mut().expect("an object").remove("timing").expect("timing is there");
    serde_json::to_string(&report).expect("JSON")
}

#[test]
fn one_process_and_seven_give_the_same_report_byte_for_byte() {
    let here = analyze(&demo_flags(&flights()));
    let seven = Seven::start();
    let mut flags = demo_flags(&flights());
    flags.extend(["--server".to_owned(), seven.gateway.url()]);
    let there = analyze(&flags);
    assert!(!codes(&here).is_empty());
    assert_eq!(without_timing(here), without_timing(there));

    let one = Server::start(&["up"], &[]);
    *flags.last_mut().expect("the url") = one.url();
    assert_eq!(without_timing(analyze(&flags)), without_timing(analyze(&demo_flags(&flights()))));
}

#[test]
fn folders_and_shards_are_sent_to_a_server_file_by_file() {
    let dir = tempfile::tempdir().expect("a folder");
    let table = |from: usize, to: usize| {
        (from..to).fold("amount,kind,y\n".to_owned(), |mut text, i| {
            let _ = writeln!(text, "{},{},{}", (i * 7919) % 1013, ["a", "b", "c"][i % 3], (i * 31 % 97 > 48) as u8);
            text
        })
    };
    for part in 0..4 {
        let folder = dir.path().join(format!("train/day={part}"));
        std::fs::create_dir_all(&folder).expect("folders");
        std::fs::write(folder.join("part-0.csv"), table(part * 2500, (part + 1) * 2500)).expect("writes");
    }
    std::fs::write(dir.path().join("train/_SUCCESS"), "").expect("writes");
    let mut weights = serde_json::Map::new();
    for k in 0..2_u32 {
        let values: Vec<u8> =
            (0..4096_u32).flat_map(|i| ((f64::from(i * (k + 3)) * 0.37).sin() as f32 * 0.05).to_le_bytes()).collect();
        let header = format!(r#"{{"layer{k}.weight":{{"dtype":"F32","shape":[64,64],"data_offsets":[0,{}]}}}}"#, values.len());
        let shard = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &values].concat();
        let name = format!("model-{:05}-of-00002.safetensors", k + 1);
        std::fs::write(dir.path().join(&name), shard).expect("writes");
        weights.insert(format!("layer{k}.weight"), Value::String(name));
    }
    let index = dir.path().join("model.safetensors.index.json");
    std::fs::write(&index, serde_json::json!({ "weight_map": weights }).to_string()).expect("writes");
    let path = |name: &str| dir.path().join(name).display().to_string();
    let mut flags: Vec<String> = [
        "--train",
        &path("train"),
        "--test",
        &path("train/day=*/part-*.csv"),
        "--label",
        "y",
        "--checkpoint",
        &index.display().to_string(),
    ]
    .map(str::to_owned)
    .to_vec();
    let here = analyze(&flags);
    let server = Server::start(&["up"], &[]);
    flags.extend(["--server".to_owned(), server.url()]);
    let there = analyze(&flags);
    for name in ["dataset", "checkpoint"] {
        assert_eq!(agent(&there, name)["status"], "completed", "{}", agent(&there, name));
    }
    assert_eq!(there["columns"].as_array().expect("cards").len(), 4, "with the partition");
    assert_eq!(there["layers"].as_array().expect("layers").len(), 2);
    assert_eq!(without_timing(here), without_timing(there));
}

#[test]
fn the_thread_count_does_not_change_the_report() {
    let run = |threads: &str| {
        let output = support::deepfix()
            .args(["analyze", "-q", "--format", "json"])
            .args(demo_flags(&flights()))
            .env("RAYON_NUM_THREADS", threads)
            .env("POLARS_MAX_THREADS", threads)
            .output()
            .expect("runs");
        without_timing(serde_json::from_slice(&output.stdout).expect("a report"))
    };
    assert_eq!(run("1"), run("5"));
}

fn demo_body() -> (String, Vec<u8>) {
    let file = |name: &str| std::fs::read(flights().join(name)).expect("the demo is committed");
    multipart(&[
        ("train", Some("train.parquet"), file("train.parquet")),
        ("test", Some("test.parquet"), file("test.parquet")),
        ("metrics", Some("metrics.csv"), file("metrics.csv")),
        ("params", Some("hparams.yaml"), file("hparams.yaml")),
        ("label", None, b"late".to_vec()),
    ])
}

#[test]
fn an_agent_killed_mid_request_is_a_named_gap() {
    let seven = Seven::start();
    let (content_type, body) = demo_body();
    // The agent takes the call and never answers: it stands still, as a machine that is lost does.
    seven.service("dataset").signal("-STOP");
    let headers = [("Content-Type", content_type.as_str()), ("Accept", "text/event-stream")];
    let mut reader = BufReader::new(open(seven.gateway.address, "POST", "/v1/analyses", &headers, &body));
    let mut seen = String::new();
    let mut killed = false;
    let mut line = String::new();
    while reader.read_line(&mut line).expect("the stream goes on") > 0 {
        seen.push_str(&line);
        // The others have answered, the dataset agent has been asked: now it dies.
        if !killed && seen.contains("agent_started\ndata: {\"agent\":\"dataset\"}") && seen.contains("event: agent_completed") {
            seven.service("dataset").signal("-KILL");
            killed = true;
        }
        line.clear();
    }
    assert!(killed, "{seen}");
    let clean: String = seen.lines().filter(|l| l.is_empty() || l.contains(':')).map(|l| format!("{l}\n")).collect();
    let (_, _, report) = events(&clean).into_iter().find(|e| e.1 == "report").expect("the report comes all the same");
    assert_eq!(agent(&report, "dataset")["status"], "failed");
    let reason = agent(&report, "dataset")["reason"].as_str().expect("a reason");
    assert!(reason.contains("went away") || reason.contains("cannot be reached"), "{reason}");
    assert_eq!(agent(&report, "training")["status"], "completed");
    assert!(codes(&report).contains(&"overfitting".to_owned()));
    assert!(report["summary"].as_str().expect("text").contains("Not looked at: dataset"));

    // And afterwards it cannot be reached: named again, and the agents' list says so.
    let answer = http(seven.gateway.address, "POST", "/v1/analyses", &headers[..1], &body);
    assert_eq!(answer.status, 200);
    assert_eq!(agent(&answer.json(), "dataset")["status"], "failed");
    let agents = http(seven.gateway.address, "GET", "/v1/agents", &[], b"").json();
    assert_eq!(
        agents["agents"].as_array().expect("a list").iter().find(|a| a["name"] == "dataset").expect("listed")["available"],
        false
    );
}

/// What an agent sent before it was lost was computed, and stays in the report.
#[test]
fn findings_sent_before_an_agent_dies_are_kept() {
    let seven = Seven::start();
    let mut table = String::from("a,b,c,still\n");
    for i in 0_u64..60_000 {
        let x = i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        let _ = writeln!(table, "{},{},{},1", x % 10_007, x % 9973, x % 1009);
    }
    let body = serde_json::json!({ "artifacts": [
        { "kind": "train", "inline": table.clone() }, { "kind": "test", "inline": table }
    ], "label": "c", "task": "regression" });
    let headers = [("Content-Type", "application/json"), ("Accept", "text/event-stream")];
    let mut reader = BufReader::new(open(seven.gateway.address, "POST", "/v1/analyses", &headers, body.to_string().as_bytes()));
    let (mut seen, mut line, mut killed) = (String::new(), String::new(), false);
    while reader.read_line(&mut line).expect("the stream goes on") > 0 {
        // Told among the first; what is left to look at takes far longer than this signal.
        if !killed && line.contains("constant_column") {
            seven.service("dataset").signal("-KILL");
            killed = true;
        }
        seen.push_str(&line);
        line.clear();
    }
    assert!(killed, "{seen}");
    let clean: String = seen.lines().filter(|l| l.is_empty() || l.contains(':')).map(|l| format!("{l}\n")).collect();
    let (_, _, report) = events(&clean).into_iter().find(|e| e.1 == "report").expect("the report comes all the same");
    assert_eq!(agent(&report, "dataset")["status"], "failed");
    let reason = agent(&report, "dataset")["reason"].as_str().expect("a reason");
    assert!(reason.contains("had sent"), "{reason}");
    assert!(codes(&report).contains(&"constant_column".to_owned()), "{reason}");
}

#[test]
fn a_late_agent_is_named_with_its_limit_and_the_rest_arrives_in_time() {
    let seven = Seven::start();
    seven.service("dataset").signal("-STOP");
    let metrics = std::fs::read_to_string(flights().join("metrics.csv")).expect("committed");
    let body = serde_json::json!({
        "artifacts": [{ "kind": "train", "inline": "a,b\n1,2\n" }, { "kind": "metrics", "inline": metrics }],
        "timeouts": { "dataset": "300ms" }
    });
    let answer =
        http(seven.gateway.address, "POST", "/v1/analyses", &[("Content-Type", "application/json")], body.to_string().as_bytes());
    let report = answer.json();
    assert_eq!(agent(&report, "dataset")["reason"], "did not answer within 300ms; give it more time or smaller artifacts");
    assert_eq!(agent(&report, "training")["status"], "completed");
    seven.service("dataset").signal("-CONT");
}

#[test]
fn without_knowledge_or_reasoning_the_findings_still_arrive() {
    let seven = Seven::start();
    seven.service("kb").signal("-KILL");
    seven.service("reasoning").signal("-KILL");
    let (content_type, body) = demo_body();
    let answer = http(seven.gateway.address, "POST", "/v1/analyses", &[("Content-Type", &content_type)], &body);
    assert_eq!(answer.status, 200);
    let report = answer.json();
    assert!(codes(&report).contains(&"overfitting".to_owned()));
    assert_eq!(report["readiness"]["score"], Value::Null);
    let notes = report["notes"].to_string();
    assert!(notes.contains("reasoning_unavailable") && notes.contains("knowledge_unavailable"), "{notes}");
}

#[test]
fn a_server_told_to_stop_finishes_what_it_began() {
    let server = Server::start(&["up"], &[]);
    let (content_type, body) = demo_body();
    let mut stream =
        open(server.address, "POST", "/v1/analyses", &[("Content-Type", &content_type), ("Accept", "text/event-stream")], &body);
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time-out");
    let mut first = [0; 64];
    stream.read_exact(&mut first).expect("the answer begins");
    server.signal("-TERM");
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).expect("the answer goes on");
    let answer = parse(&[&first[..], &rest[..]].concat());
    assert!(String::from_utf8_lossy(&answer.body).contains("event: report"));
    assert_eq!(server.wait(), Some(0));
}
