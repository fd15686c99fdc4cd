//! Bad input: what is wrong is said (which artifact, what, how to mend it), and the other
//! artifacts are looked at all the same. Never a panic, a hang, or a lost report.

mod support;

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use support::{Server, agent, analyze, codes, flights, http};

fn gzip_of(byte: u8, megabytes: usize) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..megabytes {
        encoder.write_all(&vec![byte; 1 << 20]).expect("in memory");
    }
    encoder.finish().expect("in memory")
}

/// A report on a broken table beside a sound log.
fn with_train(path: &Path) -> Value {
    analyze(&[
        "--train".to_owned(),
        path.display().to_string(),
        "--label".to_owned(),
        "y".to_owned(),
        "--metrics".to_owned(),
        flights().join("metrics.csv").display().to_string(),
    ])
}

#[test]
fn a_broken_table_is_named_with_its_remedy_and_costs_nobody_else() {
    let dir = tempfile::tempdir().expect("a folder");
    let parquet = std::fs::read(flights().join("train.parquet")).expect("committed");
    let noise: Vec<u8> = (0..5000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty.csv", Vec::new(), "is empty"),
        ("header.csv", b"a,b,y\n".to_vec(), "no rows"),
        ("blank.csv", b"\n\n  \n".to_vec(), "nothing but white space"),
        ("ragged.csv", b"a,b,y\n1,2,3\n4,5,6,7\n".to_vec(), "line 3 has 4 fields where the header has 3"),
        ("binary.csv", noise, "is binary"),
        ("cut.parquet", parquet[..parquet.len() / 2].to_vec(), "cut short"),
        ("named.parquet", b"a,b,y\n1,2,3\n".to_vec(), ""),
        ("deep.json", [vec![b'['; 10_000], vec![b']'; 10_000]].concat(), "nested 10000 levels deep"),
        ("bomb.csv.gz", gzip_of(b'0', 400), "limits.max_ratio"),
        ("cut.csv.gz", gzip_of(b'0', 1)[..200].to_vec(), "gzip stream is damaged"),
    ];
    for (name, bytes, says) in cases {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).expect("writes");
        let report = with_train(&path);
        assert!(codes(&report).contains(&"overfitting".to_owned()), "{name}: the log was not looked at");
        if says.is_empty() {
            continue;
        }
        let dataset = agent(&report, "dataset");
        let reason = dataset["reason"].as_str().unwrap_or_else(|| panic!("{name}: no reason"));
        assert!(dataset["status"] == "failed" && reason.starts_with("train: ") && reason.contains(says), "{name}: {reason}");
    }
    std::fs::create_dir(dir.path().join("none")).expect("a folder");
    // A folder is a table in parts: one that cannot be read is named.
    for (path, says) in [
        (dir.path().join("no/such.csv"), "No such file"),
        (dir.path().join("none"), "names no file of a table"),
        (dir.path().to_owned(), "bomb.csv.gz: "),
    ] {
        let report = with_train(&path);
        let reason = agent(&report, "dataset")["reason"].as_str().expect("a reason").to_owned();
        assert!(reason.contains(says) && codes(&report).contains(&"overfitting".to_owned()), "{reason}");
    }
}

#[test]
fn odd_but_readable_tables_are_read() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).expect("writes");
        path
    };
    let rows: String = (0..200)
        .map(|i| format!("{},{},{}\n", if i % 2 == 0 { "inf".to_owned() } else { i.to_string() }, i * 7 % 31, i % 2))
        .collect();
    let infinite = with_train(&file("inf.csv", format!("a,b,y\n{rows}").as_bytes()));
    assert!(codes(&infinite).contains(&"outliers".to_owned()));
    let missing = with_train(&file("label.csv", b"a,b\n1,2\n"));
    let finding = missing["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|f| f["code"] == "artifact_mismatch")
        .expect("the label is absent");
    assert!(finding["title"].as_str().is_some_and(|t| t.contains("`y`")));
    let null = with_train(&file("null.csv", format!("a,y\n{}", "1,\n".repeat(50)).as_bytes()));
    assert!(codes(&null).contains(&"artifact_incomplete".to_owned()));
    let latin = with_train(&file("latin.csv", b"name,y\ncaf\xe9,1\n"));
    assert!(latin["notes"].to_string().contains("windows-1252"));
    for one in ["a,y\n1,0\n", "y\n1\n", "a;b;y\n1;2;0\n", "a\tb\ty\n1\t2\t0\n", "{\"a\":1,\"y\":0}\n", "[{\"a\":1,\"y\":0}]"] {
        let report = with_train(&file("one.csv", one.as_bytes()));
        assert_eq!(agent(&report, "dataset")["status"], "completed", "{one:?}: {}", agent(&report, "dataset")["reason"]);
    }
}

