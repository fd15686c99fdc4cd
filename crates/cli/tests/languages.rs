//! Reports in French, without any language model: complete, and with the numbers of the English ones.

mod support;

use serde_json::Value;
use support::{analyze, demo_flags, flights, root};

/// Numbers in a text, whatever parts their thousands.
fn figures(text: &str) -> Vec<String> {
    let text: String = text.chars().filter(|c| *c != ',').collect();
    let mut out: Vec<String> = text
        .split(|c: char| !(c.is_ascii_digit() || c == '.'))
        .map(|n| n.trim_matches('.').to_owned())
        .filter(|n| !n.is_empty())
        .collect();
    out.sort();
    out
}

/// What differs between two reports besides the words, and how many sentences were said otherwise.
fn compare(path: &str, english: &Value, french: &Value, faults: &mut Vec<String>) -> usize {
    match (english, french) {
        (Value::Object(a), Value::Object(b)) => {
            if a.keys().ne(b.keys()) {
                faults.push(format!("{path}: other fields"));
            }
            let common = a.iter().filter(|(key, _)| !matches!(key.as_str(), "timing" | "wording"));
            common.map(|(key, value)| compare(&format!("{path}/{key}"), value, &b[key], faults)).sum()
        }
        (Value::Array(a), Value::Array(b)) => {
            if a.len() != b.len() {
                faults.push(format!("{path}: {} and {} entries", a.len(), b.len()));
            }
            a.iter().zip(b).enumerate().map(|(i, (a, b))| compare(&format!("{path}/{i}"), a, b, faults)).sum()
        }
        (Value::String(a), Value::String(b)) => {
            if figures(a) != figures(b) {
                faults.push(format!("{path}: {a:?} became {b:?}"));
            }
            usize::from(a != b)
        }
        (a, b) => {
            if a != b {
                faults.push(format!("{path}: {a} became {b}"));
            }
            0
        }
    }
}

/// The reports of one request in both languages, with their notes in one order.
fn both(flags: &[String]) -> [Value; 2] {
    ["en", "fr-CA"].map(|language| {
        let mut flags = flags.to_vec();
        flags.extend(["--language".to_owned(), language.to_owned()]);
        let mut report = analyze(&flags);
        // They are sorted by their text.
        let figures_first =
            |note: &Value| (note["code"].to_string(), note["subject"].to_string(), figures(&note["text"].to_string()));
        report["notes"].as_array_mut().expect("a list").sort_by_key(figures_first);
        let charts = report["charts"].as_array_mut().expect("a list");
        charts.sort_by_key(|c| (c["subject"].to_string(), c["kind"].to_string(), c["series"].to_string().len()));
        report
    })
}

#[test]
fn french_reports_are_complete_and_hold_the_same_numbers() {
    let mut requests = vec![demo_flags(&flights())];
    let corpus = std::fs::read_dir(root().join("testdata/runs/corpus")).expect("there").map(|e| e.expect("readable").path());
    let mut runs: Vec<_> = corpus.filter(|path| path.is_dir()).collect();
    runs.sort();
    for run in runs.iter().step_by(3) {
        requests.push(vec!["--run-dir".to_owned(), run.display().to_string()]);
    }
    for file in ["hostile_nested.pkl", "hostile_custom.onnx", "honest_resumable.ckpt", "honest_small.gguf"] {
        requests.push(vec!["--checkpoint".to_owned(), root().join("testdata/checkpoints").join(file).display().to_string()]);
    }
    let (mut faults, mut said) = (Vec::new(), 0);
    for flags in &requests {
        let [english, french] = both(flags);
        assert_eq!((&english["wording"]["language"], &french["wording"]["language"]), (&"english".into(), &"french".into()));
        // It would tell what had to stay English.
        for note in french["notes"].as_array().expect("a list").iter().filter(|note| note["code"] == "language") {
            faults.push(format!("{flags:?}: {note}"));
        }
        said += compare("", &english, &french, &mut faults);
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    assert!(said > 1000, "{said} sentences");
}

#[test]
fn a_language_without_catalogue_or_model_is_english_and_says_so() {
    let mut flags = demo_flags(&flights());
    flags.extend(["--language".to_owned(), "german".to_owned()]);
    let report = analyze(&flags);
    assert_eq!(report["wording"]["language"], "english");
    assert!(report["notes"].as_array().expect("a list").iter().any(|n| n["code"] == "language"), "{:#}", report["notes"]);
}
