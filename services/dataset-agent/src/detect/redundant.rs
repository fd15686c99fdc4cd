//! `near_duplicate_features`: two columns carry the same information. Numbers do when one is a
//! monotone image of the other (scaled, negated, a logarithm), which leaves ranks alone: the absolute
//! rank correlation is then 1, and a little noise or rounding leaves it above 0.998 (our choice; two
//! measurements of one thing seldom agree that well). Words, and numbers with few values, do when
//! their values correspond one to one.
//!
//! Pairs are proposed by fingerprints on a sample: unit vectors of ranks whose projections on a fixed
//! direction are close, and hashes of the pattern of values. Only proposals are compared in full.

use deepfix_agent::{Analysis, Sink, Stop};
use deepfix_model::{BugType, Evidence, Finding, Note, Severity, Split, above};
use hashbrown::{HashMap, HashSet};
use rayon::prelude::*;

use super::{Data, artifact, emit, seen_in};
use crate::{
    stats::rank,
    table::{Column, Kind, MISSING, Table, Values, mix},
};

/// Rows from which pairs are proposed.
const SAMPLE: usize = 512;
/// Rows in which they are compared.
const COMPARED: usize = 20_000;
/// Columns up to which every pair is proposed.
const ALL_PAIRS: usize = 1500;
/// Most proposals compared; beyond it a note says so.
const PROPOSALS: usize = 200_000;
/// Most values of a column that is compared as categories.
const CATEGORIES: usize = 1000;

struct Pair {
    a: String,
    b: String,
    agreement: f64,
    rows: usize,
    how: &'static str,
}

pub(crate) fn detect(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, data: &Data) -> Result<(), Stop> {
    let limit = analysis.threshold("near_duplicate_features.correlation");
    let Some((split, table)) = data.splits().next() else { return Ok(()) };
    let names: Vec<&String> = table
        .names()
        .iter()
        .filter(|n| data.is_feature(n))
        .filter(|n| table.column(n).is_some_and(|c| c.kind != Kind::Other && c.spread().distinct > 1 && c.present() >= 30))
        .collect();
    let rows = table.sample(SAMPLE);
    let vectors: Vec<Option<Vec<f32>>> = names
        .par_iter()
        .map(|name| table.column(name).and_then(|c| rank::sampled(c, &rows)).and_then(|v| rank::unit_ranks(&v)))
        .collect();
    let mut proposals = by_ranks(&vectors, limit - 0.01);
    proposals.extend(by_pattern(table, &names));
    proposals.sort_unstable();
    proposals.dedup();
    if proposals.len() > PROPOSALS {
        analysis.note(Note::new(
            "near_duplicate_features",
            "columns",
            format!("{} pairs of columns look alike; the first {PROPOSALS} were compared", proposals.len()),
        ));
        proposals.truncate(PROPOSALS);
    }
    let cancel = analysis.cancel();
    let compared = table.sample(COMPARED);
    let pairs: Vec<Pair> = proposals
        .par_iter()
        .filter(|_| !cancel.is_cancelled())
        .filter_map(|&(i, j)| {
            let (a, b) = (table.column(names[i])?, table.column(names[j])?);
            same(a, b, &compared, limit).map(|(agreement, rows, how)| Pair {
                a: names[i].clone(),
                b: names[j].clone(),
                agreement,
                rows,
                how,
            })
        })
        .collect();
    // Of a group of three alike, two pairs say everything.
    let mut named: HashSet<String> = HashSet::new();
    let mut findings = Vec::new();
    for pair in pairs {
        if named.contains(&pair.a) && named.contains(&pair.b) {
            continue;
        }
        named.extend([pair.a.clone(), pair.b.clone()]);
        let both = data.test.as_ref().is_some_and(|t| t.column(&pair.a).is_some() && t.column(&pair.b).is_some());
        let split = if both && split == Split::Train { seen_in(&[Split::Train, Split::Test]) } else { split };
        findings.push(finding(&pair, split, limit));
    }
    emit(analysis, sink, "near_duplicate_features", names.len(), findings)
}

