//! The English catalogue: every sentence form that agents and reasoning can say, taken from the string literals of
//! their sources and from the tables that hold sentences. Translators write the same ids in other languages; a
//! sentence that is changed gets another id, so that its translation is written anew too.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::said::{is_said, words};

const ENGLISH: &str = "crates/language/locales/en";

/// Catalogues and the sources whose sentences they hold.
const CATALOGUES: [(&str, &[&str]); 7] = [
    ("dataset", &["services/dataset-agent/src"]),
    ("training", &["services/training-agent/src"]),
    ("checks", &["services/checks-agent/src"]),
    ("checkpoint", &["services/checkpoint-agent/src"]),
    ("reasoning", &["services/reasoning/src", "services/reasoning/rules.toml", "services/reasoning/plan.toml"]),
    ("render", &["crates/render/src"]),
    (
        "shared",
        &[
            "crates/agent/src",
            "crates/artifact/src",
            "services/gateway/src/analysis.rs",
            "services/gateway/src/clients.rs",
            "services/gateway/src/plan.rs",
            "services/gateway/src/mlflow.rs",
            "services/gateway/src/remote.rs",
        ],
    ),
];
/// Folders and files that say nothing in a report: tests, what a language model is told and answers.
const SILENT: [&str; 3] = ["/tests", "/reasoning/src/model/", "/bin/"];
/// Methods and macros whose text is for logs and programmers.
const UNSAID: [&str; 2] = ["expect", "expect_err"];
const UNSAID_MACROS: [&str; 10] =
    ["panic", "assert", "assert_eq", "debug_assert", "unreachable", "trace", "debug", "info", "warn", "error"];
/// Macros whose first literal is a format string.
const FORMATS: [&str; 4] = ["format", "write", "writeln", "format_args"];
/// Renderers are mostly markup: of them, what these are handed is said.
const RENDERER: &str = "render/src";
const LABELS: [&str; 2] = ["say", "labelled"];
/// Words of a text that make an id.
const WORDS: usize = 7;

/// Writes the catalogues.
pub(crate) fn write(root: &Path) -> anyhow::Result<()> {
    for (name, text) in catalogues(root)? {
        fs::write(root.join(ENGLISH).join(format!("{name}.ftl")), text)?;
    }
    Ok(())
}

/// Compares them with what is committed.
pub(crate) fn check(root: &Path) -> anyhow::Result<()> {
    for (name, text) in catalogues(root)? {
        let path = root.join(ENGLISH).join(format!("{name}.ftl"));
        let committed = fs::read_to_string(&path).unwrap_or_default();
        ensure!(committed == text, "{ENGLISH}/{name}.ftl is out of date; run cargo xtask generate, and translate what is new");
    }
    Ok(())
}

fn catalogues(root: &Path) -> anyhow::Result<Vec<(&'static str, String)>> {
    CATALOGUES
        .iter()
        .map(|(name, sources)| {
            let mut files = Vec::new();
            for source in *sources {
                collect(root, Path::new(source), &mut files)?;
            }
            let mut catalogue = Catalogue::default();
            for file in &files {
                let text = fs::read_to_string(root.join(file))?;
                let stem = stem(file);
                let said = if file.extension().is_some_and(|e| e == "toml") { of_table(&text)? } else { of_source(&text, file)? };
                for pattern in said {
                    catalogue.add(&stem, &pattern);
                }
            }
            Ok((*name, catalogue.text()))
        })
        .collect()
}

/// The files of a source, by their paths within the repository: where that lies says nothing.
fn collect(root: &Path, path: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if SILENT.iter().any(|part| format!("{}/", path.display()).contains(part)) || path.ends_with("tests.rs") {
        return Ok(());
    }
    let full = root.join(path);
    if full.is_file() {
        files.push(path.to_owned());
        return Ok(());
    }
    let mut entries: Vec<PathBuf> = fs::read_dir(full)?.map(|e| e.map(|e| path.join(e.file_name()))).collect::<Result<_, _>>()?;
    entries.retain(|e| root.join(e).is_dir() || e.extension().is_some_and(|e| e == "rs"));
    entries.sort();
    entries.iter().try_for_each(|entry| collect(root, entry, files))
}

