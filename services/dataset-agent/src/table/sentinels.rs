//! Magic numbers that stand for "missing". A value counts when it is repeated, lies outside the
//! range of all other values of its column, and apart from it: by half that range (its 1st to 99th
//! percentile) for the usual codes, by a whole range and with ten times the cells of any other value
//! for an arbitrary number. `-1` and `0` are natural neighbours of small numbers and get rules of
//! their own. The distances are our choice; see `knowledge/sentinel_values.md`.

use super::{Column, Kind};
use crate::stats::drift::quantile;

/// Fewest cells that repeat.
const REPEATED: usize = 3;
/// Fewest distinct values beside it; below, a number is a category.
const DISTINCT: usize = 8;

/// Magic numbers of a column, over its splits together.
pub(crate) fn find(columns: &[&Column]) -> Vec<f64> {
    if columns.is_empty() || columns.iter().any(|c| c.kind != Kind::Number) {
        return Vec::new();
    }
    if !columns.iter().any(|c| ends_repeat(columns, c.sorted())) {
        return Vec::new();
    }
    let mut merged;
    let mut rest: &[f64] = match columns {
        [one] => one.sorted(),
        _ => {
            merged = columns.iter().flat_map(|c| c.sorted().iter().copied()).collect::<Vec<f64>>();
            super::column::sort(&mut merged);
            &merged
        }
    };
    let mut found = Vec::new();
    // From the outside in: what lies beyond a magic number is one too, or it is none.
    for _ in 0..8 {
        let (Some(&low), Some(&high)) = (rest.first(), rest.last()) else { break };
        let lows = rest.partition_point(|x| *x <= low);
        let highs = rest.len() - rest.partition_point(|x| *x < high);
        if lows < rest.len() && is_magic(low, lows, &rest[lows..], found.is_empty()) {
            found.push(low);
            rest = &rest[lows..];
        } else if highs < rest.len() && is_magic(high, highs, &rest[..rest.len() - highs], found.is_empty()) {
            found.push(high);
            rest = &rest[..rest.len() - highs];
        } else {
            break;
        }
    }
    found
}

/// Whether either end of one split's values is repeated often enough, over all splits, to be magic. Most
/// columns are decided by this.
fn ends_repeat(columns: &[&Column], sorted: &[f64]) -> bool {
    let (Some(&low), Some(&high)) = (sorted.first(), sorted.last()) else { return false };
    let total: usize = columns.iter().map(|c| c.sorted().len()).sum();
    let enough = |cells: usize| cells >= REPEATED && cells * 1000 >= total;
    let at_most = |x: f64| -> usize { columns.iter().map(|c| c.sorted().partition_point(|v| *v <= x)).sum() };
    let at_least = |x: f64| -> usize { columns.iter().map(|c| c.sorted().len() - c.sorted().partition_point(|v| *v < x)).sum() };
    enough(at_most(low)) || enough(at_least(high))
}

fn is_code(x: f64) -> bool {
    let magnitude = x.abs();
    let digits = format!("{magnitude}");
    let alike = |d: char| digits.len() >= 2 && digits.chars().all(|c| c == d);
    x.fract() == 0.0 && (alike('9') || (alike('8') || alike('7')) && digits.len() >= 3)
        || magnitude >= 1e9 && (digits.trim_end_matches('0').len() == 1 || alike('9'))
        || [2_147_483_647.0, 2_147_483_648.0, 32_767.0, 32_768.0, 65_535.0, 4_294_967_295.0, 9_223_372_036_854_775_807.0]
            .contains(&magnitude)
        || x < 0.0 && [9.0, 99.9, 999.9, 100.0, 1000.0, 10_000.0].contains(&magnitude)
}

