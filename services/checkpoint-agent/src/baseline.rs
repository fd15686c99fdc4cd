//! A checkpoint held against another one: what changed, what never moved, what only one of them has.
//!
//! A tensor's change is the L2 norm of the difference over the L2 norm of the baseline's tensor. That
//! layers stand still is no fault by itself (they may be frozen on purpose), so it is a note; that two
//! files have little in common is a finding.

use std::collections::BTreeMap;

use deepfix_agent::{Analysis, Sink, Stop};
use deepfix_artifact::checkpoint::{Checkpoint, Tensor};
use deepfix_model::{ArtifactKind, Chart, ChartKind, Evidence, Finding, Note, Num, Series, Severity, above, fmt_number};
use rayon::prelude::*;

use crate::{
    files::{self, Files},
    summary::{BLOCK, decode},
};

const KIND: ArtifactKind = ArtifactKind::Baseline;
/// Wrappers that put a word before every name.
const WRAPPERS: [&str; 5] = ["module.", "_orig_mod.", "model.", "net.", "state_dict."];
/// Share of the elements that must have a counterpart.
const SHARED: f64 = 0.5;
/// Names shown of a list.
const SHOWN: usize = 8;

/// What became of each tensor of the checkpoint.
pub(crate) struct Compared {
    /// Relative change by name; missing where there is no counterpart.
    pub(crate) changes: BTreeMap<String, f64>,
}

fn bare(name: &str) -> &str {
    let mut bare = name;
    while let Some(rest) = WRAPPERS.iter().find_map(|wrapper| bare.strip_prefix(wrapper)) {
        bare = rest;
    }
    bare
}

/// Reads the baseline, where one was handed in, and says how the checkpoint differs.
pub(crate) fn compare(
    analysis: &mut Analysis<'_>,
    sink: &mut Sink<'_>,
    checkpoint: &Checkpoint,
    content: &Files,
) -> Result<Option<Compared>, Stop> {
    if analysis.artifact(KIND).is_none() {
        return Ok(None);
    }
    let Some((base, base_files)) = files::read(analysis, KIND) else { return Ok(None) };
    sink.progress("comparing with the baseline", Some(0.97))?;
    let floats = |c: &Checkpoint| -> Vec<Tensor> {
        c.tensors.iter().filter(|t| t.dtype.is_float() && t.elements() > 0).cloned().collect()
    };
    let (ours, theirs) = (floats(checkpoint), floats(&base));
    let by_name: BTreeMap<&str, &Tensor> = theirs.iter().map(|t| (bare(&t.name), t)).collect();
    let pairs: Vec<(&Tensor, &Tensor)> =
        ours.iter().filter_map(|t| Some((t, *by_name.get(bare(&t.name))?))).filter(|(a, b)| a.shape == b.shape).collect();
    let cancel = analysis.cancel();
    let changes: BTreeMap<String, f64> = pairs
        .par_iter()
        .filter(|_| !cancel.is_cancelled())
        .map(|(tensor, other)| (tensor.name.clone(), change(tensor, content, other, &base_files)))
        .collect();
    if cancel.is_cancelled() {
        return Err(Stop::Cancelled);
    }
    let elements = |tensors: &[Tensor]| tensors.iter().map(Tensor::elements).sum::<usize>() as f64;
    let shared = pairs.iter().map(|(t, _)| t.elements()).sum::<usize>() as f64;
    let share = shared / elements(&ours).max(elements(&theirs)).max(1.0);
    let alone = |tensors: &[Tensor], others: &[Tensor]| -> Vec<String> {
        let names: Vec<&str> = others.iter().map(|t| bare(&t.name)).collect();
        tensors.iter().filter(|t| !names.contains(&bare(&t.name))).map(|t| t.name.clone()).collect()
    };
    let (new, gone) = (alone(&ours, &theirs), alone(&theirs, &ours));
    if share < SHARED {
        sink.finding(mismatch(share, pairs.len(), &ours, &theirs))?;
    }
    if !changes.is_empty() {
        tell(analysis, &changes, &new, &gone);
        chart(analysis, &pairs, &changes);
    }
    Ok(Some(Compared { changes }))
}

