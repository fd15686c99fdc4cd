//! Repeated rows: `duplicate_rows` within a split, `train_test_overlap` between splits.
//!
//! Rows are compared by a 64-bit hash of all their cells (two different rows of a table of a million
//! share one with probability 3e-8). In a table of few coarse columns repeats are natural, so the
//! number that chance would make is taken into account: pairs of rows that agree in everything but
//! a varied column, times the probability that two of its values agree. Copies agree in that column
//! far more often than this; they must do so for each of the three most varied columns.

use deepfix_agent::{Analysis, Sink, Stop};
use deepfix_model::{ArtifactKind, BugType, Checked, Evidence, Finding, Note, Severity, Split, counted_above};
use hashbrown::HashMap;
use rayon::prelude::*;

use super::{Data, artifact, emit, near_rows, percent};
use crate::table::Table;

/// Pairs of equal rows, and how many chance makes.
pub(super) struct Pairs {
    pub(super) observed: f64,
    pub(super) expected: f64,
}

impl Pairs {
    pub(super) fn beyond_chance(&self) -> bool {
        self.observed >= self.limit()
    }

    /// Three times what chance makes, and more than a Poisson count of that mean reaches once in a
    /// thousand.
    pub(super) fn limit(&self) -> f64 {
        (3.0 * self.expected).max(self.expected + 3.1 * self.expected.sqrt() + 1.5)
    }
}

/// Names of the most varied columns: those whose values agree least often by chance.
const VARIED: usize = 3;

fn most_varied(table: &Table, names: &[String]) -> Vec<String> {
    let mut columns: Vec<(f64, &String)> = names
        .par_iter()
        .filter_map(|name| {
            let column = table.column(name)?;
            // A column that is mostly missing says nothing of most rows.
            (column.missing * 2 < column.rows()).then(|| (column.spread().collision, name))
        })
        .collect();
    columns.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(b.1)));
    columns.into_iter().take(VARIED).map(|(_, name)| name.clone()).collect()
}

/// One column's part in the rows' sums, and in which rows it is present.
fn part(table: &Table, name: &str) -> Option<(Vec<u64>, Vec<bool>, f64)> {
    let column = table.column(name)?;
    let hasher = column.hasher(name);
    let hashes = (0..table.rows()).into_par_iter().map(|row| hasher.hash(row)).collect();
    let present = column.is_present();
    Some((hashes, present, column.spread().collision))
}

/// The comparison with chance that speaks least for copies, over the most varied columns. Two missing
/// cells agree without meaning anything, so each column speaks of the rows that have it.
fn weakest(candidates: impl Iterator<Item = Pairs>) -> Option<Pairs> {
    candidates.min_by(|a, b| (a.observed / a.limit()).total_cmp(&(b.observed / b.limit())))
}

/// Equal pairs within a table.
pub(super) fn pairs_within(sums: &[u64], table: &Table, names: &[String]) -> Option<Pairs> {
    weakest(most_varied(table, names).iter().filter_map(|name| {
        let (hashes, present, collision) = part(table, name)?;
        let rows = || (0..sums.len()).filter(|&i| present[i]);
        let whole: Vec<u64> = rows().map(|i| sums[i]).collect();
        let rest: Vec<u64> = rows().map(|i| sums[i].wrapping_sub(hashes[i])).collect();
        Some(Pairs { observed: pairs(&groups(&whole)), expected: pairs(&groups(&rest)) * collision })
    }))
}

/// Equal pairs between two tables.
fn pairs_between(a: (&[u64], &Table), b: (&[u64], &Table), names: &[String]) -> Option<Pairs> {
    weakest(most_varied(a.1, names).iter().filter_map(|name| {
        let (a_hashes, a_present, collision) = part(a.1, name)?;
        let (b_hashes, b_present, _) = part(b.1, name)?;
        let rest = |sums: &[u64], hashes: &[u64], present: &[bool], without: bool| -> Vec<u64> {
            (0..sums.len())
                .filter(|&i| present[i])
                .map(|i| if without { sums[i].wrapping_sub(hashes[i]) } else { sums[i] })
                .collect()
        };
        let shared = |without: bool| -> f64 {
            let known = groups(&rest(a.0, &a_hashes, &a_present, without));
            rest(b.0, &b_hashes, &b_present, without).iter().map(|h| known.get(h).copied().unwrap_or(0) as f64).sum()
        };
        Some(Pairs { observed: shared(false), expected: shared(true) * collision })
    }))
}