/// Pairs whose sampled ranks agree or mirror each other.
fn by_ranks(vectors: &[Option<Vec<f32>>], limit: f64) -> Vec<(usize, usize)> {
    #[expect(clippy::cast_possible_truncation, reason = "a bound for single precision")]
    let limit = limit as f32;
    let there: Vec<usize> = (0..vectors.len()).filter(|&i| vectors[i].is_some()).collect();
    let vector = |i: usize| vectors[i].as_deref().unwrap_or_default();
    if there.len() <= ALL_PAIRS {
        return there
            .par_iter()
            .enumerate()
            .flat_map_iter(|(at, &i)| {
                there[at + 1..].iter().filter(move |&&j| rank::dot(vector(i), vector(j)).abs() >= limit).map(move |&j| (i, j))
            })
            .collect();
    }
    // Unit vectors with dot product r differ by sqrt(2 − 2r), and so do their projections at most, in
    // each of three directions. Mirrored ones meet once the first projection is made positive.
    let length = vector(there[0]).len();
    let directions: Vec<Vec<f32>> = (0..3_u64)
        .map(|d| {
            let raw: Vec<f32> = (0..length as u64).map(|i| if mix(i ^ (d << 40)) & 1 == 0 { 1.0 } else { -1.0 }).collect();
            #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
            let norm = (length as f32).sqrt();
            raw.into_iter().map(|x| x / norm).collect()
        })
        .collect();
    // The projections of such a difference on a random direction are smaller by the root of the length.
    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    let width = 4.0 * (2.0 - 2.0 * limit).sqrt() / (length as f32).sqrt();
    let mut keys: Vec<([f32; 3], usize)> = Vec::new();
    for &i in &there {
        let p: Vec<f32> = directions.iter().map(|d| rank::dot(d, vector(i))).collect();
        keys.push(([p[0], p[1], p[2]], i));
        keys.push(([-p[0], -p[1], -p[2]], i));
    }
    keys.sort_by(|a, b| a.0[0].total_cmp(&b.0[0]).then(a.1.cmp(&b.1)));
    let mut out = Vec::new();
    for (at, (key, i)) in keys.iter().enumerate() {
        for (other, j) in &keys[at + 1..] {
            if other[0] - key[0] > width || out.len() > 4 * PROPOSALS {
                break;
            }
            if i != j
                && (other[1] - key[1]).abs() <= width
                && (other[2] - key[2]).abs() <= width
                && rank::dot(vector(*i), vector(*j)).abs() >= limit
            {
                out.push((*i.min(j), *i.max(j)));
            }
        }
    }
    out
}

/// Value of each row as a category, for columns that have few.
fn categories(column: &Column) -> Option<Vec<u32>> {
    match &column.values {
        Values::Words { codes, words } => (words.len() <= CATEGORIES).then(|| codes.clone()),
        Values::Numbers(values) => {
            let few = column.few_numbers(CATEGORIES)?;
            Some(
                values
                    .iter()
                    .map(|x| {
                        few.binary_search_by(|v| v.0.total_cmp(&(x + 0.0)))
                            .map_or(MISSING, |at| u32::try_from(at).unwrap_or(MISSING))
                    })
                    .collect(),
            )
        }
    }
}

/// Pairs of columns whose values fall into the same groups on a small sample.
fn by_pattern(table: &Table, names: &[&String]) -> Vec<(usize, usize)> {
    let mut buckets: HashMap<u64, Vec<usize>> = HashMap::new();
    // Several small samples, so that a stray disagreement hides a pair from some of them only.
    let rows = table.sample(SAMPLE);
    let hashes: Vec<Vec<u64>> = names
        .par_iter()
        .map(|name| {
            let Some(codes) = table.column(name).filter(|c| c.spread().distinct * 2 <= c.present()).and_then(categories) else {
                return Vec::new();
            };
            rows.chunks(rows.len().div_ceil(8).max(1))
                .enumerate()
                .map(|(part, rows)| {
                    let mut first: HashMap<u32, u64> = HashMap::new();
                    let mut hash = mix(part as u64);
                    for &row in rows {
                        let next = first.len() as u64;
                        hash = mix(hash ^ *first.entry(codes[row]).or_insert(next));
                    }
                    // One value only: nothing to go by.
                    if first.len() > 1 { hash } else { 0 }
                })
                .filter(|h| *h != 0)
                .collect()
        })
        .collect();
    for (i, hashes) in hashes.iter().enumerate() {
        for hash in hashes {
            buckets.entry(*hash).or_default().push(i);
        }
    }
    let mut out = Vec::new();
    for mut bucket in buckets.into_values().filter(|b| b.len() > 1) {
        bucket.truncate(200);
        for (at, &i) in bucket.iter().enumerate() {
            out.extend(bucket[at + 1..].iter().map(|&j| (i.min(j), i.max(j))));
        }
    }
    out
}

