//! Reports in other languages.
//!
//! Agents, rules and renderers know English alone. What they say is a closed set of sentence forms, taken from their
//! sources into `locales/en` (`cargo xtask generate`); `locales/fr` says the same ids in French, in
//! [Fluent](https://projectfluent.org). A sentence is known by its English form, its values are taken out and put into
//! the French one; values in quotes are names and never touched, others are said again when they are phrases
//! themselves. What no form fits stays English and is counted. So an agent written tomorrow, or by somebody else, needs
//! nothing but English, and no number can change on the way: it is copied.

mod catalogue;
mod form;
mod report;
mod said;

use std::{borrow::Cow, sync::LazyLock};

use catalogue::Catalogue;
pub use report::{say_finding, say_report};

/// A language that reports are complete in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// As everything is first said.
    #[default]
    English,
    /// By the catalogue in `locales/fr`.
    French,
}

macro_rules! catalogues {
    ($folder:literal) => {
        [
            include_str!(concat!("../locales/", $folder, "/dataset.ftl")),
            include_str!(concat!("../locales/", $folder, "/training.ftl")),
            include_str!(concat!("../locales/", $folder, "/checks.ftl")),
            include_str!(concat!("../locales/", $folder, "/checkpoint.ftl")),
            include_str!(concat!("../locales/", $folder, "/reasoning.ftl")),
            include_str!(concat!("../locales/", $folder, "/shared.ftl")),
            include_str!(concat!("../locales/", $folder, "/render.ftl")),
            include_str!(concat!("../locales/", $folder, "/words.ftl")),
        ]
    };
}

const ENGLISH: [&str; 8] = catalogues!("en");
const FRENCH: [&str; 8] = catalogues!("fr");

static FRENCH_CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    Catalogue::new("fr", &ENGLISH, &FRENCH).unwrap_or_else(|fault| unreachable!("a test reads locales/fr: {}", fault.0))
});

impl Language {
    /// The language of a name (`french`, `français`), a code (`fr`) or a tag (`fr-CA`); nothing is English. `None` for
    /// one that there is no catalogue for.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        let name = name.trim().to_lowercase();
        let primary = name.split(['-', '_']).next().unwrap_or_default();
        match primary {
            "" | "en" | "eng" | "english" => Some(Self::English),
            "fr" | "fra" | "fre" | "french" | "français" | "francais" => Some(Self::French),
            _ => None,
        }
    }

    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::English => "english",
            Self::French => "french",
        }
    }

    /// The tag in documents (BCP 47).
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::French => "fr",
        }
    }

    /// What an English text is in this language; the text itself where it has no form, and in English.
    #[must_use]
    pub fn say(self, text: &str) -> Cow<'_, str> {
        self.known(text).map_or(Cow::Borrowed(text), Cow::Owned)
    }

    fn known(self, text: &str) -> Option<String> {
        match self {
            Self::English => None,
            Self::French => FRENCH_CATALOGUE.say(text),
        }
    }
}

#[cfg(test)]
mod tests;
