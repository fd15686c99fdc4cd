//! One column as numbers, words or times, with its missing cells.

use std::sync::OnceLock;

use hashbrown::HashMap;
use polars::prelude::{Column as PolarsColumn, DataType, PolarsResult};

/// Code of a missing word.
pub(crate) const MISSING: u32 = u32::MAX;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
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
    /// What the file itself declares; text may turn out to be numbers.
    pub(crate) stored: Kind,
    pub(crate) values: Values,
    /// Cells that are empty or spell out that they are.
    pub(crate) missing: usize,
    /// Cells taken out because a magic number stands in them; not counted as missing.
    pub(crate) blanked: usize,
    pub(crate) oddities: Oddities,
    sorted: OnceLock<Vec<f64>>,
    counts: OnceLock<Vec<(String, usize)>>,
    spread: OnceLock<Spread>,
}

/// Cells that are unlike the rest of their column, with how many there are of each.
#[derive(Debug, Clone, Default)]
pub(crate) struct Oddities {
    /// Spellings of "missing"; the empty cell is the empty word.
    pub(crate) blanks: Vec<(String, usize)>,
    /// Values of another type or format, most frequent first.
    pub(crate) strays: Vec<(String, usize)>,
    /// What most of the column's cells are, where there are strays.
    pub(crate) mostly: &'static str,
    /// Spelling, the spelling it was folded into, cells.
    pub(crate) variants: Vec<(String, String, usize)>,
    /// Magic numbers.
    pub(crate) sentinels: Vec<(f64, usize)>,
}

/// How varied a column's present values are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spread {
    pub(crate) distinct: usize,
    /// Values that occur once.
    pub(crate) once: usize,
    /// Probability that two cells agree: the sum of squared shares.
    pub(crate) collision: f64,
    /// The most frequent value and its cells.
    pub(crate) top: Option<(String, usize)>,
}

