//! One column as numbers, words or times, with its missing cells.

use hashbrown::HashMap;
use polars::prelude::{Column as PolarsColumn, DataType, PolarsResult};

/// Code of a missing word.
pub(crate) const MISSING: u32 = u32::MAX;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Number,
    Boolean,
    Word,
    Time,
    /// Lists, structs, bytes: looked at for missing cells only.
    Other,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Number => "numeric",
            Self::Boolean => "boolean",
            Self::Word => "text",
            Self::Time => "time",
            Self::Other => "nested",
        }
    }

    /// Whether two splits with these kinds hold the same type of value.
    pub(crate) fn agrees(self, other: Self) -> bool {
        let class = |kind| match kind {
            Self::Number | Self::Boolean => 0,
            Self::Word => 1,
            Self::Time => 2,
            Self::Other => 3,
        };
        class(self) == class(other)
    }
}

/// Cells of a column.
#[derive(Debug, Clone)]
pub(crate) enum Values {
    /// Missing cells are NaN. Times are microseconds since 1970.
    Numbers(Vec<f64>),
    /// Codes into the words, in order of first appearance; [`MISSING`] where missing.
    Words { codes: Vec<u32>, words: Vec<String> },
}

/// One column of one split.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) kind: Kind,
    pub(crate) values: Values,
    pub(crate) missing: usize,
}

impl Column {
    pub(crate) fn from_polars(column: &PolarsColumn) -> PolarsResult<Self> {
        let series = column.as_materialized_series();
        let kind = match series.dtype() {
            DataType::Boolean => Kind::Boolean,
            DataType::String | DataType::Categorical(..) | DataType::Enum(..) => Kind::Word,
            DataType::Date | DataType::Datetime(..) | DataType::Time | DataType::Duration(_) => Kind::Time,
            DataType::Null => Kind::Word,
            dtype if dtype.is_numeric() || matches!(dtype, DataType::Decimal(..)) => Kind::Number,
            _ => Kind::Other,
        };
        let values = match kind {
            Kind::Number | Kind::Boolean => numbers(&series.cast(&DataType::Float64)?)?,
            Kind::Time => {
                let physical = match series.dtype() {
                    DataType::Date => 86_400_000_000.0,
                    DataType::Datetime(unit, _) | DataType::Duration(unit) => match unit {
                        polars::prelude::TimeUnit::Nanoseconds => 1e-3,
                        polars::prelude::TimeUnit::Microseconds => 1.0,
                        polars::prelude::TimeUnit::Milliseconds => 1e3,
                    },
                    _ => 1e-3,
                };
                match numbers(&series.to_physical_repr().cast(&DataType::Float64)?)? {
                    Values::Numbers(v) => Values::Numbers(v.into_iter().map(|x| x * physical).collect()),
                    words @ Values::Words { .. } => words,
                }
            }
            Kind::Word => words(&series.cast(&DataType::String)?)?,
            Kind::Other => {
                Values::Numbers(series.is_null().iter().map(|null| if null == Some(true) { f64::NAN } else { 0.0 }).collect())
            }
        };
        let missing = match &values {
            Values::Numbers(v) => v.iter().filter(|x| x.is_nan()).count(),
            Values::Words { codes, .. } => codes.iter().filter(|&&c| c == MISSING).count(),
        };
        Ok(Self { kind, values, missing })
    }

    pub(crate) fn rows(&self) -> usize {
        match &self.values {
            Values::Numbers(v) => v.len(),
            Values::Words { codes, .. } => codes.len(),
        }
    }

    /// Cells that are positive or negative infinity.
    pub(crate) fn infinite(&self) -> usize {
        match &self.values {
            Values::Numbers(v) => v.iter().filter(|x| x.is_infinite()).count(),
            Values::Words { .. } => 0,
        }
    }

    pub(crate) fn present(&self) -> usize {
        self.rows() - self.missing
    }

