//! Artifacts by address: fetched by whoever may, and a named gap otherwise.

mod support;

use std::{
    io::{Read, Write},
    net::TcpListener,
};

use serde_json::json;
use support::{Server, analyze, codes, flights, http};

/// Serves one file to everybody, on a thread of its own.
fn serve(body: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut head = [0; 8192];
            // A caller that leaves early is its own affair.
            let _ = stream.read(&mut head);
            let _ = write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(&body);
        }
    });
    format!("http://{address}/train.parquet")
}

#[test]
fn an_address_on_the_command_line_is_fetched() {
    let file = flights().join("train.parquet");
    let flags = |train: String| ["--train".to_owned(), train, "--label".to_owned(), "late".to_owned()];
    let local = analyze(&flags(file.display().to_string()));
    let fetched = analyze(&flags(serve(std::fs::read(&file).expect("reads"))));
    assert!(!codes(&local).is_empty());
    assert_eq!(codes(&fetched), codes(&local));
    assert_eq!(fetched["provenance"]["inputs"], local["provenance"]["inputs"]);
}

#[test]
fn a_server_fetches_only_what_it_is_told_to() {
    let place = serve(b"a,b\n1,2\n".to_vec());
    let cache = tempfile::tempdir().expect("a folder");
    let server = Server::start(&["up"], &[("XDG_CACHE_HOME".to_owned(), cache.path().display().to_string())]);
    let body = json!({ "artifacts": [
        { "kind": "train", "uri": place },
        { "kind": "metrics", "inline": "epoch,train_loss,val_loss\n0,1,1\n1,0.5,0.6\n2,0.4,0.5\n3,0.3,0.4\n" },
    ] });
    let answer =
        http(server.address, "POST", "/v1/analyses", &[("Content-Type", "application/json")], body.to_string().as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.head);
    let answer = answer.json();
    let agents = answer["agents"].as_array().expect("a list");
    let reason = |name: &str| agents.iter().find(|a| a["name"] == name).expect("listed")["reason"].to_string();
    assert!(reason("dataset").contains("gateway.allowed_urls"), "{}", reason("dataset"));
    assert_eq!(agents.iter().find(|a| a["name"] == "training").expect("listed")["status"], "completed");
}
