//! What counts as something said, as opposed to a name, a figure or a line of code.

/// Whether a text outside its placeholders in braces says something: two words and more, one of three letters, and no
/// line of code.
pub(crate) fn is_said(text: &str) -> bool {
    let words: Vec<&str> = words(text).collect();
    let written = words.iter().filter(|w| w.len() >= 2 && w[1..].bytes().all(|b| b.is_ascii_lowercase())).count();
    if written < 2 || !literal(text).any(|text| text.contains(' ')) || !words.iter().any(|w| w.len() >= 3) {
        return false;
    }
    // `df["x"] = …`, `model.fit(…)`, `name=…`: a name followed at once by what calls, indexes or assigns.
    let name = text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.'))).unwrap_or(text.len());
    let rest = &text[name..];
    let code = name > 0 && (rest.starts_with(['(', '[', '=']) || rest.starts_with(" = ") || rest.starts_with("::"));
    !text.starts_with('<') && (!code || plain(text) >= SENTENCE)
}

/// Words outside of code from which a text that begins with code is a sentence all the same.
const SENTENCE: usize = 4;

/// Words of small letters alone, outside brackets and quotes.
fn plain(text: &str) -> usize {
    let (mut depth, mut quoted, mut outside) = (0_usize, false, String::new());
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' | ']' | '}' if !quoted => depth = depth.saturating_sub(1),
            c if depth == 0 && !quoted => outside.push(c),
            _ => {}
        }
    }
    let word = |w: &&str| w.len() >= 2 && w.bytes().all(|b| b.is_ascii_lowercase());
    outside.split_whitespace().map(|w| w.trim_end_matches([',', ';', ':', '.'])).filter(word).count()
}

/// A text without its placeholders.
fn literal(text: &str) -> impl Iterator<Item = &str> {
    text.split('{').enumerate().map(|(i, piece)| if i == 0 { piece } else { piece.split_once('}').map_or("", |(_, rest)| rest) })
}

/// The words of a text outside its placeholders.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    literal(text).flat_map(|text| text.split(|c: char| !c.is_ascii_alphabetic())).filter(|w| !w.is_empty())
}
