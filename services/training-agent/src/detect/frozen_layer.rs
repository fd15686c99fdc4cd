//! `frozen_layer`: a weight tensor does not change in any sampled epoch while others do, and nothing in
//! the parameters declares it frozen.

use deepfix_model::{ArtifactKind, BugType, Evidence, Finding, Severity};

use super::{Case, Verdict};
use crate::stats::{largest, median};

/// Names under which tools declare what is not trained.
const DECLARED: [&str; 12] = [
    "freeze",
    "frozen",
    "frozen_layers",
    "freeze_layers",
    "freeze_backbone",
    "freeze_encoder",
    "trainable_layers",
    "unfreeze_at_epoch",
    "requires_grad",
    "lora_r",
    "peft_type",
    "target_modules",
];

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let run = case.run;
    let Some(layers) = &run.layers else { return Verdict::needs("layer statistics (--layer-stats)") };
    let names: Vec<&str> = layers.names().collect();
    let cells =
        |name: &str, column: &str| -> Vec<f64> { layers.weights_of(name).filter_map(|r| layers.cell(r, column)).collect() };
    if layers.epochs().len() < 2 || names.is_empty() {
        return Verdict::needs("layer statistics of two epochs");
    }
    if DECLARED.iter().any(|name| run.params.is_on(name)) {
        return Verdict::sound();
    }
    let moving: Vec<&str> =
        names.iter().copied().filter(|n| cells(n, "update_ratio").iter().any(|v| v.is_finite() && *v > 1e-6)).collect();
    if moving.is_empty() {
        return Verdict::sound();
    }
    let strongest = largest(&moving.iter().flat_map(|n| cells(n, "grad_norm")).filter(|v| v.is_finite()).collect::<Vec<_>>());
    let frozen: Vec<(&str, bool)> = names
        .iter()
        .filter_map(|name| {
            let (updates, norms, gradients) = (cells(name, "update_ratio"), cells(name, "weight_norm"), cells(name, "grad_norm"));
            let still = updates.len() >= 2 && updates.iter().all(|u| *u == 0.0) && norms.windows(2).all(|w| w[0] == w[1]);
            // No gradient: cut off. A gradient without update: not in the optimizer. A gradient of zero
            // belongs to a dead or faded network.
            match (still, gradients.is_empty()) {
                (true, true) => Some((*name, true)),
                (true, false) if strongest > 0.0 && median(&gradients) > 1e-4 * strongest => Some((*name, false)),
                _ => None,
            }
        })
        .collect();
    let share = frozen.len() as f64 / names.len() as f64;
    // Many of them in a model that began elsewhere: transfer learning that nobody declared.
    let transfer = case.facts.finetune && share >= 0.3 || share > 0.8;
    let learnt = case.facts.level().is_some_and(|level| level < 0.3);
    let findings = frozen
        .into_iter()
        .map(|(name, cut)| {
            let subject = format!("layer:{name}");
            let (severity, confidence) = match (transfer, cut) {
                (true, _) => (Severity::Low, 0.5),
                (false, cut) => (if learnt { Severity::Medium } else { Severity::High }, if cut { 0.97 } else { 0.9 }),
            };
            let epochs = cells(name, "update_ratio").len();
            Finding::new("frozen_layer", ArtifactKind::LayerStats, &subject, severity, confidence)
                .title(format!("`{name}` never changes, and nothing declares it frozen"))
                .bug(BugType::Search)
                .evidence(
                    Evidence::new("update_ratio", &subject, 0.0)
                        .versus("==", 0.0)
                        .method("largest change of the weights over their norm in any epoch logged")
                        .source(format!("layer_stats, {epochs} epochs")),
                )
                .evidence(
                    Evidence::new("gradient", &subject, if cut { "none" } else { "there, not applied" })
                        .method("whether a gradient norm was logged for the layer"),
                )
                .evidence(
                    Evidence::new("moving_layers", &subject, moving.len()).unit("layers").method("layers whose weights change"),
                )
                .fix(
                    if cut {
                        "set requires_grad and look for a detach() or no_grad() on the way to it"
                    } else {
                        "hand its parameters to the optimizer"
                    },
                    "the layer stays as it was initialised",
                )
                .step("optimizer = torch.optim.AdamW(model.parameters(), ...): of the whole model, after all layers exist")
                .step("[n for n, p in model.named_parameters() if not p.requires_grad] names what is switched off")
        })
        .collect();
    Verdict::Looked(names.len(), findings)
}
