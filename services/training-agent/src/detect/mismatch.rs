//! `artifact_mismatch`: the checkpoint was saved after the last epoch the log knows, so the two
//! belong to different runs (or the log was cut).

use deepfix_model::{ArtifactKind, Evidence, Finding, Severity};

use super::{Case, Verdict};

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let run = case.run;
    let Some(epoch) = run.checkpoint.as_ref().and_then(|c| c.metadata.get("epoch")).and_then(|v| v.parse::<f64>().ok()) else {
        return Verdict::needs("a checkpoint that names its epoch");
    };
    let last = run.log.series.iter().flat_map(|s| s.points()).filter_map(|p| p.epoch()).fold(f64::NEG_INFINITY, f64::max);
    if !last.is_finite() {
        return Verdict::needs("epochs in the log");
    }
    // Tools count the epoch just finished or the one to come: one beyond is no contradiction.
    if epoch <= last + 1.0 {
        return Verdict::sound();
    }
    let gap = epoch - last;
    Verdict::found(
        Finding::new(
            "artifact_mismatch",
            ArtifactKind::Checkpoint,
            "artifact:checkpoint",
            Severity::High,
            ((0.95 - 0.3 / gap) * 100.0).round() / 100.0,
        )
        .title(format!("the checkpoint is of epoch {epoch}, the log ends at epoch {last}"))
        .evidence(
            Evidence::new("checkpoint_epoch", "artifact:checkpoint", epoch)
                .versus("<=", last + 1.0)
                .unit("epoch")
                .method("epoch in the checkpoint's metadata, against the last epoch logged"),
        )
        .fix(
            "hand in the log and the checkpoint of one run",
            "what one says of the other is worth nothing when they belong to different runs",
        )
        .step("compare the folder, the start time and the hyper-parameters of both"),
    )
}
