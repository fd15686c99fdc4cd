//! `precision_overflow`: half precision whose gradients overflow again and again after the loss scale had time
//! to settle, or a loss scale at its floor. Single overflows in the first hundred steps are how the scale is
//! found.

use deepfix_model::{Evidence, Severity, fmt_number};

use super::{Case, Verdict};
use crate::{
    log::{Quantity, snake},
    run::finding,
    stats::{median, smallest},
};

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let run = case.run;
    let precision = run
        .params
        .lower(&["precision", "mixed_precision", "amp_dtype", "dtype", "torch_dtype"])
        .or_else(|| run.params.number(&["precision"]).map(fmt_number))
        .unwrap_or_default();
    let half = run.params.is_on("fp16")
        || run.params.is_on("use_fp16")
        || (precision.contains("16") || precision.contains("half")) && !precision.contains("bf") && !precision.contains("brain");
    if !half {
        return if precision.is_empty() && run.params.given(&["fp16", "bf16"]).is_none() {
            Verdict::needs("a precision setting")
        } else {
            Verdict::sound()
        };
    }
    let is_scale = |key: &str| {
        let name = snake(key);
        name.split('_').any(|w| w == "scale") && ["loss", "grad", "scaler"].iter().any(|w| name.contains(w))
    };
    let scales: Vec<_> = run.log.series.iter().filter(|s| is_scale(&s.key)).collect();
    let norms: Vec<_> = run.log.series.iter().filter(|s| s.role.quantity == Quantity::GradientNorm).collect();
    if scales.is_empty() && norms.is_empty() {
        return Verdict::needs("logged gradient norms or the loss scale");
    }
    for series in scales {
        let y: Vec<f64> = series.points().iter().map(|p| p.value).collect();
        let falls = y.windows(2).filter(|w| w[1] < w[0]).count() as f64 / (y.len() - 1).max(1) as f64;
        let end = y.len().saturating_sub(5);
        let floor = y.len() >= 5
            && (median(&y[end..]) < 1.0
                || smallest(&y[end..]) <= 1.0 && y[0] / y[y.len() - 1].max(1e-9) >= 256.0 && falls >= 0.3);
        if floor {
            return Verdict::found(advise(
                finding("precision_overflow", "loss_scale".to_owned(), Severity::High, 0.9)
                    .title(format!("the loss scale has fallen to {}", fmt_number(y[y.len() - 1])))
                    .evidence(
                        Evidence::new("last_scale", format!("series:{}", series.key), y[y.len() - 1])
                            .versus("<=", 1.0)
                            .method("last logged loss scale"),
                    )
                    .evidence(
                        Evidence::new("first_scale", format!("series:{}", series.key), y[0]).method("first logged loss scale"),
                    ),
            ));
        }
    }
    for series in norms {
        let late: Vec<bool> = series
            .points()
            .iter()
            .enumerate()
            .filter(|(i, p)| p.step().unwrap_or(*i as f64) >= 100.0)
            .map(|(_, p)| !p.value.is_finite())
            .collect();
        let bad = late.iter().filter(|b| **b).count();
        let share = bad as f64 / late.len().max(1) as f64;
        let in_a_row = late.split(|b| !b).map(<[bool]>::len).max().unwrap_or(0);
        let limit = case.limits.get("precision_overflow.share");
        if late.len() >= 10 && (share > limit && bad >= 2 || in_a_row >= 5) {
            let severity = if share >= 0.1 { Severity::High } else { Severity::Medium };
            return Verdict::found(advise(
                finding("precision_overflow", "gradient".to_owned(), severity, if case.facts.nan { 0.7 } else { 0.9 })
                    .title(format!("{:.1} % of gradients overflow in half precision", share * 100.0))
                    .evidence(
                        Evidence::new("overflow_share", format!("series:{}", series.key), share)
                            .versus(">", limit)
                            .unit("share of values")
                            .method("gradient norms that are not finite, after the first hundred steps")
                            .source(format!("{bad} of {} values", late.len())),
                    )
                    .evidence(
                        Evidence::new("in_a_row", format!("series:{}", series.key), in_a_row)
                            .unit("values")
                            .method("longest run of them"),
                    ),
            ));
        }
    }
    Verdict::sound()
}

fn advise(finding: deepfix_model::Finding) -> deepfix_model::Finding {
    finding
        .fix(
            "train in bfloat16, or keep the loss, norms and softmax in 32 bits",
            "a 16-bit float ends at 65504; gradients beyond it are lost with their step",
        )
        .step("clip the gradient norm at 1, after unscaling (scaler.unscale_(optimizer))")
        .step("lower the learning rate: a scale that keeps falling follows gradients that keep growing")
}
