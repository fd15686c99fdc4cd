//! Reference profiles: what a table's columns look like, without its rows. Small, versioned, and
//! mergeable: the profile of parts merged is the profile of the whole (exactly for counts and columns
//! of few values, within the sketch's rank error for quantiles). Monitoring compares today's rows with
//! such a profile; whatever needs rows (repeats, leakage, joint distributions) is not looked at then.

mod sketch;

use std::collections::BTreeMap;

use deepfix_agent::Part;
use deepfix_artifact::{Content, Limits};
use serde::{Deserialize, Serialize};
pub(crate) use sketch::RANK_ERROR;
use sketch::Sketch;

use crate::table::{Column, Kind, MISSING, Reading, Table, TableError, Unpacked, Values};

/// How a profile begins; its reader is chosen by it.
pub(crate) const MAGIC: &[u8] = b"{\"deepfix_profile\":";
const VERSION: u32 = 1;
/// Numbers with so many values at most are kept as exact counts.
const FEW: usize = 512;
/// Words with so many categories at most are kept as exact counts; of others only how many are filled.
const CATEGORIES: usize = 2000;
/// Most rows that a column is spread out to for comparison.
const SPREAD: u64 = 200_000;

/// A table's profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    deepfix_profile: u32,
    rows: u64,
    columns: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Entry {
    name: String,
    kind: Kind,
    missing: u64,
    /// Present values that are infinite.
    infinite: u64,
    holds: Holds,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Holds {
    /// Values with their counts, ascending.
    Few(Vec<(f64, u64)>),
    Sketch(Sketch),
    Words(BTreeMap<String, u64>),
    /// More categories than are kept, or nested values.
    Opaque,
}

/// Why a profile could not be made, read or merged.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The table behind it.
    #[error("{0}")]
    Table(String),
    /// Not a profile, or damaged.
    #[error("is no profile this version reads: {0}")]
    Format(String),
    /// Two profiles do not describe parts of one table.
    #[error("{0}")]
    Merge(String),
}

impl From<TableError> for ProfileError {
    fn from(error: TableError) -> Self {
        Self::Table(error.to_string())
    }
}

impl Profile {
    /// Profile of a table or of a profile, as read from a file.
    ///
    /// # Errors
    /// When the bytes are neither.
    pub fn of(bytes: Vec<u8>, limits: Limits) -> Result<Self, ProfileError> {
        let part = Part { name: String::new(), content: Content::Memory(bytes) };
        Self::of_parts(&[part], limits)
    }

    /// Profile of a table in several files, or of several profiles. A table over the memory limit is
    /// read slice by slice.
    ///
    /// # Errors
    /// When the files are neither, or do not make one table.
    pub fn of_parts(parts: &[Part], limits: Limits) -> Result<Self, ProfileError> {
        let unpacked = Unpacked::new(parts, "", limits)?;
        if let Some(profile) = unpacked.profile()? {
            return Ok(profile);
        }
        if unpacked.weight()? <= limits.max_memory {
            return Ok(Self::of_table(&unpacked.read(Reading { share: 1.0, label: "" })?));
        }
        let mut merged: Option<Self> = None;
        unpacked.slices(|table| {
            let slice = Self::of_table(table);
            match &mut merged {
                None => merged = Some(slice),
                Some(whole) => whole.merge(&slice).map_err(|error| TableError::Unreadable(error.to_string()))?,
            }
            Ok(())
        })?;
        merged.ok_or_else(|| ProfileError::Table("holds no rows".to_owned()))
    }

    fn of_table(table: &Table) -> Self {
        let columns = table.columns().map(|(name, column)| Entry::of(name, column)).collect();
        Self { deepfix_profile: VERSION, rows: table.rows() as u64, columns }
    }

