//! One column's drift, from whatever is known of it.

use std::collections::BTreeMap;

use deepfix_model::{Evidence, Severity};
use serde_json::Value;

use crate::tools::{Read, by_size, number, percent, shown};

/// Sizes from which a distance counts: low, medium, high. `None` for p-values, whose size says how many
/// rows there are and not how far they moved.
fn limits(method: &str) -> Option<[f64; 3]> {
    let method = method.to_lowercase();
    let is = |words: &[&str]| words.iter().any(|w| method.contains(w));
    Some(if is(&["wasserstein"]) {
        // In standard deviations of the reference: mean shifts that give a KS of 0.15 and 0.30.
        [0.38, 0.38, 0.77]
    } else if is(&["jensen"]) {
        // The distance, which is the root of the divergence: 0.10 and 0.20.
        [0.316, 0.316, 0.447]
    } else if is(&["psi"]) {
        [0.10, 0.10, 0.25]
    } else if is(&["kullback", "kl_div"]) {
        [0.10, 0.10, 0.30]
    } else if is(&["hellinger"]) {
        [0.134, 0.134, 0.268]
    } else if is(&["text_content", "text content"]) {
        [0.6, 0.7, 0.85]
    } else {
        return None;
    })
}

/// One column's drift, from whatever is known of it.
pub(super) struct Drift<'a> {
    pub(super) column: &'a str,
    pub(super) method: &'a str,
    pub(super) score: Option<f64>,
    pub(super) bound: Option<f64>,
    pub(super) detected: bool,
    /// Both sides' small distributions: reference, current.
    pub(super) sides: Option<(&'a Value, &'a Value)>,
    /// Rows of both sides.
    pub(super) rows: Option<(f64, f64)>,
    pub(super) label: bool,
}

pub(super) fn drift(out: &mut Read, d: &Drift<'_>) {
    let mut evidence =
        Evidence::new("drift_score", "", d.score.unwrap_or(f64::NAN)).method(format!("{} as Evidently computed it", d.method));
    if let Some(bound) = d.bound {
        evidence = evidence.source(format!("the bound given was {bound}"));
    }
    let mut severity = None;
    if let (Some(score), Some(sizes)) = (d.score, limits(d.method)) {
        evidence = evidence.versus(">=", sizes[1]);
        severity = by_size(score, sizes);
    } else if let Some((effect, sizes, what, unseen)) = d.sides.and_then(|(a, b)| effect(a, b)) {
        if unseen > 0.0 {
            let severity = by_size(unseen, [0.0, 0.01, 0.1]).unwrap_or(Severity::Low);
            let evidence = Evidence::new("unseen_share", "", unseen)
                .unit("share")
                .method("categories of the current data that the reference lacks, over its rows");
            out.column(
                d.column,
                "unseen_categories",
                severity,
                format!("has categories that the reference lacks in {}", percent(unseen)),
                evidence,
            );
        }
        if d.detected {
            severity = by_size(effect, sizes);
            evidence = Evidence::new(what, "", effect).versus(">=", sizes[1]).method(match d.score {
                Some(score) => format!("from the distributions of the report; its own {} says {score}", d.method),
                None => format!("from the distributions of the report; its own {} says drift", d.method),
            });
        }
    } else if d.detected {
        // D = sqrt(-ln(p/2) (n+m) / (2nm)), the asymptotic two-sample bound, turned round.
        let inverted = d
            .rows
            .zip(d.score)
            .filter(|(_, p)| *p > 0.0 && d.method.contains("K-S"))
            .map(|((n, m), p)| ((-(p / 2.0).ln()) * (n + m) / (2.0 * n * m)).sqrt());
        severity = match inverted {
            Some(ks) => {
                evidence = Evidence::new("ks", "", ks)
                    .versus(">=", 0.15)
                    .method("two-sample KS distance that gives this p-value at these rows");
                by_size(ks, [0.10, 0.15, 0.30])
            }
            None if d.score.is_some_and(|p| p < 1e-6) => Some(Severity::Medium),
            None => Some(Severity::Low),
        };
    }
    let Some(severity) = severity else { return };
    if d.column == "prediction" {
        out.about(
            "check:prediction drift",
            "check_failed",
            severity,
            "predictions are distributed otherwise than in the reference",
            evidence,
        );
    } else {
        let code = if d.label { "label_shift" } else { "covariate_shift" };
        out.column(d.column, code, severity, "is distributed otherwise than in the reference", evidence);
    }
}

type Effect = (f64, [f64; 3], &'static str, f64);

/// How far two small distributions lie apart: categories by PSI less what chance gives, numbers by the shift
/// of the mean. Last, the share of categories the reference lacks.
fn effect(reference: &Value, current: &Value) -> Option<Effect> {
    let side = |v: &Value| -> Option<(Vec<Value>, Vec<f64>)> {
        let y: Vec<f64> = v.get("y")?.as_array()?.iter().filter_map(|y| number(Some(y))).collect();
        Some((v.get("x")?.as_array()?.clone(), y))
    };
    let ((ax, ay), (bx, by)) = (side(reference)?, side(current)?);
    if ax.len() == ay.len() + 1 && bx.len() == by.len() + 1 {
        let moments = |x: &[Value], y: &[f64]| -> Option<(f64, f64)> {
            let edges: Vec<f64> = x.iter().map(|v| number(Some(v))).collect::<Option<_>>()?;
            let mass: Vec<(f64, f64)> =
                y.iter().zip(edges.windows(2)).map(|(d, e)| (d * (e[1] - e[0]), (e[0] + e[1]) / 2.0)).collect();
            let total: f64 = mass.iter().map(|m| m.0).sum();
            let mean = mass.iter().map(|(w, at)| w * at).sum::<f64>() / total;
            let var = mass.iter().map(|(w, at)| w * (at - mean).powi(2)).sum::<f64>() / total;
            (total > 0.0).then_some((mean, var.sqrt()))
        };
        let ((p, sd), (q, _)) = (moments(&ax, &ay)?, moments(&bx, &by)?);
        return (sd > 0.0).then(|| (((q - p) / sd).abs(), [0.25, 0.38, 0.77], "standardised_mean_shift", 0.0));
    }
    if ax.len() != ay.len() || bx.len() != by.len() {
        return None;
    }
    let (n, m): (f64, f64) = (ay.iter().sum(), by.iter().sum());
    if n <= 0.0 || m <= 0.0 {
        return None;
    }
    let mut shares: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    ax.iter().zip(&ay).for_each(|(x, y)| shares.entry(shown(x)).or_default().0 = y / n);
    bx.iter().zip(&by).for_each(|(x, y)| shares.entry(shown(x)).or_default().1 = y / m);
    let unseen = shares.values().filter(|(p, _)| *p == 0.0).map(|(_, q)| q).sum();
    // PSI over the categories that the reference has, an empty one counted as half a row, less what chance
    // gives at these rows; new categories are another fault.
    let known: Vec<(f64, f64)> = shares.into_values().filter(|(p, _)| *p > 0.0).collect();
    let kept: f64 = known.iter().map(|(_, q)| q).sum::<f64>().max(1e-12);
    let psi: f64 = known
        .iter()
        .map(|(p, q)| {
            let q = (q / kept).max(0.5 / m);
            (q - p) * (q / p).ln()
        })
        .sum();
    let chance = (known.len() as f64 - 1.0) * (1.0 / n + 1.0 / m);
    Some(((psi - chance).max(0.0), [0.05, 0.10, 0.25], "psi_without_chance", unseen))
}
