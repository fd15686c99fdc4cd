//! `outliers`: values impossible or far outside their own column.
//!
//! Heavy tails are natural, so a value must be apart from the bulk, not merely far out. Distances are
//! measured in the column's own tail on that side: the larger of (p90 − p50)/1.28 and (p99 − p50)/2.33,
//! which are the standard deviation of a normal tail (our construction, after the idea of the
//! adjusted boxplot, Hubert and Vandervieren 2008), on the raw values and, where none of the bulk is
//! negative, on their logarithms too (of x + 1 where there are zeros), or on their inverse hyperbolic sines where both
//! sides of zero spread over orders of magnitude: the smaller distance counts. Beyond that, a value counts only
//! after a gap wider than the whole way from the median to the bulk's last value. Negative values in a
//! column whose bulk keeps away from zero are sign errors when their size is that of the others.

use deepfix_agent::{Analysis, Sink, Stop};
use deepfix_model::{BugType, Evidence, Finding, Severity, Split, above, fmt_number};
use rayon::prelude::*;

use super::{Data, artifact, emit, percent};
use crate::{
    stats::drift::quantile,
    table::{Column, Kind},
};

/// Fewest values from which a tail can be told.
const ENOUGH: usize = 40;
/// Largest share of values that are outliers rather than a second population.
const RARE: f64 = 0.05;
/// Least distance of a value with the wrong sign, in tail standard deviations (our choice): where p1 is
/// 0.3 of the median or more, a flipped median lies at least 6.6 away in a normal column.
const MIRRORED: f64 = 6.0;

#[derive(Debug, Clone)]
struct Apart {
    values: Vec<f64>,
    distance: f64,
    /// Told by distance, not by sign.
    sides: bool,
    method: &'static str,
}

pub(crate) fn detect(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, data: &Data) -> Result<(), Stop> {
    let (limit, certain) = (analysis.threshold("outliers.distance"), analysis.threshold("outliers.certain"));
    let cancel = analysis.cancel();
    let jobs: Vec<(Split, &String, &Column)> = data
        .splits()
        .flat_map(|(split, table)| table.columns().map(move |(name, column)| (split, name, column)))
        .filter(|(_, name, column)| column.kind == Kind::Number && (data.is_feature(name) || data.regression))
        .filter(|(_, name, _)| !data.ids.contains(*name))
        .collect();
    let found: Vec<Option<Finding>> = jobs
        .par_iter()
        .map(|(split, name, column)| {
            if cancel.is_cancelled() {
                return None;
            }
            infinite(data, *split, name, column).or_else(|| {
                let sorted = column.sorted();
                let apart = sign_errors(sorted).or_else(|| far_out(sorted, limit))?;
                Some(finding(data, *split, name, column, &apart, (limit, certain)))
            })
        })
        .collect();
    emit(analysis, sink, "outliers", jobs.len(), found.into_iter().flatten().collect())
}

/// Values that no measurement can have.
fn infinite(data: &Data, split: Split, name: &str, column: &Column) -> Option<Finding> {
    let infinite = column.infinite();
    if infinite == 0 {
        return None;
    }
    let share = infinite as f64 / column.rows() as f64;
    let subject = data.subject(name);
    let severity = if share >= 0.01 { Severity::High } else { Severity::Medium };
    Some(
        Finding::new("outliers", artifact(split), &subject, severity, ((0.9 + 0.09 * share.sqrt()) * 100.0).round() / 100.0)
            .title(format!("column `{name}` holds {infinite} infinite values"))
            .column(name)
            .split(split)
            .bug(BugType::Performance)
            .evidence(
                Evidence::new("infinite_values", &subject, infinite)
                    .versus(">", 0.0)
                    .unit("values")
                    .method("cells that are positive or negative infinity")
                    .source(format!("of {} rows", column.rows())),
            )
            .evidence(Evidence::new("infinite_rate", &subject, share).unit("share").method("infinite cells over rows"))
            .fix(
                format!("find the division or logarithm that fills `{name}`, and make its result missing instead"),
                "one infinite value makes means, scalers and gradients infinite or NaN",
            )
            .step(format!("df[\"{name}\"] = df[\"{name}\"].replace([np.inf, -np.inf], np.nan)")),
    )
}