    /// Which rows have a value.
    pub(crate) fn is_present(&self) -> Vec<bool> {
        match &self.values {
            Values::Numbers(v) => v.iter().map(|x| !x.is_nan()).collect(),
            Values::Words { codes, .. } => codes.iter().map(|c| *c != MISSING).collect(),
        }
    }

    /// Finite numbers in ascending order; empty for words.
    pub(crate) fn sorted(&self) -> Vec<f64> {
        match &self.values {
            Values::Numbers(v) => {
                let mut sorted: Vec<f64> = v.iter().copied().filter(|x| x.is_finite()).collect();
                sorted.sort_unstable_by(f64::total_cmp);
                sorted
            }
            Values::Words { .. } => Vec::new(),
        }
    }

    /// Each distinct present value as text, with its count, most frequent first, ties by text.
    pub(crate) fn counts(&self) -> Vec<(String, usize)> {
        let mut counts: Vec<(String, usize)> = match &self.values {
            Values::Numbers(v) => {
                let mut by_bits: HashMap<u64, usize> = HashMap::new();
                for x in v.iter().filter(|x| !x.is_nan()) {
                    *by_bits.entry(canonical(*x)).or_default() += 1;
                }
                by_bits.into_iter().map(|(bits, n)| (show(f64::from_bits(bits)), n)).collect()
            }
            Values::Words { codes, words } => {
                let mut by_code = vec![0_usize; words.len()];
                for &code in codes.iter().filter(|&&c| c != MISSING) {
                    by_code[code as usize] += 1;
                }
                words.iter().cloned().zip(by_code).filter(|(_, n)| *n > 0).collect()
            }
        };
        counts.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        counts
    }

    /// A 64-bit hash of every cell, equal for equal values whatever their type's width.
    pub(crate) fn cell_hashes(&self, seed: u64) -> Vec<u64> {
        match &self.values {
            Values::Numbers(v) => v.iter().map(|x| mix(seed ^ mix(if x.is_nan() { 1 } else { canonical(*x) }))).collect(),
            Values::Words { codes, words } => {
                let by_word: Vec<u64> = words.iter().map(|word| mix(seed ^ hash_text(word))).collect();
                let missing = mix(seed ^ mix(1));
                codes.iter().map(|&c| if c == MISSING { missing } else { by_word[c as usize] }).collect()
            }
        }
    }
}

/// A number's text as a category.
pub(crate) fn show(x: f64) -> String {
    if x.fract() == 0.0 && x.abs() < 1e15 { format!("{x:.0}") } else { x.to_string() }
}

fn canonical(x: f64) -> u64 {
    // -0.0 and 0.0 are one value.
    (x + 0.0).to_bits()
}

/// The finaliser of splitmix64 (Steele, Lea, Flood 2014): every input bit reaches every output bit.
pub(crate) fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// FNV-1a, finished by [`mix`].
pub(crate) fn hash_text(text: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    mix(hash)
}

fn numbers(series: &polars::prelude::Series) -> PolarsResult<Values> {
    let column = series.f64()?;
    let mut out = Vec::with_capacity(column.len());
    for chunk in column.downcast_iter() {
        match chunk.validity().filter(|v| v.unset_bits() > 0) {
            None => out.extend_from_slice(chunk.values().as_slice()),
            Some(valid) => {
                out.extend(chunk.values().as_slice().iter().zip(valid.iter()).map(|(x, ok)| if ok { *x } else { f64::NAN }));
            }
        }
    }
    Ok(Values::Numbers(out))
}

fn words(series: &polars::prelude::Series) -> PolarsResult<Values> {
    let column = series.str()?;
    let mut index: HashMap<&str, u32> = HashMap::new();
    let mut words: Vec<String> = Vec::new();
    let mut codes = Vec::with_capacity(column.len());
    for word in column.iter() {
        codes.push(match word {
            None => MISSING,
            Some(word) => *index.entry(word).or_insert_with(|| {
                words.push(word.to_owned());
                u32::try_from(words.len() - 1).unwrap_or(MISSING - 1)
            }),
        });
    }
    Ok(Values::Words { codes, words })
}