/// What a file is about; of a module's own file, its folder.
fn stem(file: &Path) -> String {
    let of = |path: &Path| path.file_stem().map(|s| s.to_string_lossy().replace('_', "-")).unwrap_or_default();
    match of(file) {
        name if name == "mod" || name == "lib" => {
            let folder = file.parent().map(of).unwrap_or_default();
            if folder == "src" { "all".to_owned() } else { folder }
        }
        name => name,
    }
}

/// Messages in the order of their sources.
#[derive(Default)]
struct Catalogue {
    messages: Vec<(String, String)>,
    ids: BTreeMap<String, usize>,
    patterns: BTreeSet<String>,
}

impl Catalogue {
    fn add(&mut self, stem: &str, pattern: &str) {
        if !self.patterns.insert(pattern.to_owned()) {
            return;
        }
        let slug: Vec<String> = words(pattern).take(WORDS).map(str::to_lowercase).collect();
        let id = format!("{stem}-{}", slug.join("-"));
        let seen = self.ids.entry(id.clone()).or_insert(0);
        *seen += 1;
        let id = if *seen == 1 { id } else { format!("{id}-{seen}") };
        self.messages.push((id, pattern.to_owned()));
    }

    fn text(&self) -> String {
        let mut out = String::from("# Generated from the sources by `cargo xtask generate`; not to be edited.\n");
        for (id, pattern) in &self.messages {
            writeln!(out, "{id} = {pattern}").expect("strings are writable");
        }
        out
    }
}

/// A format string as a Fluent pattern.
fn pattern(text: &str, format: bool) -> String {
    let mut out = String::new();
    let (mut rest, mut unnamed) = (text, 0);
    // Each value by its own name; those without one by the letters that no other is named.
    let mut named: Vec<(String, String)> = Vec::new();
    let is_named = |l: &String| text.contains(&format!("{{{l}}}")) || text.contains(&format!("{{{l}:"));
    let letters: Vec<String> = ('a'..='z').map(String::from).filter(|l| !is_named(l)).collect();
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        let doubled = rest[at + 1..].starts_with(brace);
        if !format || doubled {
            write!(out, "{{ \"{brace}\" }}").expect("strings are writable");
            rest = &rest[at + 1 + usize::from(format && doubled)..];
            continue;
        }
        let end = rest[at..].find('}').map_or(rest.len(), |i| at + i + 1);
        let inside = rest[at + 1..end - 1].split(':').next().unwrap_or_default().trim();
        let source = if inside.is_empty() {
            unnamed += 1;
            (unnamed - 1).to_string()
        } else {
            inside.to_owned()
        };
        let known = named.iter().find(|(known, _)| *known == source).map(|(_, name)| name.clone());
        let name = known.unwrap_or_else(|| {
            let name = source.parse().ok().and_then(|i: usize| letters.get(i).cloned()).unwrap_or_else(|| variable(&source));
            let taken = named.iter().any(|(_, taken)| *taken == name);
            if taken { format!("{name}2") } else { name }
        });
        write!(out, "{{ ${name} }}").expect("strings are writable");
        named.push((source, name));
        rest = &rest[end..];
    }
    out.push_str(rest);
    // What joins a piece to the one before it is not part of what it says.
    let trimmed = out.split_whitespace().collect::<Vec<_>>().join(" ");
    trimmed.trim_start_matches([';', ',', ':', ' ', '–', '(']).trim_end_matches([' ', ':', ';', ',', '.']).to_owned()
}

fn variable(name: &str) -> String {
    name.trim_end_matches('%').to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric() && c != '_', "_")
}

/// What the code of a file can say.
fn of_source(text: &str, file: &Path) -> anyhow::Result<Vec<String>> {
    let stream: TokenStream = text.parse().map_err(|e| anyhow::anyhow!("{e}")).with_context(|| file.display().to_string())?;
    let mut walk = Walk { labels: file.to_string_lossy().contains(RENDERER), label: false, out: Vec::new() };
    walk.stream(stream, false);
    Ok(walk.out)
}

