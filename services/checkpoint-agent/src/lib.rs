//! Finds faults in model files without executing anything in them: values that are not finite,
//! layers that cannot learn, pickles that would run code, damaged files. Tensors are read where
//! they lie in the file, so memory stays flat whatever the model's size.

mod baseline;
mod detect;
mod files;
mod pickle_safety;
mod spectral;
mod summary;
mod tensors;

use deepfix_agent::{Agent, Analysis, Describe, Reader, Sink, Stop};
use deepfix_artifact::{
    checkpoint::{Checkpoint, KEYS},
    parse_json,
};
use deepfix_model::{ArtifactKind, BugType, Checked, Evidence, Finding, Note, Severity};
use deepfix_rpc::Module;

/// Name of the service.
pub const SERVICE: &str = "checkpoint-agent";

/// Format hint of the SDK's description of a model (no weights).
pub const SDK_FORMAT: &str = "deepfix-sdk";

const KIND: ArtifactKind = ArtifactKind::Checkpoint;

/// The agent.
#[derive(Debug, Clone, Copy, Default)]
pub struct CheckpointAgent;

/// The agent's service.
#[must_use]
pub fn build(reader: Reader) -> Module {
    deepfix_agent::build(SERVICE, CheckpointAgent, reader, 2)
}

impl Agent for CheckpointAgent {
    fn describe(&self) -> Describe {
        let own = [
            "artifact_mismatch",
            "artifact_unreadable",
            "corrupt_checkpoint",
            "dead_units",
            "nan_weights",
            "suspicious_operator",
            "symmetric_weights",
            "unknown_format",
            "unsafe_pickle",
        ];
        let mut fault_codes: Vec<&str> = own.into_iter().chain(detect::DETECTORS.iter().map(|d| d.0)).collect();
        fault_codes.sort_unstable();
        let mut thresholds = detect::THRESHOLDS.to_vec();
        thresholds.extend([("dead_units.high", 0.60), ("dead_units.share", 0.10), ("symmetric_weights.tolerance", 1e-6)]);
        thresholds.sort_by_key(|t| t.0);
        Describe { name: "checkpoint", kinds: vec![KIND, ArtifactKind::Baseline], fault_codes, thresholds }
    }

    fn analyze(&self, analysis: &mut Analysis<'_>, sink: &mut Sink<'_>) -> Result<(), Stop> {
        let sdk = analysis.artifact(KIND).is_some_and(|a| a.format == SDK_FORMAT);
        sink.progress("reading checkpoint", Some(0.05))?;
        if sdk {
            if let Some(opened) = analysis.open(KIND) {
                describe_sdk(analysis, &opened.content);
            }
            return Ok(());
        }
        let Some((checkpoint, files)) = files::read(analysis, KIND) else { return Ok(()) };
        problems(sink, &checkpoint, files.len())?;
        analysis.checked(Checked::done("corrupt_checkpoint", 1, usize::from(!checkpoint.problems.is_empty())));
        if checkpoint.format != "safetensors" || !checkpoint.globals.is_empty() {
            pickle_safety::detect(analysis, sink, &checkpoint)?;
        }
        operators(analysis, sink, &checkpoint)?;
        contents(analysis, &checkpoint);
        if checkpoint.tensors.is_empty() {
            analysis.note(Note::new(
                "unknown_format",
                "artifact:checkpoint",
                "no tensor of this file could be read, so the weights were not looked at",
            ));
            return Ok(());
        }
        let compared = baseline::compare(analysis, sink, &checkpoint, &files)?;
        tensors::detect(analysis, sink, &checkpoint, &files, compared.as_ref())
    }
}

/// What the file says of itself: how far training was, with which settings.
fn contents(analysis: &mut Analysis<'_>, checkpoint: &Checkpoint) {
    let said: Vec<String> = checkpoint
        .metadata
        .iter()
        .filter(|(key, value)| value.len() <= 60 && !key.starts_with("tokenizer.") && key.as_str() != KEYS)
        .take(24)
        .map(|(key, value)| format!("{key} {value}"))
        .collect();
    if !said.is_empty() {
        let text = format!("the {} file says of itself: {}", checkpoint.format, said.join(", "));
        analysis.note(Note::new("checkpoint_contents", "artifact:checkpoint", text));
    }
}

