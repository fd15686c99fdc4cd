//! Changes of unit: test's distribution is train's after `x → factor · x + offset`, for all rows or a
//! part of them. For each conversion that people make by mistake, the share s that best explains the
//! difference of the distribution functions, `F_test(x) − F_train(x) = s · (F_train((x − offset) /
//! factor) − F_train(x))`, is fitted by least squares on a grid; the conversion holds when what it
//! leaves unexplained is within chance (Kolmogorov, 1 %) and a fifth of the difference.

/// A conversion, with what it usually is.
const KNOWN: [(f64, f64, &str); 21] = [
    (1000.0, 0.0, "kilo to base, or seconds to milliseconds"),
    (1e6, 0.0, "millions, or seconds to microseconds"),
    (100.0, 0.0, "share to percent, or currency to cents"),
    (10.0, 0.0, "centimetres to millimetres"),
    (60.0, 0.0, "minutes to seconds, or hours to minutes"),
    (3600.0, 0.0, "hours to seconds"),
    (24.0, 0.0, "days to hours"),
    (7.0, 0.0, "weeks to days"),
    (12.0, 0.0, "years to months, or feet to inches"),
    (365.25, 0.0, "years to days"),
    (2.54, 0.0, "inches to centimetres"),
    (25.4, 0.0, "inches to millimetres"),
    (30.48, 0.0, "feet to centimetres"),
    (3.280_84, 0.0, "metres to feet"),
    (1.609_344, 0.0, "miles to kilometres"),
    (2.204_622_6, 0.0, "kilograms to pounds"),
    (28.349_523, 0.0, "ounces to grams"),
    (3.785_412, 0.0, "gallons to litres"),
    (4.184, 0.0, "calories to joules"),
    (1.8, 32.0, "degrees Celsius to Fahrenheit"),
    (1.0, 273.15, "degrees Celsius to Kelvin"),
];

/// A change of unit from reference to current.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct UnitChange {
    pub(crate) factor: f64,
    pub(crate) offset: f64,
    /// Share of current's rows that were converted.
    pub(crate) share: f64,
    /// Largest difference of the distribution functions before, and once the conversion is undone.
    pub(crate) before: f64,
    pub(crate) after: f64,
    pub(crate) what: String,
}

/// Largest distance that two samples of one distribution have in 99 of 100 cases.
fn chance(reference: &[f64], current: &[f64]) -> f64 {
    let (n, m) = (reference.len() as f64, current.len() as f64);
    1.63 * (1.0 / n + 1.0 / m).sqrt()
}

/// Looks for a change of unit; both sides ascending, `before` their Kolmogorov–Smirnov distance.
pub(crate) fn find(reference: &[f64], current: &[f64], before: f64) -> Option<UnitChange> {
    let spread = crate::table::runs(reference).take(8).count();
    if spread < 8 || reference.len() < 50 || current.len() < 50 {
        return None;
    }
    let below = |sorted: &[f64], x: f64| sorted.partition_point(|v| *v <= x) as f64 / sorted.len() as f64;
    let chance = chance(reference, current);
    if before < 2.0 * chance {
        return None;
    }
    let middles = middles(reference);
    let (low, high) = (reference[0], reference[reference.len() - 1]);
    let outside = 1.0 - (below(current, high) - below(current, low.next_down()));
    let try_one = |factor: f64, offset: f64, what: String, whole_only: bool| {
        // Functions of test, of train, and of train converted, at middles of train's values as they are
        // and as they are converted.
        let points: Vec<[f64; 3]> = middles
            .iter()
            .flat_map(|m| [*m, m * factor + offset])
            .map(|x| {
                let share = below(reference, (x - offset) / factor);
                [below(current, x), below(reference, x), if factor < 0.0 { 1.0 - share } else { share }]
            })
            .collect();
        let (mut xy, mut xx) = (0.0, 0.0);
        for [t, p, c] in &points {
            xy += (t - p) * (c - p);
            xx += (c - p) * (c - p);
        }
        let share = if xx > 0.0 { (xy / xx).min(1.0) } else { 0.0 };
        let after = points.iter().map(|[t, p, c]| (t - p - share * (c - p)).abs()).fold(0.0, f64::max);
        let whole = share >= 0.95;
        let explained = after <= (0.2 * before).min(chance);
        // A part that was converted shows outside of the range that train has.
        let apart = share >= 0.03 && outside >= 0.5 * share;
        (explained && (whole || (!whole_only && apart))).then_some(UnitChange { factor, offset, share, before, after, what })
    };
    // Growth by a factor near a conversion's is no conversion: the neighbours must fit worse.
    let exact = |found: Option<UnitChange>| {
        found.filter(|u| {
            u.share < 0.95
                || [1.04, 1.0 / 1.04].iter().all(|near| {
                    try_one(u.factor * near, u.offset, String::new(), true).is_none_or(|other| other.after >= u.after)
                })
        })
    };
    let mut tried = Vec::new();
    for (factor, offset, what) in KNOWN {
        tried.push(exact(try_one(factor, offset, what.to_owned(), false)));
        tried.push(exact(try_one(1.0 / factor, -offset / factor, format!("the reverse of: {what}"), false)));
    }
    tried.push(try_one(-1.0, 0.0, "a change of sign".to_owned(), true));
    let mut best = tried.into_iter().flatten().min_by(|a, b| a.after.total_cmp(&b.after));
    if best.is_none() {
        // Any other constant factor, when it is far from one.
        let middle = |sorted: &[f64]| crate::stats::drift::quantile(sorted, 0.5);
        let factor = middle(current) / middle(reference);
        if factor.is_finite() && (factor >= 3.0 || (factor > 0.0 && factor <= 1.0 / 3.0)) {
            best = try_one(factor, 0.0, "a constant factor".to_owned(), true);
        }
    }
    best
}

