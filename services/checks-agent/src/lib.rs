//! Turns results of tools that check data into findings, mapped to our codes where they mean the same.
//! Deepchecks: the form that the DeepFix SDK sends and its own `to_json`, every condition that failed or
//! warned. Evidently, Great Expectations, pandera, whylogs and TensorFlow Data Validation: see `tools`. It
//! never trips over a value it has not seen.

mod chance;
mod condition;
mod judge;
mod mapping;
mod packed;
mod results;
mod tools;
mod values;

use deepfix_agent::{Agent, Analysis, Describe, Reader, Sink, Stop};
use deepfix_artifact::{decompress, parse_json};
use deepfix_model::{ArtifactKind, Checked, Note};
use deepfix_rpc::Module;

/// Name of the service.
pub const SERVICE: &str = "checks-agent";

const KIND: ArtifactKind = ArtifactKind::Deepchecks;

/// The agent.
#[derive(Debug, Clone, Copy, Default)]
pub struct ChecksAgent;

/// The agent's service.
#[must_use]
pub fn build(reader: Reader) -> Module {
    deepfix_agent::build(SERVICE, ChecksAgent, reader, 4)
}

/// What a file holds.
enum Held {
    Deepchecks(Vec<results::CheckResult>),
    Other(tools::Read),
}

/// Reads a file. The SDK's own form comes first, for it is read without building the whole document.
fn read(plain: &[u8]) -> Result<Held, String> {
    if let Some(results) = results::read_sdk(plain) {
        return Ok(Held::Deepchecks(results));
    }
    if !matches!(plain.trim_ascii_start().first(), Some(b'{' | b'['))
        && let Some(read) = tools::read_csv(plain)
    {
        return Ok(Held::Other(read));
    }
    let value = parse_json(plain).map_err(|error| error.to_string())?;
    match tools::read(&value) {
        Some(read) => Ok(Held::Other(read)),
        None => results::read(&value).map(Held::Deepchecks),
    }
}

fn others(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, read: tools::Read) -> Result<(), Stop> {
    analysis.set_rows(KIND, read.results);
    let (findings, notes) = tools::findings(read);
    notes.into_iter().for_each(|note| analysis.note(note));
    let mut found: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
    findings.iter().for_each(|f| *found.entry(f.code.as_str()).or_default() += 1);
    for (code, n) in found {
        analysis.checked(Checked::done(code, n, n));
    }
    findings.iter().cloned().try_for_each(|finding| sink.finding(finding))?;
    sink.progress("done", Some(1.0))
}

impl Agent for ChecksAgent {
    fn describe(&self) -> Describe {
        let mut fault_codes: Vec<&str> = mapping::codes()
            .chain([
                "artifact_unreadable",
                "check_failed",
                "concept_shift",
                "null_rate_shift",
                "schema_skew",
                "sentinel_values",
                "too_few_rows",
            ])
            .collect();
        fault_codes.sort_unstable();
        fault_codes.dedup();
        Describe { name: "checks", kinds: vec![KIND], fault_codes, thresholds: Vec::new() }
    }

    fn analyze(&self, analysis: &mut Analysis<'_>, sink: &mut Sink<'_>) -> Result<(), Stop> {
        sink.progress("reading results", Some(0.1))?;
        let Some(opened) = analysis.open(KIND) else { return Ok(()) };
        let limits = analysis.limits();
        let held = decompress(&opened.content, limits).map_err(|error| error.to_string()).and_then(|plain| read(&plain));
        let results = match held {
            Ok(Held::Deepchecks(results)) => results,
            Ok(Held::Other(read)) => return others(analysis, sink, read),
            Err(reason) => {
                analysis.unreadable(KIND, "artifact_unreadable", format!("the Deepchecks results: {reason}"));
                return Ok(());
            }
        };
        analysis.set_rows(KIND, results.len());
        let (sizes, mut by_chance) = (chance::Sizes::of(&results), 0);
        let mut findings = Vec::new();
        let mut looked: std::collections::BTreeMap<&str, (usize, usize)> = std::collections::BTreeMap::new();
        for result in &results {
            let mapped = mapping::of(&result.check);
            let mut found = condition::findings(result, &mapped);
            found.extend(values::findings(result, &mapped));
            if let Some(sizes) = sizes {
                let before = found.len();
                found.retain(|finding| !sizes.explain(result, finding));
                by_chance += before - found.len();
            }
            for broken in result.conditions.iter().filter(|c| c.status == results::Status::Error) {
                let text = format!("a condition of it broke: {} {}", broken.text, broken.more_info);
                analysis.note(Note::new(
                    "check_failed",
                    format!("check:{}", result.header),
                    text.chars().take(300).collect::<String>(),
                ));
            }
            if let Some(why) = &result.could_not_run {
                analysis.note(Note::new(
                    "check_failed",
                    format!("check:{}", result.header),
                    format!("Deepchecks could not run it: {why}"),
                ));
            }
            if !result.conditions.is_empty() {
                let entry = looked.entry(mapped.code).or_default();
                entry.0 += result.conditions.len();
                entry.1 += usize::from(!found.is_empty());
            }
            findings.extend(found);
        }
        if let Some(sizes) = sizes.filter(|_| by_chance > 0) {
            analysis.note(Note::new("drift", "split", sizes.note(by_chance)));
        }
        for (code, (subjects, faulty)) in looked {
            analysis.checked(Checked::done(code, subjects, faulty));
        }
        // The SDK calls every table's task a classification.
        let ran = |r: &&results::CheckResult| r.could_not_run.is_none() && !r.conditions.is_empty();
        // Deepchecks measures drift of a class label by Cramér's V, of a number by Kolmogorov and Smirnov's distance.
        let of_number = |r: &&results::CheckResult| {
            values::is_label_drift(&r.check)
                && r.value.get("Method").and_then(serde_json::Value::as_str) == Some("Kolmogorov-Smirnov")
        };
        let regression = results.iter().filter(ran).find(|r| mapping::is_of_regression(&r.check) || of_number(r));
        if let Some(result) = regression.filter(|_| analysis.options.task == "classification") {
            let text = format!(
                "the task is given as classification, and `{}` measured a regression; the results are read as a regression's",
                result.header
            );
            analysis.note(Note::new("task_mismatch", "task", text));
        }
        // Suites come in random order; findings do not.
        findings.sort_by(|a, b| (&a.code, &a.subject, a.split, &a.title).cmp(&(&b.code, &b.subject, b.split, &b.title)));
        findings.into_iter().try_for_each(|finding| sink.finding(finding))?;
        sink.progress("done", Some(1.0))
    }
}