/// Compares two columns: agreement, rows compared, how.
fn same(a: &Column, b: &Column, rows: &[usize], limit: f64) -> Option<(f64, usize, &'static str)> {
    if let (Some(x), Some(y)) = (rank::sampled(a, rows), rank::sampled(b, rows)) {
        // Two flags agree in most rows by being rare; categories are judged below.
        if a.spread().distinct > 10 || b.spread().distinct > 10 {
            let (rho, n) = rank::spearman(&x, &y);
            let covers = n * 10 >= rows.len() * 9 || n * 20 >= 19 * present(&x).max(present(&y));
            if rho.abs() < limit || n < 30 || !covers {
                return None;
            }
            return Some((rho.abs(), n, if rho > 0.0 { "rise together" } else { "mirror each other" }));
        }
    }
    let (x, y) = (categories(a)?, categories(b)?);
    one_to_one(&x, &y)
}

fn present(values: &[f64]) -> usize {
    values.iter().filter(|x| !x.is_nan()).count()
}

/// Whether values correspond one to one in all but two of a thousand rows.
fn one_to_one(x: &[u32], y: &[u32]) -> Option<(f64, usize, &'static str)> {
    let mut pairs: HashMap<(u32, u32), usize> = HashMap::new();
    let mut n = 0_usize;
    for (&p, &q) in x.iter().zip(y) {
        if p != MISSING && q != MISSING {
            *pairs.entry((p, q)).or_default() += 1;
            n += 1;
        }
    }
    if n < 30 || n * 10 < x.len() * 9 {
        return None;
    }
    let mut order: Vec<((u32, u32), usize)> = pairs.into_iter().collect();
    order.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    let (mut left, mut right) = (HashSet::new(), HashSet::new());
    let (mut agree, mut matched, mut largest) = (0, 0, 0);
    for ((p, q), count) in order {
        if !left.contains(&p) && !right.contains(&q) {
            left.insert(p);
            right.insert(q);
            agree += count;
            matched += 1;
            largest = largest.max(count);
        }
    }
    // At least two values, of which the lesser have rows enough not to agree by chance.
    let minor = n - largest;
    let wrong = n - agree;
    (matched >= 2 && minor >= 10 && wrong * 500 <= n && wrong * 20 <= minor).then_some((
        agree as f64 / n as f64,
        n,
        "have values that correspond one to one",
    ))
}

fn finding(pair: &Pair, split: Split, limit: f64) -> Finding {
    let Pair { a, b, agreement, rows, how } = pair;
    let subject = format!("column:{a}");
    let ranks = !how.contains("one to one");
    // Noise pulls the correlation down; the closer to one, the surer.
    let certainty = 1.0 - 2.0 / (*rows as f64).sqrt();
    let closeness = if ranks { (1.0 - limit) / (1.0 - agreement).max(1e-9) } else { 20.0 };
    Finding::new("near_duplicate_features", artifact(split), &subject, Severity::Medium, above(closeness.min(100.0), 0.7, certainty))
        .title(format!("columns `{a}` and `{b}` {how}"))
        .columns(vec![a.clone(), b.clone()])
        .split(split)
        .bug(BugType::Performance)
        .evidence(if ranks {
            Evidence::new("absolute_rank_correlation", &subject, *agreement)
                .versus(">=", limit)
                .method("Spearman's rank correlation, absolute, over the rows in which both have a value (at most 20000, chosen by a hash of the row's content)")
                .source(format!("{rows} rows"))
        } else {
            Evidence::new("one_to_one_share", &subject, *agreement)
                .versus(">=", 0.998)
                .unit("share")
                .method("rows whose pair of values is part of the best one-to-one matching, over rows in which both have a value")
                .source(format!("{rows} rows"))
        })
        .fix(
            format!("keep one of `{a}` and `{b}`"),
            "the same information twice splits importance between two names and makes coefficients arbitrary",
        )
        .step(format!("df = df.drop(columns=\"{b}\")"))
        .step("keep the one that is known at prediction time and filled in more often")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_proposed_alike_for_few_and_many_columns() {
        let column = |seed: u64| -> Vec<f64> { (0..300_u64).map(|i| (mix(i ^ (seed << 32)) % 10_000) as f64).collect() };
        let mut columns: Vec<Vec<f64>> = (0..ALL_PAIRS as u64 + 20).map(column).collect();
        columns[7] = columns[900].iter().map(|x| -3.0 * x + 2.0).collect();
        columns[8] = columns[1200].iter().map(|x| (x + 1.0).ln()).collect();
        let vectors: Vec<Option<Vec<f32>>> = columns.iter().map(|c| rank::unit_ranks(c)).collect();
        let mut many = by_ranks(&vectors, 0.988);
        many.sort_unstable();
        many.dedup();
        assert_eq!(many, [(7, 900), (8, 1200)]);
        let few: Vec<Option<Vec<f32>>> = [7, 900, 5].map(|i| vectors[i].clone()).to_vec();
        assert_eq!(by_ranks(&few, 0.988), [(0, 1)]);
    }
}