/// Points halfway between a percentile and the next larger value: there, the rounding of a conversion
/// does not move a value across.
fn middles(sorted: &[f64]) -> Vec<f64> {
    let mut out: Vec<f64> = (0..=100)
        .map(|i| {
            let x = sorted[i * (sorted.len() - 1) / 100];
            let next = sorted.get(sorted.partition_point(|v| *v <= x)).copied().unwrap_or(x);
            f64::midpoint(x, next)
        })
        .collect();
    out.dedup();
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::mix;

    fn lengths(seed: u64, n: u64) -> Vec<f64> {
        let uniform = |i: u64| (mix(i ^ (seed << 40)) >> 11) as f64 / (1_u64 << 53) as f64;
        (0..n).map(|i| 40.0 + 6.0 * ((0..12).map(|k| uniform(i * 12 + k)).sum::<f64>() - 6.0)).collect()
    }

    fn between(reference: &[f64], current: &[f64]) -> Option<UnitChange> {
        find(reference, current, crate::stats::drift::kolmogorov_smirnov(reference, current))
    }

    fn sorted(mut v: Vec<f64>) -> Vec<f64> {
        v.sort_unstable_by(f64::total_cmp);
        v
    }

    #[test]
    fn conversions_of_all_or_part_of_a_column_are_named() {
        let train = sorted(lengths(1, 1000));
        let with =
            |f: &dyn Fn(usize, f64) -> f64| sorted(lengths(2, 600).into_iter().enumerate().map(|(i, x)| f(i, x)).collect());
        let inches = between(&train, &with(&|_, x| x * 2.54)).expect("a factor");
        assert!((inches.factor - 2.54).abs() < 1e-9 && inches.share > 0.95, "{inches:?}");
        let part = between(&train, &with(&|i, x| if i % 3 == 0 { x * 1000.0 } else { x })).expect("a part");
        assert!((part.factor - 1000.0).abs() < 1e-9 && (part.share - 0.333).abs() < 0.05, "{part:?}");
        let fahrenheit = between(&train, &with(&|_, x| x * 1.8 + 32.0)).expect("an affine map");
        assert!((fahrenheit.offset - 32.0).abs() < 1e-9, "{fahrenheit:?}");
        let celsius =
            between(&sorted(lengths(1, 1000).iter().map(|x| x * 1.8 + 32.0).collect()), &with(&|_, x| x)).expect("reverse");
        assert!((celsius.factor - 1.0 / 1.8).abs() < 1e-9, "{celsius:?}");
    }

    #[test]
    fn drift_is_no_change_of_unit() {
        let train = sorted(lengths(1, 1000));
        for shift in [1.0, 4.0, 8.0] {
            assert_eq!(between(&train, &sorted(lengths(2, 600).into_iter().map(|x| x + shift).collect())), None);
        }
        assert_eq!(between(&train, &sorted(lengths(3, 600))), None);
        assert_eq!(between(&train, &sorted(lengths(3, 600).into_iter().map(|x| x * 1.3).collect())), None);
    }
}
