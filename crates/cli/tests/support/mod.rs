//! What the end-to-end tests share: the binary, servers that are stopped when a test ends, and a
//! plain HTTP client.

#![allow(dead_code, unreachable_pub, missing_debug_implementations, reason = "shared by test files, each of which uses its part")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    time::Duration,
};

use serde_json::Value;

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository")
}

pub fn flights() -> PathBuf {
    root().join("examples/flights")
}

pub fn deepfix() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deepfix"));
    command.env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

pub fn run(args: &[&str]) -> Output {
    deepfix().args(args).output().expect("the binary runs")
}

/// The flags that name every artifact of a demo folder.
pub fn demo_flags(folder: &Path) -> Vec<String> {
    let file = |name: &str| folder.join(name).display().to_string();
    let checkpoint = if folder.join("best.ckpt").exists() { "best.ckpt" } else { "last.ckpt" };
    let mut flags: Vec<String> = ["--label", "late", "--datetime", "time_hour"].map(str::to_owned).to_vec();
    for (flag, name) in [
        ("--train", "train.parquet"),
        ("--test", "test.parquet"),
        ("--metrics", "metrics.csv"),
        ("--params", "hparams.yaml"),
        ("--layer-stats", "layer_stats.csv"),
        ("--checkpoint", checkpoint),
        ("--deepchecks", "deepchecks.json"),
    ] {
        flags.extend([flag.to_owned(), file(name)]);
    }
    flags
}

/// A report as JSON, from `analyze` with these flags.
pub fn analyze(flags: &[String]) -> Value {
    let output = deepfix().args(["analyze", "-q", "--format", "json"]).args(flags).output().expect("the binary runs");
    assert!(output.status.success(), "exit {:?}: {}", output.status.code(), String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("a JSON report alone on standard output")
}

pub fn codes(report: &Value) -> Vec<String> {
    let mut codes: Vec<String> =
        report["findings"].as_array().expect("findings").iter().map(|f| f["code"].as_str().expect("a code").to_owned()).collect();
    codes.sort();
    codes.dedup();
    codes
}

pub fn agent<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["agents"].as_array().expect("agents").iter().find(|a| a["name"] == name).expect("the agent is listed")
}

/// A server process, stopped when dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    pub admin: SocketAddr,
}

impl Server {
    /// Starts `deepfix` with these arguments on free ports and waits until it says that it is ready.
    pub fn start(args: &[&str], environment: &[(String, String)]) -> Self {
        let child = deepfix()
            .args(args)
            .args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
            .envs(environment.iter().map(|(k, v)| (k.as_str(), v.as_str())))
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("the binary starts");
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut server = Self { child, address: unknown, admin: unknown };
        let stderr = server.child.stderr.take().expect("piped");
        let (sender, receiver) = mpsc::channel();
        // The pipe is read to its end, so that the server never blocks on it.
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut seen = Vec::new();
        loop {
            let line = receiver.recv_timeout(Duration::from_secs(60)).unwrap_or_else(|_| panic!("not ready: {seen:?}"));
            let found: Vec<SocketAddr> = line
                .split(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':'))
                .filter_map(|word| word.trim_matches(['.', ':']).parse().ok())
                .collect();
            if let [address, admin, ..] = found[..]
                && line.contains("ready")
            {
                (server.address, server.admin) = (address, admin);
                return server;
            }
            seen.push(line);
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status().expect("kill runs");
        assert!(status.success(), "kill {signal}");
    }

    /// Waits for the process to end by itself.
    pub fn wait(mut self) -> Option<i32> {
        self.child.wait().expect("it ends").code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been killed by the test; both calls then fail, as they should.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The seven services as seven processes.
pub struct Seven {
    pub gateway: Server,
    pub services: Vec<(&'static str, Server)>,
    _store: tempfile::TempDir,
}

impl Seven {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    pub fn start_with(more: &[(String, String)]) -> Self {
        let store = tempfile::tempdir().expect("a folder");
        let mut environment = vec![("DEEPFIX_STORE__PATH".to_owned(), store.path().display().to_string())];
        environment.extend_from_slice(more);
        let names = [
            ("dataset", "dataset-agent"),
            ("training", "training-agent"),
            ("checks", "checks-agent"),
            ("checkpoint", "checkpoint-agent"),
            ("kb", "kb"),
            ("reasoning", "reasoning"),
        ];
        let mut services = Vec::new();
        for (short, service) in names {
            let server = Server::start(&["serve", service], &environment);
            environment.push((format!("DEEPFIX_GATEWAY__SERVICES__{}__TARGET", short.to_uppercase()), server.url()));
            services.push((short, server));
        }
        let gateway = Server::start(&["serve", "gateway"], &environment);
        Self { gateway, services, _store: store }
    }

    pub fn service(&self, name: &str) -> &Server {
        &self.services.iter().find(|s| s.0 == name).expect("a service").1
    }
}

/// An answer of a server.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&self.body)))
    }
}

/// Sends a request and reads the whole answer.
pub fn http(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut stream = open(address, method, path, headers, body);
    let mut raw = Vec::new();
    stream.read_to_end(&mut raw).expect("an answer");
    parse(&raw)
}

/// Sends a request and leaves the answer to be read.
pub fn open(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("connects");
    stream.set_read_timeout(Some(Duration::from_secs(120))).expect("a time-out");
    let mut head =
        format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).expect("sends");
    // A server that refuses early may close before the body is through; its answer still counts.
    let _ = stream.write_all(body);
    stream
}

pub fn parse(raw: &[u8]) -> Answer {
    let end =
        raw.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or_else(|| panic!("no answer: {}", String::from_utf8_lossy(raw)));
    let head = String::from_utf8_lossy(&raw[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("a status");
    let mut body = raw[end + 4..].to_vec();
    if head.to_lowercase().contains("transfer-encoding: chunked") {
        body = unchunked(&body);
    }
    Answer { status, head, body }
}

fn unchunked(mut raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(line) = raw.windows(2).position(|w| w == b"\r\n") {
        let size = usize::from_str_radix(String::from_utf8_lossy(&raw[..line]).trim(), 16).unwrap_or(0);
        if size == 0 {
            break;
        }
        out.extend_from_slice(&raw[line + 2..line + 2 + size]);
        raw = &raw[line + 2 + size + 2..];
    }
    out
}

/// A multipart body and its content type.
pub fn multipart(parts: &[(&str, Option<&str>, Vec<u8>)]) -> (String, Vec<u8>) {
    const BOUNDARY: &str = "deepfix-test-boundary";
    let mut body = Vec::new();
    for (name, file, content) in parts {
        let file = file.map(|f| format!("; filename=\"{f}\"")).unwrap_or_default();
        body.extend_from_slice(
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n").as_bytes(),
        );
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={BOUNDARY}"), body)
}

/// The events of a server-sent stream: name and data.
pub fn events(text: &str) -> Vec<(u64, String, Value)> {
    text.split("\n\n")
        .filter_map(|block| {
            let field = |name: &str| block.lines().find_map(|l| l.strip_prefix(name)).map(str::trim);
            let data = field("data:")?;
            Some((field("id:")?.parse().ok()?, field("event:")?.to_owned(), serde_json::from_str(data).ok()?))
        })
        .collect()
}
