//! `input_not_normalized`: inputs beyond 30 in magnitude, and harm to be seen: a loss that stays high,
//! starts far off, explodes, or units that saturate. Without harm it is low.

use deepfix_model::{ArtifactKind, BugType, Evidence, Finding, Severity, above, fmt_number};

use super::{Case, Verdict};
use crate::{layers::is_norm, stats::finite};

/// Largest standard deviation of inputs that were scaled, over all of them.
const SCALED: f64 = 3.0;

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let (run, facts) = (case.run, &case.facts);
    if facts.tree {
        return Verdict::sound();
    }
    let Some(layers) = &run.layers else { return Verdict::needs("layer statistics (--layer-stats)") };
    let limit = case.limits.get("input_not_normalized.absmax");
    let worst = |column: &str| {
        let cells = layers.rows.iter().filter(|r| r.kind == "input").filter_map(|r| layers.cell(r, column));
        cells.map(f64::abs).reduce(f64::max)
    };
    let Some(absmax) = worst("act_absmax") else { return Verdict::needs("the input row of layer statistics") };
    if absmax <= limit {
        return Verdict::sound();
    }
    let first = layers.rows.iter().find(|r| r.kind == "param").map(|r| r.layer.to_lowercase()).unwrap_or_default();
    let tokens = first.contains("embed") || first.contains("wte") || facts.transformer && absmax.fract() == 0.0;
    if tokens {
        return Verdict::sound();
    }
    let normed = is_norm(&first) || ["batch_norm", "batchnorm", "input_norm", "use_bn"].iter().any(|name| run.params.is_on(name));
    let std = worst("act_std").unwrap_or(0.0);
    let level = facts.level();
    let limit_level = case.limits.get("input_not_normalized.level");
    let starts_off = facts.start.zip(finite(&facts.y).first().copied()).is_some_and(|(start, first)| first > 3.0 * start);
    let harm = level.is_none_or(|l| l > limit_level)
        || facts.nan
        || starts_off
        || case.fired("exploding_loss")
        || case.fired("saturated_activation");
    let (severity, confidence) = if normed {
        (Severity::Low, 0.5)
    } else if std > 0.0 && std <= SCALED && absmax / std > 30.0 {
        // Scaled, with one heavy tail.
        (Severity::Low, above(absmax, limit, 0.475))
    } else if harm {
        (Severity::Medium, above(absmax, limit, 0.95))
    } else {
        (Severity::Low, above(absmax, limit, 0.71))
    };
    let mut out = Finding::new("input_not_normalized", ArtifactKind::LayerStats, "input", severity, confidence)
        .title(format!("inputs reach {}: they are not normalised", fmt_number(absmax)))
        .bug(BugType::Search)
        .evidence(
            Evidence::new("input_absmax", "input", absmax)
                .versus(">", limit)
                .method("largest magnitude of an input on the probe batch")
                .source("layer_stats, kind input"),
        )
        .evidence(Evidence::new("input_std", "input", std).method("standard deviation of the inputs"));
    if let Some(level) = level {
        out = out.evidence(
            Evidence::new("loss_level", "run", level)
                .versus(">", limit_level)
                .method("loss at the end over that of guessing; above it the inputs do harm"),
        );
    }
    Verdict::found(
        out.fix(
            "standardise every input with the train split's mean and standard deviation",
            "the largest input decides the size of every gradient of the first layer",
        )
        .step("sklearn.preprocessing.StandardScaler().fit(train), and the same object for validation and serving")
        .step("images: divide by 255, then subtract the mean"),
    )
}
