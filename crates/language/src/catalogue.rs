//! The sentences of one language, found by their English form.

use std::{borrow::Cow, collections::HashMap, ops::Range};

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use fluent_syntax::ast::Entry;
use unic_langid::LanguageIdentifier;

use crate::form::{Form, Value, is_name, outside_quotes};

/// How deep a phrase may stand within phrases.
const DEPTH: usize = 5;
/// Longest text looked at; what is longer is no sentence of ours.
const LONGEST: usize = 6_000;
/// What parts sentences and phrases, from the loosest to the tightest, and what stands there in French.
const JOINTS: [(&str, &str); 8] = [
    (". ", ". "),
    ("; ", "\u{a0}; "),
    (" – ", " – "),
    (": ", "\u{a0}: "),
    (" (", " ("),
    (", and ", ", et "),
    (", ", ", "),
    (" and ", " et "),
];
/// Catalogues whose values may be lists of sentences: of reasoning, of what all share, of the renderers.
const HOLD_LISTS: Range<usize> = 4..7;
/// The joint of lists of sentences.
const LIST: usize = 1;
/// Bytes of fixed text from which a form may hold any values (our choice, by the reports of our own corpora).
const WEIGHTY: usize = 10;
/// Most sentences of one message.
const TOGETHER: usize = 4;
/// Joints between whole sentences; of the others all pieces must be known.
const SENTENCES: usize = 3;

pub(crate) struct Catalogue {
    fixed: HashMap<String, String>,
    /// Forms by the first bytes of what they begin with, and those that begin with a value.
    headed: HashMap<Vec<u8>, Vec<Form>>,
    open: Vec<Form>,
    /// One for each file: two may use the same id.
    bundles: Vec<FluentBundle<FluentResource>>,
}

const HEAD: usize = 3;

impl std::fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Catalogue").field("fixed", &self.fixed.len()).finish_non_exhaustive()
    }
}

/// What is wrong with a catalogue.
#[derive(Debug)]
pub(crate) struct Faulty(pub(crate) String);

impl Faulty {
    fn all<E: ToString>(errors: &[E]) -> Self {
        Self(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    }
}

impl Catalogue {
    /// Of English messages and those of another language with the same ids.
    pub(crate) fn new(tag: &str, english: &[&str], other: &[&str]) -> Result<Self, Faulty> {
        let tag: LanguageIdentifier = tag.parse().map_err(|e| Faulty(format!("{tag}: {e}")))?;
        let mut bundles = Vec::new();
        for text in other {
            let mut bundle = FluentBundle::new_concurrent(vec![tag.clone()]);
            bundle.set_use_isolating(false);
            let resource = FluentResource::try_new((*text).to_owned()).map_err(|(_, errors)| Faulty::all(&errors))?;
            bundle.add_resource(resource).map_err(|errors| Faulty::all(&errors))?;
            bundles.push(bundle);
        }
        let mut out = Self { fixed: HashMap::new(), headed: HashMap::new(), open: Vec::new(), bundles };
        for (file, text) in english.iter().enumerate() {
            let resource = fluent_syntax::parser::parse(*text).map_err(|(_, errors)| Faulty::all(&errors))?;
            for entry in resource.body {
                let Entry::Message(message) = entry else { continue };
                let Some(form) = message
                    .value
                    .as_ref()
                    .and_then(|pattern| Form::new(file, HOLD_LISTS.contains(&file), message.id.name, pattern))
                else {
                    continue;
                };
                out.add(form);
            }
        }
        Ok(out)
    }

    fn add(&mut self, form: Form) {
        if let Some(text) = form.fixed() {
            if let Some(said) = self.format(&form, FluentArgs::new()) {
                self.fixed.insert(text.to_owned(), said);
            }
            return;
        }
        match form.head().as_bytes().get(..HEAD) {
            Some(head) => self.headed.entry(head.to_vec()).or_default().push(form),
            None => self.open.push(form),
        }
    }

    fn format(&self, form: &Form, args: FluentArgs<'_>) -> Option<String> {
        let bundle = self.bundles.get(form.file)?;
        let pattern = bundle.get_message(&form.id)?.value()?;
        let mut errors = Vec::new();
        let said = bundle.format_pattern(pattern, Some(&args), &mut errors).into_owned();
        errors.is_empty().then_some(said)
    }

    /// A text in the catalogue's language, when it is known.
    pub(crate) fn say(&self, text: &str) -> Option<String> {
        if text.len() > LONGEST { None } else { self.spaced(text, DEPTH) }
    }

    /// Of a phrase among spaces, which stay.
    fn spaced(&self, text: &str, depth: usize) -> Option<String> {
        // What joins a piece to the one before it is in no message.
        let core = text.trim_start_matches([' ', ',', ';', '–', '\n']).trim_end();
        let said = self.phrase(core, depth)?;
        let at = text.len() - text.trim_start_matches([' ', ',', ';', '–', '\n']).len();
        Some(format!("{}{said}{}", &text[..at], &text[at + core.len()..]))
    }

    fn phrase(&self, text: &str, depth: usize) -> Option<String> {
        if depth == 0 || !text.bytes().any(|b| b.is_ascii_alphabetic()) {
            return None;
        }
        let labelled = || text.strip_suffix(':').and_then(|text| self.whole(text, depth)).map(|said| said + "\u{a0}:");
        labelled().or_else(|| self.piece(text, 0, depth))
    }