fn groups(hashes: &[u64]) -> HashMap<u64, usize> {
    let mut groups = HashMap::with_capacity(hashes.len());
    for hash in hashes {
        *groups.entry(*hash).or_insert(0) += 1;
    }
    groups
}

fn pairs(groups: &HashMap<u64, usize>) -> f64 {
    groups.values().map(|&g| g as f64 * (g as f64 - 1.0) / 2.0).sum()
}

pub(crate) fn duplicates(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, data: &Data) -> Result<(), Stop> {
    let (medium, high) = (analysis.threshold("duplicate_rows.medium"), analysis.threshold("duplicate_rows.high"));
    let mut findings = Vec::new();
    let mut subjects = 0;
    for (split, table) in data.splits() {
        // An identifier makes every row differ.
        let names: Vec<String> = table.names().iter().filter(|n| !data.ids.contains(*n)).cloned().collect();
        let hashes = table.row_sums(&names);
        analysis.wanted()?;
        let rows = hashes.len();
        subjects += rows;
        let by_row = groups(&hashes);
        analysis.wanted()?;
        let repeated = rows - by_row.len();
        let share = repeated as f64 / rows as f64;
        if share < medium || repeated < 2 {
            continue;
        }
        let chance = pairs_within(&hashes, table, &names);
        let Some(Pairs { observed, expected }) = chance.filter(Pairs::beyond_chance) else {
            analysis.note(Note::new(
                "duplicate_rows",
                "rows",
                format!(
                    "{} of {}'s rows repeat another, as many as a table of such coarse columns has by chance; not counted as a fault",
                    percent(share),
                    split.name()
                ),
            ));
            continue;
        };
        let first: Vec<String> = repeats(&hashes).into_iter().take(3).map(|(a, b)| format!("{a} = {b}")).collect();
        let severity = if share >= high { Severity::High } else { Severity::Medium };
        findings.push(
            Finding::new("duplicate_rows", artifact(split), "rows", severity, counted_above(share, medium, 1.0 - expected / observed))
                .title(format!("{} of {}'s rows repeat an earlier row", percent(share), split.name()))
                .split(split)
                .bug(BugType::Performance)
                .evidence(
                    Evidence::new("duplicate_rate", "rows", share)
                        .versus(">=", medium)
                        .unit("share")
                        .method("rows equal to an earlier row in every column, over all rows")
                        .source(format!("{repeated} of {rows} rows; first pairs (row numbers from 0): {}", first.join(", "))),
                )
                .evidence(
                    Evidence::new("equal_pairs", "rows", observed)
                        .versus(">=", (Pairs { observed, expected }).limit())
                        .unit("pairs")
                        .method("pairs of equal rows, against what chance makes from the most varied column: three times the expected number, and beyond a Poisson count of that mean"),
                )
                .fix(
                    "drop the repeats before splitting",
                    "repeated rows weigh more than they should and land on both sides of a split",
                )
                .step("df = df.drop_duplicates()")
                .step("find the join or export that repeats rows"),
        );
    }
    emit(analysis, sink, "duplicate_rows", subjects, findings)
}

/// Row numbers (repeat, its first occurrence), ascending.
fn repeats(hashes: &[u64]) -> Vec<(usize, usize)> {
    let mut first: HashMap<u64, usize> = HashMap::new();
    let mut out = Vec::new();
    for (i, hash) in hashes.iter().enumerate() {
        match first.get(hash) {
            Some(&at) => out.push((i, at)),
            None => {
                first.insert(*hash, i);
            }
        }
        if out.len() >= 3 {
            break;
        }
    }
    out
}

