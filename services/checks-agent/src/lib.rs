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

/// Results of a tool other than Deepchecks.
fn other_tool(plain: &[u8]) -> Option<tools::Read> {
    // The SDK's own form is read without building the whole document; a mark may stand behind a large value.
    let head = plain.trim_ascii_start();
    match head.first()? {
        b'{' | b'[' => {
            let looks_other = [
                &b"\"metrics\""[..],
                b"\"tests\"",
                b"expectation",
                b"\"SCHEMA\"",
                b"\"DATA\"",
                b"failure_case",
                b"nomal",
                b"\"baseline\"",
                b"riftSkew",
                b"rift_skew",
            ]
            .iter()
            .any(|needle| memchr::memmem::find(head, needle).is_some());
            if !looks_other && head.first() != Some(&b'[') {
                return None;
            }
            tools::read(&parse_json(plain).ok()?)
        }
        _ => tools::read_csv(plain),
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
        let plain = decompress(&opened.content, limits).map_err(|e| e.to_string());
        if let Ok(plain) = &plain
            && let Some(read) = other_tool(plain)
        {
            return others(analysis, sink, read);
        }
        let read = plain.and_then(|plain| match results::read_sdk(&plain) {
            Some(results) => Ok(results),
            None => parse_json(&plain).map_err(|e| e.to_string()).and_then(|value| results::read(&value)),
        });
        let results = match read {
            Ok(results) => results,
            Err(reason) => {
                analysis.unreadable(KIND, "artifact_unreadable", format!("the Deepchecks results: {reason}"));
                return Ok(());
            }
        };
        analysis.set_rows(KIND, results.len());
        let mut findings = Vec::new();
        let mut looked: std::collections::BTreeMap<&str, (usize, usize)> = std::collections::BTreeMap::new();
        for result in &results {
            let mapped = mapping::of(&result.check);
            let mut found = condition::findings(result, &mapped);
            found.extend(values::findings(result, &mapped));
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
        if let Some((train, test)) = chance::sizes(&results) {
            let before = findings.len();
            findings.retain(|finding| !chance::explains(finding, train, test));
            if findings.len() < before {
                analysis.note(Note::new("drift", "split", chance::note(before - findings.len(), train, test)));
            }
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
