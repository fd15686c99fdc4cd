//! Which language model words reports, if any.

use std::{path::PathBuf, time::Duration};

use deepfix_errors::Error;
use deepfix_settings::Period;
use genai::adapter::AdapterKind;
use serde::{Deserialize, Serialize};

/// The reasoning service.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReasoningConfig {
    /// The language model that words reports; without one they are worded by rule.
    pub model: ModelConfig,
}

/// A language model behind an API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelConfig {
    /// `openai`, `anthropic`, `gemini`, `groq`, `mistral`, `ollama`, or `compatible` for any server that
    /// speaks OpenAI's protocol; empty for none.
    pub provider: String,
    /// The model's name as its provider knows it.
    pub name: String,
    /// Base URL, such as `http://127.0.0.1:8080/v1/`; empty for the provider's own.
    pub endpoint: String,
    /// File with the key alone; else the variable `DEEPFIX_MODEL_API_KEY`, else the provider's usual one.
    pub api_key_file: PathBuf,
    /// Longest wait for all calls of one report.
    pub timeout: Period,
    /// Most tokens of one answer.
    pub max_tokens: u32,
    /// Answers to each report's evidence, 1 to 5: of several the one most like the others is taken, and how alike they
    /// are is told.
    pub samples: u32,
    /// Most calls at a time.
    pub concurrency: usize,
    /// Answers kept by the evidence they word; 0 for none.
    pub cache: usize,
    /// Price of a million tokens read, in any currency; 0 when unknown.
    pub input_price: f64,
    /// Price of a million tokens written.
    pub output_price: f64,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            provider: String::new(),
            name: String::new(),
            endpoint: String::new(),
            api_key_file: PathBuf::new(),
            timeout: Period(Duration::from_secs(15)),
            max_tokens: 1200,
            samples: 1,
            concurrency: 4,
            cache: 256,
            input_price: 0.0,
            output_price: 0.0,
        }
    }
}

impl ModelConfig {
    /// The protocol of the provider; `None` when no model is wanted.
    pub(crate) fn adapter(&self) -> Result<Option<AdapterKind>, Error> {
        let kind = match self.provider.as_str() {
            "" => return Ok(None),
            "openai" | "compatible" => AdapterKind::OpenAI,
            "anthropic" => AdapterKind::Anthropic,
            "gemini" => AdapterKind::Gemini,
            "groq" => AdapterKind::Groq,
            "mistral" => AdapterKind::Mistral,
            "ollama" => AdapterKind::Ollama,
            other => {
                return Err(Error::field(
                    "reasoning.model.provider",
                    format!(
                        "{other:?} is not known: openai, anthropic, gemini, groq, mistral, ollama, compatible, or empty for none"
                    ),
                ));
            }
        };
        if self.name.is_empty() {
            return Err(Error::field("reasoning.model.name", "is empty; a provider needs the name of a model"));
        }
        if !(1..=5).contains(&self.samples) {
            return Err(Error::field("reasoning.model.samples", format!("is {}, not between 1 and 5", self.samples)));
        }
        if self.provider == "compatible" && self.endpoint.is_empty() {
            return Err(Error::field("reasoning.model.endpoint", "is empty; a compatible server needs its address"));
        }
        Ok(Some(kind))
    }

    /// The key, where one is configured.
    pub(crate) fn api_key(&self) -> Result<Option<String>, Error> {
        if self.api_key_file.as_os_str().is_empty() {
            return Ok(std::env::var("DEEPFIX_MODEL_API_KEY").ok().filter(|key| !key.is_empty()));
        }
        match std::fs::read_to_string(&self.api_key_file) {
            Ok(key) => Ok(Some(key.trim().to_owned())),
            Err(error) => Err(Error::field("reasoning.model.api_key_file", format!("{}: {error}", self.api_key_file.display()))),
        }
    }
}
