//! What one pass over a tensor tells. Elements are decoded in blocks that stay in the cache, and the sums run
//! side by side so that the compiler makes vector instructions of them.

use deepfix_artifact::checkpoint::{Dtype, Tensor};
use half::{f16, slice::HalfFloatSliceExt};

use crate::{files::Files, tensors::matrix};

/// Elements of a block.
pub(crate) const BLOCK: usize = 1024;
/// Sums side by side.
const LANES: usize = 8;
/// Largest value of float16, and the smallest it holds with all its digits.
const F16_LARGEST: f64 = 65_504.0;
const F16_NORMAL: f64 = 6.103_515_625e-5;

/// What one pass over a tensor tells.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    pub(crate) nan: usize,
    pub(crate) infinite: usize,
    pub(crate) first_bad: Option<usize>,
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
    pub(crate) rows: usize,
    pub(crate) zero_rows: usize,
    pub(crate) zero_columns: usize,
    /// Largest difference of any row from the first, over the largest value.
    pub(crate) row_spread: f64,
}

impl Summary {
    /// Reads every element once.
    pub(crate) fn of(tensor: &Tensor, files: &Files) -> Self {
        let (bytes, size) = (files.of(tensor), tensor.dtype.size());
        if size == 0 {
            return Self::default();
        }
        let mut pass = Pass::new(tensor);
        let mut block = [0.0_f64; BLOCK];
        for raw in bytes.chunks(BLOCK * size) {
            let n = raw.len() / size;
            decode(tensor.dtype, raw, &mut block[..n]);
            pass.take(&block[..n]);
        }
        pass.end()
    }

    /// Whether all values are one.
    pub(crate) fn is_constant(&self) -> bool {
        self.smallest >= self.highest
    }

    /// Values that are no number.
    pub(crate) fn bad(&self) -> usize {
        self.nan + self.infinite
    }
}

pub(crate) fn decode(dtype: Dtype, raw: &[u8], out: &mut [f64]) {
    match dtype {
        Dtype::F64 => {
            for (value, raw) in out.iter_mut().zip(raw.as_chunks::<8>().0) {
                *value = f64::from_le_bytes(*raw);
            }
        }
        Dtype::F32 => {
            for (value, raw) in out.iter_mut().zip(raw.as_chunks::<4>().0) {
                *value = f64::from(f32::from_le_bytes(*raw));
            }
        }
        Dtype::Bf16 => {
            for (value, raw) in out.iter_mut().zip(raw.as_chunks::<2>().0) {
                *value = f64::from(f32::from_bits(u32::from(u16::from_le_bytes(*raw)) << 16));
            }
        }
        Dtype::F16 => {
            let (mut halves, mut singles) = ([f16::ZERO; BLOCK], [0.0_f32; BLOCK]);
            let n = out.len();
            for (half, raw) in halves.iter_mut().zip(raw.as_chunks::<2>().0) {
                *half = f16::from_le_bytes(*raw);
            }
            halves[..n].convert_to_f32_slice(&mut singles[..n]);
            for (value, single) in out.iter_mut().zip(&singles) {
                *value = f64::from(*single);
            }
        }
        _ => out.fill(0.0),
    }
}

/// A pass over a tensor, block by block.
struct Pass {
    out: Summary,
    half: bool,
    columns: Option<usize>,
    first_row: Vec<f64>,
    column_used: Vec<bool>,
    sums: [f64; LANES],
    squares: [f64; LANES],
    spread: f64,
    row_used: bool,
    column: usize,
    seen: usize,
}

impl Pass {
    fn new(tensor: &Tensor) -> Self {
        let columns = matrix(tensor).map(|shape| shape.1);
        Self {
            out: Summary { smallest: f64::INFINITY, highest: f64::NEG_INFINITY, fits_bf16: true, ..Summary::default() },
            half: tensor.dtype == Dtype::F16,
            columns,
            first_row: Vec::with_capacity(columns.unwrap_or(0).min(1 << 20)),
            column_used: vec![false; columns.unwrap_or(0)],
            sums: [0.0; LANES],
            squares: [0.0; LANES],
            spread: 0.0,
            row_used: false,
            column: 0,
            seen: 0,
        }
    }