impl Column {
    pub(crate) fn new(kind: Kind, values: Values) -> Self {
        let missing = match &values {
            Values::Numbers(v) => v.iter().filter(|x| x.is_nan()).count(),
            Values::Words { codes, .. } => codes.iter().filter(|&&c| c == MISSING).count(),
        };
        Self {
            kind,
            stored: kind,
            values,
            missing,
            blanked: 0,
            oddities: Oddities::default(),
            sorted: OnceLock::new(),
            counts: OnceLock::new(),
            spread: OnceLock::new(),
        }
    }

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
            // Identifiers of 64 bits do not fit a double.
            Kind::Number if wide_integers(series) => words(&series.cast(&DataType::String)?)?,
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
        let kind = if matches!(values, Values::Words { .. }) { Kind::Word } else { kind };
        Ok(Self::new(kind, values))
    }

    /// Takes back what was computed of the values, for they were changed.
    pub(crate) fn forget(&mut self) {
        self.sorted.take();
        self.counts.take();
        self.spread.take();
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
        self.rows() - self.missing - self.blanked
    }

    /// The numbers, missing cells NaN; `None` for words.
    pub(crate) fn numbers(&self) -> Option<&[f64]> {
        match &self.values {
            Values::Numbers(v) => Some(v),
            Values::Words { .. } => None,
        }
    }

    /// Which rows have a value.
    pub(crate) fn is_present(&self) -> Vec<bool> {
        match &self.values {
            Values::Numbers(v) => v.iter().map(|x| !x.is_nan()).collect(),
            Values::Words { codes, .. } => codes.iter().map(|c| *c != MISSING).collect(),
        }
    }

    /// Finite numbers in ascending order; empty for words.
    pub(crate) fn sorted(&self) -> &[f64] {
        self.sorted.get_or_init(|| match &self.values {
            Values::Numbers(v) => {
                // At once as long as it gets: one that grows is copied, and faulted in, over and over.
                let mut sorted = Vec::with_capacity(v.len());
                sorted.extend(v.iter().copied().filter(|x| x.is_finite()));
                sort(&mut sorted);
                sorted
            }
            Values::Words { .. } => Vec::new(),
        })
    }

    /// Each distinct present value as text, with its count, most frequent first, ties by text.
    pub(crate) fn counts(&self) -> &[(String, usize)] {
        self.counts.get_or_init(|| {
            let mut counts: Vec<(String, usize)> = match &self.values {
                Values::Numbers(_) => runs(self.sorted()).map(|(x, n)| (show(x), n)).collect(),
                Values::Words { words, .. } => words.iter().cloned().zip(self.by_code()).filter(|(_, n)| *n > 0).collect(),
            };
            counts.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            counts
        })
    }

    /// Cells of each word, in the order of the words; empty for numbers.
    pub(crate) fn by_code(&self) -> Vec<usize> {
        let Values::Words { codes, words } = &self.values else { return Vec::new() };
        let mut by_code = vec![0_usize; words.len()];
        for &code in codes.iter().filter(|&&c| c != MISSING) {
            by_code[code as usize] += 1;
        }
        by_code
    }

    pub(crate) fn spread(&self) -> &Spread {
        self.spread.get_or_init(|| {
            let mut spread = Spread::default();
            let total = self.present().max(1) as f64;
            let mut add = |n: usize| {
                spread.distinct += 1;
                spread.once += usize::from(n == 1);
                spread.collision += (n as f64 / total).powi(2);
            };
            match &self.values {
                Values::Numbers(_) => {
                    let mut top: Option<(f64, usize)> = None;
                    for (x, n) in runs(self.sorted()) {
                        add(n);
                        if top.is_none_or(|(_, most)| n > most) {
                            top = Some((x, n));
                        }
                    }
                    spread.top = top.map(|(x, n)| (show(x), n));
                }
                Values::Words { words, .. } => {
                    let by_code = self.by_code();
                    by_code.iter().copied().filter(|n| *n > 0).for_each(&mut add);
                    let top = (0..words.len()).max_by(|&a, &b| by_code[a].cmp(&by_code[b]).then_with(|| words[b].cmp(&words[a])));
                    spread.top = top.map(|i| (words[i].clone(), by_code[i])).filter(|t| t.1 > 0);
                }
            }
            spread
        })
    }

    /// Distinct finite numbers ascending with their cells, when there are at most so many.
    pub(crate) fn few_numbers(&self, most: usize) -> Option<Vec<(f64, usize)>> {
        self.numbers()?;
        let few: Vec<(f64, usize)> = runs(self.sorted()).take(most + 1).collect();
        (few.len() <= most).then_some(few)
    }

    /// Takes cells out: they become missing in the values but are not counted so.
    pub(crate) fn blank(&mut self, out: impl Fn(f64) -> bool) -> usize {
        let Values::Numbers(values) = &mut self.values else { return 0 };
        let mut taken = 0;
        for x in values.iter_mut().filter(|x| out(**x)) {
            *x = f64::NAN;
            taken += 1;
        }
        self.blanked += taken;
        (self.sorted, self.counts, self.spread) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        taken
    }

    /// 64-bit hashes of cells, equal for equal values whatever their type's width.
    pub(crate) fn hasher(&self, name: &str) -> CellHasher<'_> {
        let seed = hash_text(name);
        let missing = mix(seed ^ mix(1));
        match &self.values {
            Values::Numbers(values) => CellHasher::Numbers { values, seed, missing },
            Values::Words { codes, words } => {
                CellHasher::Words { codes, of_word: words.iter().map(|word| mix(seed ^ hash_text(word))).collect(), missing }
            }
        }
    }
}

/// Hashes a column's cells.
pub(crate) enum CellHasher<'a> {
    Numbers { values: &'a [f64], seed: u64, missing: u64 },
    Words { codes: &'a [u32], of_word: Vec<u64>, missing: u64 },
}

impl CellHasher<'_> {
    pub(crate) fn hash(&self, row: usize) -> u64 {
        match self {
            Self::Numbers { values, seed, missing } => {
                let x = values[row];
                if x.is_nan() { *missing } else { mix(seed ^ mix(canonical(x))) }
            }
            Self::Words { codes, of_word, missing } => of_word.get(codes[row] as usize).copied().unwrap_or(*missing),
        }
    }
}

/// Runs of equal numbers of an ascending slice.
pub(crate) fn runs(sorted: &[f64]) -> impl Iterator<Item = (f64, usize)> + '_ {
    sorted.chunk_by(|a, b| a == b).map(|run| (run[0], run.len()))
}

