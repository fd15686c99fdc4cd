//! Weights: one pass over every tensor's bytes, where they lie.

use deepfix_agent::{Analysis, Sink, Stop};
use deepfix_artifact::checkpoint::{Checkpoint, Dtype, Tensor};
use deepfix_model::{
    ArtifactKind, BugType, Chart, ChartKind, Checked, Evidence, Finding, LayerCard, Note, Num, Series, Severity, above,
};
use half::{bf16, f16};
use rayon::prelude::*;

use crate::{
    baseline::Compared,
    detect::{DETECTORS, Weights},
    files::Files,
    spectral,
    summary::Summary,
};

const KIND: ArtifactKind = ArtifactKind::Checkpoint;
/// Fewest rows and columns of a matrix whose rows can be compared.
const UNITS: usize = 4;
/// Parts of names whose tensors have zero or equal rows on purpose: embeddings keep rows for padding,
/// LoRA, gates and adaptive norms begin at zero, filters are fixed, optimizer state is no weight.
const BY_DESIGN: [&str; 13] =
    ["emb", "wte", "wpe", "lora_", "norm", "bn", "adaln", "gate", "zero", "blur", "optimizer", "exp_avg", "momentum"];
/// Tensors in the report's table.
const LAYERS: usize = 1000;
/// Most findings of one code; further layers are counted in a note.
const MANY: usize = 25;

/// Whether a matrix is of a kind whose rows and sizes mean something else, by its name.
pub(crate) fn is_matrix_by_design(name: &str) -> bool {
    let name = name.to_lowercase();
    BY_DESIGN.iter().any(|part| name.contains(part))
}

/// Calls `each(index, value)` for every element.
pub(crate) fn for_each(tensor: &Tensor, files: &Files, mut each: impl FnMut(usize, f64)) {
    let bytes = files.of(tensor);
    macro_rules! walk {
        ($n:literal, $get:expr) => {
            for (i, raw) in bytes.chunks_exact($n).enumerate() {
                if let Ok(raw) = <[u8; $n]>::try_from(raw) {
                    each(i, $get(raw));
                }
            }
        };
    }
    match tensor.dtype {
        Dtype::F64 => walk!(8, f64::from_le_bytes),
        Dtype::F32 => walk!(4, |raw| f64::from(f32::from_le_bytes(raw))),
        Dtype::F16 => walk!(2, |raw| f16::from_le_bytes(raw).to_f64()),
        Dtype::Bf16 => walk!(2, |raw| bf16::from_le_bytes(raw).to_f64()),
        _ => {}
    }
}

/// One element of a floating tensor.
pub(crate) fn value(tensor: &Tensor, files: &Files, index: usize) -> f64 {
    let bytes = files.of(tensor);
    let size = tensor.dtype.size();
    let Some(raw) = index.checked_mul(size).and_then(|from| bytes.get(from..from + size)) else { return 0.0 };
    match (tensor.dtype, raw) {
        (Dtype::F64, &[a, b, c, d, e, f, g, h]) => f64::from_le_bytes([a, b, c, d, e, f, g, h]),
        (Dtype::F32, &[a, b, c, d]) => f64::from(f32::from_le_bytes([a, b, c, d])),
        (Dtype::F16, &[a, b]) => f16::from_le_bytes([a, b]).to_f64(),
        (Dtype::Bf16, &[a, b]) => bf16::from_le_bytes([a, b]).to_f64(),
        _ => 0.0,
    }
}

/// Rows and columns when the tensor is a weight matrix: linear layers, and convolutions with all
/// but the first dimension flattened.
pub(crate) fn matrix(tensor: &Tensor) -> Option<(usize, usize)> {
    let (rows, rest) = tensor.shape.split_first()?;
    let columns: usize = rest.iter().product();
    (tensor.shape.len() >= 2 && *rows >= 2 && columns >= 2).then_some((*rows, columns))
}