/// Norm of the difference over the baseline's norm; elements that are no number in either are left out.
fn change(tensor: &Tensor, content: &Files, other: &Tensor, others: &Files) -> f64 {
    let (a, b) = (content.of(tensor), others.of(other));
    if tensor.dtype == other.dtype && a == b {
        return 0.0;
    }
    let (size, other_size) = (tensor.dtype.size().max(1), other.dtype.size().max(1));
    let (mut left, mut right) = ([0.0_f64; BLOCK], [0.0_f64; BLOCK]);
    let (mut difference, mut norm) = (0.0, 0.0);
    for (raw, base) in a.chunks(BLOCK * size).zip(b.chunks(BLOCK * other_size)) {
        let n = (raw.len() / size).min(base.len() / other_size);
        decode(tensor.dtype, &raw[..n * size], &mut left[..n]);
        decode(other.dtype, &base[..n * other_size], &mut right[..n]);
        for (x, y) in left[..n].iter().zip(&right[..n]).filter(|(x, y)| x.is_finite() && y.is_finite()) {
            difference += (x - y) * (x - y);
            norm += y * y;
        }
    }
    if norm > 0.0 {
        (difference / norm).sqrt()
    } else if difference > 0.0 {
        f64::INFINITY
    } else {
        0.0
    }
}

fn mismatch(share: f64, pairs: usize, ours: &[Tensor], theirs: &[Tensor]) -> Finding {
    Finding::new("artifact_mismatch", KIND, "artifact:baseline", Severity::Medium, above(1.0 - share, 1.0 - SHARED, 0.97))
        .title(format!(
            "the baseline is of another model: {pairs} of {} tensors have a counterpart of the same name and shape",
            ours.len()
        ))
        .evidence(
            Evidence::new("shared_elements", "artifact:baseline", share)
                .versus("<", SHARED)
                .unit("share")
                .method("elements of tensors of the same name and shape over those of the larger file; names without module., model., _orig_mod.")
                .source(format!("{} tensors here, {} in the baseline", ours.len(), theirs.len())),
        )
        .fix("hand in a checkpoint of the same model", "what has no counterpart cannot be said to have changed")
}

fn shown(names: &[&str]) -> String {
    let more = names.len().saturating_sub(SHOWN);
    let first = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{first} and {more} more") } else { first }
}

fn tell(analysis: &mut Analysis<'_>, changes: &BTreeMap<String, f64>, new: &[String], gone: &[String]) {
    let mut note = |code, text| analysis.note(Note::new(code, "artifact:baseline", text));
    let still: Vec<&str> = changes.iter().filter(|(_, c)| **c == 0.0).map(|(name, _)| name.as_str()).collect();
    let mut moved: Vec<(&str, f64)> = changes.iter().filter(|(_, c)| **c > 0.0).map(|(n, c)| (n.as_str(), *c)).collect();
    moved.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
    if moved.is_empty() {
        note(
            "baseline_identical",
            format!("all {} tensors are those of the baseline, bit for bit: nothing was learnt between", still.len()),
        );
    } else {
        let most: Vec<String> = moved.iter().take(SHOWN).map(|(name, c)| format!("{name} by {}", percent(*c))).collect();
        let middle = moved[moved.len() / 2].1;
        note(
            "baseline_changes",
            format!(
                "{} of {} tensors changed since the baseline, in the middle by {}; most: {}",
                moved.len(),
                changes.len(),
                percent(middle),
                most.join(", ")
            ),
        );
        if !still.is_empty() {
            note(
                "baseline_unmoved",
                format!("{} tensors never moved: {}; frozen, or without a gradient", still.len(), shown(&still)),
            );
        }
    }
    for (names, whose) in [(new, "in the checkpoint"), (gone, "in the baseline")] {
        if !names.is_empty() {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            note("baseline_unmatched", format!("only {whose}: {}", shown(&names)));
        }
    }
}

fn percent(share: f64) -> String {
    format!("{} %", fmt_number((share * 1e4).round() / 100.0))
}

fn chart(analysis: &mut Analysis<'_>, pairs: &[(&Tensor, &Tensor)], changes: &BTreeMap<String, f64>) {
    let shown: Vec<(String, Num)> =
        pairs.iter().take(60).filter_map(|(t, _)| Some((t.name.clone(), Num(*changes.get(&t.name)?)))).collect();
    analysis.chart(Chart {
        kind: ChartKind::Bars,
        subject: "baseline".to_owned(),
        title: "change since the baseline per layer".to_owned(),
        x_label: "layer".to_owned(),
        y_label: "relative change".to_owned(),
        labels: shown.iter().map(|s| s.0.clone()).collect(),
        series: vec![Series { name: "change".to_owned(), x: Vec::new(), y: shown.into_iter().map(|s| s.1).collect() }],
        marks: Vec::new(),
    });
}
