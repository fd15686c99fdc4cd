//! `mixed_dtype`: tensors of one role have different floating types in different layers, or half precision
//! of both kinds stands in one file. Norms and biases in 32 bits beside half-precision matrices are a plan.

use std::collections::BTreeMap;

use deepfix_artifact::checkpoint::{Dtype, Tensor};
use deepfix_model::{ArtifactKind, BugType, Evidence, Finding, Severity};

use super::{Looked, Weights};

/// A name with its numbers taken out: what the tensor is in any layer.
fn role(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for part in name.split('.') {
        if !out.is_empty() {
            out.push('.');
        }
        out.push_str(if part.bytes().all(|b| b.is_ascii_digit()) { "N" } else { part });
    }
    out
}

pub(super) fn detect(weights: &Weights<'_>) -> Looked {
    let matrices: Vec<&Tensor> = weights.weights().map(|(t, _)| *t).filter(|t| t.shape.len() >= 2).collect();
    let mut roles: BTreeMap<String, BTreeMap<String, Vec<&Tensor>>> = BTreeMap::new();
    for tensor in &matrices {
        roles.entry(role(&tensor.name)).or_default().entry(format!("{:?}", tensor.dtype)).or_default().push(tensor);
    }
    let mixed: Vec<(&String, &BTreeMap<String, Vec<&Tensor>>)> =
        roles.iter().filter(|(name, types)| types.len() > 1 && name.contains('N')).collect();
    let has = |dtype| matrices.iter().any(|t| t.dtype == dtype);
    let both_halves = has(Dtype::F16) && has(Dtype::Bf16);
    let listed = |types: &BTreeMap<String, Vec<&Tensor>>| {
        types.iter().map(|(t, m)| format!("{t}: {} ({})", m.len(), m[0].name)).collect::<Vec<_>>().join("; ")
    };
    let (title, source, count) = if let Some((name, types)) = mixed.first() {
        (format!("`{name}` has {} floating types in different layers", types.len()), listed(types), mixed.len())
    } else if both_halves {
        let types = matrices.iter().fold(BTreeMap::<String, Vec<&Tensor>>::new(), |mut map, t| {
            map.entry(format!("{:?}", t.dtype)).or_default().push(t);
            map
        });
        ("float16 and bfloat16 stand in one file".to_owned(), listed(&types), 1)
    } else {
        return (matrices.len(), Vec::new());
    };
    let finding = Finding::new("mixed_dtype", ArtifactKind::Checkpoint, "artifact:checkpoint", Severity::Medium, 0.93)
        .title(title)
        .bug(BugType::Search)
        .evidence(
            Evidence::new("mixed_roles", "artifact:checkpoint", count)
                .versus(">", 0.0)
                .unit("roles")
                .method("matrices grouped by name without layer numbers")
                .source(source),
        )
        .fix(
            "cast the whole model to one type before saving",
            "an operation on two types fails or casts in silence, at a cost in speed or digits",
        )
        .step("model.to(torch.bfloat16), then check {p.dtype for p in model.parameters()}")
        .step("look for a merge of adapters or shards that were saved in another type");
    (matrices.len(), vec![finding])
}
