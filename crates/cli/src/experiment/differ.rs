//! What tells two groups of runs apart: each setting by a test of its own, all of them corrected for
//! their number (Holm 1979).

use std::collections::{BTreeMap, BTreeSet};

use statrs::function::erf::erfc;

/// Fewest runs in a group that anything is said of (of two groups of three, no order is rarer than one
/// in twenty).
pub(super) const FEWEST: usize = 4;
/// Most runs for which the rank test counts every order; beyond it the normal approximation is used.
const EXACT: usize = 60;
/// Chance below which a difference is told, after correction.
const CHANCE: f64 = 0.05;

/// A setting that differs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Difference {
    /// Name of the setting.
    pub(super) name: String,
    /// The bad runs', in words.
    pub(super) bad: String,
    /// The good runs', in words.
    pub(super) good: String,
    /// How it was measured.
    pub(super) method: &'static str,
    /// For numbers: chance that a bad run's is the larger of two (0.5 is none). For words: difference of
    /// the shares that hold the value.
    pub(super) effect: f64,
    /// Chance of so large a difference between random groups, corrected for the number of settings.
    pub(super) p: f64,
}

type Settings = BTreeMap<String, String>;

/// What differs, most certain first.
pub(super) fn differences(bad: &[&Settings], good: &[&Settings]) -> Vec<Difference> {
    if bad.len() < FEWEST || good.len() < FEWEST {
        return Vec::new();
    }
    let names: BTreeSet<&String> = bad.iter().chain(good).flat_map(|run| run.keys()).collect();
    let mut tested: Vec<Difference> = names.into_iter().filter_map(|name| test(name, bad, good)).collect();
    tested.sort_by(|a, b| a.p.total_cmp(&b.p).then_with(|| a.name.cmp(&b.name)));
    let (mut largest, all) = (0.0_f64, tested.len());
    for (i, difference) in tested.iter_mut().enumerate() {
        largest = largest.max((difference.p * (all - i) as f64).min(1.0));
        difference.p = largest;
    }
    tested.retain(|difference| difference.p < CHANCE);
    tested
}

fn test(name: &str, bad: &[&Settings], good: &[&Settings]) -> Option<Difference> {
    let values = |runs: &[&Settings]| -> Vec<Option<String>> { runs.iter().map(|run| run.get(name).cloned()).collect() };
    let (bad, good) = (values(bad), values(good));
    let distinct: BTreeSet<&Option<String>> = bad.iter().chain(&good).collect();
    if distinct.len() < 2 {
        return None;
    }
    let numbers = |values: &[Option<String>]| -> Option<Vec<f64>> {
        values.iter().map(|v| v.as_ref()?.parse::<f64>().ok().filter(|x| x.is_finite())).collect()
    };
    if let (Some(a), Some(b)) = (numbers(&bad), numbers(&good)) {
        let (effect, p) = rank_test(&a, &b);
        return Some(Difference {
            name: name.to_owned(),
            bad: range(&a),
            good: range(&b),
            method: "Mann-Whitney, two-sided",
            effect,
            p,
        });
    }
    // The value that tells the groups apart best.
    let share = |values: &[Option<String>], value: &Option<String>| values.iter().filter(|v| *v == value).count();
    let shown = |value: &Option<String>| value.clone().map_or_else(|| "unset".to_owned(), |v| format!("{v:?}"));
    let best = distinct
        .iter()
        .map(|value| {
            let (a, b) = (share(&bad, value), share(&good, value));
            (fisher(a, bad.len(), b, good.len()), a, b, *value)
        })
        // Of two values either tells the same; the one the bad runs hold is the clearer.
        .min_by(|x, y| (x.0 * 1e9).round().total_cmp(&(y.0 * 1e9).round()).then_with(|| (y.1, y.3).cmp(&(x.1, x.3))))?;
    let (p, a, b, value) = best;
    Some(Difference {
        name: name.to_owned(),
        bad: format!("{} in {a} of {}", shown(value), bad.len()),
        good: format!("in {b} of {}", good.len()),
        method: "Fisher's exact test, two-sided, times the number of values",
        effect: a as f64 / bad.len() as f64 - b as f64 / good.len() as f64,
        // Each value was looked at; two of them are one question.
        p: (p * if distinct.len() == 2 { 1.0 } else { distinct.len() as f64 }).min(1.0),
    })
}

fn range(values: &[f64]) -> String {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    let median = if n % 2 == 1 { sorted[n / 2] } else { f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]) };
    if sorted[0] == sorted[n - 1] { format!("{median}") } else { format!("{median} ({} to {})", sorted[0], sorted[n - 1]) }
}