/// A file most of which reads, but which contradicts itself.
fn problems(sink: &mut Sink<'_>, checkpoint: &Checkpoint, size: usize) -> Result<(), Stop> {
    let Some(first) = checkpoint.problems.first() else { return Ok(()) };
    let many = checkpoint.problems.len();
    // Several contradictions leave less room for a reader's misunderstanding than one.
    let confidence = ((1.0 - 0.3 / (many as f64 + 1.0)) * 100.0).round() / 100.0;
    sink.finding(
        Finding::new("corrupt_checkpoint", KIND, "artifact:checkpoint", Severity::High, confidence)
            .title(format!("the checkpoint contradicts itself in {many} place{}", if many == 1 { "" } else { "s" }))
            .bug(BugType::Performance)
            .evidence(
                Evidence::new("contradictions", "artifact:checkpoint", many)
                    .versus(">", 0.0)
                    .method("tensor shapes, offsets and storages checked against the file's size")
                    .source(checkpoint.problems.iter().take(5).cloned().collect::<Vec<_>>().join("; ")),
            )
            .evidence(Evidence::new("size", "artifact:checkpoint", size).unit("bytes").method("length of the file"))
            .fix(
                "save the checkpoint again, or take the one before it",
                format!("loading it fails or gives wrong weights: {first}"),
            ),
    )
}

/// Parts that carry code of the file's own, come from a library of their own, or reach out of the folder.
fn operators(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, checkpoint: &Checkpoint) -> Result<(), Stop> {
    if !matches!(checkpoint.format, "keras" | "onnx") && checkpoint.operators.is_empty() {
        return Ok(());
    }
    analysis.checked(Checked::done("suspicious_operator", 1, usize::from(!checkpoint.operators.is_empty())));
    let grave = checkpoint.operators.iter().find(|o| o.grave);
    let Some(first) = grave.or(checkpoint.operators.first()) else { return Ok(()) };
    let (severity, confidence) = if grave.is_some() { (Severity::High, 0.95) } else { (Severity::Medium, 0.8) };
    let all: Vec<&str> = checkpoint.operators.iter().take(10).map(|o| o.what.as_str()).collect();
    sink.finding(
        Finding::new("suspicious_operator", KIND, "artifact:checkpoint", severity, confidence)
            .title(format!("the model does more than compute: {}", first.what))
            .bug(BugType::Performance)
            .evidence(
                Evidence::new("code_layers", "artifact:checkpoint", checkpoint.operators.len())
                    .versus(">", 0.0)
                    .unit("places")
                    .method("Lambda layers and functions of a Keras configuration; operators of unknown domains and external data outside the folder of an ONNX model; nothing is executed")
                    .source(all.join(", ")),
            )
            .fix(
                "do not load it unless you know who wrote it and why it is there",
                "code runs, and foreign paths are read, when the model is loaded or called",
            )
            .step("Keras: replace the Lambda by a registered layer class, and leave safe_mode on")
            .step("ONNX: onnx.checker.check_model(path) refuses external data outside the folder"),
    )
}

/// The SDK describes a model without its weights.
fn describe_sdk(analysis: &mut Analysis<'_>, bytes: &[u8]) {
    match parse_json(bytes) {
        Ok(value) => {
            let model = value.get("model_type").and_then(|v| v.as_str()).unwrap_or("unknown");
            analysis.note(Note::new(
                "unknown_format",
                "artifact:checkpoint",
                format!(
                    "the request describes a model of type {model} and holds no weights; hand in its file to have them looked at"
                ),
            ));
            // The SDK calls every table's task a classification.
            if analysis.options.task == "classification" && model.ends_with("Regressor") {
                analysis.note(Note::new(
                    "task_mismatch",
                    "task",
                    format!("the task is given as classification, and the model is a {model}; results are a regression's"),
                ));
            }
            for code in ["nan_weights", "symmetric_weights", "dead_units", "unsafe_pickle"] {
                analysis.checked(Checked::not(code, "the request holds no weights"));
            }
        }
        Err(error) => analysis.unreadable(KIND, "artifact_unreadable", format!("the model's description {error}")),
    }
}
