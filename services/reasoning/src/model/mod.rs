//! The optional language model. It gets the evidence of a finished report and returns text; every sentence
//! is held against the evidence, once it may correct itself, and what does not hold is left as the rules
//! worded it. It cannot change a number, a severity, an order or a decision, and a report never waits for it
//! longer than configured.

mod agreement;
mod client;
mod config;
mod evidence;
mod guard;

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use client::{Asker, Spent};
pub use config::{ModelConfig, ReasoningConfig};
use deepfix_errors::{Error, ErrorCode};
use deepfix_model::{Note, Report, WordedBy, Wording};
use futures::future::join_all;
use genai::chat::ChatMessage;
use guard::Guard;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The prompt and its version.
const PROMPT: &str = include_str!("../../prompts/narrative.v1.md");
const VERSION: &str = "narrative.v1";
const ANSWER: &str = include_str!("../../prompts/answer.v1.md");
/// Longest summary, in bytes.
const SUMMARY: usize = 4000;

/// What the model is asked for.
#[derive(Debug, Clone, Default, Deserialize)]
struct Words {
    #[serde(default)]
    summary: String,
    #[serde(default)]
    root_causes: Vec<CauseWords>,
    #[serde(default)]
    plan: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct CauseWords {
    id: String,
    text: String,
}

/// Words that held, and what did not.
#[derive(Debug, Clone, Default)]
struct Sifted {
    words: Words,
    thrown: Vec<(String, String)>,
    /// How alike several answers were.
    agreement: Option<f64>,
}

/// A model that words reports.
pub(crate) struct Model {
    asker: Asker,
    config: ModelConfig,
    /// Words by the digest of the evidence, the latest last.
    cache: Mutex<VecDeque<(String, Sifted)>>,
}

impl Model {
    pub(crate) fn new(config: &ModelConfig) -> Result<Option<Self>, Error> {
        let Some(asker) = Asker::new(config)? else { return Ok(None) };
        Ok(Some(Self { asker, config: config.clone(), cache: Mutex::default() }))
    }

    /// Words a report that is otherwise finished.
    pub(crate) async fn word(&self, report: &mut Report, language: &str) {
        let evidence = evidence::evidence(report, language);
        let digest: String =
            Sha256::digest(format!("{VERSION} {} {evidence}", self.config.name)).iter().map(|b| format!("{b:02x}")).collect();
        let mut spent = Spent::default();
        let known = self.cached(&digest);
        let sifted = match known {
            // Equal evidence may stand in a report that knows other numbers beside it.
            Some(sifted) => Ok(Sifted { agreement: sifted.agreement, ..sift(&Guard::of(report, &evidence), sifted.words) }),
            None => self.sampled(report, &evidence, &mut spent).await,
        };
        let sifted = match sifted {
            Ok(sifted) => sifted,
            Err(error) => {
                report.notes.push(Note::new("model", "report", format!("worded by rule: {}", error.message)));
                report.notes.sort();
                report.wording = self.said(spent, WordedBy::Rules, 0, language);
                return;
            }
        };
        self.keep(digest, &sifted);
        let by = apply(report, &sifted.words);
        report.wording = self.said(spent, by, sifted.thrown.len(), language);
        report.wording.agreement = sifted.agreement;
    }

