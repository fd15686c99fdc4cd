//! `batch_size_too_small`: one or two rows per optimizer step. Losses of steps that stay calm make it low. For
//! sequences and images a row is a page of values, so it is low there.

use deepfix_model::{Evidence, Severity, above, fmt_number};

use super::{Case, Verdict};
use crate::{
    run::finding,
    stats::{finite, median, smallest, smooth},
};

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let (run, facts) = (case.run, &case.facts);
    let Some(rows) = facts.update_rows.filter(|rows| *rows >= 1.0) else { return Verdict::needs("the batch size") };
    let limit = case.limits.get("batch_size_too_small.rows");
    if rows > limit {
        return Verdict::sound();
    }
    let scatter_limit = case.limits.get("batch_size_too_small.scatter");
    let scatter = scatter(case);
    const PAGES: [&str; 13] = [
        "max_seq_length",
        "max_sequence_length",
        "sequence_length",
        "block_size",
        "max_length",
        "max_len",
        "seq_len",
        "context_length",
        "image_size",
        "img_size",
        "imgsz",
        "crop_size",
        "patch_size",
    ];
    let long = |value: &serde_json::Value| match value {
        serde_json::Value::Array(list) => list.iter().filter_map(serde_json::Value::as_f64).any(|n| n >= 64.0),
        other => other.as_f64().is_some_and(|n| n >= 64.0),
    };
    let pages = PAGES.iter().any(|name| run.params.given(&[name]).is_some_and(long));
    let (severity, confidence) = match scatter {
        _ if facts.transformer || pages => (Severity::Low, 0.4),
        Some(cv) if cv < scatter_limit && facts.clip.is_some() => return Verdict::sound(),
        Some(cv) if cv < scatter_limit => (Severity::Low, 0.5),
        Some(cv) => (Severity::Medium, above(cv, scatter_limit, 0.95)),
        None => (Severity::Medium, 0.72),
    };
    let mut out = finding("batch_size_too_small", "batch_size".to_owned(), severity, confidence)
        .title(format!("each step learns from {} row{}", fmt_number(rows), if rows > 1.0 { "s" } else { "" }))
        .evidence(
            Evidence::new("rows_per_step", "batch_size", rows)
                .versus("<=", limit)
                .unit("rows")
                .method("batch size times accumulated batches times devices, from the parameters"),
        );
    if let Some(cv) = scatter {
        out =
            out.evidence(Evidence::new("step_loss_scatter", "loss", cv).versus(">=", scatter_limit).method(
                "1.4826 times the median distance of step losses from their running mean of 11, over that mean's median",
            ));
    }
    Verdict::found(
        out.fix("use 32 rows per step, or accumulate gradients to that", "the gradient of one row points almost anywhere")
            .step(format!("batch_size=32, or accumulate_grad_batches={}", fmt_number((32.0 / rows).ceil())))
            .step("raise the learning rate with the batch (linear for SGD, by the square root for Adam), with a warm-up"),
    )
}

fn scatter(case: &Case<'_>) -> Option<f64> {
    let points = case.run.dense_points();
    let dense = finite(&points.iter().map(|p| p.value).collect::<Vec<_>>());
    let stepwise = points.last().is_some_and(|p| p.step().is_some());
    if dense.len() < 20 || !stepwise || dense.len() as f64 <= 1.5 * case.facts.logged_epochs as f64 || smallest(&dense) <= 0.0 {
        return None;
    }
    let level = smooth(&dense, 11);
    let distance: Vec<f64> = dense.iter().zip(&level).map(|(y, m)| (y - m).abs()).collect();
    Some(1.4826 * median(&distance) / median(&level).max(1e-300))
}