#[test]
fn ten_thousand_columns_are_looked_at() {
    let dir = tempfile::tempdir().expect("a folder");
    let names: Vec<String> = (0..10_000).map(|i| format!("c{i}")).collect();
    let row = |r: u32| (0..10_000_u32).map(|c| (c.wrapping_mul(r + 1) % 997).to_string()).collect::<Vec<_>>().join(",");
    let text = format!("{}\n{}\n", names.join(","), (0..20).map(row).collect::<Vec<_>>().join("\n"));
    let path = dir.path().join("wide.csv");
    std::fs::write(&path, text).expect("writes");
    let html = dir.path().join("report.html");
    let report = analyze(&["--train".to_owned(), path.display().to_string(), "--html".to_owned(), html.display().to_string()]);
    assert_eq!(agent(&report, "dataset")["status"], "completed");
    assert!(std::fs::metadata(html).expect("written").len() < 2_000_000);
}

#[test]
fn artifacts_of_different_runs_are_told_apart() {
    let corpus = support::root().join("testdata/runs/corpus");
    // A run of 15 epochs beside a checkpoint of the 80th.
    let report = analyze(&[
        "--metrics".to_owned(),
        corpus.join("rd7bc00f2/metrics.csv").display().to_string(),
        "--checkpoint".to_owned(),
        flights().join("last.ckpt").display().to_string(),
    ]);
    assert!(codes(&report).contains(&"artifact_mismatch".to_owned()), "{:?}", codes(&report));
}

#[test]
fn a_server_bounds_bodies_and_waits_for_nobody_long() {
    let environment = [
        ("DEEPFIX_GATEWAY__MAX_BODY".to_owned(), "1MiB".to_owned()),
        ("DEEPFIX_GATEWAY__BODY_IDLE_TIMEOUT".to_owned(), "300ms".to_owned()),
    ];
    let server = Server::start(&["up"], &environment);
    let large = vec![b' '; 2 << 20];
    let answer = http(server.address, "POST", "/v1/analyses", &[("Content-Type", "application/json")], &large);
    assert!(answer.status == 413 && answer.json()["error"]["code"] == "TOO_LARGE", "{}", answer.status);
    assert_eq!(http(server.address, "POST", "/v1/analyse", &[], &large).status, 413);

    let deep = [vec![b'['; 10_000], vec![b']'; 10_000]].concat();
    let answer = http(server.address, "POST", "/v1/analyses", &[("Content-Type", "application/json")], &deep);
    assert!(answer.status == 400, "{}", answer.status);
    let deep_inline = json!({ "artifacts": [{ "kind": "deepchecks", "inline": String::from_utf8(deep).expect("text") }] });
    let answer =
        http(server.address, "POST", "/v1/analyses", &[("Content-Type", "application/json")], deep_inline.to_string().as_bytes());
    assert_eq!(agent(&answer.json(), "checks")["status"], "failed");

    for uri in ["file:///etc/passwd", "https://example.org/x.csv", "upload://../../etc/passwd", "upload://00ff"] {
        let body = json!({ "artifacts": [{ "kind": "train", "uri": uri }] });
        let report =
            http(server.address, "POST", "/v1/analyses", &[("Content-Type", "application/json")], body.to_string().as_bytes())
                .json();
        assert_eq!(agent(&report, "dataset")["status"], "failed", "{uri}");
        assert_eq!(report["provenance"]["inputs"], json!([]), "{uri} was read");
    }

    // Clients that send a byte and then nothing: they are let go, and nobody waits behind them.
    let mut slow: Vec<TcpStream> = (0..40)
        .map(|_| {
            let mut stream = TcpStream::connect(server.address).expect("connects");
            stream
                .write_all(
                    b"POST /v1/analyses HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
                )
                .expect("sends");
            stream
        })
        .collect();
    assert_eq!(http(server.address, "GET", "/health", &[], b"").status, 200);
    for stream in &mut slow {
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a time-out");
        let mut head = [0; 12];
        stream.read_exact(&mut head).expect("an answer comes without the rest of the body");
        assert_eq!(&head, b"HTTP/1.1 504");
    }
}