/// Whether the value, in so many cells, is no value of the others (ascending).
fn is_magic(value: f64, cells: usize, others: &[f64], outermost: bool) -> bool {
    let total = others.len() + cells;
    if cells < REPEATED || cells * 1000 < total || others.len() < 20 {
        return false;
    }
    let distinct = super::column::runs(others).take(DISTINCT).count();
    if distinct < DISTINCT {
        return false;
    }
    let (p1, median, p99) = (quantile(others, 0.01), quantile(others, 0.5), quantile(others, 0.99));
    let range = p99 - p1;
    if range <= 0.0 {
        return false;
    }
    let nearest = if value < others[0] { others[0] - value } else { value - others[others.len() - 1] };
    if nearest <= 0.0 {
        return false;
    }
    if value == 0.0 {
        // Where most rows have none of something, none is a value. Counts go down to zero in their steps.
        let lowest: Vec<f64> = super::column::runs(others).take(10).map(|(x, _)| x).collect();
        let step = (lowest[lowest.len() - 1] - lowest[0]) / (lowest.len() - 1) as f64;
        if cells as f64 > 0.3 * total as f64 || nearest <= 4.0 * step {
            return false;
        }
        // Others do not come near zero: their lowest percentile is more than half as far from it as from
        // their median, and the nearest of them half as far.
        return others[0] > 0.0 && p1 >= 0.55 * (median - p1) && nearest >= 0.5 * (median - p1);
    }
    if value == -1.0 && others[0] >= 0.0 {
        // One negative number in a column of counts or sizes: an index that was not found. Beside a zero
        // it must be far more frequent, or it is the next step of a scale.
        let zeros = others.partition_point(|x| *x <= 0.0);
        return p99 >= 8.0 && (others[0] >= 1.0 || cells > 3 * zeros.max(1));
    }
    // A few values beyond are allowed to be outliers; the bulk decides.
    let apart = if value < 0.0 && others[0] >= 0.0 { 0.2 } else { 0.5 };
    if is_code(value) {
        return nearest >= apart * range;
    }
    let most = super::column::runs(others).map(|(_, n)| n).max().unwrap_or(0);
    outermost && value.fract() == 0.0 && nearest >= range && cells >= 5 && cells >= 10 * most
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Values, mix};

    fn found(values: impl Iterator<Item = f64>, magic: &[(f64, usize)]) -> Vec<f64> {
        let mut all: Vec<f64> = values.collect();
        for &(x, n) in magic {
            all.extend(std::iter::repeat_n(x, n));
        }
        find(&[&Column::new(Kind::Number, Values::Numbers(all))])
    }

    fn uniform(n: u64) -> impl Iterator<Item = f64> {
        (0..n).map(|i| (mix(i) >> 11) as f64 / (1_u64 << 53) as f64)
    }

    #[test]
    fn codes_for_missing_are_found() {
        let ages = || uniform(800).map(|u| (18.0 + 60.0 * u).floor());
        assert_eq!(found(ages(), &[(-999.0, 5)]), [-999.0]);
        assert_eq!(found(ages(), &[(999.0, 5), (-1.0, 4)]), [-1.0, 999.0]);
        assert_eq!(found(ages(), &[(0.0, 9)]), [0.0]);
        assert_eq!(found(uniform(900).map(|u| -u.ln() * 50.0), &[(9999.0, 7)]), [9999.0]);
        assert_eq!(found(uniform(900).map(|u| (u * 30.0).floor()), &[(-1.0, 120)]), [-1.0]);
    }

    #[test]
    fn natural_zeros_and_tails_are_none() {
        assert!(found(uniform(900).map(|u| -u.ln() * 50.0), &[(0.0, 300)]).is_empty());
        assert!(found(uniform(900).map(|u| (u * 9.0).floor()), &[]).is_empty());
        assert!(found(uniform(900).map(|u| u * 2.0 - 1.0), &[(-1.0, 5)]).is_empty());
        assert!(found(uniform(900).map(|u| 90.0 + 9.0 * u), &[(99.0, 9)]).is_empty());
        assert!(found(uniform(900).map(|u| (u * 5.0).floor()), &[(99.0, 9)]).is_empty());
        assert!(found(uniform(900).map(|u| (u * 12.0).floor() - 1.0), &[]).is_empty());
    }
}
