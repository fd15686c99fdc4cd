//! Who worded a report, between its own form and the wire's.

use deepfix_api::report as w;

use crate::{WordedBy, Wording};

fn named(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

impl From<Wording> for w::Wording {
    fn from(v: Wording) -> Self {
        Self {
            by: if v.by == WordedBy::Model { "model" } else { "rules" }.to_owned(),
            language: v.language,
            model: v.model.unwrap_or_default(),
            prompt: v.prompt.unwrap_or_default(),
            calls: v.calls,
            input_tokens: v.input_tokens,
            output_tokens: v.output_tokens,
            cost: v.cost,
            rejected_sentences: v.rejected_sentences,
            agreement: v.agreement,
        }
    }
}

impl From<w::Wording> for Wording {
    fn from(v: w::Wording) -> Self {
        Self {
            by: if v.by == "model" { WordedBy::Model } else { WordedBy::Rules },
            language: v.language,
            model: named(v.model),
            prompt: named(v.prompt),
            calls: v.calls,
            input_tokens: v.input_tokens,
            output_tokens: v.output_tokens,
            cost: v.cost,
            rejected_sentences: v.rejected_sentences,
            agreement: v.agreement,
        }
    }
}