    /// As many answers as configured, and the one most like the others.
    async fn sampled(&self, report: &Report, evidence: &Value, spent: &mut Spent) -> Result<Sifted, Error> {
        let one = async || {
            let mut spent = Spent::default();
            (self.sifted(report, evidence, &mut spent).await, spent)
        };
        let (mut answers, mut failed) = (Vec::new(), None);
        for (answer, of_one) in join_all((0..self.config.samples).map(|_| one())).await {
            spent.add(of_one);
            match answer {
                Ok(sifted) => answers.push(sifted),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        let told = |sifted: &Sifted| {
            let causes = sifted.words.root_causes.iter().map(|cause| cause.text.as_str());
            causes.chain([sifted.words.summary.as_str()]).collect::<Vec<_>>().join(" ")
        };
        let agreed = agreement::agreed(&answers.iter().map(told).collect::<Vec<_>>());
        let (best, agreement) = agreed.map_or((0, None), |(best, agreement)| (best, Some((agreement * 100.0).round() / 100.0)));
        let failed = || failed.unwrap_or_else(|| Error::new(ErrorCode::Internal, "the model was not asked"));
        (best < answers.len()).then(|| Sifted { agreement, ..answers.swap_remove(best) }).ok_or_else(failed)
    }

    /// What the model is asked with: one answer is to be its best, several are to differ.
    fn temperature(&self) -> f64 {
        // Of the temperatures that Wang et al. sampled at, the highest.
        if self.config.samples > 1 { 0.7 } else { 0.0 }
    }

    async fn sifted(&self, report: &Report, evidence: &Value, spent: &mut Spent) -> Result<Sifted, Error> {
        let until = Instant::now() + self.config.timeout.0;
        let guard = Guard::of(report, evidence);
        let schema = schema();
        let question = format!("EVIDENCE:\n{evidence}");
        let mut messages = vec![ChatMessage::user(question)];
        let first = self.asker.ask(PROMPT, messages.clone(), (&schema, self.temperature()), until, spent).await?;
        let (sifted, wrong) = match parse(&first) {
            Ok(words) => {
                let sifted = sift(&guard, words);
                let wrong =
                    sifted.thrown.iter().take(12).map(|(s, why)| format!("- {s:?}: {why}")).collect::<Vec<_>>().join("\n");
                (sifted, wrong)
            }
            Err(why) => (Sifted::default(), format!("- the answer is not the JSON asked for: {why}")),
        };
        if wrong.is_empty() {
            return Ok(sifted);
        }
        // Once more, with what did not hold.
        messages.push(ChatMessage::assistant(first.chars().take(8000).collect::<String>()));
        messages.push(ChatMessage::user(format!("These did not hold:\n{wrong}\nAnswer again with the whole JSON object.")));
        let second =
            match self.asker.ask(PROMPT, messages, (&schema, self.temperature()), until, spent).await.map(|text| parse(&text)) {
                Ok(Ok(words)) => sift(&guard, words),
                Ok(Err(why)) if sifted.words.summary.is_empty() => {
                    return Err(Error::new(ErrorCode::Internal, format!("the model's answer is not the JSON asked for: {why}")));
                }
                Err(error) if sifted.words.summary.is_empty() => return Err(error),
                _ => return Ok(sifted),
            };
        let better = second.thrown.len() <= sifted.thrown.len() || sifted.words.summary.is_empty();
        Ok(if better { second } else { sifted })
    }

    /// An answer to a question about a report, in the model's words where they hold, else as the rules put it.
    pub(crate) async fn answer(&self, report: &Report, question: &str, plain: &str) -> (String, Wording) {
        let evidence = evidence::evidence(report, "");
        let guard = Guard::of(report, &evidence);
        let text = json!({ "type": "string" });
        let schema =
            json!({ "type": "object", "additionalProperties": false, "required": ["answer"], "properties": { "answer": text } });
        let asked = json!({ "EVIDENCE": evidence, "QUESTION": question }).to_string();
        let mut spent = Spent::default();
        let until = Instant::now() + self.config.timeout.0;
        let answered = self.asker.ask(ANSWER, vec![ChatMessage::user(asked)], (&schema, 0.0), until, &mut spent).await;
        let words =
            answered.ok().and_then(|text| serde_json::from_str::<Value>(&text).ok()?["answer"].as_str().map(str::to_owned));
        let (kept, thrown) = words.map_or_else(Default::default, |words| guard.sift(&words));
        // A sentence left out may be the one that matters: then the rules answer.
        let holds = thrown.is_empty() && !kept.is_empty() && kept.len() <= SUMMARY;
        let by = if holds { WordedBy::Model } else { WordedBy::Rules };
        (if holds { kept } else { plain.to_owned() }, self.said(spent, by, thrown.len(), ""))
    }

    fn cached(&self, digest: &str) -> Option<Sifted> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.iter().find(|(known, _)| known == digest).map(|(_, sifted)| sifted.clone())
    }

    fn keep(&self, digest: String, sifted: &Sifted) {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.retain(|(known, _)| *known != digest);
        cache.push_back((digest, sifted.clone()));
        while cache.len() > self.config.cache {
            cache.pop_front();
        }
    }

    fn said(&self, spent: Spent, by: WordedBy, rejected: usize, language: &str) -> Wording {
        let priced = self.config.input_price > 0.0 || self.config.output_price > 0.0;
        let cost = (spent.input as f64 * self.config.input_price + spent.output as f64 * self.config.output_price) / 1e6;
        Wording {
            by,
            language: if by == WordedBy::Model && !language.is_empty() { language.to_lowercase() } else { "english".to_owned() },
            model: Some(self.config.name.clone()),
            prompt: Some(VERSION.to_owned()),
            calls: spent.calls,
            input_tokens: spent.input,
            output_tokens: spent.output,
            cost: priced.then_some(cost),
            agreement: None,
            rejected_sentences: u32::try_from(rejected).unwrap_or(u32::MAX),
        }
    }
}

fn schema() -> Value {
    let text = json!({ "type": "string" });
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["summary", "root_causes", "plan"],
        "properties": {
            "summary": text,
            "root_causes": { "type": "array", "items": {
                "type": "object", "additionalProperties": false, "required": ["id", "text"], "properties": { "id": text, "text": text },
            } },
            "plan": { "type": "array", "items": text },
        },
    })
}

