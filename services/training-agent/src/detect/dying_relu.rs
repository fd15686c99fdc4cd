//! `dying_relu`: at the end of training at least 60 % of a ReLU layer's units are 0 on every probe row.

use deepfix_model::{ArtifactKind, BugType, Evidence, Finding, Severity, above};

use super::{Case, Verdict};

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let limits = &case.limits;
    let Some(layers) = &case.run.layers else { return Verdict::needs("layer statistics (--layer-stats)") };
    let relu = |kind: &str| {
        let kind = kind.to_lowercase();
        kind.contains("relu") && !["leaky", "prelu", "rrelu"].iter().any(|other| kind.contains(other))
    };
    let measured = |r: &&crate::layers::Row| relu(&r.kind) && layers.cell(r, "dead_frac").is_some();
    let last = layers.rows.iter().filter(measured).map(|r| r.epoch).fold(f64::NEG_INFINITY, f64::max);
    let limit = limits.get("dying_relu.share");
    let rows: Vec<_> = layers.rows.iter().filter(measured).filter(|r| r.epoch == last).collect();
    if rows.is_empty() {
        return Verdict::needs("activation statistics of a ReLU layer");
    }
    let findings = rows
        .iter()
        .filter_map(|row| {
            let dead = layers.cell(row, "dead_frac")?;
            if !(limit..=1.0).contains(&dead) {
                return None;
            }
            let subject = format!("layer:{}", row.layer);
            let severity = if dead >= 0.9 { Severity::High } else { Severity::Medium };
            Some(
                Finding::new("dying_relu", ArtifactKind::LayerStats, &subject, severity, above(dead, limit * 0.9, 0.98))
                    .title(format!("{:.0} % of `{}`'s units are 0 on every row", dead * 100.0, row.layer))
                    .bug(BugType::Search)
                    .evidence(
                        Evidence::new("dead_frac", &subject, dead)
                            .versus(">=", limit)
                            .unit("share of units")
                            .method("units whose output is 0 on the whole probe batch, at the last epoch logged")
                            .source(format!("layer_stats, epoch {last}, kind {}", row.kind)),
                    )
                    .fix(
                        "lower the learning rate and use LeakyReLU (or GELU)",
                        "a unit that is 0 everywhere gets no gradient and never comes back",
                    )
                    .step("initialise biases at 0, not below; normalise the inputs")
                    .step("watch dead_frac over the first epochs: a jump names the step that killed them"),
            )
        })
        .collect();
    Verdict::Looked(rows.len(), findings)
}
