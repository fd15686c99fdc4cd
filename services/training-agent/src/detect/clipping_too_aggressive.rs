//! `clipping_too_aggressive`: the gradient norm exceeds five times the clip value on more than 95 % of the
//! logged steps, and the run learnt little or still falls in a straight line. Adam divides the scale out,
//! so it takes more to call it harm there.

use deepfix_model::{Evidence, Severity, above, fmt_number};

use super::{Case, Verdict};
use crate::{
    facts::Optimizer,
    run::finding,
    stats::{finite, largest, median, smallest},
};

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let facts = &case.facts;
    let Some(clip) = facts.clip else { return Verdict::needs("a clip value in the parameters") };
    let norms = finite(&facts.norms);
    let level = facts.level();
    if norms.len() < 5 || largest(&norms) <= 1.01 * clip {
        return after_clipping(case, clip, level).unwrap_or_else(|| {
            Verdict::needs(if norms.len() < 5 { "five gradient norms" } else { "gradient norms from before clipping" })
        });
    }
    let times = case.limits.get("clipping_too_aggressive.ratio");
    let enough = case.limits.get("clipping_too_aggressive.share");
    let share = norms.iter().filter(|g| **g > times * clip).count() as f64 / norms.len() as f64;
    if share <= enough {
        return Verdict::sound();
    }
    let bend = facts.bend;
    let straight = bend.is_some_and(|b| b > 0.5);
    let harm = match (level, facts.optimizer) {
        (Some(level), Some(Optimizer::Adam | Optimizer::Rms)) => level > 0.6 && straight,
        (Some(level), _) => level > 0.5 || straight && level > 0.2,
        // What is not known is no harm: Adam divides the scale out, and games have no level.
        (None, optimizer) => optimizer == Some(Optimizer::Sgd) && !facts.game,
    };
    let ratio = median(&norms) / clip;
    let (severity, confidence) = match (harm, ratio >= 50.0) {
        (false, _) => (Severity::Low, 0.5),
        (true, far) => (if far { Severity::High } else { Severity::Medium }, above(ratio, times, 0.97)),
    };
    let mut sorted = norms.clone();
    sorted.sort_by(f64::total_cmp);
    let advised = sorted[sorted.len() * 9 / 10];
    let mut out = finding("clipping_too_aggressive", "gradient".to_owned(), severity, confidence)
        .title(format!("gradients are cut to {} where {} is usual", fmt_number(clip), fmt_number(median(&norms))))
        .evidence(
            Evidence::new("clipped_share", "gradient", share)
                .versus(">", enough)
                .unit("share of logged steps")
                .method(format!("logged gradient norms above {} times the clip value", fmt_number(times)))
                .source(format!("{} values", norms.len())),
        )
        .evidence(
            Evidence::new("median_over_clip", "gradient", ratio)
                .versus(">", times)
                .method("median gradient norm over the clip value"),
        );
    if let Some(level) = level {
        out = out.evidence(Evidence::new("loss_level", "run", level).method("loss at the end over that of guessing"));
    }
    Verdict::found(
        out.fix(
            format!("clip at {} (the 90th percentile of the logged norms), or not at all", fmt_number(advised)),
            "every step is cut to the same short length, whatever the gradient says",
        )
        .step("log the norm before clipping and choose the value from its percentiles")
        .step("if clipping was meant to cure divergence, lower the learning rate instead"),
    )
}

/// Norms of layers are those of the clipped gradient: a total that never leaves the clip value tells.
fn after_clipping(case: &Case<'_>, clip: f64, level: Option<f64>) -> Option<Verdict> {
    let (facts, layers) = (&case.facts, case.run.layers.as_ref()?);
    let totals: Vec<f64> = layers
        .epochs()
        .into_iter()
        .map(|epoch| {
            let squares = layers.weights_at(epoch).filter_map(|r| layers.cell(r, "grad_norm")).map(|g| g * g);
            squares.sum::<f64>().sqrt()
        })
        .collect();
    let pinned = totals.len() >= 3 && smallest(&totals) >= 0.2 * clip && largest(&totals) <= 1.01 * clip;
    let tight = clip <= 0.1 * facts.start.unwrap_or(1.0).max(1.0);
    if !pinned || !tight || level.is_none_or(|l| l <= 0.6) || facts.optimizer != Some(Optimizer::Sgd) {
        return None;
    }
    Some(Verdict::found(
        finding("clipping_too_aggressive", "gradient".to_owned(), Severity::Medium, 0.65)
            .title(format!("every gradient is as long as the clip value of {}", fmt_number(clip)))
            .evidence(
                Evidence::new("total_gradient_norm", "gradient", median(&totals))
                    .versus("<=", 1.01 * clip)
                    .method("root of the summed squares of the layers' gradient norms, median over the epochs logged")
                    .source(format!("layer_stats, {} epochs", totals.len())),
            )
            .fix("clip at 1 or not at all, and log the norm before clipping", "every step is cut to the same short length")
            .step("choose the value from the percentiles of the norm before clipping"),
    ))
}