/// The JSON of an answer; a fence around it is forgiven.
fn parse(answer: &str) -> Result<Words, String> {
    let text = answer.trim();
    let text = text.strip_prefix("```json").or_else(|| text.strip_prefix("```")).unwrap_or(text);
    let text = text.strip_suffix("```").unwrap_or(text).trim();
    let words: Words = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if words.summary.trim().is_empty() {
        return Err("its summary is empty".to_owned());
    }
    Ok(words)
}

fn sift(guard: &Guard, words: Words) -> Sifted {
    let mut out = Sifted::default();
    let mut take = |text: &str, whole: bool| {
        let (kept, thrown) = guard.sift(text);
        let held = if whole && !thrown.is_empty() { String::new() } else { kept };
        out.thrown.extend(thrown);
        held
    };
    let summary = take(&words.summary, false);
    let root_causes = words
        .root_causes
        .iter()
        .map(|c| CauseWords { id: c.id.clone(), text: take(&c.text, false) })
        .filter(|c| !c.text.is_empty())
        .collect();
    // A step holds as a whole or is left as it was.
    let plan = words.plan.iter().map(|step| take(step, true)).collect();
    out.words = Words { summary, root_causes, plan };
    out
}

/// Puts words that held in their places.
fn apply(report: &mut Report, words: &Words) -> WordedBy {
    let mut by = WordedBy::Rules;
    if !words.summary.is_empty() && words.summary.len() <= SUMMARY {
        report.summary.clone_from(&words.summary);
        by = WordedBy::Model;
    }
    for cause in &mut report.root_causes {
        if let Some(said) = words.root_causes.iter().find(|w| w.id == cause.id && w.text.len() <= SUMMARY) {
            cause.text.clone_from(&said.text);
            by = WordedBy::Model;
        }
    }
    if let Some(decision) = &mut report.retraining
        && decision.plan.len() == words.plan.len()
    {
        for (step, said) in decision.plan.iter_mut().zip(&words.plan) {
            if !said.is_empty() && said.len() <= 600 {
                step.clone_from(said);
                by = WordedBy::Model;
            }
        }
    }
    by
}
