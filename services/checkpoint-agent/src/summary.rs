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
        if tensor.dtype == Dtype::F64 { Pass::<f64>::over(tensor, bytes, size) } else { Pass::<f32>::over(tensor, bytes, size) }
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

/// Values of any floating type; zero for others.
#[inline(always)]
pub(crate) fn decode(dtype: Dtype, raw: &[u8], out: &mut [f64]) {
    if dtype == Dtype::F64 {
        for (value, raw) in out.iter_mut().zip(raw.as_chunks::<8>().0) {
            *value = f64::from_le_bytes(*raw);
        }
        return;
    }
    let mut narrow = [0.0_f32; BLOCK];
    singles(dtype, raw, &mut narrow[..out.len()]);
    for (value, narrow) in out.iter_mut().zip(narrow) {
        *value = f64::from(narrow);
    }
}

/// Values of a type no wider than float32; zero for others.
#[inline(always)]
fn singles(dtype: Dtype, raw: &[u8], out: &mut [f32]) {
    match dtype {
        Dtype::F32 => {
            for (value, raw) in out.iter_mut().zip(raw.as_chunks::<4>().0) {
                *value = f32::from_le_bytes(*raw);
            }
        }
        Dtype::Bf16 => {
            for (value, raw) in out.iter_mut().zip(raw.as_chunks::<2>().0) {
                *value = f32::from_bits(u32::from(u16::from_le_bytes(*raw)) << 16);
            }
        }
        Dtype::F16 => {
            let mut halves = [f16::ZERO; BLOCK];
            for (half, raw) in halves.iter_mut().zip(raw.as_chunks::<2>().0) {
                *half = f16::from_le_bytes(*raw);
            }
            halves[..out.len()].convert_to_f32_slice(out);
        }
        _ => out.fill(0.0),
    }
}

/// A floating type that tensors are summed in: their own, or the smallest that holds all its values.
trait Element: Copy + PartialOrd + std::ops::Sub<Output = Self> {
    type Bits: Copy + Default + PartialEq + std::ops::BitOrAssign;
    const ZERO: Self;
    const INFINITY: Self;
    const NEG_INFINITY: Self;
    fn wide(self) -> f64;
    fn magnitude(self) -> Self;
    /// The digits that bfloat16 has not; zero when it holds the value.
    fn beyond_bf16(self) -> Self::Bits;
    fn decode(dtype: Dtype, raw: &[u8], out: &mut [Self]);
    /// The values where they lie, if they do so as this machine holds them.
    fn within(dtype: Dtype, bytes: &[u8]) -> Option<&[Self]>;
}

