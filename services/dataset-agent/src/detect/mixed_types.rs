//! `mixed_types`: a column of numbers or dates carries cells of another type or format, however few.
//! Nothing is estimated: most cells agree on a type (four fifths, see `table/refine.rs`), and each
//! cell that does not is counted. A single spelling of "missing" that readers do not know (`?`) does
//! the same harm and is the same fault; several of them are `mixed_nulls`.

use deepfix_agent::{Analysis, Sink, Stop};
use deepfix_model::{BugType, Evidence, Finding, Severity, Split};

use super::{Cells, Data, by_count, emit, listed, seen_in};
use crate::table::{Column, Kind};

/// Spellings that pandas reads as missing without being told (`pandas.read_csv`, `na_values`).
const KNOWN: [&str; 19] = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA", "NULL",
    "NaN", "None", "n/a", "nan", "null",
];

/// Cells that do not fit, with how many there are of each.
fn strays(column: &Column) -> Cells {
    let mut out = column.oddities.strays.clone();
    if let [(word, n)] = &column.oddities.blanks[..]
        && matches!(column.kind, Kind::Number | Kind::Time)
        && column.stored == Kind::Word
        && !KNOWN.contains(&word.as_str())
    {
        out.push((word.clone(), *n));
    }
    out
}

pub(crate) fn detect(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, data: &Data) -> Result<(), Stop> {
    let high = analysis.threshold("mixed_types.high");
    let names = data.names();
    let mut findings = Vec::new();
    for name in &names {
        let hit: Vec<(Split, &Column, Cells)> = data
            .columns(name)
            .map(|(split, column)| (split, column, strays(column)))
            .filter(|(_, _, strays)| !strays.is_empty())
            .collect();
        if hit.is_empty() {
            continue;
        }
        let (mut cells, mut filled, mut worst) = (0, 0, 0.0_f64);
        let subject = data.subject(name);
        let splits: Vec<Split> = hit.iter().map(|h| h.0).collect();
        let mut evidence = Vec::new();
        for (split, column, strays) in &hit {
            let n: usize = strays.iter().map(|s| s.1).sum();
            let all = column.rows();
            worst = worst.max(n as f64 / all as f64);
            (cells, filled) = (cells + n, filled + all);
            evidence.push(
                Evidence::new("cells_of_another_type", &subject, n)
                    .versus(">", 0.0)
                    .unit("cells")
                    .method(format!("cells that are not {}, while at least four fifths are", column.oddities.mostly))
                    .source(format!("{} of {all} rows of {}: {}", n, split.name(), listed(strays))),
            );
        }
        let mostly = if hit[0].1.kind == Kind::Time { "dates" } else { "numbers" };
        let example = hit[0].2.first().map_or("", |s| s.0.as_str());
        let severity = if worst >= high { Severity::High } else { Severity::Medium };
        let split = seen_in(&splits);
        let mut finding = Finding::new("mixed_types", super::artifact(split), &subject, severity, by_count(0.9, cells))
            .title(format!("column `{name}` holds {cells} cells among its {mostly} that are none, such as {example:?}"))
            .column(name)
            .split(split)
            .bug(BugType::Performance);
        finding.evidence.extend(evidence);
        findings.push(
            finding
                .evidence(
                    Evidence::new("share_of_another_type", &subject, cells as f64 / filled as f64)
                        .unit("share")
                        .method("these cells over the rows of the splits that have them"),
                )
                .fix(
                    format!("mend these cells of `{name}` at their source, or read them as missing on purpose"),
                    "one such cell makes readers take the whole column for text, which is then dropped or one-hot encoded",
                )
                .step(if mostly == "dates" {
                    format!("df[\"{name}\"] = pd.to_datetime(df[\"{name}\"], format=\"mixed\", errors=\"coerce\")")
                } else {
                    format!("df[\"{name}\"] = pd.to_numeric(df[\"{name}\"], errors=\"coerce\")")
                })
                .step("count what became missing by this, and keep a column that says so"),
        );
    }
    emit(analysis, sink, "mixed_types", names.len(), findings)
}
