//! The surfaces that others build on: command line, report schema, REST, the SDK's routes, gRPC.

mod support;

use serde_json::{Value, json};
use support::{Server, agent, analyze, codes, deepfix, demo_flags, events, flights, http, multipart, root, run};

fn up() -> Server {
    let cache = std::env::temp_dir().join("deepfix-contract-tests");
    Server::start(&["up"], &[("XDG_CACHE_HOME".to_owned(), cache.display().to_string())])
}

fn schema() -> jsonschema::Validator {
    let schema: Value =
        serde_json::from_slice(&std::fs::read(root().join("docs/report.schema.json")).expect("published")).expect("JSON");
    jsonschema::validator_for(&schema).expect("a schema")
}

fn valid(report: &Value) {
    let schema = schema();
    let errors: Vec<String> = schema.iter_errors(report).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

#[test]
fn reports_are_what_the_published_schema_says() {
    valid(&analyze(&demo_flags(&flights())));
    // One with numbers that are not finite, and one without anything measured.
    let run_dir = root().join("testdata/runs/corpus/r1dfa0d19");
    let report = analyze(&["--run-dir".to_owned(), run_dir.display().to_string()]);
    assert!(
        codes(&report).contains(&"exploding_loss".to_owned()) && codes(&report).contains(&"nan_loss".to_owned()),
        "{:?}",
        codes(&report)
    );
    assert!(report.to_string().contains("\"Infinity\""));
    valid(&report);
    let mut broken = report;
    broken["findings"][0]["severity"] = json!("critical");
    assert!(!schema().is_valid(&broken), "the schema refuses what is wrong");
}

#[test]
fn a_run_folder_gives_all_its_artifacts() {
    for (run, artifacts) in
        [("r20d6a568", vec!["checkpoint", "metrics", "params"]), ("r055d89d9", vec!["layer_stats", "metrics", "params"])]
    {
        let report = analyze(&["--run-dir".to_owned(), root().join("testdata/runs/corpus").join(run).display().to_string()]);
        let mut read: Vec<&str> = report["provenance"]["inputs"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|i| i["artifact"].as_str().expect("text"))
            .collect();
        read.sort_unstable();
        read.dedup();
        // Layer statistics exist for some runs only.
        for artifact in artifacts.iter().filter(|a| **a != "layer_stats") {
            assert!(read.contains(artifact), "{run}: {read:?}");
        }
        assert!(!report.to_string().contains("labels.json"));
    }
}

#[test]
fn exit_codes_are_the_documented_ones() {
    let metrics = root().join("testdata/runs/corpus/r1dfa0d19/metrics.csv").display().to_string();
    let code = |args: &[&str]| run(args).status.code();
    assert_eq!(code(&["analyze", "-q", "--metrics", &metrics]), Some(0));
    assert_eq!(code(&["analyze", "-q", "--metrics", &metrics, "--fail-on", "high"]), Some(1));
    assert_eq!(code(&["analyze"]), Some(2));
    assert_eq!(code(&["analyze", "--no-such-flag"]), Some(2));
    assert_eq!(code(&["analyze", "-q", "--metrics", "no/such/file.csv"]), Some(3));
    assert_eq!(code(&["explain", "no_such_code"]), Some(2));
    assert_eq!(code(&["explain", "target_leakage"]), Some(0));
    assert_eq!(code(&["healthcheck", "--admin", "127.0.0.1:9"]), Some(1));
    assert_eq!(code(&["completions", "bash"]), Some(0));
    assert_eq!(code(&["config"]), Some(0));
}

#[test]
fn every_format_is_well_formed() {
    let flags = demo_flags(&flights());
    let render = |format: &str| {
        let output = deepfix().args(["analyze", "-q", "--format", format]).args(&flags).output().expect("runs");
        assert!(output.status.success());
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let terminal = render("terminal");
    assert!(terminal.lines().all(|l| l.chars().count() <= 80), "a line is wider than 80 columns:\n{terminal}");
    assert!(
        !terminal.contains('\u{1b}')
            && terminal.contains("high[target_leakage]")
            && terminal.contains("root cause[leak_explains_performance]")
    );
    let html = render("html");
    assert!(
        html.len() < 2_000_000 && html.contains("<svg") && !html.contains("<script") && html.contains("prefers-color-scheme")
    );
    let sarif: Value = serde_json::from_str(&render("sarif")).expect("JSON");
    assert_eq!(sarif["version"], "2.1.0");
    assert_eq!(
        sarif["runs"][0]["results"].as_array().expect("results").len(),
        analyze(&flags)["findings"].as_array().expect("findings").len()
    );
    let junit = render("junit");
    assert!(
        junit.starts_with("<?xml") && junit.contains("<failure type=\"high\"") && junit.trim_end().ends_with("</testsuites>")
    );
    assert!(render("markdown").contains("# DeepFix"));
}

#[test]
fn every_code_an_agent_can_emit_has_a_page() {
    let output = run(&["agents", "--json"]);
    let agents: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let mut seen = 0;
    let fixes = deepfix_reasoning::Fixes::embedded().expect("the table reads");
    let mut planned: std::collections::BTreeSet<&str> = fixes.codes().collect();
    for agent in agents.as_array().expect("a list") {
        for code in agent["fault_codes"].as_array().expect("codes") {
            let page = root().join("knowledge").join(format!("{}.md", code.as_str().expect("text")));
            assert!(page.exists(), "{code} of {} has no page", agent["name"]);
            assert!(fixes.codes().any(|c| code == c), "{code} of {} has no entry in plan.toml", agent["name"]);
            planned.remove(code.as_str().expect("text"));
            seen += 1;
        }
    }
    assert!(seen > 50, "{seen}");
    assert!(planned.is_empty(), "no agent finds {planned:?}");
}

#[test]
fn the_rest_routes_answer_as_documented() {
    let server = up();
    let at = |method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]| http(server.address, method, path, headers, body);
    assert_eq!(at("GET", "/health", &[], b"").json()["status"], "ok");
    let page = at("GET", "/", &[], b"");
    assert!(page.head.contains("content-security-policy") && page.status == 200);

    let published: Value =
        serde_json::from_slice(&std::fs::read(root().join("docs/openapi.json")).expect("published")).expect("JSON");
    let described = at("GET", "/openapi.json", &[], b"").json();
    assert_eq!(described, published, "docs/openapi.json is out of date: DEEPFIX_BLESS=1 cargo test -p deepfix-gateway");
    for (path, methods) in described["paths"].as_object().expect("paths") {
        for method in methods.as_object().expect("methods").keys() {
            let status = at(&method.to_uppercase(), &path.replace("{id}", "x"), &[], b"").status;
            assert!(status != 405, "{method} {path} is described and not served");
        }
    }

    let metrics = std::fs::read(flights().join("metrics.csv")).expect("committed");
    let uploaded = at("POST", "/v1/artifacts", &[], &metrics).json();
    assert_eq!(uploaded["size"], metrics.len());
    let body = json!({ "artifacts": [{ "kind": "metrics", "upload": uploaded["uri"] }], "dataset_name": "flights" });
    let report = at("POST", "/v1/analyses", &[("Content-Type", "application/json")], body.to_string().as_bytes()).json();
    assert!(codes(&report).contains(&"overfitting".to_owned()) && report["dataset_name"] == "flights");
    assert_eq!(report["provenance"]["inputs"][0]["digest"], uploaded["digest"]);

    let (content_type, body) = multipart(&[("metrics", Some("metrics.csv"), metrics)]);
    let answer = at("POST", "/v1/analyses", &[("Content-Type", &content_type), ("Accept", "text/event-stream")], &body);
    let events = events(&String::from_utf8_lossy(&answer.body));
    let names: Vec<&str> = events.iter().map(|e| e.1.as_str()).collect();
    assert_eq!(names[0], "accepted");
    assert_eq!(names.last(), Some(&"report"));
    for name in ["agent_started", "agent_progress", "finding", "agent_completed", "agent_skipped", "knowledge_retrieved"] {
        assert!(names.contains(&name), "{name} is missing: {names:?}");
    }
    assert!(events.windows(2).all(|w| w[0].0 < w[1].0), "ids increase");

    for format in ["html", "markdown", "sarif", "junit", "terminal", "json"] {
        let rendered = at(
            "POST",
            &format!("/v1/render?format={format}"),
            &[("Content-Type", "application/json")],
            report.to_string().as_bytes(),
        );
        assert!(rendered.status == 200 && !rendered.body.is_empty(), "{format}");
    }
    let found = at("GET", "/v1/knowledge/search?q=nan%20loss%20after%20a%20few%20steps&limit=3", &[], b"").json();
    assert!(
        found["known"] == true && found["hits"].as_array().is_some_and(|h| h.len() <= 3 && h[0]["page_id"] == "nan_loss"),
        "{found}"
    );
    assert_eq!(at("GET", "/v1/knowledge/search?q=pizza%20napoletana", &[], b"").json()["hits"], json!([]));
    for path in [
        "/v1/knowledge/search?q=",
        "/v1/knowledge/search?q=x&limit=0",
        "/v1/knowledge/search?q=x&limit=101",
        "/v1/knowledge/search?q=x&limit=y",
    ] {
        let answer = at("GET", path, &[], b"");
        assert!(answer.status == 400 && answer.json()["error"]["code"] == "INVALID_ARGUMENT", "{path}");
    }
    for admin in ["/livez", "/readyz", "/startupz", "/metrics"] {
        assert_eq!(http(server.admin, "GET", admin, &[], b"").status, 200, "{admin}");
    }
    let metrics = String::from_utf8(http(server.admin, "GET", "/metrics", &[], b"").body).expect("text");
    assert!(metrics.contains("deepfix_gateway_analyses_total{outcome=\"completed\"}"), "{metrics}");
}

#[test]
fn the_sdk_gets_what_its_validator_accepts() {
    let server = up();
    let json = [("Content-Type", "application/json")];
    for file in std::fs::read_dir(root().join("testdata/sdk-requests")).expect("committed").map(|e| e.expect("an entry").path()) {
        let body = std::fs::read(&file).expect("reads");
        for path in ["/v1/analyse", "/api/v1/analyze", "//v2/analyse"] {
            let answer = http(server.address, "POST", path, &json, &body);
            let job = answer.json();
            assert_eq!(answer.status, if path.contains("v2") { 202 } else { 200 }, "{}", file.display());
            assert_eq!(job["status"], "COMPLETED");
            assert!(job["job_id"].is_string() && job["result"]["summary"].is_string());
            let agents = job["result"]["agent_results"].as_object().expect("agents");
            assert!(
                agents["CrossArtifactReasoningAgent"]["analysis"].as_array().is_some_and(|a| !a.is_empty()),
                "to_text() needs a finding"
            );
            for (name, result) in agents {
                assert_eq!(result["agent_name"], *name);
                for analysis in result["analysis"].as_array().expect("never null") {
                    let finding = &analysis["findings"];
                    assert!(["low", "medium", "high"].contains(&finding["severity"].as_str().expect("text")));
                    assert!((0.0..=1.0).contains(&finding["confidence"].as_f64().expect("a number")));
                    assert!(finding["description"].is_string() && finding["evidence"].is_string());
                    assert!(
                        finding["bug_type"].is_null()
                            || ["performance", "search"].contains(&finding["bug_type"].as_str().expect("text"))
                    );
                    let fix = &analysis["recommendations"];
                    assert!(fix["action"].is_string() && fix["rationale"].is_string() && fix["confidence"].is_number());
                }
            }
            if path.contains("v2") {
                let poll = http(server.address, "GET", &format!("/v2/jobs/{}", job["job_id"].as_str().expect("an id")), &[], b"");
                assert!(poll.status == 200 && poll.json()["status"] == "COMPLETED");
            }
        }
    }
    let empty = http(server.address, "POST", "/v1/analyse", &json, b"{}");
    assert!(empty.status == 200 && empty.json()["status"] == "COMPLETED");
    assert_eq!(http(server.address, "POST", "/v1/analyse", &json, b"{").status, 422);
    let wrong = http(server.address, "POST", "/v1/analyse", &json, br#"{"dataset_artifacts": 5}"#);
    assert!(wrong.status == 422 && wrong.json()["detail"][0]["loc"][1] == "dataset_artifacts");
    // Each wrong field is named, with what was sent.
    let several = br#"{"dataset_name": 5, "verify_repairs": {}, "original_code": [1], "deepchecks_artifacts": {"x": 1}}"#;
    let wrong = http(server.address, "POST", "/v2/analyse", &json, several);
    let detail = wrong.json()["detail"].as_array().expect("a list").clone();
    let fields: Vec<String> = detail
        .iter()
        .map(|error| {
            error["loc"]
                .as_array()
                .expect("a place")
                .iter()
                .skip(1)
                .map(|p| p.as_str().expect("a name"))
                .collect::<Vec<_>>()
                .join(".")
        })
        .collect();
    assert_eq!(wrong.status, 422);
    assert_eq!(
        fields,
        ["deepchecks_artifacts.dataset_name", "deepchecks_artifacts.results", "dataset_name", "original_code", "verify_repairs"]
    );
    assert!(detail[2]["type"] == "string_type" && detail[2]["input"] == 5, "{detail:?}");
    // What is only found on decoding fails a blocking request, and a job.
    let undecodable = br#"{"dataset_artifacts": {"dataset_name": "d", "task_type": "tabular_classification"}}"#;
    let blocked = http(server.address, "POST", "/v1/analyse", &json, undecodable);
    assert!(blocked.status == 400 && blocked.json()["detail"].as_str().expect("a text").starts_with("Error decoding request: "));
    let job = http(server.address, "POST", "/v2/analyse", &json, undecodable);
    assert!(
        job.status == 202 && job.json()["status"] == "FAILED" && job.json()["error"].to_string().contains("train_statistics")
    );
    let method = http(server.address, "GET", "/v1/analyse", &[], b"");
    assert!(method.status == 405 && method.json()["detail"] == "Method Not Allowed");
    let missing = http(server.address, "GET", "/v2/jobs/none", &[], b"");
    assert!(missing.status == 404 && missing.json()["detail"] == "Job not found");
}

#[test]
fn a_server_with_keys_answers_those_who_have_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("keys");
    std::fs::write(&file, "# teams\nalpha-key\n\nbeta-key\n").expect("writes");
    let variable = |name: &str, path: &std::path::Path| (format!("DEEPFIX_{name}"), path.display().to_string());
    let server =
        Server::start(&["up"], &[variable("GATEWAY__API_KEYS", &file), variable("STORE__PATH", &folder.path().join("store"))]);
    let json = ("Content-Type", "application/json");
    let ask = |path: &str, key: Option<&str>| {
        let mut headers = vec![json];
        headers.extend(key.map(|key| ("Authorization", key)));
        http(server.address, "POST", path, &headers, b"{}")
    };
    for key in [None, Some("Bearer None"), Some("Bearer "), Some("Bearer alpha-ke"), Some("alpha-key")] {
        for path in ["/v1/analyse", "//v2/analyse", "/api/v2/analyse"] {
            let answer = ask(path, key);
            assert!(answer.status == 401 && answer.json()["detail"] == "Invalid API key", "{path} {key:?}: {}", answer.head);
        }
        let answer = ask("/v1/analyses", key);
        assert!(answer.status == 401 && answer.json()["error"]["code"] == "UNAUTHENTICATED", "{}", answer.head);
    }
    assert_eq!(ask("/v1/analyse", Some("Bearer beta-key")).status, 200);
    assert_eq!(ask("/v1/analyses", Some("Bearer alpha-key")).status, 400, "let in, and empty");
    for open in ["/", "/health", "/openapi.json"] {
        assert_eq!(http(server.address, "GET", open, &[], b"").status, 200, "{open}");
    }
    // A job is answered to the key that submitted it.
    let job = ask("/v2/analyse", Some("Bearer alpha-key")).json()["job_id"].as_str().expect("an id").to_owned();
    for (key, status, listed) in [("Bearer alpha-key", 200, 1), ("Bearer beta-key", 404, 0)] {
        let get = |path: &str| http(server.address, "GET", path, &[("Authorization", key)], b"");
        assert_eq!(get(&format!("/v2/jobs/{job}")).status, status, "{key}");
        assert_eq!(get("/v2/jobs").json()["jobs"].as_array().expect("a list").len(), listed, "{key}");
    }
    // gRPC, as the command line speaks it.
    let metrics = flights().join("metrics.csv").display().to_string();
    let by_grpc = |key: &str| {
        let mut command = deepfix();
        command.args(["analyze", "-q", "--format", "json", "--metrics", &metrics, "--server", &server.url()]);
        command.env("DEEPFIX_API_KEY", key).output().expect("runs")
    };
    assert!(by_grpc("alpha-key").status.success());
    let refused = by_grpc("wrong");
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("no valid key"), "{refused:?}");
    // A server that was to be closed does not open because its keys are missing.
    std::fs::write(&file, "# none yet\n").expect("writes");
    let opened = deepfix()
        .args(["up", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
        .env("DEEPFIX_GATEWAY__API_KEYS", &file)
        .output()
        .expect("runs");
    assert!(!opened.status.success() && String::from_utf8_lossy(&opened.stderr).contains("holds no key"), "{opened:?}");
}

#[test]
fn the_sdk_is_told_what_does_not_fit_together() {
    let server = up();
    let body = std::fs::read(root().join("testdata/sdk-requests/tabular_classification_with_model.json")).expect("committed");
    let ask = |body: &Value| {
        let body = body.to_string();
        let job = http(server.address, "POST", "/v1/analyse", &[("Content-Type", "application/json")], body.as_bytes()).json();
        job["result"].clone()
    };
    let honest: Value = serde_json::from_slice(&body).expect("JSON");
    let answer = ask(&honest);
    assert!(!answer.to_string().contains("artifact_mismatch"), "a model's suffix is no other name");
    let agents = answer["agent_results"].as_object().expect("agents");
    let advice = agents["OptimizationAdvisorAgent"]["analysis"].as_array().expect("a list");
    assert!(!advice.is_empty());
    for name in ["DeepchecksArtifactsAnalyzer", "CrossArtifactReasoningAgent", "OptimizationAdvisorAgent"] {
        let pages = agents[name]["retrieved_knowledge"].as_array().expect("a list");
        assert!(!pages.is_empty() && pages.iter().all(Value::is_string), "{name}");
    }
    // Another dataset's checks, code along with them, and statistics from which no row count follows.
    let mut mixed = honest;
    mixed["deepchecks_artifacts"]["dataset_name"] = json!("wine");
    mixed["original_code"] = json!("print('hello')");
    mixed["dataset_artifacts"]["train_statistics"]["percentage_unique_values"] = Value::Null;
    // A check that only regressions run.
    let suite = mixed["deepchecks_artifacts"]["results"]["model_evaluation"].as_array_mut().expect("a suite");
    suite.push(json!({ "header": "Regression Systematic Error", "result": { "check": "Regression Systematic Error",
        "params": {}, "summary": "", "value": { "rmse": 3.1, "mean_error": 0.1 },
        "conditions_results": [{ "status": "PASS", "condition": "Bias ratio is less than 0.01", "more_info": "" }] } }));
    let answer = ask(&mixed);
    let joined = answer["agent_results"]["CrossArtifactReasoningAgent"]["analysis"].to_string();
    assert!(joined.contains("artifact_mismatch") && joined.contains("`wine`"), "{joined}");
    let notes = answer["additional_outputs"]["notes"].to_string();
    for said in ["verification:", "rows_unknown:", "task_mismatch:"] {
        assert!(notes.contains(said), "{said} in {notes}");
    }
    assert!(answer["agent_results"]["CrossArtifactReasoningAgent"]["analysis"][0]["verification"].is_null());
}

#[test]
fn the_sdk_request_with_a_model_shows_its_real_faults() {
    let server = up();
    let body = std::fs::read(root().join("testdata/sdk-requests/tabular_classification_with_model.json")).expect("committed");
    let job = http(server.address, "POST", "/v1/analyse", &[("Content-Type", "application/json")], &body).json();
    let text = job["result"].to_string();
    assert!(
        text.contains("near_duplicate_features") && text.contains("worst perimeter") && text.contains("weak_segment"),
        "{text}"
    );
}

#[tokio::test]
async fn grpc_answers_with_health_reflection_and_the_same_report() {
    use deepfix_api::analysis::{
        AnalysisSpec, AnalyzeRequest, MetricPoint, WatchTrainingRequest, analysis_service_client::AnalysisServiceClient,
    };
    use deepfix_api::artifact::{Artifact, ArtifactKind, artifact::Source};

    let server = up();
    let channel = tonic::transport::Endpoint::from_shared(server.url()).expect("a url").connect().await.expect("connects");
    let health = tonic_health::pb::health_client::HealthClient::new(channel.clone())
        .check(tonic_health::pb::HealthCheckRequest { service: "deepfix.analysis.v1.AnalysisService".to_owned() })
        .await
        .expect("health answers");
    assert_eq!(health.into_inner().status, 1);

    let mut reflection = tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient::new(channel.clone());
    let ask = tonic_reflection::pb::v1::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(tonic_reflection::pb::v1::server_reflection_request::MessageRequest::ListServices(String::new())),
    };
    let listed = reflection
        .server_reflection_info(tokio_stream::once(ask))
        .await
        .expect("reflection answers")
        .into_inner()
        .message()
        .await
        .expect("one")
        .expect("one");
    assert!(format!("{listed:?}").contains("deepfix.analysis.v1.AnalysisService"));

    let metrics = std::fs::read(flights().join("metrics.csv")).expect("committed");
    let artifact = |bytes: Vec<u8>| Artifact {
        kind: ArtifactKind::Metrics.into(),
        format: String::new(),
        file_name: "metrics.csv".to_owned(),
        source: Some(Source::Inline(bytes.into())),
    };
    let mut client = AnalysisServiceClient::new(channel);
    let spec = AnalysisSpec { artifacts: vec![artifact(metrics.clone())], ..AnalysisSpec::default() };
    let report =
        client.analyze(AnalyzeRequest { spec: Some(spec) }).await.expect("answers").into_inner().report.expect("a report");
    assert!(report.findings.iter().any(|f| f.code == "overfitting"));

    let refused = client.analyze(AnalyzeRequest { spec: Some(AnalysisSpec::default()) }).await.expect_err("nothing to look at");
    let error = deepfix_errors::Error::from_status(&refused);
    assert!(error.code == deepfix_errors::ErrorCode::InvalidArgument && error.fields[0].field == "artifacts", "{error:?}");

    // The same run, point by point: what its log shows is told while it runs.
    let point = |step: u64, value: f64| MetricPoint { key: "train_loss".to_owned(), value, step, epoch: Some(step as f64) };
    let pieces: Vec<WatchTrainingRequest> = (0..20)
        .map(|i| WatchTrainingRequest {
            points: vec![point(i, if i < 12 { 1.0 / (i + 1) as f64 } else { f64::NAN })],
            ..WatchTrainingRequest::default()
        })
        .collect();
    let mut watched = client.watch_training(tokio_stream::iter(pieces)).await.expect("answers").into_inner();
    let told = watched.message().await.expect("the stream goes on").expect("a finding");
    assert_eq!(told.finding.expect("set").code, "nan_loss");
    assert!(told.points < 20, "told before the end: {}", told.points);
}

#[test]
fn a_partial_request_lists_what_was_skipped_and_why() {
    let report = analyze(&["--metrics".to_owned(), flights().join("metrics.csv").display().to_string()]);
    for name in ["dataset", "checks", "checkpoint"] {
        assert_eq!(agent(&report, name)["status"], "skipped");
        assert!(agent(&report, name)["reason"].as_str().is_some_and(|r| r.contains("no ")));
    }
    let parts = report["readiness"]["parts"].as_array().expect("parts");
    assert!(parts.iter().filter(|p| p["score"].is_null()).count() == 3 && report["readiness"]["score"].is_number());
}

#[test]
fn the_documented_defaults_are_those_in_force() {
    let output = run(&["config"]);
    let defaults = String::from_utf8(output.stdout).expect("UTF-8");
    let page = std::fs::read_to_string(root().join("docs/configuration.md")).expect("there");
    assert!(page.contains(defaults.trim()), "docs/configuration.md does not show what `deepfix config` prints:\n{defaults}");
}

#[test]
fn the_readme_shows_what_the_demo_prints() {
    let output = deepfix().args(["analyze", "-q"]).args(demo_flags(&flights())).output().expect("runs");
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    let readme = std::fs::read_to_string(root().join("README.md")).expect("there");
    let shown =
        readme.split("It prints\n\n```\n").nth(1).and_then(|rest| rest.split("\n```").next()).expect("the README shows the demo");
    for line in shown.lines().filter(|l| *l != "...") {
        assert!(printed.contains(line), "the README shows {line:?}, the demo prints:\n{printed}");
    }
}

#[test]
fn only_what_was_asked_for_is_looked_for() {
    let look = |only: &str| {
        let mut flags = demo_flags(&flights());
        flags.extend(["--only".to_owned(), only.to_owned()]);
        analyze(&flags)
    };
    let report = look("leakage,outliers,no_such_fault");
    let found = codes(&report);
    assert!(found.contains(&"target_leakage".to_owned()), "{found:?}");
    let allowed = ["target_leakage", "id_leakage", "temporal_leakage", "train_test_overlap", "data_leakage", "outliers"];
    assert!(found.iter().all(|code| allowed.contains(&code.as_str())), "{found:?}");
    let checked = report["checked"].as_array().expect("a list");
    let of = |code: &str| checked.iter().find(|c| c["code"] == code).unwrap_or_else(|| panic!("{code} is not listed"));
    assert_eq!(of("covariate_shift")["not_checked"], "not asked for");
    assert!(of("outliers")["not_checked"].is_null());
    let unknown: Vec<&Value> =
        report["notes"].as_array().expect("a list").iter().filter(|n| n["code"] == "unknown_fault").collect();
    assert!(unknown.len() == 1 && unknown[0]["subject"] == "fault:no_such_fault", "{unknown:?}");
    assert!(report["retraining"].is_null(), "nobody looked whether anything moved: {}", report["retraining"]);
    // The whole report says the same of what both looked for.
    let whole = analyze(&demo_flags(&flights()));
    let leaks = |report: &Value| -> Vec<Value> {
        let all = report["findings"].as_array().expect("a list");
        all.iter().filter(|f| f["code"] == "target_leakage").map(|f| f["evidence"].clone()).collect()
    };
    assert_eq!(leaks(&report), leaks(&whole));
    valid(&report);
    let drift = look("drift,quality");
    assert!(!drift["retraining"].is_null(), "drift was looked for");
}
