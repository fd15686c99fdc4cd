//! Reports as documents: for a terminal, a browser, a wiki, a code scanner, a test report. Pure
//! functions of the report; the same report gives the same bytes.

mod html;
mod junit;
mod markdown;
mod sarif;
mod terminal;
mod text;

use std::str::FromStr;

use deepfix_model::Report;
pub use terminal::{Terminal, page as terminal_page};

/// A document's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Text for a terminal.
    Terminal,
    /// The report itself.
    Json,
    /// One self-contained page.
    Html,
    /// Markdown.
    Markdown,
    /// SARIF 2.1.0, for code scanners.
    Sarif,
    /// JUnit XML, for test reports.
    Junit,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 6] = [Self::Terminal, Self::Json, Self::Html, Self::Markdown, Self::Sarif, Self::Junit];

    /// The name in requests.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Terminal => "terminal",
            Self::Json => "json",
            Self::Html => "html",
            Self::Markdown => "markdown",
            Self::Sarif => "sarif",
            Self::Junit => "junit",
        }
    }

    /// The media type.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Terminal => "text/plain; charset=utf-8",
            Self::Json => "application/json",
            Self::Html => "text/html; charset=utf-8",
            Self::Markdown => "text/markdown; charset=utf-8",
            Self::Sarif => "application/sarif+json",
            Self::Junit => "application/xml",
        }
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == text)
            .ok_or_else(|| format!("{text:?} is no format; one of {}", Self::ALL.map(Self::name).join(", ")))
    }
}

/// A report as a document; terminal text at 80 columns without colour.
#[must_use]
pub fn render(report: &Report, format: Format) -> String {
    match format {
        Format::Terminal => Terminal::default().report(report),
        Format::Json => serde_json::to_string_pretty(report).unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}")) + "\n",
        Format::Html => html::page(report),
        Format::Markdown => markdown::page(report),
        Format::Sarif => sarif::log(report),
        Format::Junit => junit::suite(report),
    }
}
