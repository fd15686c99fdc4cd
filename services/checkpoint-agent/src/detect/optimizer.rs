//! `missing_optimizer_state`: a file that a training loop wrote to go on from, without what the optimizer
//! knew. Weights alone are no fault: only a file that says how far training was claims to be resumable.

use deepfix_artifact::checkpoint::{KEYS, OPTIMIZER_ENTRIES};
use deepfix_model::{ArtifactKind, BugType, Evidence, Finding, Severity};

use super::{Looked, Weights};

pub(super) fn detect(weights: &Weights<'_>) -> Looked {
    let said = |key: &str| weights.checkpoint.metadata.get(key);
    let Some(keys) = said(KEYS) else { return (0, Vec::new()) };
    let keys: Vec<&str> = keys.split(',').collect();
    let steps: f64 = said("global_step").or(said("step")).and_then(|n| n.parse().ok()).unwrap_or(0.0);
    // A loop's own bookkeeping, which nobody needs to predict.
    let claims: Vec<&str> = keys
        .iter()
        .copied()
        .filter(|k| matches!(*k, "loops" | "callbacks" | "global_step" | "lr_schedulers" | "scheduler"))
        .collect();
    let absent = !keys.iter().any(|key| key.to_lowercase().contains("optim"));
    let entries = said(OPTIMIZER_ENTRIES).and_then(|n| n.parse::<usize>().ok());
    let empty = entries == Some(0) && steps > 0.0 && !plain_descent(weights);
    if claims.is_empty() || !(absent || empty) {
        return (1, Vec::new());
    }
    let subject = "artifact:checkpoint";
    let confidence = if claims.len() >= 2 { 0.9 } else { 0.75 };
    let finding = Finding::new("missing_optimizer_state", ArtifactKind::Checkpoint, subject, Severity::Medium, confidence)
        .title(if absent {
            "training cannot go on from this checkpoint as it was: the optimizer's state is not in it"
        } else {
            "training cannot go on from this checkpoint as it was: the optimizer's state is empty"
        })
        .bug(BugType::Search)
        .evidence(
            Evidence::new("optimizer_entries", subject, entries.unwrap_or(0))
                .versus(">", 0.0)
                .unit("parameters")
                .method("parameters that the optimizer keeps state for")
                .source(format!("keys of the file: {}", keys.join(", "))),
        )
        .evidence(Evidence::new("steps", subject, steps).unit("steps").method("what the file says of itself"))
        .fix(
            "save the optimizer, the scheduler and the loss scaler with the weights",
            "without its moments Adam's first steps are as rough as at the start, and the learning rate's schedule begins again",
        )
        .step("Lightning: ModelCheckpoint(save_weights_only=False); torch: {\"model\": ..., \"optimizer\": optimizer.state_dict(), ...}")
        .step("if the file is to predict with and not to go on from, leave epoch and step out of it");
    (1, vec![finding])
}

/// SGD without momentum has no state.
fn plain_descent(weights: &Weights<'_>) -> bool {
    let metadata = &weights.checkpoint.metadata;
    !metadata.contains_key("optimizer.betas") && metadata.get("optimizer.momentum").is_none_or(|m| m == "0")
}
