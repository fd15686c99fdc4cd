//! `precision_loss`: weights that crowd at the largest value of their type or below where it loses digits,
//! or a 32-bit file that holds nothing beyond 16 bits.

use deepfix_artifact::checkpoint::Dtype;
use deepfix_model::{ArtifactKind, BugType, Evidence, Finding, Severity, above};

use super::{Looked, Weights, about};

pub(super) fn detect(weights: &Weights<'_>) -> Looked {
    let (edge, small) = (weights.limit("precision_loss.edge"), weights.limit("precision_loss.small"));
    let mut findings = Vec::new();
    let (mut looked, mut wide, mut widened, mut first) = (0, 0_usize, 0_usize, None);
    for (tensor, summary) in weights.weights().filter(|(t, _)| t.elements() >= 64) {
        looked += 1;
        let n = tensor.elements() as f64;
        let subject = format!("layer:{}", tensor.name);
        if tensor.dtype == Dtype::F16 {
            let crowded = summary.near_edge as f64 / n;
            let tiny = summary.tiny as f64 / (summary.nonzero as f64).max(1.0);
            let (value, limit, title, what) = if summary.at_edge > 0 || crowded > edge {
                (
                    crowded.max(edge * 1.01),
                    edge,
                    "crowds at the largest value float16 has",
                    "values within a factor of two of 65504, or at it",
                )
            } else if tiny > small && summary.nonzero >= 64 {
                (tiny, small, "lies where float16 loses its digits", "non-zero values below 6.1e-5")
            } else {
                continue;
            };
            findings.push(
                about("precision_loss", tensor, Severity::Medium, above(value, limit, 0.95))
                    .title(format!("`{}` {title}", tensor.name))
                    .evidence(Evidence::new("share", &subject, value).versus(">", limit).unit("share of values").method(what))
                    .evidence(
                        Evidence::new("at_largest_value", &subject, summary.at_edge)
                            .unit("values")
                            .method("values of exactly 65504 in magnitude"),
                    )
                    .fix("convert again from the 32-bit weights, to bfloat16", "what was cut off is not in this file any more")
                    .step("compare outputs of both files on a few hundred rows before deploying"),
            );
        } else if tensor.dtype == Dtype::F32
            && tensor.shape.len() >= 2
            && tensor.elements() >= 1000
            && summary.smallest != summary.highest
        {
            wide += 1;
            if summary.fits_bf16 {
                widened += 1;
                first.get_or_insert(tensor.name.clone());
            }
        }
    }
    if wide > 0 && widened == wide {
        let finding = Finding::new("precision_loss", ArtifactKind::Checkpoint, "artifact:checkpoint", Severity::Low, 0.95)
            .title("every 32-bit matrix holds 16-bit values: the file is a widened copy")
            .bug(BugType::Search)
            .evidence(
                Evidence::new("widened_matrices", "artifact:checkpoint", widened)
                    .versus("==", wide as f64)
                    .unit("matrices")
                    .method("float32 matrices of which every value has its low 16 bits zero, so that bfloat16 holds it exactly")
                    .source(first.unwrap_or_default()),
            )
            .fix("keep it as bfloat16: half the size, the same values", "digits that were dropped do not come back by widening")
            .step("if training goes on from here, start from the full-precision weights instead");
        findings.push(finding);
    }
    (looked, findings)
}
