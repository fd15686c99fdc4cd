//! `duplicated_layers` and `tied_weights_duplicated`: tensors of equal bytes under two names. Two that share
//! one place in the file are one tensor and no finding.

use std::collections::HashMap;

use deepfix_artifact::checkpoint::{Dtype, Tensor};
use deepfix_model::{Evidence, Severity, fmt_number};

use super::{Looked, Weights, about};

/// Parts of names that are tied by design: an embedding and the head that reads it out.
const TIED: [&str; 9] = [
    "lm_head",
    "embed_tokens",
    "wte",
    "shared",
    "embed_out",
    "output_projection",
    "word_embeddings",
    "decoder.weight",
    "cls.predictions",
];

fn is_tied(name: &str) -> bool {
    let name = name.to_lowercase();
    !name.contains("expert") && TIED.iter().any(|part| name.contains(part))
}

/// How many tensors were compared, and the groups of equal ones, by name.
pub(super) type Groups<'a> = (usize, Vec<Vec<&'a Tensor>>);

fn groups<'a>(weights: &Weights<'a>) -> Groups<'a> {
    let least = weights.limit("duplicated_layers.elements");
    let mut alike: HashMap<(Dtype, &[usize]), Vec<&Tensor>> = HashMap::new();
    let candidates = weights.weights().filter(|(t, s)| t.elements() as f64 >= least && s.smallest != s.highest && s.bad() == 0);
    let mut looked = 0;
    for (tensor, _) in candidates {
        looked += 1;
        alike.entry((tensor.dtype, &tensor.shape)).or_default().push(tensor);
    }
    let mut out = Vec::new();
    for members in alike.into_values().filter(|m| m.len() > 1) {
        let bytes = |t: &Tensor| weights.files.of(t);
        // Sampled bytes propose, a whole comparison decides.
        let sample = |t: &Tensor| -> Vec<u8> {
            let all = bytes(t);
            all.iter().step_by((all.len() / 512).max(1)).copied().collect()
        };
        let mut proposed: HashMap<Vec<u8>, Vec<Vec<&Tensor>>> = HashMap::new();
        for tensor in members {
            let known = proposed.entry(sample(tensor)).or_default();
            match known.iter_mut().find(|group| bytes(group[0]) == bytes(tensor)) {
                Some(group) => group.push(tensor),
                None => known.push(vec![tensor]),
            }
        }
        out.extend(
            proposed
                .into_values()
                .flatten()
                .filter(|group| group.iter().any(|t| (t.file, &t.bytes) != (group[0].file, &group[0].bytes))),
        );
    }
    out.iter_mut().for_each(|group| group.sort_by(|a, b| a.name.cmp(&b.name)));
    out.sort_by(|a, b| a[0].name.cmp(&b[0].name));
    (looked, out)
}

pub(super) fn layers(weights: &Weights<'_>) -> Looked {
    let (looked, groups) = weights.equal.get_or_init(|| groups(weights));
    let findings = groups
        .iter()
        .filter(|group| !group.iter().all(|t| is_tied(&t.name)))
        .map(|group| {
            let names: Vec<&str> = group.iter().map(|t| t.name.as_str()).collect();
            about("duplicated_layers", group[0], Severity::Medium, 0.95)
                .title(format!("`{}` and `{}`{} hold the same bytes", names[0], names[1], more(names.len())))
                .evidence(
                    Evidence::new("equal_tensors", format!("layer:{}", names[0]), names.len())
                        .versus(">", 1.0)
                        .unit("tensors")
                        .method("bytes compared whole")
                        .source(names.iter().take(8).copied().collect::<Vec<_>>().join(", ")),
                )
                .evidence(
                    Evidence::new("elements", format!("layer:{}", names[0]), group[0].elements())
                        .unit("elements")
                        .method("of each"),
                )
                .fix(
                    "check the mapping of names in the code that converted or built this file",
                    "layers that were trained apart never agree in every bit",
                )
                .step("copy.deepcopy a layer for every position instead of appending the same object")
                .step("if depth was doubled on purpose, train on: the copies have to part")
        })
        .collect();
    (*looked, findings)
}

fn more(names: usize) -> String {
    if names > 2 { format!(" and {} more", names - 2) } else { String::new() }
}

pub(super) fn tied(weights: &Weights<'_>) -> Looked {
    let (looked, groups) = weights.equal.get_or_init(|| groups(weights));
    let findings = groups
        .iter()
        .filter(|group| group.iter().all(|t| is_tied(&t.name)))
        .map(|group| {
            let names: Vec<&str> = group.iter().map(|t| t.name.as_str()).collect();
            let wasted = (group.len() - 1) * group[0].bytes.len();
            about("tied_weights_duplicated", group[0], Severity::Low, 0.95)
                .title(format!("`{}` and `{}` are tied, and stored twice", names[0], names[1]))
                .evidence(
                    Evidence::new("wasted_bytes", format!("layer:{}", names[0]), wasted)
                        .unit("bytes")
                        .method("bytes compared whole; all but one copy")
                        .source(names.join(", ")),
                )
                .fix(
                    format!("save one of them and tie at loading ({} MB less)", fmt_number((wasted as f64 / 1e5).round() / 10.0)),
                    "two copies drift apart at the next training step if nothing ties them",
                )
                .step("tie_word_embeddings: true in the configuration, and save with save_pretrained or safetensors' save_model")
        })
        .collect();
    (*looked, findings)
}