pub(crate) fn detect(
    analysis: &mut Analysis<'_>,
    sink: &mut Sink<'_>,
    checkpoint: &Checkpoint,
    files: &Files,
    compared: Option<&Compared>,
) -> Result<(), Stop> {
    let cancel = analysis.cancel();
    let floats: Vec<&Tensor> = checkpoint.tensors.iter().filter(|t| t.dtype.is_float() && t.elements() > 0).collect();
    let (mut bad, mut symmetric, mut dead, mut norms) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut seen = Vec::with_capacity(floats.len());
    let (mut matrices, mut constant) = (0, 0);
    let mut summaries = Vec::with_capacity(floats.len());
    for (i, some) in floats.chunks(16).enumerate() {
        if cancel.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        sink.progress("reading tensors", Some(0.1 + 0.85 * (16 * i) as f64 / floats.len() as f64))?;
        summaries.par_extend(some.par_iter().map(|tensor| Summary::of(tensor, files)));
    }
    for (tensor, summary) in floats.iter().zip(summaries) {
        if summary.nan + summary.infinite > 0 {
            bad.push(not_finite(tensor, &summary));
        } else if let Some((rows, columns)) = matrix(tensor) {
            matrices += 1;
            let by_design = BY_DESIGN.iter().any(|part| tensor.name.to_lowercase().contains(part));
            constant += usize::from(summary.smallest == summary.highest);
            if rows >= UNITS && !by_design {
                let tolerance = analysis.threshold("symmetric_weights.tolerance");
                if summary.row_spread <= tolerance {
                    symmetric.push((summary.smallest == summary.highest, symmetric_rows(tensor, &summary, tolerance)));
                } else if let Some(finding) = dead_units(analysis, tensor, &summary, columns) {
                    dead.push(finding);
                }
            }
            norms.push((tensor.name.clone(), summary.norm));
        }
        seen.push((*tensor, summary));
    }
    let shown = &seen[..seen.len().min(LAYERS)];
    let cards = shown
        .par_iter()
        .map(|(tensor, summary)| (!cancel.is_cancelled()).then(|| card(tensor, summary, files, compared)).ok_or(Stop::Cancelled));
    let cards = cards.collect::<Result<_, _>>()?;
    analysis.layers(cards);
    if seen.len() > LAYERS {
        analysis.note(Note::new(
            "layers_shown",
            "layers",
            format!("the table shows {LAYERS} of {} tensors; all were read", seen.len()),
        ));
    }
    // A single tensor of one value among varied ones is a constant on purpose; a network of them was
    // initialised so.
    let everywhere = constant * 2 >= matrices;
    let symmetric: Vec<Finding> = symmetric.into_iter().filter(|(constant, _)| !constant || everywhere).map(|s| s.1).collect();
    let thresholds = analysis.thresholds().clone();
    let weights = Weights::new(checkpoint, files, seen, &thresholds);
    sink.progress("comparing layers", Some(0.96))?;
    let mut results =
        vec![("nan_weights", floats.len(), bad), ("symmetric_weights", matrices, symmetric), ("dead_units", matrices, dead)];
    results.par_extend(DETECTORS.par_iter().map(|(code, detector)| {
        let (looked, findings) = detector(&weights);
        (*code, looked, findings)
    }));
    for (code, looked, findings) in results {
        analysis.checked(Checked::done(code, looked, findings.len()));
        if findings.len() > MANY {
            analysis.note(Note::new(code, "layers", format!("{} further layers show {code}", findings.len() - MANY)));
        }
        for finding in findings.into_iter().take(MANY) {
            sink.finding(finding)?;
        }
    }
    if !norms.is_empty() {
        let shown = norms.iter().take(60);
        analysis.chart(Chart {
            kind: ChartKind::Bars,
            subject: "layers".to_owned(),
            title: "weight norm per layer".to_owned(),
            x_label: "layer".to_owned(),
            y_label: "L2 norm".to_owned(),
            labels: shown.clone().map(|n| n.0.clone()).collect(),
            series: vec![Series { name: "norm".to_owned(), x: Vec::new(), y: shown.map(|n| Num(n.1)).collect() }],
            marks: Vec::new(),
        });
    }
    Ok(())
}

/// A tensor in numbers.
fn card(tensor: &Tensor, summary: &Summary, files: &Files, compared: Option<&Compared>) -> LayerCard {
    let finite = (tensor.elements() - summary.bad()).max(1) as f64;
    let mean = summary.sum / finite;
    LayerCard {
        name: tensor.name.clone(),
        dtype: format!("{:?}", tensor.dtype).to_uppercase(),
        shape: tensor.shape.iter().map(|n| *n as u64).collect(),
        norm: Num(summary.norm),
        mean: Num(mean),
        // The mean square less the square of the mean; rounding may leave less than nothing.
        std: Num((summary.norm * summary.norm / finite - mean * mean).max(0.0).sqrt()),
        largest: Num(summary.largest),
        zeros: (tensor.elements() - summary.bad()).saturating_sub(summary.nonzero) as f64 / finite,
        not_finite: summary.bad() as u64,
        spectral: spectral::norm(tensor, files).map(Num),
        change: compared.and_then(|c| c.changes.get(&tensor.name)).map(|change| Num(*change)),
    }
}

