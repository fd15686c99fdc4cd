//! Weights: one pass over every tensor's bytes, where they lie.

use deepfix_agent::{Analysis, Sink, Stop};
use deepfix_artifact::checkpoint::{Checkpoint, Dtype, Tensor};
use deepfix_model::{ArtifactKind, BugType, Chart, ChartKind, Checked, Evidence, Finding, Note, Num, Series, Severity, above};
use half::{bf16, f16};

use crate::{
    detect::{DETECTORS, Weights},
    files::Files,
};

const KIND: ArtifactKind = ArtifactKind::Checkpoint;
/// Fewest rows and columns of a matrix whose rows can be compared.
const UNITS: usize = 4;
/// Parts of names whose tensors have zero or equal rows on purpose: embeddings keep rows for padding,
/// LoRA, gates and adaptive norms begin at zero, filters are fixed, optimizer state is no weight.
const BY_DESIGN: [&str; 13] =
    ["emb", "wte", "wpe", "lora_", "norm", "bn", "adaln", "gate", "zero", "blur", "optimizer", "exp_avg", "momentum"];
/// Most findings of one code; further layers are counted in a note.
const MANY: usize = 25;

/// What one pass over a tensor tells.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    nan: usize,
    infinite: usize,
    first_bad: Option<usize>,
    pub(crate) norm: f64,
    pub(crate) sum: f64,
    /// Largest magnitude.
    pub(crate) largest: f64,
    pub(crate) smallest: f64,
    pub(crate) highest: f64,
    pub(crate) nonzero: usize,
    /// Values at float16's largest, within a factor of two of it, and below where it loses digits.
    pub(crate) at_edge: usize,
    pub(crate) near_edge: usize,
    pub(crate) tiny: usize,
    /// bfloat16 holds every value exactly.
    pub(crate) fits_bf16: bool,
    /// Matrices only.
    rows: usize,
    zero_rows: usize,
    zero_columns: usize,
    /// Largest difference of any row from the first, over the largest value.
    row_spread: f64,
}

impl Summary {
    /// Whether all values are one.
    pub(crate) fn is_constant(&self) -> bool {
        self.smallest >= self.highest
    }

    /// Values that are no number.
    pub(crate) fn bad(&self) -> usize {
        self.nan + self.infinite
    }
}

/// Whether a matrix is of a kind whose rows and sizes mean something else, by its name.
pub(crate) fn is_matrix_by_design(name: &str) -> bool {
    let name = name.to_lowercase();
    BY_DESIGN.iter().any(|part| name.contains(part))
}

/// Largest value of float16, and the smallest it holds with all its digits.
const F16_LARGEST: f64 = 65_504.0;
const F16_NORMAL: f64 = 6.103_515_625e-5;

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

fn summarize(tensor: &Tensor, files: &Files) -> Summary {
    let mut out = Summary { smallest: f64::INFINITY, highest: f64::NEG_INFINITY, fits_bf16: true, ..Summary::default() };
    let half = tensor.dtype == Dtype::F16;
    let mut squares = 0.0;
    let shape = matrix(tensor);
    let columns = shape.map_or(usize::MAX, |s| s.1);
    let mut first_row = Vec::with_capacity(shape.map_or(0, |s| s.1.min(1 << 20)));
    let mut column_used = vec![false; shape.map_or(0, |s| s.1)];
    let (mut row_used, mut spread) = (false, 0.0_f64);
    let mut column = 0;
    for_each(tensor, files, |i, v| {
        if v.is_finite() {
            squares += v * v;
            out.largest = out.largest.max(v.abs());
            out.smallest = out.smallest.min(v);
            out.highest = out.highest.max(v);
            out.sum += v;
            out.nonzero += usize::from(v != 0.0);
            if half {
                let size = v.abs();
                out.at_edge += usize::from(size == F16_LARGEST);
                out.near_edge += usize::from(size > F16_LARGEST / 2.0);
                out.tiny += usize::from(size > 0.0 && size < F16_NORMAL);
            } else {
                out.fits_bf16 &= v.to_bits() & 0x0000_1fff_ffff_ffff == 0;
            }
        } else {
            if v.is_nan() {
                out.nan += 1;
            } else {
                out.infinite += 1;
            }
            out.first_bad.get_or_insert(i);
        }
        if shape.is_some() {
            if i < columns {
                first_row.push(v);
            } else {
                spread = spread.max((v - first_row[column]).abs());
            }
            if v != 0.0 {
                row_used = true;
                column_used[column] = true;
            }
            column += 1;
            if column == columns {
                column = 0;
                out.rows += 1;
                out.zero_rows += usize::from(!row_used);
                row_used = false;
            }
        }
    });
    out.norm = squares.sqrt();
    out.zero_columns = column_used.iter().filter(|used| !**used).count();
    out.row_spread = if out.largest > 0.0 { spread / out.largest } else { 0.0 };
    out
}

pub(crate) fn detect(
    analysis: &mut Analysis<'_>,
    sink: &mut Sink<'_>,
    checkpoint: &Checkpoint,
    files: &Files,
) -> Result<(), Stop> {
    let cancel = analysis.cancel();
    let floats: Vec<&Tensor> = checkpoint.tensors.iter().filter(|t| t.dtype.is_float() && t.elements() > 0).collect();
    let (mut bad, mut symmetric, mut dead, mut norms) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut seen = Vec::with_capacity(floats.len());
    let (mut matrices, mut constant) = (0, 0);
    for (i, tensor) in floats.iter().enumerate() {
        if cancel.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        if i % 16 == 0 {
            sink.progress("reading tensors", Some(0.1 + 0.85 * i as f64 / floats.len() as f64))?;
        }
        let summary = summarize(tensor, files);
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
    // A single tensor of one value among varied ones is a constant on purpose; a network of them was
    // initialised so.
    let everywhere = constant * 2 >= matrices;
    let symmetric: Vec<Finding> = symmetric.into_iter().filter(|(constant, _)| !constant || everywhere).map(|s| s.1).collect();
    let thresholds = analysis.thresholds().clone();
    let weights = Weights::new(checkpoint, files, seen, &thresholds);
    sink.progress("comparing layers", Some(0.96))?;
    let mut results =
        vec![("nan_weights", floats.len(), bad), ("symmetric_weights", matrices, symmetric), ("dead_units", matrices, dead)];
    for (code, detector) in DETECTORS {
        let (looked, findings) = detector(&weights);
        results.push((code, looked, findings));
    }
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

fn place(tensor: &Tensor) -> String {
    format!("{:?} of shape {:?}, file bytes {} to {}", tensor.dtype, tensor.shape, tensor.bytes.start, tensor.bytes.end)
}

fn not_finite(tensor: &Tensor, summary: &Summary) -> Finding {
    let subject = format!("layer:{}", tensor.name);
    let count = summary.nan + summary.infinite;
    let share = count as f64 / tensor.elements() as f64;
    Finding::new("nan_weights", KIND, &subject, Severity::High, above(share, share * 0.01 / (1.0 + 100.0 * share), 1.0))
        .title(format!("`{}` holds {count} values that are no number", tensor.name))
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
