//! `correlation_shift`: each column looks the same in both splits, but two columns no longer move
//! together. Spearman's correlation of every pair of numeric columns is compared between splits;
//! Fisher's transformation with the variance 1.06/(n − 3) for ranks (Fieller, Hartley and Pearson
//! 1957) says what chance could do, Bonferroni over the pairs. A column that broke away from all
//! others shows in many pairs; the strongest of its pairs is reported and names it.

use deepfix_agent::{Analysis, Sink, Stop};
use deepfix_model::{ArtifactKind, BugType, Checked, Evidence, Finding, Note, Severity, Split, above};
use hashbrown::HashSet;
use rayon::prelude::*;
use statrs::distribution::{ContinuousCDF, Normal};

use super::{Data, emit};
use crate::{
    stats::rank,
    table::{Column, Kind, Table},
};

const SAMPLE: usize = 4000;
/// Most columns whose pairs are compared.
const COLUMNS: usize = 600;

struct Change {
    i: usize,
    j: usize,
    train: f64,
    test: f64,
    /// Rows of train and test in which both columns have a value.
    rows: (f64, f64),
    p_value: f64,
}

impl Change {
    fn size(&self) -> f64 {
        (self.train - self.test).abs()
    }
}

/// `drifted` are the columns that are reported as moved already.
pub(crate) fn detect(
    analysis: &mut Analysis<'_>,
    sink: &mut Sink<'_>,
    data: &Data,
    drifted: &HashSet<String>,
) -> Result<bool, Stop> {
    let Some((train, test)) = data.both() else {
        analysis.checked(Checked::not("correlation_shift", "needs a train and a test split"));
        return Ok(false);
    };
    let (medium, high) = (analysis.threshold("correlation_shift.medium"), analysis.threshold("correlation_shift.high"));
    let usable = |c: &Column| {
        matches!(c.kind, Kind::Number | Kind::Boolean)
            && c.spread().distinct > 2
            && c.present() >= 50
            && c.present() * 2 > c.rows()
    };
    let mut names: Vec<String> = data
        .common()
        .into_iter()
        .filter(|n| data.is_feature(n) && !drifted.contains(n))
        .filter(|n| train.column(n).is_some_and(usable) && test.column(n).is_some_and(usable))
        .collect();
    if names.len() > COLUMNS {
        analysis.note(Note::new(
            "correlation_shift",
            "columns",
            format!("pairs of the first {COLUMNS} of {} numeric columns were compared", names.len()),
        ));
        names.truncate(COLUMNS);
    }
    let pairs = names.len() * names.len().saturating_sub(1) / 2;
    let (a, b) = (matrix(train, &names), matrix(test, &names));
    let normal = Normal::standard();
    let level = 0.001 / pairs.max(1) as f64;
    let rough: Vec<(usize, usize)> = (0..names.len())
        .into_par_iter()
        .flat_map_iter(|i| {
            let (a, b) = (&a, &b);
            (i + 1..names.len()).filter_map(move |j| {
                let (Some(p), Some(q), Some(r), Some(s)) = (&a[i], &a[j], &b[i], &b[j]) else { return None };
                let (x, y) = (f64::from(rank::dot(p, q)), f64::from(rank::dot(r, s)));
                ((x - y).abs() >= medium * 0.8).then_some((i, j))
            })
        })
        .collect();
    let rows = (train.sample(SAMPLE), test.sample(SAMPLE));
    let mut changes: Vec<Change> = rough
        .par_iter()
        .filter_map(|&(i, j)| {
            let rho = |table: &Table, rows: &[usize]| {
                let values = |k: usize| table.column(&names[k]).and_then(|c| rank::sampled(c, rows));
                Some(rank::spearman(&values(i)?, &values(j)?))
            };
            let ((x, n), (y, m)) = (rho(train, &rows.0)?, rho(test, &rows.1)?);
            let (n, m) = (n as f64, m as f64);
            let error = (1.06 / (n - 3.0).max(1.0) + 1.06 / (m - 3.0).max(1.0)).sqrt();
            let z = (x.clamp(-0.999_999, 0.999_999).atanh() - y.clamp(-0.999_999, 0.999_999).atanh()).abs() / error;
            let p_value = 2.0 * normal.sf(z);
            (p_value <= level && (x - y).abs() >= medium).then_some(Change { i, j, train: x, test: y, rows: (n, m), p_value })
        })
        .collect();
    changes.sort_by(|a, b| b.size().total_cmp(&a.size()).then((a.i, a.j).cmp(&(b.i, b.j))));
    let mut findings = Vec::new();
    while let Some(first) = changes.first() {
        // The column that most of the changed pairs share is the one that broke away.
        let count = |k: usize| changes.iter().filter(|c| c.i == k || c.j == k).count();
        let (carrier, other) = if count(first.i) >= count(first.j) { (first.i, first.j) } else { (first.j, first.i) };
        let alone = count(carrier) == count(other);
        findings.push(finding(&names, first, (carrier, other), count(carrier), (medium, high), level));
        changes.retain(|c| c.i != carrier && c.j != carrier && !(alone && (c.i == other || c.j == other)));
    }
    let any = !findings.is_empty();
    emit(analysis, sink, "correlation_shift", pairs, findings)?;
    Ok(any)
}

fn matrix(table: &Table, names: &[String]) -> Vec<Option<Vec<f32>>> {
    let rows = table.sample(SAMPLE);
    names
        .par_iter()
        .map(|name| table.column(name).and_then(|c| rank::sampled(c, &rows)).and_then(|v| rank::unit_ranks(&v)))
        .collect()
}

fn finding(
    names: &[String],
    change: &Change,
    (carrier, other): (usize, usize),
    pairs: usize,
    (medium, high): (f64, f64),
    level: f64,
) -> Finding {
    let (n, m) = change.rows;
    let (a, b) = (&names[carrier], &names[other]);
    let subject = format!("column:{a}");
    let severity = if change.size() >= high { Severity::High } else { Severity::Medium };
    Finding::new("correlation_shift", ArtifactKind::Test, &subject, severity, above(change.size(), medium * 0.8, 1.0 - change.p_value))
        .title(format!("`{a}` and `{b}` correlate by {:.2} in train and {:.2} in test", change.train, change.test))
        .columns(vec![a.clone(), b.clone()])
        .split(Split::Both)
        .bug(BugType::Performance)
        .evidence(
            Evidence::new("correlation_difference", &subject, change.size())
                .versus(">=", medium)
                .method("absolute difference of Spearman's rank correlation between the splits (at most 4000 rows each, chosen by a hash of the row's content)")
                .source(format!("{n} train and {m} test rows; train {:.3}, test {:.3}", change.train, change.test)),
        )
        .evidence(
            Evidence::new("p_value", &subject, change.p_value)
                .versus("<=", level)
                .method("Fisher's transformation with variance 1.06/(n-3), two-sided, Bonferroni over pairs"),
        )
        .evidence(Evidence::new("changed_pairs", &subject, pairs).unit("pairs").method(format!("pairs of `{a}` that changed as much")))
        .fix(
            format!("find out how `{a}` gets into test: a join on the wrong key or a shifted column looks like this"),
            "each column passes every check alone, while their combination is one the model never saw",
        )
        .step("join both splits again from their sources by key and compare a few rows")
        .step("if the world changed, retrain on recent rows")
}