macro_rules! element {
    ($type:ident, $bits:ident, $dtype:path, $beyond:literal, $decode:path) => {
        impl Element for $type {
            type Bits = $bits;
            const ZERO: Self = 0.0;
            const INFINITY: Self = $type::INFINITY;
            const NEG_INFINITY: Self = $type::NEG_INFINITY;
            #[inline(always)]
            fn wide(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn magnitude(self) -> Self {
                self.abs()
            }
            #[inline(always)]
            fn beyond_bf16(self) -> $bits {
                self.to_bits() & $beyond
            }
            #[inline(always)]
            fn decode(dtype: Dtype, raw: &[u8], out: &mut [Self]) {
                $decode(dtype, raw, out);
            }
            #[inline(always)]
            fn within(dtype: Dtype, bytes: &[u8]) -> Option<&[Self]> {
                let own = dtype == $dtype && cfg!(target_endian = "little");
                bytemuck::try_cast_slice(bytes).ok().filter(|_| own)
            }
        }
    };
}
element!(f32, u32, Dtype::F32, 0xffff, singles);
element!(f64, u64, Dtype::F64, 0x1fff_ffff_ffff, decode);

/// A pass over a tensor, block by block.
struct Pass<T> {
    out: Summary,
    half: bool,
    columns: Option<usize>,
    first_row: Vec<T>,
    column_used: Vec<bool>,
    /// Columns that were zero so far.
    unused: usize,
    sums: [f64; LANES],
    squares: [f64; LANES],
    low: [T; LANES],
    high: [T; LANES],
    spread: T,
    row_used: bool,
    column: usize,
    seen: usize,
}

impl<T: Element> Pass<T> {
    /// Reads every element once, with the widest vectors the machine has. The sums are the same on all of them: they
    /// run in as many lanes whatever the vectors.
    fn over(tensor: &Tensor, bytes: &[u8], size: usize) -> Summary {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            #[expect(unsafe_code, reason = "the machine has the vectors that the function is compiled for")]
            return unsafe { Self::over_avx2(tensor, bytes, size) };
        }
        Self::all(tensor, bytes, size)
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn over_avx2(tensor: &Tensor, bytes: &[u8], size: usize) -> Summary {
        Self::all(tensor, bytes, size)
    }

    #[inline(always)]
    fn all(tensor: &Tensor, bytes: &[u8], size: usize) -> Summary {
        let mut pass = Self::new(tensor);
        if let Some(values) = T::within(tensor.dtype, bytes) {
            values.chunks(BLOCK).for_each(|block| pass.take(block));
            return pass.end();
        }
        let mut block = [T::ZERO; BLOCK];
        for raw in bytes.chunks(BLOCK * size) {
            let n = raw.len() / size;
            T::decode(tensor.dtype, raw, &mut block[..n]);
            pass.take(&block[..n]);
        }
        pass.end()
    }

    fn new(tensor: &Tensor) -> Self {
        let columns = matrix(tensor).map(|shape| shape.1);
        Self {
            out: Summary { fits_bf16: true, ..Summary::default() },
            half: tensor.dtype == Dtype::F16,
            columns,
            first_row: Vec::with_capacity(columns.unwrap_or(0).min(1 << 20)),
            column_used: vec![false; columns.unwrap_or(0)],
            unused: columns.unwrap_or(0),
            sums: [0.0; LANES],
            squares: [0.0; LANES],
            low: [T::INFINITY; LANES],
            high: [T::NEG_INFINITY; LANES],
            spread: T::ZERO,
            row_used: false,
            column: 0,
            seen: 0,
        }
    }

    #[inline(always)]
    fn take(&mut self, block: &[T]) {
        if !self.finite(block) {
            self.with_odd(block);
        }
        self.seen += block.len();
        self.rows(block);
    }

    #[cold]
    fn with_odd(&mut self, block: &[T]) {
        for (i, v) in block.iter().enumerate() {
            let wide = v.wide();
            if wide.is_finite() {
                self.sums[0] += wide;
                self.squares[0] += wide * wide;
                self.low[0] = if *v < self.low[0] { *v } else { self.low[0] };
                self.high[0] = if *v > self.high[0] { *v } else { self.high[0] };
                self.out.nonzero += usize::from(*v != T::ZERO);
                self.out.fits_bf16 &= self.half || v.beyond_bf16() == T::Bits::default();
                self.sizes(std::slice::from_ref(v));
                continue;
            }
            if wide.is_nan() {
                self.out.nan += 1;
            } else {
                self.out.infinite += 1;
            }
            self.out.first_bad.get_or_insert(self.seen + i);
        }
    }

    /// Takes a block of finite values. Answers false, with nothing taken, when one of them or the sum of their squares
    /// is not.
    #[inline(always)]
    fn finite(&mut self, block: &[T]) -> bool {
        let (chunks, rest) = block.as_chunks::<LANES>();
        let (mut sums, mut squares, mut low, mut high) = (self.sums, self.squares, self.low, self.high);
        let (mut zeros, mut beyond) = ([0_u32; LANES], [T::Bits::default(); LANES]);
        for chunk in chunks {
            for k in 0..LANES {
                let v = chunk[k];
                let wide = v.wide();
                sums[k] += wide;
                squares[k] += wide * wide;
                low[k] = if v < low[k] { v } else { low[k] };
                high[k] = if v > high[k] { v } else { high[k] };
                zeros[k] += u32::from(v == T::ZERO);
                beyond[k] |= v.beyond_bf16();
            }
        }
        for v in rest {
            let wide = v.wide();
            sums[0] += wide;
            squares[0] += wide * wide;
            low[0] = if *v < low[0] { *v } else { low[0] };
            high[0] = if *v > high[0] { *v } else { high[0] };
            zeros[0] += u32::from(*v == T::ZERO);
            beyond[0] |= v.beyond_bf16();
        }
        if !squares.iter().all(|s| s.is_finite()) {
            return false;
        }
        (self.sums, self.squares, self.low, self.high) = (sums, squares, low, high);
        self.out.nonzero += block.len() - zeros.iter().sum::<u32>() as usize;
        self.out.fits_bf16 &= self.half || beyond.iter().all(|b| *b == T::Bits::default());
        self.sizes(block);
        true
    }

    /// Where float16 ends.
    #[inline(always)]
    fn sizes(&mut self, block: &[T]) {
        if !self.half {
            return;
        }
        for v in block {
            let size = v.wide().abs();
            self.out.at_edge += usize::from(size == F16_LARGEST);
            self.out.near_edge += usize::from(size > F16_LARGEST / 2.0);
            self.out.tiny += usize::from(size > 0.0 && size < F16_NORMAL);
        }
    }

    /// Rows and columns that are zero, and how far rows are from the first.
    #[inline(always)]
    fn rows(&mut self, mut block: &[T]) {
        let Some(columns) = self.columns else { return };
        while !block.is_empty() {
            let (part, rest) = block.split_at(block.len().min(columns - self.column));
            block = rest;
            let within = self.column..self.column + part.len();
            if self.out.rows == 0 {
                self.first_row.extend_from_slice(part);
            } else {
                let first = &self.first_row[within.clone()];
                let mut far = [T::ZERO; LANES];
                let (parts, rest) = part.as_chunks::<LANES>();
                let (firsts, first_rest) = first.as_chunks::<LANES>();
                for (v, f) in parts.iter().zip(firsts) {
                    for k in 0..LANES {
                        let d = (v[k] - f[k]).magnitude();
                        far[k] = if d > far[k] { d } else { far[k] };
                    }
                }
                let rest = rest.iter().zip(first_rest).map(|(v, f)| (*v - *f).magnitude());
                for d in rest.chain(far) {
                    self.spread = if d > self.spread { d } else { self.spread };
                }
            }
            // Nearly always the first row settles it.
            if self.unused > 0 {
                for (used, v) in self.column_used[within].iter_mut().zip(part) {
                    self.unused -= usize::from(!*used && *v != T::ZERO);
                    *used |= *v != T::ZERO;
                }
            }
            self.row_used = self.row_used || part.iter().any(|v| *v != T::ZERO);
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
        out.smallest = self.low.iter().map(|v| v.wide()).fold(f64::INFINITY, f64::min);
        out.highest = self.high.iter().map(|v| v.wide()).fold(f64::NEG_INFINITY, f64::max);
        if out.highest >= out.smallest {
            out.largest = out.highest.abs().max(out.smallest.abs());
        }
        out.zero_columns = self.unused;
        out.row_spread = if out.largest > 0.0 { self.spread.wide() / out.largest } else { 0.0 };
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(dtype: Dtype, shape: Vec<usize>) -> Tensor {
        let elements: usize = shape.iter().product();
        Tensor { name: "w".to_owned(), dtype, bytes: 0..elements * dtype.size(), shape, file: 0 }
    }

    /// Wherever the bytes begin, and with or without vectors, every element counts once.
    #[test]
    fn one_pass_tells_what_counting_by_hand_tells() {
        let (rows, columns) = (67, 45);
        let value = |i: usize| match i {
            i if i % columns == 3 || i / columns == 5 => 0.0,
            700 => f32::NAN,
            2000 => f32::NEG_INFINITY,
            i => ((i * 7919) % 1000) as f32 / 64.0 - 3.0,
        };
        let values: Vec<f32> = (0..rows * columns).map(value).collect();
        for odd in [true, false] {
            let values: Vec<f32> = values.iter().map(|v| if odd || v.is_finite() { *v } else { 1.0 }).collect();
            let good: Vec<f64> = values.iter().filter(|v| v.is_finite()).map(|v| f64::from(*v)).collect();
            let single: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            let double: Vec<u8> = values.iter().flat_map(|v| f64::from(*v).to_le_bytes()).collect();
            let half: Vec<u8> = values.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()).collect();
            for shift in [0, 1] {
                let at = |bytes: &[u8]| [vec![0; shift], bytes.to_vec()].concat();
                for out in [
                    Pass::<f32>::over(&tensor(Dtype::F32, vec![rows, columns]), &at(&single)[shift..], 4),
                    Pass::<f32>::all(&tensor(Dtype::F32, vec![rows, columns]), &at(&single)[shift..], 4),
                    Pass::<f64>::over(&tensor(Dtype::F64, vec![rows, columns]), &at(&double)[shift..], 8),
                    Pass::<f32>::over(&tensor(Dtype::F16, vec![rows, columns]), &at(&half)[shift..], 2),
                ] {
                    assert_eq!((out.nan, out.infinite, out.first_bad), if odd { (1, 1, Some(700)) } else { (0, 0, None) });
                    assert!((out.sum - good.iter().sum::<f64>()).abs() < 1e-9, "{} {}", out.sum, good.iter().sum::<f64>());
                    assert!((out.norm.powi(2) - good.iter().map(|v| v * v).sum::<f64>()).abs() < 1e-6);
                    assert_eq!((out.smallest, out.highest, out.largest), (-3.0, 12.609_375, 12.609_375));
                    assert_eq!(out.nonzero, good.iter().filter(|v| **v != 0.0).count());
                    assert_eq!((out.rows, out.zero_rows, out.zero_columns), (rows, 1, 1));
                    assert!(out.row_spread > 0.5 && !out.is_constant());
                }
            }
        }
        let same: Vec<u8> = (0..40).flat_map(|i| [0.5_f32, 0.25, -1.0, 0.0][i % 4].to_le_bytes()).collect();
        let out = Pass::<f32>::over(&tensor(Dtype::F32, vec![10, 4]), &same, 4);
        assert_eq!((out.row_spread, out.zero_columns, out.fits_bf16), (0.0, 1, true));
    }
}
