//! `artifact_mismatch` between the parts of one request: artifacts of one dataset or model handed in
//! under another's name. Only names are compared, by the rules the SDK makes them with: a dataset's run
//! is called `NAME` or `NAME___MODEL`, and a comparison of two datasets `A_vs_B`.

use deepfix_model::{ArtifactKind, Evidence, Finding, Severity};

/// Names that one part of a request carries.
pub(super) struct Part<'a> {
    pub(super) kind: ArtifactKind,
    pub(super) dataset: Option<&'a str>,
    pub(super) model: Option<&'a str>,
}

/// Findings about parts whose names differ from the request's.
pub(super) fn findings(dataset: &str, model: &str, parts: &[Part<'_>]) -> Vec<Finding> {
    let mut found = Vec::new();
    // Where the request has no name, the first part's stands for it.
    let first = parts.iter().find_map(|part| part.dataset.map(run_of)).unwrap_or_default();
    let dataset = if dataset.is_empty() { first } else { dataset };
    for part in parts {
        if let Some(name) = part.dataset.filter(|name| !same_dataset(dataset, name)) {
            found.push(finding(part.kind, "dataset", dataset, name));
        }
        // A run's name ends in its model's; where it ends in another's, it is another run's.
        let suffix =
            part.dataset.filter(|_| part.model.is_none()).and_then(|name| name.strip_prefix(dataset)?.strip_prefix("___"));
        if let Some(name) = suffix.filter(|name| !model.is_empty() && !name.is_empty() && *name != model) {
            found.push(finding(part.kind, "model", model, name));
        }
        if let Some(name) = part.model.filter(|name| !model.is_empty() && !name.is_empty() && *name != model) {
            found.push(finding(part.kind, "model", model, name));
        }
    }
    found
}

/// The dataset of a run's name.
fn run_of(name: &str) -> &str {
    name.split_once("___").map_or(name, |(dataset, _)| dataset)
}

fn same_dataset(asked: &str, name: &str) -> bool {
    let run = |long: &str, short: &str| long.strip_prefix(short).is_some_and(|rest| rest.starts_with("___"));
    let one_of = |pair: &str, one: &str| pair.split_once("_vs_").is_some_and(|(a, b)| a == one || b == one);
    let (plain, other) = (run_of(asked), run_of(name));
    asked.is_empty()
        || name.is_empty()
        || asked == name
        || run(name, asked)
        || run(asked, name)
        || one_of(plain, other)
        || one_of(other, plain)
}

/// Share of the longer name that both begin and end with: a version in the name makes a slip likelier
/// than another dataset.
fn likeness(a: &str, b: &str) -> f64 {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let shorter = a.len().min(b.len());
    let head = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let tail = a.iter().rev().zip(b.iter().rev()).take(shorter - head).take_while(|(x, y)| x == y).count();
    (head + tail) as f64 / a.len().max(b.len()).max(1) as f64
}

fn finding(kind: ArtifactKind, what: &str, asked: &str, name: &str) -> Finding {
    let confidence = ((0.95 - 0.35 * likeness(asked, name)) * 100.0).round() / 100.0;
    Finding::new("artifact_mismatch", kind, format!("{what}:{name}"), Severity::Medium, confidence)
        .title(format!("the {} are of the {what} `{name}`, and the request is about `{asked}`", kind.name().replace('_', " ")))
        .evidence(
            Evidence::new(&format!("{what}_name"), kind.name(), name)
                .versus("==", asked)
                .method("names compared exactly, without the model's suffix `___MODEL`; `A_vs_B` is either"),
        )
        .fix(
            format!("hand in artifacts of one {what}, or give the request their name"),
            "findings of different datasets or models joined into one report explain nothing",
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(dataset: &str, model: &str, part: (&str, &str)) -> Vec<String> {
        let part = Part { kind: ArtifactKind::Deepchecks, dataset: Some(part.0), model: Some(part.1) };
        findings(dataset, model, &[part]).into_iter().map(|f| f.subject).collect()
    }

    #[test]
    fn only_names_that_differ_are_said() {
        for (dataset, name) in [("iris", "iris"), ("iris", "iris___SVC"), ("a_vs_b", "a"), ("", "iris"), ("iris", "")] {
            assert!(codes(dataset, "SVC", (name, "SVC")).is_empty(), "{dataset} {name}");
        }
        assert_eq!(codes("iris", "SVC", ("wine", "SVC")), ["dataset:wine"]);
        assert_eq!(codes("iris", "SVC", ("iris", "KNN")), ["model:KNN"]);
        assert_eq!(codes("my___a", "SVC", ("my___b", "SVC")), ["dataset:my___b"]);
        let statistics = Part { kind: ArtifactKind::DatasetStatistics, dataset: Some("iris___KNN"), model: None };
        assert_eq!(findings("iris", "SVC", &[statistics])[0].subject, "model:KNN");
        let two = |a, b| Part { kind: a, dataset: Some(b), model: None };
        let parts = [two(ArtifactKind::DatasetStatistics, "iris___SVC"), two(ArtifactKind::Deepchecks, "wine")];
        assert_eq!(findings("", "", &parts).len(), 1, "the parts differ from each other");
        assert!(likeness("iris-v1", "iris-v2") > likeness("iris", "wine"));
    }
}
