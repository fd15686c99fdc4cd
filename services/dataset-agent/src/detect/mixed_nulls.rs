//! `mixed_nulls`: several spellings of "missing" live in one column. Spellings are compared as they
//! stand, the empty cell being one; words that may be a category ("none", "unknown") count only
//! beside another spelling. No threshold: two spellings are one too many.

use deepfix_agent::{Analysis, Sink, Stop};
use deepfix_model::{BugType, Evidence, Finding, Severity, Split};

use super::{Cells, Data, artifact, by_count, emit, listed, seen_in};

pub(crate) fn detect(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, data: &Data) -> Result<(), Stop> {
    let names = data.names();
    let mut findings = Vec::new();
    for name in &names {
        let hit: Vec<(Split, Cells, usize)> = data
            .columns(name)
            .filter(|(_, column)| column.oddities.blanks.len() > 1 && column.present() > 0)
            .map(|(split, column)| {
                let spellings = column
                    .oddities
                    .blanks
                    .iter()
                    .map(|(word, n)| (if word.is_empty() { "(empty)".to_owned() } else { word.clone() }, *n))
                    .collect();
                (split, spellings, column.rows())
            })
            .collect();
        if hit.is_empty() {
            continue;
        }
        let subject = data.subject(name);
        let split = seen_in(&hit.iter().map(|h| h.0).collect::<Vec<_>>());
        let most = hit.iter().map(|h| h.1.len()).max().unwrap_or(0);
        // What the commonest spelling leaves over is what a reader of one spelling misses.
        let missed: usize =
            hit.iter().map(|h| h.1.iter().map(|s| s.1).sum::<usize>() - h.1.iter().map(|s| s.1).max().unwrap_or(0)).sum();
        let mut finding = Finding::new("mixed_nulls", artifact(split), &subject, Severity::Medium, by_count(0.88, missed))
            .title(format!("column `{name}` spells \"missing\" in {most} ways"))
            .column(name)
            .split(split)
            .bug(BugType::Performance);
        for (split, spellings, rows) in &hit {
            finding = finding.evidence(
                Evidence::new("spellings_of_missing", &subject, spellings.len())
                    .versus(">", 1.0)
                    .unit("spellings")
                    .method("distinct cells that are empty or say that they are")
                    .source(format!("{rows} rows of {}: {}", split.name(), listed(spellings))),
            );
        }
        let words: Vec<String> = hit[0].1.iter().filter(|s| s.0 != "(empty)").map(|s| format!("{:?}", s.0)).collect();
        findings.push(
            finding
                .fix(
                    format!("read every one of them as missing in `{name}`"),
                    "a reader that knows one spelling takes the others for values: numbers become text, and \"?\" becomes a category",
                )
                .step(format!("df = pd.read_csv(path, na_values={{\"{name}\": [{}]}})", words.join(", ")))
                .step("agree on one spelling where the table is written"),
        );
    }
    emit(analysis, sink, "mixed_nulls", names.len(), findings)
}