/// Chance that the first is the larger of a pair (half for ties), and of so uneven an order of the two
/// groups (Mann and Whitney 1947), ties sharing their ranks.
fn rank_test(a: &[f64], b: &[f64]) -> (f64, f64) {
    let mut all: Vec<(f64, bool)> = a.iter().map(|x| (*x, true)).chain(b.iter().map(|x| (*x, false))).collect();
    all.sort_by(|x, y| x.0.total_cmp(&y.0));
    // Twice the ranks, so that shared ones are whole.
    let mut ranks = vec![0_usize; all.len()];
    let (mut i, mut ties) = (0, 0.0);
    while i < all.len() {
        let tied = all[i..].iter().take_while(|x| x.0 == all[i].0).count();
        ranks[i..i + tied].fill(2 * i + tied + 1);
        ties += (tied as f64).powi(3) - tied as f64;
        i += tied;
    }
    let (m, n) = (a.len(), all.len());
    let sum: usize = all.iter().zip(&ranks).filter(|(x, _)| x.1).map(|(_, rank)| rank).sum();
    let pairs = (m * (n - m)) as f64;
    let effect = (sum as f64 / 2.0 - (m * (m + 1)) as f64 / 2.0) / pairs;
    if n > EXACT {
        let variance = pairs / 12.0 * ((n + 1) as f64 - ties / (n * (n - 1)) as f64);
        let distance = ((effect - 0.5).abs() * pairs - 0.5).max(0.0);
        return (effect, erfc(distance / (2.0 * variance).sqrt()));
    }
    // How many ways to draw so many of the ranks have each sum.
    let most: usize = ranks.iter().sum();
    let mut ways = vec![vec![0.0_f64; most + 1]; m + 1];
    ways[0][0] = 1.0;
    for &rank in &ranks {
        for k in (1..=m).rev() {
            let (less, more) = ways.split_at_mut(k);
            for s in rank..=most {
                more[0][s] += less[k - 1][s - rank];
            }
        }
    }
    let expected = (m * (n + 1)) as f64;
    let far = (sum as f64 - expected).abs();
    let total: f64 = ways[m].iter().sum();
    let beyond: f64 =
        ways[m].iter().enumerate().filter(|(s, _)| (*s as f64 - expected).abs() >= far - 1e-9).map(|(_, w)| w).sum();
    (effect, (beyond / total).min(1.0))
}

/// Chance of so uneven shares, both margins given (Fisher 1922): tables no likelier than this one.
fn fisher(a: usize, m: usize, b: usize, n: usize) -> f64 {
    let ln_factorial = |k: usize| (2..=k).map(|i| (i as f64).ln()).sum::<f64>();
    let ln_choose = |n: usize, k: usize| ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k);
    let drawn = a + b;
    let chance = |x: usize| (ln_choose(m, x) + ln_choose(n, drawn - x) - ln_choose(m + n, drawn)).exp();
    let here = chance(a);
    let possible = drawn.saturating_sub(n)..=drawn.min(m);
    possible.map(chance).filter(|p| *p <= here * (1.0 + 1e-7)).sum::<f64>().min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chances_are_those_of_the_tests_named() {
        // scipy.stats.fisher_exact([[8, 2], [1, 5]]) and mannwhitneyu(method="exact").
        assert!((fisher(8, 10, 1, 6) - 0.034_965_034_965_034_94).abs() < 1e-12);
        let (effect, p) = rank_test(&[1.0, 2.0, 3.0, 4.0], &[5.0, 6.0, 7.0, 8.0]);
        assert!(effect == 0.0 && (p - 2.0 / 70.0).abs() < 1e-12);
        // All alike: nothing is rare.
        assert!((rank_test(&[1.0; 5], &[1.0; 5]).1 - 1.0).abs() < 1e-12);
        // Normal approximation close to the exact count where both can be had.
        let a: Vec<f64> = (0..30).map(|i| f64::from(i) + 9.5).collect();
        let b: Vec<f64> = (0..30).map(f64::from).collect();
        let exact = rank_test(&a, &b).1;
        let mut longer = b.clone();
        longer.push(100.0);
        let near = rank_test(&a, &longer).1;
        assert!(exact < 0.01 && near < 0.02, "{exact} {near}");
    }

    #[test]
    fn the_setting_behind_bad_runs_is_named_and_the_others_are_not() {
        let run = |lr: &str, optimizer: &str, seed: usize| -> Settings {
            [("lr", lr.to_owned()), ("optimizer", optimizer.to_owned()), ("seed", seed.to_string()), ("epochs", "10".to_owned())]
                .map(|(k, v)| (k.to_owned(), v))
                .into()
        };
        let bad: Vec<Settings> = (0..6).map(|i| run("0.5", if i == 0 { "adam" } else { "sgd" }, i * 7 % 6)).collect();
        let good: Vec<Settings> = (0..6).map(|i| run(["0.01", "0.001"][i % 2], "adam", i)).collect();
        let refs = |runs: &[Settings]| -> Vec<Settings> { runs.to_vec() };
        let (bad, good) = (refs(&bad), refs(&good));
        let found = differences(&bad.iter().collect::<Vec<_>>(), &good.iter().collect::<Vec<_>>());
        let names: Vec<&str> = found.iter().map(|d| d.name.as_str()).collect();
        assert_eq!(names, ["lr", "optimizer"], "{found:?}");
        assert!(found[0].effect == 1.0 && found[1].bad == "\"sgd\" in 5 of 6", "{found:?}");
        assert!(differences(&bad[..3].iter().collect::<Vec<_>>(), &good.iter().collect::<Vec<_>>()).is_empty());
    }
}