/// Ascending order of finite numbers. Long slices by radix: eleven bits a pass, from the 33rd of the bits that vary up
/// to the first, in an order-preserving form; what agrees in all of these is put in order afterwards. So numbers of
/// full precision take three passes rather than six, and few need more.
pub(crate) fn sort(values: &mut [f64]) {
    const BITS: u32 = 11;
    const PASSES: u32 = 3;
    const MASK: u64 = (1 << BITS) - 1;
    if values.len() < 4096 {
        values.sort_unstable_by(f64::total_cmp);
        return;
    }
    // Negative numbers order backwards by their bits; -0.0 is 0.0.
    let (mut any, mut all) = (0, u64::MAX);
    let mut keys: Vec<u64> = values
        .iter()
        .map(|x| {
            let bits = (x + 0.0).to_bits();
            let key = if bits >> 63 == 1 { !bits } else { bits | (1 << 63) };
            (any, all) = (any | key, all & key);
            key
        })
        .collect();
    let varying = any ^ all;
    let low = (u64::BITS - varying.leading_zeros()).saturating_sub(BITS * PASSES);
    let mut at = vec![[0_usize; 1 << BITS]; PASSES as usize];
    for key in &keys {
        for (pass, at) in (0..).zip(&mut at) {
            at[((key >> (low + BITS * pass)) & MASK) as usize] += 1;
        }
    }
    // The values have become keys; where they were serves as the other side.
    let mut passes = 0;
    let (mut from, mut to): (&mut [u64], &mut [u64]) = (&mut keys, bytemuck::cast_slice_mut(values));
    for (pass, at) in (0..).zip(&mut at) {
        let shift = low + BITS * pass;
        if (varying >> shift) & MASK == 0 {
            continue;
        }
        let mut sum = 0;
        for slot in at.iter_mut() {
            sum += std::mem::replace(slot, sum);
        }
        for &key in &*from {
            let slot = &mut at[((key >> shift) & MASK) as usize];
            to[*slot] = key;
            *slot += 1;
        }
        std::mem::swap(&mut from, &mut to);
        passes += 1;
    }
    if varying & ((1 << low) - 1) != 0 {
        from.chunk_by_mut(|a, b| a >> low == b >> low).filter(|run| run.len() > 1).for_each(<[u64]>::sort_unstable);
    }
    let value = |key: u64| f64::from_bits(if key >> 63 == 1 { key & !(1 << 63) } else { !key });
    if passes % 2 == 1 {
        values.iter_mut().for_each(|x| *x = value(x.to_bits()));
    } else {
        values.iter_mut().zip(keys).for_each(|(x, key)| *x = value(key));
    }
}

fn wide_integers(series: &polars::prelude::Series) -> bool {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    matches!(series.dtype(), DataType::Int64 | DataType::UInt64)
        && [series.max::<f64>(), series.min::<f64>()].into_iter().any(|x| matches!(x, Ok(Some(x)) if x.abs() > EXACT))
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

#[cfg(test)]
mod tests {
    use super::sort;
    use crate::table::mix;

    #[test]
    fn long_columns_of_every_shape_are_put_in_order() {
        let of = |shape: fn(u64) -> f64| (0..20_000).map(|i| shape(mix(i))).collect::<Vec<f64>>();
        let shapes = [
            of(|bits| Some(f64::from_bits(bits)).filter(|x| x.is_finite()).unwrap_or(0.0)),
            of(|bits| (bits >> 11) as f64 / (1_u64 << 53) as f64 - 0.5),
            of(|bits| (bits % 7) as f64),
            of(|bits| (bits % 100_000) as f64 - 50_000.0),
            // Equal but for the last bits, in one run and in many.
            of(|bits| f64::from_bits(1.0_f64.to_bits() | (bits & 0xffff))),
            of(|bits| (bits % 3) as f64 + f64::from_bits(1.0_f64.to_bits() | (bits >> 60))),
            of(|bits| if bits.is_multiple_of(2) { -0.0 } else { 0.0 }),
            of(|_| 42.5),
        ];
        for mut values in shapes {
            let mut want: Vec<f64> = values.iter().map(|x| x + 0.0).collect();
            want.sort_unstable_by(f64::total_cmp);
            sort(&mut values);
            assert!(values.iter().zip(&want).all(|(a, b)| a.to_bits() == b.to_bits()));
        }
    }
}
