//! What two splits settle together: which spellings of a category are one, and which magic numbers
//! are no values. Later detectors then see each category once and each range as it is.

use hashbrown::HashMap;

use super::{Column, Kind, MISSING, Table, Values, sentinels};

/// Rows a category needs before another spelling of it counts as a variant.
const ENOUGH: usize = 3;

/// Column names of both splits, in order of first appearance.
pub(crate) fn all_names(splits: &[&Table]) -> Vec<String> {
    let mut seen = hashbrown::HashSet::new();
    splits.iter().flat_map(|t| t.names()).filter(|name| seen.insert((*name).clone())).cloned().collect()
}

/// Folds spellings and takes magic numbers out, in every split alike. The label keeps its numbers.
pub(crate) fn harmonize(train: &mut Option<Table>, test: &mut Option<Table>, label: Option<&str>, datetime: Option<&str>) {
    let names = all_names(&train.iter().chain(test.iter()).collect::<Vec<_>>());
    for name in names {
        let columns = || train.iter().chain(test.iter()).filter_map(|t| t.column(&name));
        let fold = canonical(&columns().collect::<Vec<_>>());
        let magic = if label == Some(&name) || datetime == Some(&name) {
            Vec::new()
        } else {
            sentinels::find(&columns().collect::<Vec<_>>())
        };
        for table in train.iter_mut().chain(test.iter_mut()) {
            let Some(column) = table.column_mut(&name) else { continue };
            if !fold.is_empty() {
                rename(column, &fold);
            }
            for &value in &magic {
                let taken = column.blank(|x| x == value);
                if taken > 0 {
                    column.oddities.sentinels.push((value, taken));
                }
            }
        }
    }
}

/// A spelling without what people write in several ways: case, spaces, full stops, apostrophes,
/// underscores, hyphens between letters. Signs that carry meaning (`A+`, `<5`, `3-5`, `C#`) stay.
pub(crate) fn folded(word: &str) -> String {
    let chars: Vec<char> = word.trim().chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or(' ');
    let mut out = String::with_capacity(word.len());
    for (i, &c) in chars.iter().enumerate() {
        let before = if i == 0 { ' ' } else { at(i - 1) };
        let between_digits = before.is_ascii_digit() && at(i + 1).is_ascii_digit();
        let drop = match c {
            '_' | ' ' | '\t' | '\u{a0}' => !between_digits,
            '\'' | '"' | '`' | '’' | '!' => true,
            '.' | ',' | ';' | ':' => !between_digits,
            '-' | '–' | '/' => before.is_alphabetic() && at(i + 1).is_alphabetic() && c != '/',
            _ => false,
        };
        if !drop {
            out.extend(c.to_lowercase());
        }
    }
    out
}

/// Spellings to be replaced, with the most frequent spelling of the same word. Empty when each word
/// has one spelling, or when most cells are different words (names, free text).
fn canonical(columns: &[&Column]) -> HashMap<String, String> {
    let mut cells: HashMap<&str, usize> = HashMap::new();
    let mut present = 0;
    for column in columns.iter().filter(|c| c.kind == Kind::Word) {
        let Values::Words { words, .. } = &column.values else { continue };
        for (word, n) in words.iter().zip(column.by_code()).filter(|(_, n)| *n > 0) {
            *cells.entry(word).or_default() += n;
            present += n;
        }
    }
    if cells.len() * 2 > present {
        return HashMap::new();
    }
    let mut groups: HashMap<String, Vec<(&str, usize)>> = HashMap::new();
    for (word, n) in cells {
        groups.entry(folded(word)).or_default().push((word, n));
    }
    let mut out = HashMap::new();
    for (key, mut group) in groups {
        if group.len() < 2 || key.is_empty() {
            continue;
        }
        group.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        let (chosen, most) = group[0];
        if most < ENOUGH {
            continue;
        }
        for (word, _) in &group[1..] {
            out.insert((*word).to_owned(), chosen.to_owned());
        }
    }
    out
}

fn rename(column: &mut Column, fold: &HashMap<String, String>) {
    let cells = column.by_code();
    let Values::Words { codes, words } = &column.values else { return };
    let mut index: HashMap<&str, u32> = HashMap::new();
    let (mut kept, mut renamed) = (Vec::new(), Vec::with_capacity(words.len()));
    let mut variants = Vec::new();
    for (word, n) in words.iter().zip(cells) {
        let name = fold.get(word).map_or(word.as_str(), |chosen| {
            if n > 0 {
                variants.push((word.clone(), chosen.clone(), n));
            }
            chosen.as_str()
        });
        renamed.push(*index.entry(name).or_insert_with(|| {
            kept.push(name.to_owned());
            u32::try_from(kept.len() - 1).unwrap_or(MISSING)
        }));
    }
    if variants.is_empty() {
        return;
    }
    let codes = codes.iter().map(|&c| renamed.get(c as usize).copied().unwrap_or(MISSING)).collect();
    let mut out = Column::new(column.kind, Values::Words { codes, words: kept });
    out.stored = column.stored;
    out.oddities = column.oddities.clone();
    out.oddities.variants = variants;
    drop(index);
    *column = out;
}

#[cfg(test)]
mod tests {
    use super::folded;

    #[test]
    fn spellings_fold_and_meanings_stay_apart() {
        for (a, b) in [("New York", "new york "), ("U.S.", "us"), ("e-mail", "Email"), ("50K.", "50k"), ("Mc Donald", "McDonald")]
        {
            assert_eq!(folded(a), folded(b), "{a} {b}");
        }
        for (a, b) in [("A+", "A-"), ("C", "C++"), ("3-5", "35"), ("<50", ">50"), ("1.5", "15"), ("A", "A-")] {
            assert_ne!(folded(a), folded(b), "{a} {b}");
        }
    }
}
