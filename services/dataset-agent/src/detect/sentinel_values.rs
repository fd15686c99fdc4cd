//! `sentinel_values`: a magic number stands for "missing". Which values count is decided over both
//! splits in `table/sentinels.rs`; their cells are taken out of the column before anything else looks
//! at it, so that they are neither outliers nor drift.

use deepfix_agent::{Analysis, Sink, Stop};
use deepfix_model::{BugType, Evidence, Finding, Severity, Split, fmt_number};

use super::{Data, artifact, by_count, emit, percent, seen_in};

pub(crate) fn detect(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, data: &Data) -> Result<(), Stop> {
    let high = analysis.threshold("sentinel_values.high");
    let names = data.names();
    let mut findings = Vec::new();
    for name in &names {
        let hit: Vec<(Split, &crate::table::Column)> =
            data.columns(name).filter(|(_, column)| !column.oddities.sentinels.is_empty()).collect();
        let Some((_, first)) = hit.first() else { continue };
        let (mut cells, mut rows, mut worst) = (0, 0, 0.0_f64);
        let mut values: Vec<f64> = Vec::new();
        for (_, column) in &hit {
            let n: usize = column.oddities.sentinels.iter().map(|s| s.1).sum();
            worst = worst.max(n as f64 / column.rows() as f64);
            (cells, rows) = (cells + n, rows + column.rows());
            values.extend(column.oddities.sentinels.iter().map(|s| s.0));
        }
        values.sort_unstable_by(f64::total_cmp);
        values.dedup();
        let shown: Vec<String> = values.iter().map(|x| fmt_number(*x)).collect();
        let sorted = first.sorted();
        let (low, above) = (sorted.first().copied().unwrap_or(f64::NAN), sorted.last().copied().unwrap_or(f64::NAN));
        let subject = data.subject(name);
        let split = seen_in(&hit.iter().map(|h| h.0).collect::<Vec<_>>());
        let severity = if worst >= high { Severity::High } else { Severity::Medium };
        // Zero and minus one are values more often than the codes of several digits are.
        let base = if values.iter().any(|x| x.abs() > 1.0) { 0.88 } else { 0.72 };
        findings.push(
            Finding::new("sentinel_values", artifact(split), &subject, severity, by_count(base, cells))
                .title(format!("{} in `{name}` stands for a missing value", shown.join(" and ")))
                .column(name)
                .split(split)
                .bug(BugType::Performance)
                .evidence(
                    Evidence::new("sentinel_cells", &subject, cells)
                        .versus(">=", 3.0)
                        .unit("cells")
                        .method("cells that hold one number outside the range of all others and apart from it")
                        .source(format!("{} of {rows} rows ({})", cells, percent(cells as f64 / rows as f64))),
                )
                .evidence(
                    Evidence::new("range_of_others", &subject, format!("{} to {}", fmt_number(low), fmt_number(above)))
                        .method("smallest and largest of the other values"),
                )
                .fix(
                    format!("read {} as missing in `{name}`", shown.join(", ")),
                    "as a number it moves the mean, stretches every scaler and is learnt as an extreme value",
                )
                .step(format!("df[\"{name}\"] = df[\"{name}\"].replace([{}], np.nan)", shown.join(", ")))
                .step("ask the source which other codes it uses"),
        );
    }
    emit(analysis, sink, "sentinel_values", names.len(), findings)
}