#[test]
fn an_artifact_that_never_reaches_the_server_is_a_named_gap() {
    let server = Server::start(&["up"], &[("DEEPFIX_LIMITS__MAX_ARTIFACT".to_owned(), "100KiB".to_owned())]);
    let dir = tempfile::tempdir().expect("a folder");
    let large = dir.path().join("large.csv");
    std::fs::write(&large, "a,b\n".repeat(60_000)).expect("writes");
    for (path, says) in [(large, "over the limit of 102400 bytes"), (dir.path().join("none.csv"), "cannot read")] {
        let report = analyze(&[
            "--train".to_owned(),
            path.display().to_string(),
            "--metrics".to_owned(),
            flights().join("metrics.csv").display().to_string(),
            "--server".to_owned(),
            server.url(),
        ]);
        assert_eq!(agent(&report, "dataset")["status"], "failed");
        let reason = agent(&report, "dataset")["reason"].as_str().expect("a reason").to_owned();
        assert!(reason.contains(says) && codes(&report).contains(&"overfitting".to_owned()), "{reason}");
    }
    let output = support::run(&["analyze", "-q", "--metrics", "x.csv", "--timeout", "inf"]);
    assert_eq!(output.status.code(), Some(2));
    let metrics = flights().join("metrics.csv").display().to_string();
    let output = support::run(&["analyze", "-q", "--metrics", &metrics, "--server", "http://127.0.0.1:9"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && said.contains("http://127.0.0.1:9 cannot be reached"), "{said}");
}

#[test]
fn requests_beyond_the_limit_are_told_to_come_back() {
    let server = Server::start(&["up"], &[("DEEPFIX_GATEWAY__MAX_CONCURRENT".to_owned(), "2".to_owned())]);
    // What the server itself counts says when a request has come in or left.
    let until_running = |wanted: usize| {
        let line = format!("deepfix_gateway_analyses_running {wanted}");
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let metrics = String::from_utf8(http(server.admin, "GET", "/metrics", &[], b"").body).expect("text");
            if metrics.lines().any(|l| l == line) {
                break;
            }
            assert!(Instant::now() < deadline, "never {wanted} analyses under way:\n{metrics}");
        }
    };
    // Two requests that are never finished take both places.
    let held: Vec<TcpStream> = (1..=2)
        .map(|place| {
            let mut stream = TcpStream::connect(server.address).expect("connects");
            stream
                .write_all(
                    b"POST /v1/analyses HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
                )
                .expect("sends");
            until_running(place);
            stream
        })
        .collect();
    let ask = |path: &str, accept: &str| {
        http(server.address, "POST", path, &[("Content-Type", "application/json"), ("Accept", accept)], b"{}")
    };
    let refused = ask("/v1/analyses", "text/event-stream");
    assert!(refused.status == 429 && refused.head.to_lowercase().contains("retry-after"), "{}", refused.head);
    assert_eq!(ask("/v1/analyse", "*/*").status, 429);
    assert_eq!(http(server.address, "GET", "/health", &[], b"").status, 200);
    drop(held);
    // Their places are free again once they have left.
    until_running(0);
    assert_eq!(ask("/v1/analyses", "*/*").status, 400);
}
