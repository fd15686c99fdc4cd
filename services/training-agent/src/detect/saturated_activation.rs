//! `saturated_activation`: at the last epoch at least 60 % of the outputs of a tanh or sigmoid layer stand
//! at their rails. Gates, attention and the network's own output are meant to.

use deepfix_model::{ArtifactKind, BugType, Evidence, Finding, Severity, above};

use super::{Case, Verdict};
use crate::layers::words;

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let Some(layers) = &case.run.layers else { return Verdict::needs("layer statistics (--layer-stats)") };
    let limit = case.limits.get("saturated_activation.share");
    let squashes = |kind: &str| ["tanh", "sigmoid", "softsign"].iter().any(|word| kind.to_lowercase().contains(word));
    let rows: Vec<_> = layers.rows.iter().filter(|r| squashes(&r.kind) && layers.cell(r, "sat_frac").is_some()).collect();
    if rows.is_empty() {
        return Verdict::needs("sat_frac of a tanh or sigmoid layer");
    }
    let last = rows.iter().map(|r| r.epoch).fold(f64::NEG_INFINITY, f64::max);
    // A layer numbered beyond the last weights is the output.
    let top = layers.weight_layers().into_iter().filter_map(number).max();
    let by_design = |name: &str| {
        const MEANT: [&str; 10] = ["gate", "gates", "lstm", "gru", "attn", "attention", "out", "output", "head", "se"];
        words(name).iter().any(|word| MEANT.contains(&word.as_str())) || number(name).zip(top).is_some_and(|(own, top)| own > top)
    };
    let level = case.facts.level();
    let findings = rows
        .iter()
        .filter(|r| r.epoch == last && !by_design(&r.layer))
        .filter_map(|row| Some((row, layers.cell(row, "sat_frac")?)))
        .filter(|(_, saturated)| (limit..=1.0).contains(saturated))
        .map(|(row, saturated)| {
            let subject = format!("layer:{}", row.layer);
            let severity = if saturated >= 0.9 || level.is_none_or(|l| l > 0.5) { Severity::High } else { Severity::Medium };
            Finding::new("saturated_activation", ArtifactKind::LayerStats, &subject, severity, above(saturated, limit * 0.9, 0.97))
                .title(format!("{:.0} % of `{}`'s outputs stand at their rails", saturated * 100.0, row.layer))
                .bug(BugType::Search)
                .evidence(
                    Evidence::new("sat_frac", &subject, saturated)
                        .versus(">=", limit)
                        .unit("share of outputs")
                        .method("outputs beyond 0.99 (tanh) or outside 0.01 to 0.99 (sigmoid) on the probe batch, at the last epoch logged")
                        .source(format!("layer_stats, epoch {last}, kind {}", row.kind)),
                )
                .fix(
                    "initialise with smaller weights (Xavier) and normalise the inputs",
                    "at its rail a unit has almost no slope, so almost no gradient passes",
                )
                .step("standardise the inputs; put batch or layer norm before the activation")
                .step("use ReLU or GELU between layers")
        })
        .collect();
    Verdict::Looked(rows.len(), findings)
}

fn number(name: &str) -> Option<u64> {
    name.split(['.', '_', ' ']).find_map(|part| part.parse().ok())
}
