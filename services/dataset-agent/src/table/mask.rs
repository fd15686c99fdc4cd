//! Cells' words replaced by their shape, for reports that may not quote data. Every word of a column gets
//! a number of its own, the same in both splits, so that all detectors still tell words apart. It is done
//! once, on the tables, after everything that reads words: what comes later has nothing to give away.

use std::collections::BTreeMap;

use super::{Table, Values};

/// Characters of a shape; longer words are cut.
const SHAPE: usize = 24;

/// Masks the words of all columns of the splits of one analysis.
pub(crate) fn mask<'a>(tables: impl Iterator<Item = &'a mut Table>) {
    let mut tables: Vec<&mut Table> = tables.collect();
    let names = super::all_names(&tables.iter().map(|t| &**t).collect::<Vec<_>>());
    for name in names {
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        for table in &tables {
            let Some(column) = table.column(&name) else { continue };
            if let Values::Words { words, .. } = &column.values {
                known.extend(words.iter().map(|w| (w.clone(), 0)));
            }
            known.extend(column.oddities.strays.iter().map(|s| (s.0.clone(), 0)));
            known.extend(column.oddities.variants.iter().flat_map(|v| [&v.0, &v.1]).map(|w| (w.clone(), 0)));
        }
        known.values_mut().enumerate().for_each(|(i, number)| *number = i + 1);
        let masked = |word: &str| format!("{}#{}", shape(word), known.get(word).copied().unwrap_or_default());
        for column in tables.iter_mut().filter_map(|table| table.column_mut(&name)) {
            if let Values::Words { words, .. } = &mut column.values {
                words.iter_mut().for_each(|word| *word = masked(word));
            }
            column.oddities.strays.iter_mut().for_each(|(word, _)| *word = masked(word));
            for (word, chosen, _) in &mut column.oddities.variants {
                (*word, *chosen) = (masked(word), masked(chosen));
            }
            column.forget();
        }
    }
}

/// Letters become `x` or `X`, digits `9`; space and punctuation stay.
fn shape(word: &str) -> String {
    let mut shape: String = word
        .chars()
        .take(SHAPE)
        .map(|c| match c {
            c if c.is_numeric() => '9',
            c if c.is_uppercase() => 'X',
            c if c.is_alphabetic() => 'x',
            c => c,
        })
        .collect();
    if word.chars().nth(SHAPE).is_some() {
        shape.push('…');
    }
    shape
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_shape_tells_case_length_and_digits_only() {
        assert_eq!(super::shape("Zürich 8, 1.OG"), "Xxxxxx 9, 9.XX");
        assert_eq!(super::shape(&"é".repeat(30)), format!("{}…", "x".repeat(24)));
    }
}