/// Negative values in a positive column, as large as the others.
fn sign_errors(sorted: &[f64]) -> Option<Apart> {
    let negative = sorted.partition_point(|x| *x < 0.0);
    let positive = &sorted[negative..];
    if negative == 0 || positive.len() < ENOUGH || negative as f64 > RARE * sorted.len() as f64 {
        return None;
    }
    let (p1, p50, p99) = (quantile(positive, 0.01), quantile(positive, 0.5), quantile(positive, 0.99));
    let like_the_others = sorted[..negative].iter().filter(|x| (p1..=p99 * 1.5).contains(&x.abs())).count();
    // The bulk keeps away from zero: neither crosses it nor comes near.
    if p1 < 0.3 * p50 || positive[0] < 0.4 * p1 || like_the_others * 10 < negative * 9 {
        return None;
    }
    let distance = (p50 - sorted[negative - 1]) / tail(positive, false);
    // A bulk that keeps away from zero puts its mirror image farther off than its own tail reaches.
    if distance < MIRRORED {
        return None;
    }
    Some(Apart {
        values: sorted[..negative].to_vec(),
        distance: distance.min(99.0),
        sides: false,
        method: "negative values in a column that is otherwise positive and away from zero, of the same size as the others",
    })
}

/// Spread of one tail as that of a normal one.
fn tail(sorted: &[f64], upper: bool) -> f64 {
    let q = |p: f64| quantile(sorted, if upper { p } else { 1.0 - p });
    let middle = q(0.5);
    ((q(0.9) - middle).abs() / 1.2816).max((q(0.99) - middle).abs() / 2.3263)
}

/// Values beyond a gap on either side.
fn far_out(sorted: &[f64], limit: f64) -> Option<Apart> {
    if sorted.len() < ENOUGH || crate::table::runs(sorted).take(8).count() < 8 {
        return None;
    }
    let mut values = Vec::new();
    let mut distance = f64::INFINITY;
    for upper in [true, false] {
        let (mut rest, mut nearest) = (sorted, f64::INFINITY);
        // The widest gap may lie among the outliers; what remains is looked at again.
        while let Some((apart, near)) = beyond(rest, upper, limit) {
            let kept = rest.len() - apart.len();
            if (sorted.len() - kept) as f64 > RARE * sorted.len() as f64 {
                break;
            }
            rest = if upper { &rest[..kept] } else { &rest[apart.len()..] };
            nearest = nearest.min(near);
            values.extend(apart);
        }
        distance = distance.min(nearest);
    }
    (!values.is_empty()).then_some(Apart {
        values,
        distance,
        sides: true,
        method: "distance from the median in standard deviations of the column's own tail on that side (raw or logarithmic, the smaller), beyond a gap",
    })
}

/// The median size of values that lie on both sides of zero and spread over orders of magnitude (changes of money):
/// p99 of their size is ten times its median, where a normal column has 3.8 and Student's t with 3 degrees 7.6.
fn heavy_on_both_sides(bulk: &[f64]) -> Option<f64> {
    if !(bulk.first()? < &0.0 && bulk.last()? > &0.0) {
        return None;
    }
    let mut sizes: Vec<f64> = bulk.iter().map(|x| x.abs()).collect();
    sizes.sort_unstable_by(f64::total_cmp);
    let (middle, far) = (quantile(&sizes, 0.5), quantile(&sizes, 0.99));
    (middle > 0.0 && far >= 10.0 * middle).then_some(middle)
}

