//! What a language model may say of a report: every sentence is held against the evidence.
//!
//! A sentence is thrown away when it holds
//! - a number that the evidence does not: digits or words; rounded as far as it is shown and no further than
//!   a twentieth off; a share may be a percentage; of the findings it names, when it names any;
//! - a name with digits or underscores that the evidence does not hold;
//! - an address or markup;
//! - words that play a grave report down.
//!
//! It does not understand sentences: a true number beside the wrong noun of the same finding passes, and so
//! does a count of findings beside anything.

mod numbers;
mod words;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use deepfix_model::{Report, Severity, Urgency};
use numbers::{Known, Token, goes_on, in_words, numbers_of, tokens};
use serde_json::Value;
use words::{collect_words, contains_word, not_plain, sentences, soft};

/// One finding, or one explanation, and its numbers.
#[derive(Debug)]
struct Block {
    names: Vec<String>,
    numbers: Vec<Known>,
}

/// Holds sentences against a report's evidence.
#[derive(Debug)]
pub(crate) struct Guard {
    blocks: Vec<Block>,
    /// Numbers of the report as a whole: scores, counts.
    common: Vec<Known>,
    words: BTreeSet<String>,
    grave: bool,
}

impl Block {
    /// Names are looked for as words of a sentence.
    fn new<'a>(names: impl IntoIterator<Item = &'a String>, numbers: Vec<Known>) -> Self {
        let names = names.into_iter().map(|n| n.to_lowercase().replace('_', " ")).filter(|n| n.len() > 1).collect();
        Self { names, numbers }
    }
}

impl Guard {
    /// What may be said of a report, worded from this evidence.
    pub(crate) fn of(report: &Report, evidence: &Value) -> Self {
        let mut blocks: Vec<Block> = report
            .findings
            .iter()
            .map(|f| Block::new([&f.code, &f.title].into_iter().chain(&f.columns), numbers_of(f)))
            .collect();
        for cause in &report.root_causes {
            let mut numbers = numbers_of(cause);
            let explained = report.findings.iter().zip(&blocks).filter(|(finding, _)| cause.explains.contains(&finding.id));
            explained.for_each(|(_, block)| numbers.extend_from_slice(&block.numbers));
            blocks.push(Block::new([&cause.code], numbers));
        }
        let triggers = report.retraining.iter().flat_map(|decision| &decision.triggers);
        blocks.extend(triggers.map(|trigger| Block::new([&trigger.subject], numbers_of(trigger))));
        let mut common = numbers_of(&report.readiness);
        common.extend(report.retraining.iter().flat_map(numbers_of));
        let count = |severity| report.findings.iter().filter(|f| f.severity == severity).count();
        let counts = [
            report.findings.len(),
            count(Severity::High),
            count(Severity::Medium),
            count(Severity::Low),
            report.root_causes.len(),
            report.agents.len(),
        ];
        common.extend(counts.map(|n| Known { value: n as f64, percent: false }));
        common.push(Known { value: 10.0, percent: false });
        let mut words = BTreeSet::new();
        collect_words(evidence, &mut words);
        let grave = count(Severity::High) > 0 || report.retraining.as_ref().is_some_and(|r| r.urgency >= Urgency::Soon);
        Self { blocks, common, words, grave }
    }

    /// The sentences that hold, and those that do not with the reason.
    pub(crate) fn sift(&self, text: &str) -> (String, Vec<(String, String)>) {
        let (mut kept, mut thrown) = (Vec::new(), Vec::new());
        for sentence in sentences(text) {
            match self.check(sentence) {
                Ok(()) => kept.push(sentence.trim()),
                Err(why) => thrown.push((sentence.trim().to_owned(), why)),
            }
        }
        (kept.join(" "), thrown)
    }

    fn check(&self, sentence: &str) -> Result<(), String> {
        let lower = sentence.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some(why) = not_plain(sentence) {
            return Err(why.to_owned());
        }
        if self.grave
            && let Some(soft) = soft(&lower)
        {
            return Err(format!("{soft:?} plays the report down"));
        }
        let spaced = lower.replace('_', " ");
        let named: Vec<&Block> = self.blocks.iter().filter(|b| b.names.iter().any(|n| contains_word(&spaced, n))).collect();
        let scope: Vec<Known> = if named.is_empty() {
            self.blocks.iter().flat_map(|b| &b.numbers).chain(&self.common).copied().collect()
        } else {
            named.iter().flat_map(|b| &b.numbers).chain(&self.common).copied().collect()
        };
        let tokens = tokens(sentence);
        for (i, token) in tokens.iter().enumerate() {
            match token {
                Token::Number(number) => {
                    if !scope.iter().any(|known| number.is(known)) {
                        return Err(format!("the number {} is not in the evidence", number.text));
                    }
                }
                Token::Word(word) => {
                    let plain = word.to_lowercase();
                    if word.contains(|c: char| c.is_ascii_digit() || c == '_') && !self.words.contains(&plain) {
                        return Err(format!("{word:?} is not in the evidence"));
                    }
                    let Some(value) = in_words(&plain) else { continue };
                    let next = tokens.get(i + 1).map(|t| match t {
                        Token::Word(w) => w.to_lowercase(),
                        Token::Number(n) => n.text.to_owned(),
                    });
                    // Nobody writes a measured share in words.
                    if next.is_some_and(|n| goes_on(&n)) {
                        return Err(format!("the number after {word:?} is not in the evidence"));
                    }
                    if !scope.iter().any(|known| (known.value - value).abs() < 1e-9 || (known.value * 100.0 - value).abs() < 1e-9)
                    {
                        return Err(format!("the number {word:?} is not in the evidence"));
                    }
                }
            }
        }
        Ok(())
    }
}
