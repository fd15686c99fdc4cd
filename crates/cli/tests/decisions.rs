//! What a report decides, what of it is asked for, and what it answers.

mod support;

use support::{analyze, codes, flights, run};

#[test]
fn questions_are_answered_from_the_report_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("report.json");
    let report = analyze(&["--metrics".to_owned(), flights().join("metrics.csv").display().to_string()]);
    std::fs::write(&path, report.to_string()).expect("writes");
    let ask = |question: &str| {
        let output = run(&["ask", path.to_str().expect("UTF-8"), question]);
        (
            output.status.code(),
            String::from_utf8(output.stdout).expect("UTF-8"),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let finding = report["findings"].as_array().expect("findings").iter().find(|f| f["code"] == "overfitting").expect("found");
    let (code, said, _) = ask("why does it overfit?");
    assert!(code == Some(0) && said.contains(finding["title"].as_str().expect("a title")), "{said}");
    let (_, said, _) = ask("who won the world cup");
    assert!(said.starts_with("The report does not tell"), "{said}");
    std::fs::write(&path, "{\"a\": 1}").expect("writes");
    let (code, _, error) = ask("why?");
    assert!(code == Some(2) && error.contains("no report of"), "{code:?} {error}");
}

#[test]
fn confidence_is_asked_for_by_agent_and_by_code() {
    let metrics = flights().join("metrics.csv").display().to_string();
    let with = |limits: &[&str]| {
        let mut flags = vec!["--metrics".to_owned(), metrics.clone()];
        limits.iter().for_each(|l| flags.extend(["--confidence-threshold".to_owned(), (*l).to_owned()]));
        codes(&analyze(&flags))
    };
    let all = with(&[]);
    assert!(all.contains(&"overfitting".to_owned()) && all.len() > 1, "{all:?}");
    assert!(with(&["training=1"]).is_empty());
    assert_eq!(with(&["training=1", "overfitting=0.1"]), ["overfitting"], "the code counts before the agent");
    assert_eq!(with(&["checks=1"]), all);
    let refused = run(&["analyze", "--metrics", &metrics, "--confidence-threshold", "training=2"]);
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("confidence_thresholds.training"));
}

#[test]
fn names_that_say_nothing_are_given_their_role() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = std::fs::read_to_string(flights().join("metrics.csv")).expect("the demo's log");
    let odd = folder.path().join("metrics.csv");
    std::fs::write(&odd, log.replacen("train_acc,train_loss,val_acc,val_auc,val_f1,val_loss", "a=1,b,c,d,e,f", 1))
        .expect("writes");
    let with = |roles: &[&str]| {
        let mut flags = vec!["--metrics".to_owned(), odd.display().to_string()];
        roles.iter().for_each(|role| flags.extend(["--metric-role".to_owned(), (*role).to_owned()]));
        analyze(&flags)
    };
    assert!(!codes(&with(&[])).contains(&"overfitting".to_owned()));
    let told = with(&[
        "a=1=train_accuracy",
        "b=train_loss",
        "c=val_accuracy",
        "d=val_auc",
        "e=val_metric:max",
        "f=val_loss",
        "g=ignore",
    ]);
    let named = analyze(&["--metrics".to_owned(), flights().join("metrics.csv").display().to_string()]);
    assert_eq!(codes(&told), codes(&named));
    let notes = told["notes"].to_string();
    assert!(notes.contains("e = val_metric:max") && notes.contains("the log has no g"), "{notes}");
    let refused = run(&["analyze", "--metrics", odd.to_str().expect("UTF-8"), "--metric-role", "b=loss"]);
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("train_ or val_"));
}

#[test]
fn a_retraining_decision_stands_beside_current_data_and_beside_an_earlier_run() {
    let show = |name: &str| flights().join(name).display().to_string();
    let tables = analyze(&["--reference".to_owned(), show("train.parquet"), "--current".to_owned(), show("test.parquet")]);
    let decision = &tables["retraining"];
    assert!(
        decision["drift_score"].is_number() && decision["urgency"].is_string() && decision["health"].is_string(),
        "{decision}"
    );

    let folder = tempfile::tempdir().expect("a folder");
    let earlier = folder.path().join("earlier.csv");
    std::fs::write(&earlier, "epoch,val_acc,val_loss\n0,0.90,0.30\n1,0.99,0.02\n2,0.98,0.03\n").expect("writes");
    let run =
        analyze(&["--metrics".to_owned(), show("metrics.csv"), "--baseline-metrics".to_owned(), earlier.display().to_string()]);
    let decision = &run["retraining"];
    let reason = &decision["triggers"][0];
    assert!(reason["kind"] == "metric_decline" && reason["value"].as_f64().is_some_and(|v| v >= 0.1), "{decision}");
    assert!(decision["urgency"] == "immediate" && decision["rule"] == "critical_immediate", "{decision}");
    assert!(analyze(&["--metrics".to_owned(), show("metrics.csv")])["retraining"].is_null());
}

#[test]
fn a_teams_own_page_is_cited_behind_the_shared_one_and_changes_are_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    let team = folder.path().join("vision");
    std::fs::create_dir(&team).expect("a folder");
    let page = |text: &str| {
        let front = "---\nid: stopping\ntitle: How vision stops\nfault_codes: [overfitting]\n---\n";
        std::fs::write(team.join("stopping.md"), format!("{front}{text}\n")).expect("writes");
    };
    page("Stop when the quokka sleeps.");
    let pages = folder.path().display().to_string();
    let server = support::Server::start(
        &["up"],
        &[("DEEPFIX_KB__PAGES".to_owned(), pages), ("DEEPFIX_KB__RELOAD".to_owned(), "50ms".to_owned())],
    );
    let cited = |namespace: &[&str]| {
        let mut flags = vec!["--metrics".to_owned(), flights().join("metrics.csv").display().to_string()];
        flags.extend(["--server".to_owned(), server.url()]);
        flags.extend(namespace.iter().map(|&word| word.to_owned()));
        let report = analyze(&flags);
        let finding =
            report["findings"].as_array().expect("a list").iter().find(|f| f["code"] == "overfitting").expect("found").clone();
        let citations = finding["recommendation"]["citations"].as_array().expect("a list").clone();
        citations.iter().map(|c| c["page_id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
    };
    let (shared, own) = (cited(&[]), cited(&["--knowledge-namespace", "vision"]));
    assert!(!shared.is_empty() && shared.iter().all(|id| id == "overfitting"), "{shared:?}");
    assert_eq!(own[..shared.len()], shared[..]);
    assert_eq!(own.last().map(String::as_str), Some("vision/stopping"));

    let search = |words: &str| {
        let path = format!("/v1/knowledge/search?q={words}&namespace=vision&limit=1");
        support::http(server.address, "GET", &path, &[], b"").json()["hits"][0]["page_id"] == "vision/stopping"
    };
    assert!(search("quokka+sleeps"));
    page("Stop when the narwhal sings.");
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !search("narwhal+sings") {
        assert!(std::time::Instant::now() < until, "the change was never seen");
    }
}
