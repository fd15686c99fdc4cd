//! `quantization_mismatch`: integer weights without the scales that give them meaning, or with scales that
//! do not fit them. The layouts are those of GPTQ and AWQ (`qweight` with `scales`), bitsandbytes (`SCB`,
//! `absmax`) and the `weight_scale` of compressed-tensors and FP8 files.

use std::collections::HashMap;

use deepfix_artifact::checkpoint::{Dtype, Tensor};
use deepfix_model::{ArtifactKind, BugType, Evidence, Finding, Severity};

use super::{Looked, Weights, is_state};
use crate::tensors::for_each;

/// Ends of names that hold scales.
const SCALES: [&str; 10] = [
    "scales",
    "weight_scale",
    "weight_scale_inv",
    "scale",
    "weight.scale",
    "SCB",
    "weight.SCB",
    "weight.absmax",
    "weight.quant_map",
    "weight_scale_2",
];

struct Wrong {
    name: String,
    what: String,
    shape: Vec<usize>,
}

pub(super) fn detect(weights: &Weights<'_>) -> Looked {
    let by_name: HashMap<&str, &Tensor> = weights.checkpoint.tensors.iter().map(|t| (t.name.as_str(), t)).collect();
    let (mut looked, mut wrong) = (0, Vec::new());
    for tensor in &weights.checkpoint.tensors {
        let base = if let Some(base) = tensor.name.strip_suffix("qweight") {
            base
        } else if let Some(base) = tensor.name.strip_suffix("weight").filter(|_| is_packed(tensor)) {
            base
        } else {
            continue;
        };
        if is_state(&tensor.name) {
            continue;
        }
        looked += 1;
        let scales = SCALES.iter().find_map(|end| by_name.get(format!("{base}{end}").as_str()));
        let mut say = |what: String| wrong.push(Wrong { name: tensor.name.clone(), what, shape: tensor.shape.clone() });
        let Some(scales) = scales else {
            say("has no scales beside it".to_owned());
            continue;
        };
        if tensor.name.ends_with("qweight")
            && let (&[_, out], &[.., columns]) = (&tensor.shape[..], &scales.shape[..])
            // GPTQ packs along the inputs, AWQ along the outputs.
            && columns != out && (out == 0 || columns % out != 0)
        {
            say(format!("has {out} columns, its scales {columns}"));
        }
        if scales.dtype.is_float() {
            let (mut zero, mut first) = (0_usize, None);
            for_each(scales, weights.files, |i, v| {
                if v == 0.0 {
                    zero += 1;
                    first.get_or_insert(i);
                }
            });
            // A group of zeros has a scale of zero now and then; a tensor of them has lost its scales.
            if zero * 10 >= scales.elements().max(1) {
                say(format!("{zero} of its {} scales are zero, the first at {}", scales.elements(), first.unwrap_or(0)));
            }
        }
    }
    let Some(first) = wrong.first() else { return (looked, Vec::new()) };
    let subject = format!("layer:{}", first.name);
    let shown: Vec<String> = wrong.iter().take(5).map(|w| format!("{} {:?}: {}", w.name, w.shape, w.what)).collect();
    let finding = Finding::new(
        "quantization_mismatch",
        ArtifactKind::Checkpoint,
        &subject,
        Severity::High,
        if wrong.len() > 1 { 0.95 } else { 0.88 },
    )
    .title(format!("`{}` is quantised and {}", first.name, first.what))
    .bug(BugType::Search)
    .evidence(
        Evidence::new("tensors_at_odds", &subject, wrong.len())
            .versus(">", 0.0)
            .unit("tensors")
            .method("integer matrices against the scales of the same layer: there, of a fitting shape, not zero")
            .source(format!("of {looked}: {}", shown.join("; "))),
    )
    .fix(
        "quantise the model again with one version of one library, and save all of its tensors",
        "integers without their scales are no weights; the layer computes nonsense or does not load",
    )
    .step("load it with the library that wrote it, dequantise one layer and compare it with the original");
    (looked, vec![finding])
}

/// A matrix of integers, which no layer has unless it is quantised.
fn is_packed(tensor: &Tensor) -> bool {
    matches!(tensor.dtype, Dtype::I8 | Dtype::U8) && tensor.shape.len() == 2 && tensor.elements() >= 256
}
