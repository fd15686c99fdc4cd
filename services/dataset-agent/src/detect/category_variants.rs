//! `category_variants`: categories, the label's too, that differ only by case, surrounding space or
//! punctuation. What counts as the same word is in `table/harmonize.rs`; the later detectors see the
//! folded words, so that a new spelling is not also drift or an unseen category.

use deepfix_agent::{Analysis, Sink, Stop};
use deepfix_model::{BugType, Evidence, Finding, Severity, Split};
use hashbrown::HashMap;

use super::{Data, artifact, by_count, emit, seen_in};

pub(crate) fn detect(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, data: &Data) -> Result<(), Stop> {
    let high = analysis.threshold("category_variants.high");
    let names = data.names();
    let mut findings = Vec::new();
    for name in &names {
        let hit: Vec<(Split, &crate::table::Column)> =
            data.columns(name).filter(|(_, column)| !column.oddities.variants.is_empty()).collect();
        if hit.is_empty() {
            continue;
        }
        let mut pairs: HashMap<(&str, &str), usize> = HashMap::new();
        let (mut cells, mut filled) = (0, 0);
        for (_, column) in &hit {
            filled += column.present();
            for (word, chosen, n) in &column.oddities.variants {
                *pairs.entry((word, chosen)).or_default() += n;
                cells += n;
            }
        }
        let mut pairs: Vec<((&str, &str), usize)> = pairs.into_iter().collect();
        pairs.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let share = cells as f64 / filled as f64;
        let shown: Vec<String> = pairs.iter().take(6).map(|((w, c), n)| format!("{w:?} for {c:?} ({n})")).collect();
        let subject = data.subject(name);
        let split = seen_in(&hit.iter().map(|h| h.0).collect::<Vec<_>>());
        let is_label = data.label.as_deref() == Some(name);
        let severity = if share >= high || is_label { Severity::High } else { Severity::Medium };
        let ((word, chosen), _) = pairs[0];
        findings.push(
            Finding::new("category_variants", artifact(split), &subject, severity, by_count(0.87, cells))
                .title(format!("`{name}` writes {} in several ways, such as {word:?} for {chosen:?}", if pairs.len() == 1 { "a category" } else { "categories" }))
                .column(name)
                .split(split)
                .bug(BugType::Performance)
                .evidence(
                    Evidence::new("variant_spellings", &subject, pairs.len())
                        .versus(">", 0.0)
                        .unit("spellings")
                        .method("spellings equal to a more frequent one without case, space, full stops, apostrophes, underscores and hyphens")
                        .source(shown.join(", ")),
                )
                .evidence(
                    Evidence::new("variant_share", &subject, share)
                        .unit("share")
                        .method("cells in such a spelling over filled cells")
                        .source(format!("{cells} of {filled} cells")),
                )
                .fix(
                    format!("fold the spellings of `{name}` before anything is encoded"),
                    if is_label { "each spelling becomes a class of its own" } else { "each spelling becomes a category of its own, rare and hard to learn from" },
                )
                .step(format!("df[\"{name}\"] = df[\"{name}\"].str.strip().str.casefold()"))
                .step("look at value_counts() afterwards, and mend the form or the join that lets them in"),
        );
    }
    emit(analysis, sink, "category_variants", names.len(), findings)
}
