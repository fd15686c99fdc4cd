//! A knowledge page: front matter and passages.

use std::path::PathBuf;

use serde::Deserialize;

/// Why a page could not be read.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The system would not give it.
    #[error("cannot read {path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// It breaks the form of a page.
    #[error("{page}: {problem}")]
    Form {
        /// Which page.
        page: String,
        /// What is wrong.
        problem: String,
    },
}

/// A public source that a page names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Source {
    /// Title.
    pub title: String,
    /// Address.
    pub url: String,
    /// Year of publication; 0 when unknown.
    #[serde(default)]
    pub year: u32,
    /// Place in the source.
    #[serde(default)]
    pub locator: String,
    /// Day on which somebody opened it and read what the page relies on.
    #[serde(default)]
    pub opened: String,
}

#[derive(Debug, Deserialize)]
struct FrontMatter {
    id: String,
    title: String,
    #[serde(default = "own")]
    theme: String,
    #[serde(default)]
    fault_codes: Vec<String>,
    #[serde(default)]
    asked: String,
    #[serde(default = "any")]
    tasks: Vec<String>,
    #[serde(default)]
    sources: Vec<Source>,
}

/// The theme of pages that name none.
fn own() -> String {
    "own".to_owned()
}

fn any() -> Vec<String> {
    vec!["any".to_owned()]
}

/// A part of a page under one heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// The heading; empty for the opening.
    pub heading: String,
    /// The text without the heading.
    pub text: String,
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Id, the file's name; `NAMESPACE/NAME` of a team's page.
    pub id: String,
    /// Whose it is; empty for one shared by all.
    pub namespace: String,
    /// Title.
    pub title: String,
    /// `data`, `training`, `checks`, `checkpoint`, `artifacts` or `root-causes`; `own` of pages that name none.
    pub theme: String,
    /// Fault codes it is about.
    pub fault_codes: Vec<String>,
    /// How people ask for it: their words for what the page calls otherwise.
    pub asked: String,
    /// Tasks it is about; `any` stands for all.
    pub tasks: Vec<String>,
    /// Public sources.
    pub sources: Vec<Source>,
    /// The page without front matter.
    pub markdown: String,
    /// Its parts.
    pub passages: Vec<Passage>,
}

impl Page {
    /// Reads a page.
    ///
    /// # Errors
    /// When front matter is missing or says something else than a page must.
    pub fn parse(name: &str, text: &str) -> Result<Self, PageError> {
        let form = |problem: String| PageError::Form { page: name.to_owned(), problem };
        let rest = text.strip_prefix("---\n").ok_or_else(|| form("does not begin with front matter (---)".into()))?;
        let (front, body) = rest.split_once("\n---\n").ok_or_else(|| form("front matter has no end (---)".into()))?;
        let value = deepfix_artifact::parse_yaml(front).map_err(|e| form(format!("front matter {e}")))?;
        let front: FrontMatter = serde_json::from_value(value).map_err(|e| form(format!("front matter: {e}")))?;
        let markdown = body.trim().to_owned();
        Ok(Self {
            passages: passages(&markdown),
            id: front.id,
            namespace: String::new(),
            title: front.title,
            theme: front.theme,
            asked: front.asked,
            fault_codes: front.fault_codes,
            tasks: front.tasks,
            sources: front.sources,
            markdown,
        })
    }
}

impl Page {
    /// Reads a document of a user's own: a page, or any text, which is then named by its file and titled by its first
    /// heading.
    ///
    /// # Errors
    /// When front matter is begun and cannot be read, or a name is none.
    pub fn of_user(name: &str, namespace: &str, text: &str) -> Result<Self, PageError> {
        let form = |problem: String| PageError::Form { page: name.to_owned(), problem };
        let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
        let mut page = if text.starts_with("---\n") {
            Self::parse(name, &text)?
        } else {
            let markdown = text.trim().to_owned();
            let heading = markdown.lines().find_map(|line| line.strip_prefix("# ")).map(str::trim);
            Self {
                id: slug(name),
                namespace: String::new(),
                title: heading.unwrap_or(name).to_owned(),
                theme: own(),
                fault_codes: Vec::new(),
                asked: String::new(),
                tasks: any(),
                sources: Vec::new(),
                passages: passages(&markdown),
                markdown,
            }
        };
        if page.id.is_empty() || page.passages.is_empty() {
            return Err(form("has no name or no text".into()));
        }
        if !is_namespace(namespace) {
            return Err(form(format!("{namespace:?} is no namespace; lower-case letters, digits, - and _")));
        }
        if !namespace.is_empty() {
            page.id = format!("{namespace}/{}", page.id);
            namespace.clone_into(&mut page.namespace);
        }
        Ok(page)
    }
}

/// Whether a text may be a namespace; empty is that of all.
pub(crate) fn is_namespace(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
}

/// A name in lower case, words joined by `_`.
fn slug(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("_")
}

fn passages(markdown: &str) -> Vec<Passage> {
    let mut out = vec![Passage { heading: String::new(), text: String::new() }];
    for line in markdown.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            out.push(Passage { heading: heading.trim().to_owned(), text: String::new() });
        } else if let Some(passage) = out.last_mut() {
            passage.text.push_str(line);
            passage.text.push('\n');
        }
    }
    for passage in &mut out {
        passage.text = passage.text.trim().to_owned();
    }
    out.retain(|p| !p.text.is_empty());
    out
}