pub(crate) fn overlap(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, data: &Data) -> Result<(), Stop> {
    let (medium, high) = (analysis.threshold("train_test_overlap.medium"), analysis.threshold("train_test_overlap.high"));
    let Some((train, test)) = data.both() else {
        analysis.checked(Checked::not("train_test_overlap", "needs a train and a test split"));
        return Ok(());
    };
    let names: Vec<String> =
        data.common().into_iter().filter(|n| data.label.as_deref() != Some(n) && !data.ids.contains(n)).collect();
    let share = |table: &Table| table.sampled_from.map_or(1.0, |rows| table.rows() as f64 / rows as f64);
    if (share(train) / share(test) - 1.0).abs() > 0.2 {
        let why = "the splits were sampled differently to stay within the memory limit, so that partners may be missing";
        analysis.checked(Checked::not("train_test_overlap", why));
        return Ok(());
    }
    if names.is_empty() {
        analysis.checked(Checked::not("train_test_overlap", "the splits share no column"));
        return Ok(());
    }
    let a = train.row_sums(&names);
    analysis.wanted()?;
    let b = test.row_sums(&names);
    analysis.wanted()?;
    let known = groups(&a);
    analysis.wanted()?;
    let shared: Vec<usize> = (0..b.len()).filter(|&i| known.contains_key(&b[i])).collect();
    let share = shared.len() as f64 / b.len() as f64;
    let mut findings = Vec::new();
    if share >= medium && shared.len() >= 2 {
        let chance = pairs_between((&a, train), (&b, test), &names);
        if !chance.as_ref().is_some_and(Pairs::beyond_chance) {
            analysis.note(Note::new(
                "train_test_overlap",
                "rows",
                format!(
                    "{} of test's rows equal a train row, as many as chance makes in a table of such coarse columns",
                    percent(share)
                ),
            ));
        } else if let Some(Pairs { observed, expected }) = chance {
            let first: Vec<String> = shared.iter().take(5).map(ToString::to_string).collect();
            let severity = if share >= high { Severity::High } else { Severity::Medium };
            findings.push(
                Finding::new(
                    "train_test_overlap",
                    ArtifactKind::Test,
                    "rows",
                    severity,
                    counted_above(share, medium, 1.0 - expected / observed),
                )
                .title(format!("{} of test's rows also occur in train", percent(share)))
                .split(Split::Both)
                .bug(BugType::Performance)
                .evidence(
                    Evidence::new("overlap_rate", "rows", share)
                        .versus(">=", medium)
                        .unit("share")
                        .method("test rows equal to a train row in every common column but the label, over all test rows")
                        .source(format!(
                            "{} of {} test rows; first row numbers (from 0): {}",
                            shared.len(),
                            b.len(),
                            first.join(", ")
                        )),
                )
                .evidence(
                    Evidence::new("equal_pairs", "rows", observed)
                        .versus(">=", (Pairs { observed, expected }).limit())
                        .unit("pairs")
                        .method("pairs of equal rows, against what chance makes from the most varied column: three times the expected number, and beyond a Poisson count of that mean"),
                )
                .fix("remove these rows from test, then split by the thing that repeats", "the score counts what was memorised")
                .step("keep all rows of one customer, device or document on one side: GroupShuffleSplit"),
            );
        }
    }
    if findings.is_empty()
        && let Some(near) = near_rows::find(train, test, &names, &analysis.cancel())
        && near.beyond_chance()
        && near.share() >= medium
    {
        findings.push(nearly_shared(&near, (medium, high)));
    }
    emit(analysis, sink, "train_test_overlap", b.len(), findings)
}

fn nearly_shared(near: &near_rows::Near, (medium, high): (f64, f64)) -> Finding {
    let share = near.share();
    let first: Vec<String> = near.rows.iter().take(5).map(ToString::to_string).collect();
    let severity = if share >= high { Severity::High } else { Severity::Medium };
    let certainty = 1.0 - near.natural / share - 1.0 / (near.rows.len() as f64 + 2.0);
    Finding::new("train_test_overlap", ArtifactKind::Test, "rows", severity, counted_above(share, medium * 0.5, certainty))
        .title(format!("{} of test's rows also occur in train, up to rounding", percent(share)))
        .split(Split::Both)
        .bug(BugType::Performance)
        .evidence(
            Evidence::new("near_overlap_rate", "rows", share)
                .versus(">=", medium.max(3.0 * near.natural))
                .unit("share")
                .method(format!(
                    "test rows with a train row that equals them in every category and lies within {} standard deviations in every number, over the test rows looked up",
                    near.tolerance
                ))
                .source(format!("{} of {} test rows; first row numbers (from 0): {}", near.rows.len(), near.looked_up, first.join(", "))),
        )
        .evidence(
            Evidence::new("natural_rate", "rows", near.natural)
                .unit("share")
                .method("train rows with such a neighbour in the rest of train"),
        )
        .fix("remove these rows from test, then split by the thing that repeats", "the score counts what was memorised, rounding or not")
        .step("look for one table exported twice, with different precision")
}
