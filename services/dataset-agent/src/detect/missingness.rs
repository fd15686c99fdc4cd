//! `missing_not_at_random`: whether a cell is missing depends on the label, on another column or on a
//! segment. Each column with missing cells is held against the label and every other column, cut into
//! ten parts where it is numeric: the missing rates of the parts are compared by Cramér's V, corrected
//! for its bias (Bergsma 2013), and by the difference of the extreme rates. The chi-square test,
//! or that of a trend over ordered parts, Bonferroni over all pairs, says whether chance could do it.

use deepfix_agent::{Analysis, Sink, Stop};
use deepfix_model::{BugType, Checked, Evidence, Finding, Severity, Split, above, fmt_number};
use rayon::prelude::*;
use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::{Data, artifact, emit, percent};
use crate::{
    stats::drift,
    table::{Column, Kind, MISSING, Table, Values},
};

/// Fewest missing cells, and fewest filled ones.
const CELLS: usize = 15;
const PARTS: usize = 10;

/// How missing cells spread over the parts of another column.
struct Dependence {
    on: String,
    is_label: bool,
    v: f64,
    p_value: f64,
    /// Part with the highest rate, and with the lowest.
    most: (String, f64),
    least: (String, f64),
}

pub(crate) fn detect(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, data: &Data) -> Result<(), Stop> {
    let Some((split, table)) = data.splits().next() else { return Ok(()) };
    let (by_label, by_column) =
        (analysis.threshold("missing_not_at_random.v_label"), analysis.threshold("missing_not_at_random.v"));
    let suspects: Vec<(&String, &Column)> = table
        .columns()
        .filter(|(name, _)| data.label.as_deref() != Some(name) && !data.ids.contains(*name))
        .filter(|(_, c)| {
            let gone = c.missing + c.blanked;
            gone >= CELLS && c.present() >= CELLS && gone * 100 >= c.rows()
        })
        .collect();
    if suspects.is_empty() {
        analysis.checked(Checked::done("missing_not_at_random", table.names().len(), 0));
        return Ok(());
    }
    let cancel = analysis.cancel();
    let others: Vec<(&String, &Column)> = table.columns().filter(|(name, _)| !data.ids.contains(*name)).collect();
    let parts: Vec<(&String, Parts)> = others.par_iter().filter_map(|(name, column)| Some((*name, parts(column)?))).collect();
    let tests = (suspects.len() * parts.len()).max(1) as f64;
    let findings: Vec<Option<Finding>> = suspects
        .par_iter()
        .map(|(name, column)| {
            if cancel.is_cancelled() {
                return None;
            }
            let missing: Vec<bool> = column.is_present().iter().map(|p| !p).collect();
            let mut found: Vec<Dependence> = parts
                .iter()
                .filter(|(other, _)| other != name)
                .filter_map(|(other, parts)| dependence(&missing, parts, other, data.label.as_deref() == Some(other)))
                .filter(|d| {
                    let difference = d.most.1 - d.least.1;
                    d.p_value < 1e-3 / tests && difference >= 0.1 && d.v >= if d.is_label { by_label } else { by_column }
                })
                .collect();
            // The label first: that it is missing then tells the answer.
            found.sort_by(|a, b| b.is_label.cmp(&a.is_label).then(b.v.total_cmp(&a.v)));
            let limit = if found.first()?.is_label { by_label } else { by_column };
            Some(finding(table, split, name, &missing, &found, limit))
        })
        .collect();
    emit(analysis, sink, "missing_not_at_random", table.names().len(), findings.into_iter().flatten().collect())
}

/// A column cut into parts.
struct Parts {
    /// Part of each row; `u16::MAX` where the column is missing.
    of_row: Vec<u16>,
    labels: Vec<String>,
    /// Whether the parts have an order.
    ordered: bool,
}

fn parts(column: &Column) -> Option<Parts> {
    match &column.values {
        Values::Words { codes, words } => {
            if words.len() > 100 || words.len() < 2 {
                return None;
            }
            let of_row =
                codes.iter().map(|&c| if c == MISSING { u16::MAX } else { u16::try_from(c).unwrap_or(u16::MAX) }).collect();
            Some(Parts { of_row, labels: words.clone(), ordered: false })
        }
        Values::Numbers(values) => {
            if column.kind == Kind::Other {
                return None;
            }
            let few = column.few_numbers(PARTS);
            let (edges, labels) = match few {
                Some(few) if few.len() < 2 => return None,
                Some(few) => {
                    let labels = few.iter().map(|(x, _)| fmt_number(*x)).collect();
                    (few.iter().take(few.len() - 1).map(|(x, _)| *x).collect::<Vec<f64>>(), labels)
                }
                None => {
                    let edges = drift::deciles(column.sorted());
                    let labels = drift::edge_labels(&edges);
                    (edges, labels)
                }
            };
            let part = |x: &f64| u16::try_from(edges.partition_point(|e| e < x)).unwrap_or(u16::MAX);
            let of_row = values.iter().map(|x| if x.is_nan() { u16::MAX } else { part(x) }).collect();
            Some(Parts { of_row, labels, ordered: true })
        }
    }
}

