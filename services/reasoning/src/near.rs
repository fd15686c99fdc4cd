//! Faults that are near: columns that moved most of the way to a finding, said as notes while there is time.

use deepfix_model::{ColumnCard, Finding, Note, fmt_number};

/// Share of the way to a finding from which it is near (our choice).
const NEAR: f64 = 0.7;
/// Most columns named.
const MOST: usize = 5;

/// Notes on the columns that moved furthest without a finding.
pub(crate) fn notes(columns: &[ColumnCard], findings: &[Finding]) -> Vec<Note> {
    let mut near: Vec<(f64, &ColumnCard, String)> = columns
        .iter()
        .filter(|card| !findings.iter().any(|f| f.columns.contains(&card.name)))
        .filter_map(|card| {
            let way = |m: &deepfix_model::ColumnMeasure| m.beyond_chance.0 / m.threshold.0;
            let most = card.measures.iter().filter(|m| way(m).is_finite()).max_by(|a, b| way(a).total_cmp(&way(b)))?;
            (NEAR..1.0).contains(&way(most)).then(|| {
                let (value, limit) = (fmt_number(most.beyond_chance.0), fmt_number(most.threshold.0));
                (way(most), card, format!("{} {value} beyond chance, a finding from {limit}", most.name.to_uppercase()))
            })
        })
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.name.cmp(&b.1.name)));
    let note = |(_, card, measured): (f64, &ColumnCard, String)| {
        let text = format!(
            "`{}` is near a drift finding ({measured}): ask where it comes from before the next period's data decides, and keep a profile of this one to compare with (deepfix profile)",
            card.name
        );
        let mut note = Note::new("near_threshold", format!("column:{}", card.name), text);
        note.columns.push(card.name.clone());
        note
    };
    near.into_iter().take(MOST).map(note).collect()
}

#[cfg(test)]
mod tests {
    use deepfix_model::{ArtifactKind, ColumnMeasure, Num, Severity};

    use super::*;

    fn card(name: &str, psi: f64) -> ColumnCard {
        let measure = ColumnMeasure { name: "psi".to_owned(), value: Num(psi), beyond_chance: Num(psi), threshold: Num(0.25) };
        let (train, test) = (None, None);
        ColumnCard { name: name.to_owned(), kind: "numeric".to_owned(), train, test, labels: Vec::new(), measures: vec![measure] }
    }

    #[test]
    fn columns_near_a_finding_are_named_and_those_with_one_are_not() {
        let cards = [card("calm", 0.05), card("near", 0.2), card("nearer", 0.24), card("moved", 0.4), card("known", 0.22)];
        let finding = Finding::new("unit_change", ArtifactKind::Train, "column:known", Severity::High, 0.9).column("known");
        let notes = notes(&cards, &[finding]);
        assert_eq!(notes.iter().map(|n| n.subject.as_str()).collect::<Vec<_>>(), ["column:nearer", "column:near"]);
        assert!(notes[0].text.contains("PSI 0.24 beyond chance, a finding from 0.25"), "{}", notes[0].text);
    }
}