    fn take(&mut self, block: &[f64]) {
        if block.iter().all(|v| v.is_finite()) {
            self.finite(block);
        } else {
            let from = self.seen;
            for (i, v) in block.iter().enumerate().filter(|(_, v)| !v.is_finite()) {
                if v.is_nan() {
                    self.out.nan += 1;
                } else {
                    self.out.infinite += 1;
                }
                self.out.first_bad.get_or_insert(from + i);
            }
            block.iter().filter(|v| v.is_finite()).for_each(|v| self.finite(std::slice::from_ref(v)));
        }
        self.seen += block.len();
        self.rows(block);
    }

    fn finite(&mut self, block: &[f64]) {
        let (chunks, rest) = block.as_chunks::<LANES>();
        let (mut low, mut high) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
        let mut nonzero = [0_u64; LANES];
        let mut beyond = 0_u64;
        for chunk in chunks {
            for k in 0..LANES {
                let v = chunk[k];
                self.sums[k] += v;
                self.squares[k] += v * v;
                low[k] = if v < low[k] { v } else { low[k] };
                high[k] = if v > high[k] { v } else { high[k] };
                nonzero[k] += u64::from(v != 0.0);
                beyond |= v.to_bits();
            }
        }
        for v in rest {
            self.sums[0] += v;
            self.squares[0] += v * v;
            low[0] = low[0].min(*v);
            high[0] = high[0].max(*v);
            nonzero[0] += u64::from(*v != 0.0);
            beyond |= v.to_bits();
        }
        self.out.smallest = low.iter().copied().fold(self.out.smallest, f64::min);
        self.out.highest = high.iter().copied().fold(self.out.highest, f64::max);
        self.out.nonzero += usize::try_from(nonzero.iter().sum::<u64>()).unwrap_or(usize::MAX);
        self.out.fits_bf16 &= self.half || beyond & 0x0000_1fff_ffff_ffff == 0;
        if self.half {
            for v in block {
                let size = v.abs();
                self.out.at_edge += usize::from(size == F16_LARGEST);
                self.out.near_edge += usize::from(size > F16_LARGEST / 2.0);
                self.out.tiny += usize::from(size > 0.0 && size < F16_NORMAL);
            }
        }
    }

    /// Rows and columns that are zero, and how far rows are from the first.
    fn rows(&mut self, mut block: &[f64]) {
        let Some(columns) = self.columns else { return };
        while !block.is_empty() {
            let (part, rest) = block.split_at(block.len().min(columns - self.column));
            block = rest;
            let within = self.column..self.column + part.len();
            if self.out.rows == 0 {
                self.first_row.extend_from_slice(part);
            } else {
                let mut far = [0.0_f64; LANES];
                let first = &self.first_row[within.clone()];
                for (v, f) in part.as_chunks::<LANES>().0.iter().zip(first.as_chunks::<LANES>().0) {
                    for k in 0..LANES {
                        let d = (v[k] - f[k]).abs();
                        far[k] = if d > far[k] { d } else { far[k] };
                    }
                }
                let tail = part.len() - part.len() % LANES;
                let rest = part[tail..].iter().zip(&first[tail..]).map(|(v, f)| (v - f).abs()).fold(0.0, f64::max);
                self.spread = far.iter().copied().fold(self.spread.max(rest), f64::max);
            }
            let mut any = false;
            for (used, v) in self.column_used[within].iter_mut().zip(part) {
                *used |= *v != 0.0;
                any |= *v != 0.0;
            }
            self.row_used |= any;
            self.column += part.len();
            if self.column == columns {
                self.column = 0;
                self.out.rows += 1;
                self.out.zero_rows += usize::from(!self.row_used);
                self.row_used = false;
            }
        }
    }

    fn end(self) -> Summary {
        let mut out = self.out;
        out.sum = self.sums.iter().sum();
        out.norm = self.squares.iter().sum::<f64>().sqrt();
        if out.highest >= out.smallest {
            out.largest = out.highest.abs().max(out.smallest.abs());
        }
        out.zero_columns = self.column_used.iter().filter(|used| !**used).count();
        out.row_spread = if out.largest > 0.0 { self.spread / out.largest } else { 0.0 };
        out
    }
}