fn dependence(missing: &[bool], parts: &Parts, on: &str, is_label: bool) -> Option<Dependence> {
    let Parts { of_row, labels, .. } = parts;
    let mut cells = vec![(0_usize, 0_usize); labels.len()];
    for (&gone, &p) in missing.iter().zip(of_row) {
        if let Some(cell) = cells.get_mut(p as usize) {
            cell.0 += usize::from(gone);
            cell.1 += 1;
        }
    }
    let (gone, all) = cells.iter().fold((0, 0), |(g, a), c| (g + c.0, a + c.1));
    if gone < CELLS || all - gone < CELLS {
        return None;
    }
    let rate = gone as f64 / all as f64;
    // Parts too small to have a rate of their own are left out (fewer than five expected either way).
    let large: Vec<usize> =
        (0..cells.len()).filter(|&i| cells[i].1 as f64 * rate.min(1.0 - rate) >= 5.0 || cells[i].1 >= 30).collect();
    if large.len() < 2 {
        return None;
    }
    let n: usize = large.iter().map(|&i| cells[i].1).sum();
    let overall = large.iter().map(|&i| cells[i].0).sum::<usize>() as f64 / n as f64;
    if overall <= 0.0 || overall >= 1.0 {
        return None;
    }
    let chi: f64 = large
        .iter()
        .map(|&i| {
            let (gone, all) = (cells[i].0 as f64, cells[i].1 as f64);
            (gone - all * overall).powi(2) / (all * overall * (1.0 - overall))
        })
        .sum();
    let freedom = large.len() as f64 - 1.0;
    let v = ((chi / n as f64 - freedom / (n as f64 - 1.0)).max(0.0)).sqrt();
    let p_value = ChiSquared::new(freedom).map_or(1.0, |d| d.sf(chi));
    // Ordered parts: a rise or fall over them takes one degree of freedom, not nine.
    let trend = if parts.ordered { trend(&large, &cells, overall) } else { 0.0 };
    let trend_p = ChiSquared::new(1.0).map_or(1.0, |d| d.sf(n as f64 * trend * trend));
    let trend_v = (trend * trend - 1.0 / (n as f64 - 1.0)).max(0.0).sqrt();
    let (v, p_value) = if trend_p < p_value { (v.max(trend_v), trend_p) } else { (v, p_value) };
    let rate_of = |i: usize| cells[i].0 as f64 / cells[i].1 as f64;
    let most = large.iter().copied().max_by(|&a, &b| rate_of(a).total_cmp(&rate_of(b)))?;
    let least = large.iter().copied().min_by(|&a, &b| rate_of(a).total_cmp(&rate_of(b)))?;
    Some(Dependence {
        on: on.to_owned(),
        is_label,
        v,
        p_value,
        most: (labels[most].clone(), rate_of(most)),
        least: (labels[least].clone(), rate_of(least)),
    })
}

/// Correlation of being empty with the parts' mid-ranks: the root of the Cochran–Armitage statistic
/// (Armitage 1955) over n.
fn trend(large: &[usize], cells: &[(usize, usize)], overall: f64) -> f64 {
    let (mut below, mut ranked) = (0.0, Vec::new());
    for &i in large {
        let all = cells[i].1 as f64;
        ranked.push((below + all / 2.0, cells[i].0 as f64, all));
        below += all;
    }
    let middle = below / 2.0;
    let (mut with, mut spread) = (0.0, 0.0);
    for (rank, gone, all) in ranked {
        with += (rank - middle) * (gone - all * overall);
        spread += all * (rank - middle).powi(2);
    }
    let scale = (spread * below * overall * (1.0 - overall)).sqrt();
    if scale > 0.0 { with / scale } else { 0.0 }
}

fn finding(table: &Table, split: Split, name: &str, missing: &[bool], found: &[Dependence], limit: f64) -> Finding {
    let strongest = &found[0];
    let subject = format!("column:{name}");
    let what = if strongest.is_label { format!("the label `{}`", strongest.on) } else { format!("`{}`", strongest.on) };
    let severity = if strongest.is_label && strongest.v >= 2.0 * limit { Severity::High } else { Severity::Medium };
    // That gaps follow another column is often in the nature of the table (our estimate).
    let sure = if strongest.is_label { 1.0 } else { 0.55 };
    let gone = missing.iter().filter(|m| **m).count();
    let mut finding = Finding::new(
        "missing_not_at_random",
        artifact(split),
        &subject,
        severity,
        above(strongest.v, limit * 0.8, (1.0 - strongest.p_value) * sure),
    )
    .title(format!(
        "`{name}` is missing in {} of rows where {what} is {}, in {} where it is {}",
        percent(strongest.most.1),
        strongest.most.0,
        percent(strongest.least.1),
        strongest.least.0
    ))
    .column(name)
    .split(split)
    .bug(BugType::Performance);
    for other in found.iter().take(3) {
        finding = finding.evidence(
            Evidence::new("cramers_v", &subject, other.v)
                .versus(">=", limit)
                .method(format!(
                    "missing or not against {} `{}` in up to ten parts, corrected for bias; p {} by chi-square or trend",
                    if other.is_label { "the label" } else { "column" },
                    other.on,
                    fmt_number(other.p_value)
                ))
                .source(format!(
                    "{gone} of {} rows miss it; {}: {}, {}: {}",
                    table.rows(),
                    other.most.0,
                    percent(other.most.1),
                    other.least.0,
                    percent(other.least.1)
                )),
        );
    }
    finding
        .fix(
            format!("keep whether `{name}` is missing as a column of its own, and find out who leaves it empty"),
            "filling such gaps with a mean moves one group more than another",
        )
        .step(format!("df[\"{name}_missing\"] = df[\"{name}\"].isna()"))
        .step(if strongest.is_label {
            "check when the cell is filled in: if that is after the outcome, its absence leaks the label"
        } else {
            "impute within the group (IterativeImputer with that column), not over the whole table"
        })
}
