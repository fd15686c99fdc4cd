//! Sentences and words of a text, and those that no sentence may hold.

use std::collections::BTreeSet;

use serde_json::Value;

use super::numbers::{Token, tokens};

/// Words that play down.
const SOFT: [&str; 36] = [
    "harmless",
    "negligible",
    "nothing to worry",
    "no need to",
    "no action",
    "not urgent",
    "no urgency",
    "can wait",
    "safe to ignore",
    "can be ignored",
    "may be ignored",
    "ignore this",
    "ignore the",
    "unimportant",
    "not serious",
    "not severe",
    "no cause for concern",
    "not a concern",
    "low priority",
    "low severity",
    "cosmetic",
    "fine to deploy",
    "safe to deploy",
    "ready to deploy",
    "ready for production",
    "looks good",
    "is healthy",
    "are healthy",
    "no problem",
    "false alarm",
    "sans gravité",
    "négligeable",
    "pas urgent",
    "aucune urgence",
    "peut attendre",
    "sans danger",
];

/// The words of a sentence that play a report down, when it holds some.
pub(super) fn soft(sentence: &str) -> Option<&'static str> {
    SOFT.into_iter().find(|soft| sentence.contains(soft))
}

/// Why a sentence is no plain prose.
pub(super) fn not_plain(sentence: &str) -> Option<&'static str> {
    let lower = sentence.to_lowercase();
    if lower.contains("://") || lower.contains("www.") || sentence.contains(['<', '>', '#', '[', ']', '{', '}', '|']) {
        return Some("it holds an address or markup");
    }
    let odd = |c: char| c.is_control() || c == '‰' || is_unseen(c) || c.is_numeric() && !c.is_ascii_digit();
    sentence.contains(odd).then_some("it holds characters that are no plain text")
}

/// Characters that are not seen, or turn others round.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

pub(super) fn sentences(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let (mut start, bytes) = (0, text.as_bytes());
    for (i, c) in text.char_indices() {
        let next = bytes.get(i + 1);
        let ends = c == '\n' || matches!(c, '.' | '!' | '?' | ';') && next.is_none_or(|b| b.is_ascii_whitespace());
        if ends {
            out.push(&text[start..i + c.len_utf8()]);
            start = i + c.len_utf8();
        }
    }
    out.push(&text[start..]);
    out.retain(|s| s.trim().chars().any(char::is_alphanumeric));
    out
}

pub(super) fn contains_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(i, _)| {
        let before = text[..i].chars().next_back().is_none_or(|c| !c.is_alphanumeric());
        let after = text[i + word.len()..].chars().next().is_none_or(|c| !c.is_alphanumeric());
        before && after
    })
}

pub(super) fn collect_words(value: &Value, out: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => out.extend(tokens(text).into_iter().filter_map(|t| match t {
            Token::Word(w) => Some(w.to_lowercase()),
            Token::Number(_) => None,
        })),
        Value::Array(items) => items.iter().for_each(|v| collect_words(v, out)),
        Value::Object(map) => map.values().for_each(|v| collect_words(v, out)),
        _ => {}
    }
}
