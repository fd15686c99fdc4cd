//! Sentence forms: the fixed text of an English message and the places where its values stand.

use fluent_syntax::ast::{Expression, InlineExpression, Pattern, PatternElement};

/// Most ways tried to fit one text to one form; beyond it the text is another's.
const TRIES: usize = 256;

/// Variables that may hold several sentences in any catalogue.
const LISTS: [&str; 6] = ["advice", "error", "other", "problem", "reason", "why"];

/// Variables that hold plain numbers.
const COUNTS: [&str; 3] = ["count", "n", "total"];

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Value(String),
}

/// One message's form.
#[derive(Debug)]
pub(crate) struct Form {
    /// Which catalogue it is of.
    pub(crate) file: usize,
    pub(crate) id: String,
    parts: Vec<Part>,
    /// Whether its values may be lists of sentences.
    holds_lists: bool,
    /// Bytes of fixed text: of two forms that fit, the one with more is meant.
    pub(crate) weight: usize,
}

/// A value found in a text, and whether it is quoted and so a name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Value<'a> {
    pub(crate) name: &'a str,
    pub(crate) text: &'a str,
    pub(crate) quoted: bool,
}

impl Form {
    /// Of a message that holds text, variables and quoted braces only, as the English ones do.
    pub(crate) fn new(file: usize, holds_lists: bool, id: &str, pattern: &Pattern<&str>) -> Option<Self> {
        let mut parts: Vec<Part> = Vec::new();
        for element in &pattern.elements {
            let text = match element {
                PatternElement::TextElement { value } => *value,
                PatternElement::Placeable { expression: Expression::Inline(InlineExpression::StringLiteral { value }) } => value,
                PatternElement::Placeable { expression: Expression::Inline(InlineExpression::VariableReference { id }) } => {
                    parts.push(Part::Value(id.name.to_owned()));
                    continue;
                }
                PatternElement::Placeable { .. } => return None,
            };
            match parts.last_mut() {
                Some(Part::Text(last)) => last.push_str(text),
                _ => parts.push(Part::Text(text.to_owned())),
            }
        }
        let weight = parts.iter().map(|part| if let Part::Text(text) = part { text.len() } else { 0 }).sum();
        Some(Self { file, holds_lists, id: id.to_owned(), parts, weight })
    }

    /// The text of a form without values.
    pub(crate) fn fixed(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// What a text of this form begins with.
    pub(crate) fn head(&self) -> &str {
        match self.parts.first() {
            Some(Part::Text(text)) => text,
            _ => "",
        }
    }

    fn tail(&self) -> &str {
        match self.parts.last() {
            Some(Part::Text(text)) => text,
            _ => "",
        }
    }

    /// The values of a text of this form.
    pub(crate) fn values<'a>(&'a self, text: &'a str) -> Option<Vec<Value<'a>>> {
        if text.len() < self.weight || !text.starts_with(self.head()) || !text.ends_with(self.tail()) {
            return None;
        }
        let (mut out, mut tries) = (Vec::new(), TRIES);
        let fits = fit(&self.parts, text, "", &mut out, &mut tries);
        // Two titles of one form are no one title with a long value.
        (fits && out.iter().all(|v| self.holds_lists || LISTS.contains(&v.name) || outside_quotes(v.text, "; ").len() == 1))
            .then_some(out)
    }
}

fn fit<'a>(parts: &'a [Part], text: &'a str, before: &str, out: &mut Vec<Value<'a>>, tries: &mut usize) -> bool {
    match parts {
        [] => text.is_empty(),
        [Part::Text(fixed), rest @ ..] => {
            text.strip_prefix(fixed.as_str()).is_some_and(|left| fit(rest, left, fixed, out, tries))
        }
        [Part::Value(name), rest @ ..] => {
            let next = match rest.first() {
                Some(Part::Text(fixed)) => fixed.as_str(),
                // Two values side by side: the first takes nothing.
                Some(Part::Value(_)) => "",
                None => return take(name, text, before, out),
            };
            let mut at = 0;
            while let Some(found) = text[at..].find(next) {
                if *tries == 0 {
                    return false;
                }
                *tries -= 1;
                let kept = out.len();
                let end = at + found;
                if take(name, &text[..end], before, out) && fit(rest, &text[end..], "", out, tries) {
                    return true;
                }
                out.truncate(kept);
                at = end + text[end..].chars().next().map_or(1, char::len_utf8);
                if at > text.len() {
                    return false;
                }
            }
            false
        }
    }
}

/// Takes a value, unless it cannot be one: what begins or ends within a quoted name, goes beyond its own quotes or into
/// the next sentence, or is no number where the variable's name says that it is.
fn take<'a>(name: &'a str, text: &'a str, before: &str, out: &mut Vec<Value<'a>>) -> bool {
    let ticks = text.bytes().filter(|b| *b == b'`').count();
    let wrong = if before.ends_with('`') {
        ticks > 0
    } else {
        ticks % 2 == 1
            || text.starts_with(". ")
            || outside_quotes(text, ". ").len() > 1
            || COUNTS.contains(&name) && !text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b',' | b'.'))
    };
    if wrong {
        return false;
    }
    out.push(Value { name, text, quoted: before.ends_with(['`', '"']) });
    true
}

/// A name, a figure or both: nothing that could be said otherwise.
pub(crate) fn is_name(text: &str) -> bool {
    let mut quoted = false;
    let spaces = text.trim().bytes().filter(|b| {
        quoted ^= *b == b'`';
        *b == b' ' && !quoted
    });
    spaces.count() == 0 || !text.bytes().any(|b| b.is_ascii_alphabetic())
}

/// Splits at a joint that stands in no quoted name.
pub(crate) fn outside_quotes<'a>(text: &'a str, joint: &str) -> Vec<&'a str> {
    let (mut out, mut start, mut quoted) = (Vec::new(), 0, false);
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let c = rest.chars().next().unwrap_or(' ');
        quoted ^= c == '`';
        if !quoted && at > start && rest.starts_with(joint) {
            out.push(&text[start..at]);
            at += joint.len();
            start = at;
        } else {
            at += c.len_utf8();
        }
    }
    out.push(&text[start..]);
    out
}