/// A walk through a file's tokens.
struct Walk {
    /// Only labels are said here.
    labels: bool,
    /// Within one.
    label: bool,
    out: Vec<String>,
}

impl Walk {
    fn stream(&mut self, stream: TokenStream, mut format: bool) {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        let (mut i, mut test) = (0, false);
        while i < tokens.len() {
            match &tokens[i] {
                // An attribute says nothing, but for an error's text; what only tests see neither.
                TokenTree::Punct(p) if p.as_char() == '#' => {
                    let next =
                        if matches!(tokens.get(i + 1), Some(TokenTree::Punct(p)) if p.as_char() == '!') { i + 2 } else { i + 1 };
                    if let Some(TokenTree::Group(group)) = tokens.get(next)
                        && group.delimiter() == Delimiter::Bracket
                    {
                        let attribute = group.stream().to_string().replace(' ', "");
                        test |= attribute == "cfg(test)";
                        if attribute.starts_with("error(") {
                            self.stream(group.stream().into_iter().skip(1).collect(), true);
                        }
                        i = next;
                    }
                }
                TokenTree::Group(group) => {
                    let before =
                        |n: usize| i.checked_sub(n).and_then(|at| tokens.get(at)).map(ToString::to_string).unwrap_or_default();
                    let is_macro = before(1) == "!";
                    let name = before(if is_macro { 2 } else { 1 });
                    let body = group.delimiter() == Delimiter::Brace;
                    let unsaid = if is_macro { &UNSAID_MACROS[..] } else { &UNSAID[..] };
                    if !(unsaid.contains(&name.as_str()) || body && test) {
                        let outer = self.label;
                        self.label |= LABELS.contains(&name.as_str());
                        // The text of an error's attribute lies in a group of its own.
                        let is_format = is_macro && FORMATS.contains(&name.as_str());
                        self.stream(group.stream(), is_format || format && group.delimiter() == Delimiter::Parenthesis);
                        self.label = outer;
                    }
                    test &= !body;
                }
                TokenTree::Literal(literal) => {
                    if let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) {
                        let said = pattern(&text.value(), format);
                        format = false;
                        let letters = words(&said).next().is_some();
                        if if self.labels { self.label && letters } else { is_said(&said) } {
                            self.out.push(said);
                        }
                    }
                }
                TokenTree::Punct(p) => test &= p.as_char() != ';',
                TokenTree::Ident(_) => {}
            }
            i += 1;
        }
    }
}

/// The sentences of a table: of rules their text in pieces, as a piece may be left out.
fn of_table(text: &str) -> anyhow::Result<Vec<String>> {
    let table: toml::Table = text.parse()?;
    let mut out = Vec::new();
    for value in table.values() {
        sentences(value, &mut out);
    }
    Ok(out)
}

fn sentences(value: &toml::Value, out: &mut Vec<String>) {
    match value {
        toml::Value::String(text) => {
            for piece in text.split("[[").flat_map(|p| p.split("]]")).flat_map(ended) {
                let said = pattern(&piece, true);
                if is_said(&said) {
                    out.push(said);
                }
            }
        }
        toml::Value::Array(values) => values.iter().for_each(|value| sentences(value, out)),
        toml::Value::Table(values) => values.values().for_each(|value| sentences(value, out)),
        _ => {}
    }
}

/// A text by its sentences, each without its full stop when another follows or it ends there.
fn ended(text: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut rest = text;
    while let Some(at) = rest.find(". ") {
        let next = rest[at + 2..].trim_start();
        let last = out.last_mut().expect("never empty");
        last.push_str(&rest[..at]);
        if next.starts_with(|c: char| c.is_uppercase() || c == '{') {
            out.push(String::new());
        } else {
            last.push_str(". ");
        }
        rest = next;
    }
    out.last_mut().expect("never empty").push_str(rest.trim_end().trim_end_matches('.'));
    out
}