    /// A text that is one message.
    fn whole(&self, text: &str, depth: usize) -> Option<String> {
        if let Some(said) = self.fixed.get(text) {
            return Some(said.clone());
        }
        let headed = text.as_bytes().get(..HEAD).and_then(|head| self.headed.get(head)).map_or(&[][..], Vec::as_slice);
        let mut best: Option<(&Form, Vec<Value<'_>>)> = None;
        for form in headed.iter().chain(&self.open) {
            if best.as_ref().is_none_or(|(other, _)| form.weight > other.weight)
                && let Some(values) = form.values(text)
                && (form.weight >= WEIGHTY || values.iter().all(|value| self.is_plain(value, depth)))
            {
                best = Some((form, values));
            }
        }
        let (form, values) = best?;
        let mut args = FluentArgs::with_capacity(values.len());
        for value in &values {
            let said = if value.quoted { None } else { self.spaced(value.text, depth - 1) };
            args.set(value.name, said.map_or_else(|| number_or_text(value.text), |said| FluentValue::String(Cow::Owned(said))));
        }
        self.format(form, args)
    }

    /// A name or a known phrase: forms of hardly more than their values fit many other texts by chance.
    fn is_plain(&self, value: &Value<'_>, depth: usize) -> bool {
        value.quoted || is_name(value.text) || self.spaced(value.text, depth - 1).is_some()
    }

    /// A list of messages, before one of them is taken to hold the others as a value.
    fn list(&self, text: &str, depth: usize) -> Option<String> {
        let (joint, said_joint) = JOINTS[LIST];
        let pieces = outside_quotes(text, joint);
        if pieces.len() < 2 {
            return None;
        }
        let pieces = self.together(pieces, text, depth);
        if pieces.len() < 2 {
            return None;
        }
        let said: Option<Vec<String>> = pieces.iter().map(|piece| self.whole(piece, depth)).collect();
        said.map(|said| said.join(said_joint))
    }

    /// A text of several messages.
    fn pieces(&self, text: &str, from: usize, depth: usize) -> Option<String> {
        for (i, (joint, said_joint)) in JOINTS.iter().enumerate().skip(from) {
            let pieces = outside_quotes(text, joint);
            if pieces.len() < 2 {
                continue;
            }
            let pieces = if i <= LIST { self.together(pieces, text, depth) } else { pieces };
            let said: Vec<Option<String>> = pieces.iter().map(|piece| self.piece(piece, i + 1, depth)).collect();
            let known = said.iter().zip(&pieces).all(|(said, piece)| said.is_some() || is_name(piece));
            let list = joint.ends_with("and ") && pieces.iter().all(|piece| is_figure_or_quoted(piece));
            if list || said.iter().any(Option::is_some) && (known || i < SENTENCES) {
                let texts: Vec<&str> = said.iter().zip(&pieces).map(|(said, piece)| said.as_deref().unwrap_or(piece)).collect();
                return Some(texts.join(said_joint));
            }
        }
        None
    }

    /// Sentences that are one message stay together.
    fn together<'a>(&self, sentences: Vec<&'a str>, text: &'a str, depth: usize) -> Vec<&'a str> {
        let place = |piece: &str| piece.as_ptr() as usize - text.as_ptr() as usize;
        let (mut out, mut i) = (Vec::new(), 0);
        while i < sentences.len() {
            let (begin, most) = (place(sentences[i]), sentences.len().min(i + TOGETHER));
            let joined = (i + 1..most).rev().find_map(|j| {
                let piece = &text[begin..place(sentences[j]) + sentences[j].len()];
                self.whole(piece.strip_suffix('.').unwrap_or(piece), depth).map(|_| (piece, j))
            });
            let (piece, last) = joined.unwrap_or((sentences[i], i));
            out.push(piece);
            i = last + 1;
        }
        out
    }

    fn piece(&self, text: &str, from: usize, depth: usize) -> Option<String> {
        let bare = text.strip_suffix('.').unwrap_or(text);
        let said = self
            .list(bare, depth)
            .or_else(|| self.whole(bare, depth))
            .map(|said| if bare.len() < text.len() { said + "." } else { said });
        let closed = || text.strip_suffix(')').and_then(|t| self.whole(t, depth)).map(|said| said + ")");
        // What is said of something begins with its quoted name.
        let of_a_name = || {
            let (name, rest) = text.strip_prefix('`')?.split_once("` ")?;
            let said = self.whole(rest, depth)?;
            (!name.contains('`')).then(|| format!("`{name}` {said}"))
        };
        // Or with the name of an artifact, a tool or a file.
        let of_a_thing = || {
            let (name, rest) = text.split_once(": ").filter(|(name, _)| is_name(name))?;
            let said = self.whole(rest.strip_suffix('.').unwrap_or(rest), depth)?;
            let stop = if rest.ends_with('.') { "." } else { "" };
            Some(format!("{}\u{a0}: {said}{stop}", self.whole(name, depth).as_deref().unwrap_or(name)))
        };
        said.or_else(closed).or_else(of_a_name).or_else(of_a_thing).or_else(|| self.pieces(text, from, depth))
    }
}

fn is_figure_or_quoted(text: &str) -> bool {
    let quoted = text.strip_prefix('`').and_then(|t| t.strip_suffix('`')).is_some_and(|t| !t.contains('`'));
    quoted || !text.bytes().any(|b| b.is_ascii_alphabetic())
}

/// A whole number as one, so that a message can agree with it; everything else as it stands.
fn number_or_text(text: &str) -> FluentValue<'_> {
    let plain = text.len() <= 15 && !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
    if plain { FluentValue::try_number(text) } else { FluentValue::String(Cow::Borrowed(text)) }
}