    pub(crate) fn decode(plain: &[u8]) -> Result<Self, ProfileError> {
        let profile: Self = serde_json::from_slice(plain).map_err(|e| ProfileError::Format(e.to_string()))?;
        if profile.deepfix_profile != VERSION {
            let version = profile.deepfix_profile;
            return Err(ProfileError::Format(format!("it has version {version}, this reads version {VERSION}; make it again")));
        }
        let sound = |entry: &Entry| match &entry.holds {
            Holds::Few(values) => {
                values.len() <= FEW && values.iter().all(|v| v.0.is_finite()) && values.is_sorted_by(|a, b| a.0 < b.0)
            }
            Holds::Sketch(sketch) => sketch.is_sound(),
            Holds::Words(words) => words.len() <= CATEGORIES,
            Holds::Opaque => true,
        };
        match profile.columns.iter().find(|c| c.missing > profile.rows || !sound(c)) {
            Some(column) => Err(ProfileError::Format(format!("column `{}` does not add up", column.name))),
            None => Ok(profile),
        }
    }

    /// The file's content: JSON, compressed with zstd.
    ///
    /// # Errors
    /// When memory runs out.
    pub fn encode(&self) -> Result<Vec<u8>, ProfileError> {
        let json = serde_json::to_vec(self).map_err(|e| ProfileError::Format(e.to_string()))?;
        zstd::encode_all(&json[..], 9).map_err(|e| ProfileError::Format(e.to_string()))
    }

    /// Rows and columns described.
    #[must_use]
    pub fn shape(&self) -> (u64, usize) {
        (self.rows, self.columns.len())
    }

    /// Adds another part of the same table.
    ///
    /// # Errors
    /// When the parts differ in columns or in what a column holds.
    pub fn merge(&mut self, other: &Self) -> Result<(), ProfileError> {
        for entry in &other.columns {
            let Some(mine) = self.columns.iter_mut().find(|c| c.name == entry.name) else {
                return Err(ProfileError::Merge(format!("column `{}` is in one part only", entry.name)));
            };
            mine.merge(entry)?;
        }
        if let Some(missing) = self.columns.iter().find(|c| !other.columns.iter().any(|o| o.name == c.name)) {
            return Err(ProfileError::Merge(format!("column `{}` is in one part only", missing.name)));
        }
        self.rows += other.rows;
        Ok(())
    }

    /// Columns spread out again, each by itself: rows of different columns do not belong together.
    pub(crate) fn spread(&self) -> (usize, Vec<(String, Column)>) {
        let divisor = self.rows.div_ceil(SPREAD).max(1);
        #[expect(clippy::cast_possible_truncation, reason = "bounded by SPREAD")]
        let rows = (self.rows / divisor) as usize;
        (rows, self.columns.iter().map(|entry| (entry.name.clone(), entry.spread(rows, self.rows))).collect())
    }
}

impl Entry {
    fn of(name: &str, column: &Column) -> Self {
        let holds = match &column.values {
            _ if column.kind == Kind::Other => Holds::Opaque,
            Values::Words { words, .. } if column.spread().distinct > CATEGORIES || words.iter().any(|w| w.len() > 4096) => {
                Holds::Opaque
            }
            Values::Words { .. } => Holds::Words(column.counts().iter().map(|(word, n)| (word.clone(), *n as u64)).collect()),
            Values::Numbers(values) => match column.few_numbers(FEW) {
                Some(few) => Holds::Few(few.into_iter().map(|(x, n)| (x, n as u64)).collect()),
                None => {
                    let mut sketch = Sketch::default();
                    values.iter().for_each(|x| sketch.add(*x, 1));
                    Holds::Sketch(sketch)
                }
            },
        };
        Self {
            name: name.to_owned(),
            kind: column.kind,
            missing: column.missing as u64,
            infinite: column.infinite() as u64,
            holds,
        }
    }