fn place(tensor: &Tensor) -> String {
    format!("{:?} of shape {:?}, file bytes {} to {}", tensor.dtype, tensor.shape, tensor.bytes.start, tensor.bytes.end)
}

fn not_finite(tensor: &Tensor, summary: &Summary) -> Finding {
    let subject = format!("layer:{}", tensor.name);
    let count = summary.nan + summary.infinite;
    let share = count as f64 / tensor.elements() as f64;
    Finding::new("nan_weights", KIND, &subject, Severity::High, above(share, share * 0.01 / (1.0 + 100.0 * share), 1.0))
        .title(format!("`{}` holds {count} values that are not finite", tensor.name))
        .bug(BugType::Search)
        .evidence(
            Evidence::new("nan_values", &subject, summary.nan)
                .versus(">", 0.0)
                .unit("values")
                .method("every element read")
                .source(place(tensor)),
        )
        .evidence(
            Evidence::new("infinite_values", &subject, summary.infinite)
                .versus(">", 0.0)
                .unit("values")
                .method("every element read"),
        )
        .evidence(
            Evidence::new("not_finite_share", &subject, share)
                .unit("share")
                .method("NaN and infinite elements over all")
                .source(format!("first at element {}", summary.first_bad.unwrap_or(0))),
        )
        .fix(
            "go back to the last checkpoint whose weights are all finite",
            "every output that passes this layer is NaN, and training on cannot recover",
        )
        .step("all(torch.isfinite(p).all() for p in model.parameters()) before each save")
        .step("find what diverged: lower the learning rate, clip gradients, keep the loss in fp32")
}

fn symmetric_rows(tensor: &Tensor, summary: &Summary, tolerance: f64) -> Finding {
    let subject = format!("layer:{}", tensor.name);
    // Equal rows by chance get less likely with every further row.
    let certainty = 1.0 - 0.2 / summary.rows as f64;
    Finding::new("symmetric_weights", KIND, &subject, Severity::High, (0.98 * certainty * 100.0).round() / 100.0)
        .title(format!("all {} units of `{}` have equal weights", summary.rows, tensor.name))
        .bug(BugType::Search)
        .evidence(
            Evidence::new("row_spread", &subject, summary.row_spread)
                .versus("<=", tolerance)
                .method("largest difference of any row from the first, over the largest absolute value")
                .source(place(tensor)),
        )
        .evidence(Evidence::new("units", &subject, summary.rows).unit("units").method("rows of the matrix"))
        .fix(
            "initialise with random weights and train again",
            "equal units get equal gradients and stay equal: the layer acts as one unit",
        )
        .step("torch.nn.init.kaiming_uniform_(layer.weight)")
}

fn dead_units(analysis: &Analysis<'_>, tensor: &Tensor, summary: &Summary, columns: usize) -> Option<Finding> {
    let (limit, high) = (analysis.threshold("dead_units.share"), analysis.threshold("dead_units.high"));
    let (rows_share, columns_share) =
        (summary.zero_rows as f64 / summary.rows as f64, summary.zero_columns as f64 / columns as f64);
    let share = rows_share.max(columns_share);
    if share < limit || summary.largest == 0.0 || summary.zero_rows.max(summary.zero_columns) < 2 {
        return None;
    }
    let subject = format!("layer:{}", tensor.name);
    let severity = if share >= high { Severity::High } else { Severity::Medium };
    let (dead, of, what) = if rows_share >= columns_share {
        (summary.zero_rows, summary.rows, "units")
    } else {
        (summary.zero_columns, columns, "inputs")
    };
    Some(
        Finding::new("dead_units", KIND, &subject, severity, above(share, limit, 0.97))
            .title(format!("{dead} of {of} {what} of `{}` are exactly zero", tensor.name))
            .bug(BugType::Search)
            .evidence(
                Evidence::new("zero_rows", &subject, summary.zero_rows)
                    .unit("rows")
                    .method("rows with every element exactly 0")
                    .source(place(tensor)),
            )
            .evidence(
                Evidence::new("zero_columns", &subject, summary.zero_columns)
                    .unit("columns")
                    .method("columns with every element exactly 0"),
            )
            .evidence(
                Evidence::new("zero_share", &subject, share)
                    .versus(">=", limit)
                    .unit("share")
                    .method("the larger of both over its total"),
            )
            .fix("prune these units, or find out why nothing reaches them", "they take memory and time and carry nothing")
            .step("check for an input that is always 0, a mask, or pruning that was never finished"),
    )
}