fn beyond(sorted: &[f64], upper: bool, limit: f64) -> Option<(Vec<f64>, f64)> {
    let n = sorted.len();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length")]
    let most = ((n as f64 * RARE) as usize).max(1);
    let at = |i: usize| if upper { sorted[n - 1 - i] } else { sorted[i] };
    // The widest gap among the outermost values parts outliers from the bulk.
    let cut = (0..most).max_by(|&a, &b| (at(a) - at(a + 1)).abs().total_cmp(&(at(b) - at(b + 1)).abs()))?;
    let bulk = if upper { &sorted[..n - 1 - cut] } else { &sorted[cut + 1..] };
    let (first, edge) = (at(cut), at(cut + 1));
    let measure = |bulk: &[f64], first: f64, edge: f64| {
        let middle = quantile(bulk, 0.5);
        let scale = tail(bulk, upper);
        let gap = (first - edge).abs() / (edge - middle).abs().max(scale);
        if scale > 0.0 { ((first - middle).abs() / scale, gap) } else { (0.0, 0.0) }
    };
    let (mut distance, gap) = measure(bulk, first, edge);
    // Counts have zeros, and tails as heavy as sizes have: one is added to them.
    let one = if bulk[0] == 0.0 { 1.0 } else { 0.0 };
    if bulk[0] >= 0.0 && first + one > 0.0 {
        let log = |x: f64| (x + one).ln();
        let logs: Vec<f64> = bulk.iter().map(|x| log(*x)).collect();
        let (in_logs, log_gap) = measure(&logs, log(first), log(edge));
        // Values spread over orders of magnitude are judged by their logarithms, others by themselves.
        let skewed = quantile(bulk, 0.99) / quantile(bulk, 0.5) > 4.0 || !upper;
        if skewed {
            distance = distance.min(in_logs);
            if log_gap < 0.5 {
                return None;
            }
        }
    }
    // A bulk that sits on one value has no tail to speak of.
    let mode = crate::table::runs(bulk).map(|(_, n)| n).max().unwrap_or(0);
    if mode * 2 > bulk.len() || distance < limit || gap < 1.0 {
        return None;
    }
    // Looked at last, for it sorts the sizes.
    if let Some(size) = heavy_on_both_sides(bulk) {
        let bent = |x: f64| (x / size).asinh();
        let (bent_distance, bent_gap) = measure(&bulk.iter().map(|x| bent(*x)).collect::<Vec<_>>(), bent(first), bent(edge));
        distance = distance.min(bent_distance);
        if distance < limit || bent_gap < 0.5 {
            return None;
        }
    }
    Some(((0..=cut).map(at).collect(), distance))
}

fn finding(data: &Data, split: Split, name: &str, column: &Column, apart: &Apart, (limit, certain): (f64, f64)) -> Finding {
    let subject = data.subject(name);
    let n = apart.values.len();
    let sorted = column.sorted();
    let shown: Vec<String> = apart.values.iter().take(5).map(|x| fmt_number(*x)).collect();
    let rows: Vec<String> = column
        .numbers()
        .unwrap_or_default()
        .iter()
        .enumerate()
        .filter(|(_, x)| apart.values.contains(x))
        .take(5)
        .map(|(i, _)| i.to_string())
        .collect();
    let share = n as f64 / sorted.len() as f64;
    // Extremes are in the nature of heavy tails, a single one most of all: worth a look, no more.
    let one = apart.values.iter().all(|x| *x == apart.values[0]);
    let certain = if one { 2.0 * certain } else { certain };
    let natural = apart.distance < certain && apart.sides;
    let severity = if natural {
        Severity::Low
    } else if share >= 0.01 {
        Severity::High
    } else {
        Severity::Medium
    };
    // Real tables have natural extremes at 20 to 50 such distances; slips of entry lie beyond.
    let confidence = if apart.sides {
        ((0.6 + 0.38 * (1.0 - certain / apart.distance).max(0.0)) * 100.0).round() / 100.0
    } else {
        above(apart.distance, limit * 0.3, 1.0)
    };
    Finding::new("outliers", artifact(split), &subject, severity, confidence)
        .title(format!(
            "column `{name}` holds {n} value{} far outside the others, such as {}",
            if n == 1 { "" } else { "s" },
            shown[0]
        ))
        .column(name)
        .split(split)
        .bug(BugType::Performance)
        .evidence(Evidence::new("values_apart", &subject, n).versus(">", 0.0).unit("values").method(apart.method).source(
            format!(
                "{} of {} values: {}; row numbers (from 0): {}",
                percent(share),
                sorted.len(),
                shown.join(", "),
                rows.join(", ")
            ),
        ))
        .evidence(
            Evidence::new("distance", &subject, apart.distance)
                .versus(">=", limit)
                .unit("tail standard deviations")
                .method("of the nearest of them from the median of the others"),
        )
        .evidence(
            Evidence::new(
                "middle_98_percent",
                &subject,
                format!("{} to {}", fmt_number(quantile(sorted, 0.01)), fmt_number(quantile(sorted, 0.99))),
            )
            .method("1st to 99th percentile of the column"),
        )
        .fix(
            format!("look these rows up at their source and mend or remove them; then bound `{name}` where data enter"),
            "a few such values decide the mean, the scale and the loss",
        )
        .step("a factor of 10, 100 or 1000, or a sign, is a slip of entry; a repeated code is a missing value")
        .step(format!("df = df[df[\"{name}\"].between(low, high)]"))
}