    fn merge(&mut self, other: &Self) -> Result<(), ProfileError> {
        self.missing += other.missing;
        self.infinite += other.infinite;
        let empty =
            |holds: &Holds| matches!(holds, Holds::Few(v) if v.is_empty()) || matches!(holds, Holds::Words(w) if w.is_empty());
        if empty(&other.holds) {
            return Ok(());
        }
        if empty(&self.holds) {
            (self.kind, self.holds) = (other.kind, other.holds.clone());
            return Ok(());
        }
        if !self.kind.agrees(other.kind) {
            return Err(ProfileError::Merge(format!(
                "column `{}` is {} in one part and {} in another",
                self.name,
                self.kind.name(),
                other.kind.name()
            )));
        }
        if self.kind != other.kind {
            self.kind = Kind::Number;
        }
        self.holds = match (std::mem::replace(&mut self.holds, Holds::Opaque), &other.holds) {
            (Holds::Words(mut mine), Holds::Words(theirs)) => {
                for (word, n) in theirs {
                    *mine.entry(word.clone()).or_default() += n;
                }
                if mine.len() > CATEGORIES { Holds::Opaque } else { Holds::Words(mine) }
            }
            (Holds::Few(mine), Holds::Few(theirs)) => {
                let few = added(mine, theirs);
                if few.len() <= FEW { Holds::Few(few) } else { Holds::Sketch(sketched(&few)) }
            }
            (Holds::Sketch(mut mine), Holds::Few(theirs)) => {
                theirs.iter().for_each(|(x, n)| mine.add(*x, *n));
                Holds::Sketch(mine)
            }
            (Holds::Few(mine), Holds::Sketch(theirs)) => {
                let mut sketch = theirs.clone();
                mine.iter().for_each(|(x, n)| sketch.add(*x, *n));
                Holds::Sketch(sketch)
            }
            (Holds::Sketch(mut mine), Holds::Sketch(theirs)) => {
                mine.merge(theirs);
                Holds::Sketch(mine)
            }
            _ => Holds::Opaque,
        };
        Ok(())
    }

    /// The column with its values in proportion, so many rows of it.
    fn spread(&self, rows: usize, of: u64) -> Column {
        let share = rows as f64 / of.max(1) as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts of rows")]
        let scaled = |n: u64| (n as f64 * share).round() as usize;
        let missing = scaled(self.missing).min(rows);
        let filled = rows - missing;
        let numbers = |items: &[(f64, u64)]| {
            let total: u64 = items.iter().map(|i| i.1).sum::<u64>() + self.infinite;
            let mut values = Vec::with_capacity(rows);
            let mut upto = 0_u64;
            for (x, n) in items {
                upto += n;
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most filled")]
                let until = (upto as f64 / total.max(1) as f64 * filled as f64).round() as usize;
                values.resize(until.min(filled).max(values.len()), *x);
            }
            values.resize(filled, f64::INFINITY);
            values.resize(rows, f64::NAN);
            Values::Numbers(values)
        };
        let (kind, values) = match &self.holds {
            Holds::Few(few) => (self.kind, numbers(few)),
            Holds::Sketch(sketch) => (self.kind, numbers(&sketch.items())),
            Holds::Words(words) => {
                let total: u64 = words.values().sum();
                let (mut codes, mut upto) = (Vec::with_capacity(rows), 0_u64);
                for (code, n) in words.values().enumerate() {
                    upto += n;
                    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most filled")]
                    let until = (upto as f64 / total.max(1) as f64 * filled as f64).round() as usize;
                    codes.resize(until.min(filled).max(codes.len()), u32::try_from(code).unwrap_or(MISSING));
                }
                codes.resize(rows, MISSING);
                (Kind::Word, Values::Words { codes, words: words.keys().cloned().collect() })
            }
            Holds::Opaque => {
                let mut values = vec![0.0; filled];
                values.resize(rows, f64::NAN);
                (Kind::Other, Values::Numbers(values))
            }
        };
        Column::new(kind, values)
    }
}

/// Two ascending lists of counts as one.
fn added(mine: Vec<(f64, u64)>, theirs: &[(f64, u64)]) -> Vec<(f64, u64)> {
    let mut all = mine;
    all.extend(theirs);
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    all.dedup_by(|later, kept| {
        let same = later.0 == kept.0;
        if same {
            kept.1 += later.1;
        }
        same
    });
    all
}

fn sketched(few: &[(f64, u64)]) -> Sketch {
    let mut sketch = Sketch::default();
    few.iter().for_each(|(x, n)| sketch.add(*x, *n));
    sketch
}

impl Table {
    /// The table that a profile stands for.
    pub(crate) fn of_profile(profile: &Profile) -> Self {
        let (rows, columns) = profile.spread();
        let mut table = Self::of_columns(rows, columns);
        table.marginal = true;
        table.remarks.push(format!(
            "a profile of {} rows; quantiles are within {} % of their rank, and what needs rows was not looked at",
            profile.rows,
            RANK_ERROR * 100.0
        ));
        table
    }
}
