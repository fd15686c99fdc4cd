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

use std::collections::BTreeSet;

use deepfix_model::{Report, Severity, Urgency};
use serde_json::Value;

/// A number of the evidence.
#[derive(Debug, Clone, Copy)]
struct Known {
    value: f64,
    /// It stood before a percent sign.
    percent: bool,
}

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

/// Words that play down.
const SOFT: [&str; 36] = [
    "harmless",
    "negligible",
    "nothing to worry",
    "no need to",
    "no action",
    "not urgent",
    "no urgency",
    "can wait",
    "safe to ignore",
    "can be ignored",
    "may be ignored",
    "ignore this",
    "ignore the",
    "unimportant",
    "not serious",
    "not severe",
    "no cause for concern",
    "not a concern",
    "low priority",
    "low severity",
    "cosmetic",
    "fine to deploy",
    "safe to deploy",
    "ready to deploy",
    "ready for production",
    "looks good",
    "is healthy",
    "are healthy",
    "no problem",
    "false alarm",
    "sans gravité",
    "négligeable",
    "pas urgent",
    "aucune urgence",
    "peut attendre",
    "sans danger",
];

/// Numbers in words; `one` and ordinals say nothing.
const NUMBERS: [(&str, f64); 74] = [
    ("zero", 0.0),
    ("two", 2.0),
    ("three", 3.0),
    ("four", 4.0),
    ("five", 5.0),
    ("six", 6.0),
    ("seven", 7.0),
    ("eight", 8.0),
    ("nine", 9.0),
    ("ten", 10.0),
    ("eleven", 11.0),
    ("twelve", 12.0),
    ("dozen", 12.0),
    ("fifteen", 15.0),
    ("twenty", 20.0),
    ("thirty", 30.0),
    ("forty", 40.0),
    ("fifty", 50.0),
    ("sixty", 60.0),
    ("seventy", 70.0),
    ("eighty", 80.0),
    ("ninety", 90.0),
    ("hundred", 100.0),
    ("hundreds", 100.0),
    ("thousand", 1e3),
    ("thousands", 1e3),
    ("million", 1e6),
    ("millions", 1e6),
    ("billion", 1e9),
    ("half", 0.5),
    ("quarter", 0.25),
    ("thirds", 2.0 / 3.0),
    ("double", 2.0),
    ("doubled", 2.0),
    ("doubles", 2.0),
    ("twice", 2.0),
    ("triple", 3.0),
    ("tripled", 3.0),
    ("triples", 3.0),
    ("halved", 0.5),
    ("halves", 0.5),
    ("tenfold", 10.0),
    ("deux", 2.0),
    ("trois", 3.0),
    ("quatre", 4.0),
    ("cinq", 5.0),
    ("dix", 10.0),
    ("cent", 100.0),
    ("mille", 1e3),
    ("moitié", 0.5),
    ("thirteen", 13.0),
    ("fourteen", 14.0),
    ("sixteen", 16.0),
    ("seventeen", 17.0),
    ("eighteen", 18.0),
    ("nineteen", 19.0),
    ("dozens", 12.0),
    ("billions", 1000000000.0),
    ("trillion", 1000000000000.0),
    ("twofold", 2.0),
    ("threefold", 3.0),
    ("fivefold", 5.0),
    ("hundredfold", 100.0),
    ("quadrupled", 4.0),
    ("third", 1.0 / 3.0),
    ("sept", 7.0),
    ("huit", 8.0),
    ("neuf", 9.0),
    ("vingt", 20.0),
    ("trente", 30.0),
    ("cinquante", 50.0),
    ("milliard", 1000000000.0),
    ("tiers", 1.0 / 3.0),
    ("quart", 0.25),
];

impl Guard {
    /// What may be said of a report, worded from this evidence.
    pub(crate) fn of(report: &Report, evidence: &Value) -> Self {
        let mut blocks = Vec::new();
        for finding in &report.findings {
            let value = serde_json::to_value(finding).unwrap_or_default();
            let mut names = vec![finding.code.clone(), finding.title.clone()];
            names.extend(finding.columns.iter().cloned());
            blocks.push(Block { names, numbers: numbers_of(&value) });
        }
        for cause in &report.root_causes {
            let mut numbers = numbers_of(&serde_json::to_value(cause).unwrap_or_default());
            for finding in report.findings.iter().filter(|f| cause.explains.contains(&f.id)) {
                numbers.extend(numbers_of(&serde_json::to_value(finding).unwrap_or_default()));
            }
            blocks.push(Block { names: vec![cause.code.clone()], numbers });
        }
        if let Some(decision) = &report.retraining {
            for trigger in &decision.triggers {
                let numbers = numbers_of(&serde_json::to_value(trigger).unwrap_or_default());
                blocks.push(Block { names: vec![trigger.subject.clone()], numbers });
            }
        }
        for block in &mut blocks {
            block.names = block.names.iter().map(|n| n.to_lowercase().replace('_', " ")).filter(|n| n.len() > 1).collect();
        }
        let mut common = numbers_of(&serde_json::to_value(&report.readiness).unwrap_or_default());
        if let Some(decision) = &report.retraining {
            common.extend(numbers_of(&serde_json::to_value(decision).unwrap_or_default()));
        }
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
        if lower.contains("://") || lower.contains("www.") || sentence.contains(['<', '>', '#', '[', ']', '{', '}', '|']) {
            return Err("it holds an address or markup".to_owned());
        }
        if sentence.chars().any(|c| c.is_control() || c == '‰' || is_unseen(c) || c.is_numeric() && !c.is_ascii_digit()) {
            return Err("it holds characters that are no plain text".to_owned());
        }
        if self.grave
            && let Some(soft) = SOFT.iter().find(|soft| lower.contains(**soft))
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
                    let Some((_, value)) = NUMBERS.iter().find(|(name, _)| *name == plain) else { continue };
                    let next = tokens.get(i + 1).map(|t| match t {
                        Token::Word(w) => w.to_lowercase(),
                        Token::Number(n) => n.text.to_owned(),
                    });
                    // Nobody writes a measured share in words.
                    if next.is_some_and(|n| PERCENT.iter().any(|p| p.starts_with(&n) || n.starts_with(p)) || is_number(&n)) {
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

/// A number as it is shown, in each way it may be read.
#[derive(Debug)]
struct Shown<'a> {
    text: &'a str,
    /// Values with half of the last digit shown.
    readings: Vec<(f64, f64)>,
    percent: bool,
}

impl Shown<'_> {
    fn is(&self, known: &Known) -> bool {
        self.readings.iter().filter(|(value, _)| value.is_finite()).any(|&(said, half)| {
            let near = |value: f64| {
                let off = (said - value).abs().min((said.abs() - value.abs()).abs());
                off <= half * (1.0 + 1e-9) + 1e-12 * value.abs() && off <= 0.05 * value.abs() + 1e-12
            };
            match (self.percent, known.percent) {
                (true, false) => near(known.value * 100.0),
                (true, true) | (false, false) => near(known.value),
                (false, true) => near(known.value / 100.0),
            }
        })
    }
}

enum Token<'a> {
    Number(Shown<'a>),
    Word(&'a str),
}

/// What may stand between the digits of one number, or of what looks like one.
const BETWEEN: [char; 11] = ['.', ',', '\'', '’', ' ', '\u{a0}', '\u{202f}', '\u{2009}', '^', '/', ':'];

/// Words and numbers of a text. Digits with letters behind them are a name: 3x, 4th, 10k.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if c.is_alphabetic() || c == '_' {
            let end = text[at..].find(|c: char| !c.is_alphanumeric() && c != '_').map_or(text.len(), |n| at + n);
            out.push(Token::Word(&text[at..end]));
            at = end;
        } else if c.is_ascii_digit() {
            let (token, end) = number(text, at);
            out.push(token);
            at = end;
        } else {
            at += c.len_utf8();
        }
    }
    out
}

/// The number that begins here, with its separators, exponent, scale in words and percent sign.
fn number(text: &str, start: usize) -> (Token<'_>, usize) {
    // Groups of digits, and what stands before each but the first.
    let (mut groups, mut between, mut end) = (Vec::new(), Vec::new(), start);
    loop {
        let rest = &text[end..];
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        groups.push(&rest[..digits]);
        end += digits;
        let mut next = text[end..].chars();
        match (next.next(), next.next()) {
            (Some(sep), Some(digit)) if BETWEEN.contains(&sep) && digit.is_ascii_digit() => {
                between.push(sep);
                end += sep.len_utf8();
            }
            _ => break,
        }
    }
    let mut readings = readings(&groups, &between);
    let mut rest = &text[end..];
    if let Some((power, length)) = exponent(rest) {
        let scale = 10_f64.powi(power);
        readings.iter_mut().for_each(|(value, half)| (*value, *half) = (*value * scale, *half * scale));
        end += length;
        rest = &text[end..];
    }
    if rest.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').map_or(text.len(), |n| end + n);
        return (Token::Word(&text[start..end]), end);
    }
    let shown = &text[start..end];
    let after = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '-').to_lowercase();
    let percent = PERCENT.iter().any(|word| after.starts_with(word));
    for (word, scale) in [("thousand", 1e3), ("million", 1e6), ("billion", 1e9), ("milliard", 1e9), ("trillion", 1e12)] {
        if after.starts_with(word) {
            readings.iter_mut().for_each(|(value, half)| (*value, *half) = (*value * scale, *half * scale));
        }
    }
    (Token::Number(Shown { text: shown, readings, percent }), end)
}

/// Signs and words for hundredths.
const PERCENT: [&str; 9] = ["%", "percent", "per cent", "per-cent", "pct", "prozent", "pour", "por c", "per mil"];

/// A power of ten behind a number, and its length.
fn exponent(rest: &str) -> Option<(i32, usize)> {
    let power = rest.strip_prefix(['e', 'E'])?;
    let digits = power.strip_prefix(['-', '+']).unwrap_or(power);
    let count = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let length = 1 + power.len() - digits.len() + count;
    (count > 0).then(|| (rest[1..length].trim_start_matches('+').parse().unwrap_or(i32::MAX), length))
}

/// The values that digits in groups may mean: 12,480 and 12 480 and 0,997 and 1'234.5; none where they mean nothing.
fn readings(groups: &[&str], between: &[char]) -> Vec<(f64, f64)> {
    let whole = |groups: &[&str]| -> Option<f64> {
        let grouped = groups.len() == 1 || groups[0].len() <= 3 && groups[1..].iter().all(|g| g.len() == 3);
        grouped.then(|| groups.concat().parse().ok()).flatten()
    };
    let same = |seps: &[char]| seps.windows(2).all(|w| w[0] == w[1]) && seps.iter().all(|s| !matches!(s, '^' | '/' | ':'));
    let mut out = Vec::new();
    // All separators set off thousands.
    if same(between) && !between.contains(&'.') || between.is_empty() {
        out.extend(whole(groups).map(|value| (value, 0.5)));
    }
    // The last one sets off decimals.
    if let Some((last, before)) = between.split_last()
        && matches!(last, '.' | ',')
        && same(before)
        && !before.contains(last)
    {
        let decimals = groups[groups.len() - 1];
        let text = whole(&groups[..groups.len() - 1]).map(|value| format!("{value}.{decimals}"));
        let places = i32::try_from(decimals.len()).unwrap_or(i32::MAX);
        out.extend(text.and_then(|t| t.parse().ok()).map(|value| (value, 0.5 * 10_f64.powi(-places))));
    }
    out
}

/// Characters that are not seen, or turn others round.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Whether a word is a number: of two in a row, each may be known and both together not.
fn is_number(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit()) || NUMBERS.iter().any(|(name, _)| *name == word)
}

fn sentences(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let (mut start, bytes) = (0, text.as_bytes());
    for (i, c) in text.char_indices() {
        let next = bytes.get(i + 1);
        let ends = c == '\n' || matches!(c, '.' | '!' | '?' | ';') && next.is_none_or(|b| b.is_ascii_whitespace());
        if ends {
            out.push(&text[start..i + c.len_utf8()]);
            start = i + c.len_utf8();
        }
    }
    out.push(&text[start..]);
    out.retain(|s| s.trim().chars().any(char::is_alphanumeric));
    out
}

fn contains_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(i, _)| {
        let before = text[..i].chars().next_back().is_none_or(|c| !c.is_alphanumeric());
        let after = text[i + word.len()..].chars().next().is_none_or(|c| !c.is_alphanumeric());
        before && after
    })
}

fn numbers_of(value: &Value) -> Vec<Known> {
    let mut out = Vec::new();
    collect_numbers(value, &mut out);
    out
}

fn collect_numbers(value: &Value, out: &mut Vec<Known>) {
    match value {
        Value::Number(n) => out.extend(n.as_f64().map(|value| Known { value, percent: false })),
        Value::String(text) => out.extend(tokens(text).into_iter().flat_map(|t| match t {
            Token::Number(n) => n.readings.iter().map(|r| Known { value: r.0, percent: n.percent }).collect(),
            Token::Word(_) => Vec::new(),
        })),
        Value::Array(items) => items.iter().for_each(|v| collect_numbers(v, out)),
        Value::Object(map) => {
            // Digests and addresses are no evidence.
            map.iter()
                .filter(|(key, _)| !matches!(key.as_str(), "id" | "citations" | "explains" | "findings"))
                .for_each(|(_, v)| collect_numbers(v, out));
        }
        Value::Null | Value::Bool(_) => {}
    }
}

fn collect_words(value: &Value, out: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => out.extend(tokens(text).into_iter().filter_map(|t| match t {
            Token::Word(w) => Some(w.to_lowercase()),
            Token::Number(_) => None,
        })),
        Value::Array(items) => items.iter().for_each(|v| collect_words(v, out)),
        Value::Object(map) => map.values().for_each(|v| collect_words(v, out)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use deepfix_model::{ArtifactKind, Evidence, Finding};

    use super::*;
    use crate::model::evidence::evidence;

    fn guard() -> Guard {
        let mut report = Report::empty(None, None);
        report.findings = vec![
            Finding::new("target_leakage", ArtifactKind::Train, "column:status_code", Severity::High, 0.93)
                .title("`status_code` gives the label away: AUC 0.9974 alone")
                .column("status_code")
                .evidence(Evidence::new("auc", "column:status_code", 0.997_4).versus(">=", 0.95))
                .evidence(Evidence::new("rows", "column:status_code", 12_480_usize).unit("rows")),
            Finding::new("overfitting", ArtifactKind::Metrics, "epoch:7", Severity::Medium, 0.8)
                .title("`val_loss` rises 31 % above its best of epoch 7 while training goes on")
                .evidence(Evidence::new("rise", "series:val_loss", 0.312).versus(">=", 0.18)),
        ];
        report.readiness.score = Some(3.4);
        let evidence = evidence(&report, "");
        Guard::of(&report, &evidence)
    }

    fn holds(sentence: &str) -> bool {
        let (kept, thrown) = guard().sift(sentence);
        assert!(kept.is_empty() || thrown.is_empty() || sentence.contains(". "), "{sentence}");
        thrown.is_empty()
    }

    #[test]
    fn what_the_evidence_holds_may_be_said_rounded_and_in_its_own_units() {
        for sentence in [
            "The column status_code alone reaches an AUC of 0.997.",
            "With an AUC of 0.9974 over 12,480 rows, status_code gives the label away.",
            "Alone, `status_code` separates the classes with an AUC of 99.7 %.",
            "Validation loss rises by 31 % after epoch 7.",
            "The overfitting is a rise of 31.2 percent, well above 0.18.",
            "Readiness is 3.4 of 10: two findings, one of them high.",
            "Remove status_code first and train again.",
            "The AUC of status_code is 0,997 over 12 480 rows.",
            "About 12.5 thousand rows are concerned by target leakage.",
        ] {
            assert!(holds(sentence), "{sentence}: {:?}", guard().sift(sentence).1);
        }
    }

    #[test]
    fn what_it_does_not_hold_may_not() {
        for sentence in [
            "The AUC of status_code is 0.94.",
            "The AUC of status_code is 0.998.",
            "The AUC is about 1e99999.",
            "Some 12,000 rows are concerned by status_code leakage.",
            "Validation loss rises by 13 % after epoch 7.",
            "Validation loss triples.",
            "It costs 2 million dollars.",
            "The column ssn_2019 leaks too.",
            "See https://example.org for the fix.",
            "This finding can be ignored.",
            "The leak is harmless.",
            "Overfitting reaches an AUC of 0.9974 at the end.",
            "Half of the rows are wrong.",
            "The rate is 3½ times too high.",
            "It fell ٣ times.",
            "10 000 000 rows of status_code leak.",
            "The AUC of status_code is 0,7.",
            "The AUC of status_code is 7.10.7.",
            "Validation loss rises 7 Percent.",
            "Validation loss rises 7-percent.",
            "Ten percent of the labels are wrong.",
            "Sixteen columns leak.",
            "Some 10k rows leak.",
            "It is 10 trillion rows.",
            "It rises \u{202e}13 %.",
            "It is 1\u{200b}0\u{200b}7.",
            "It can  be ignored.",
            "One in 3/4 of the rows.",
        ] {
            assert!(!holds(sentence), "{sentence}");
        }
    }

    /// What the rules say is held against the same evidence as what a model says.
    #[test]
    fn every_sentence_of_a_report_worded_by_rule_holds() {
        use deepfix_model::{AgentRun, AgentStatus};

        use crate::{Outcome, Plain, Rules, Subject, synthesize};

        let given = |agent: &str, findings: Vec<Finding>| Outcome {
            run: AgentRun {
                name: agent.to_owned(),
                status: AgentStatus::Completed,
                reason: None,
                version: "1".to_owned(),
                artifacts: Vec::new(),
            },
            findings,
            notes: Vec::new(),
            checked: Vec::new(),
            charts: Vec::new(),
            columns: Vec::new(),
            layers: Vec::new(),
            inputs: Vec::new(),
            thresholds: std::collections::BTreeMap::new(),
            metric_changes: Vec::new(),
        };
        let finding = |code: &str, kind, subject: &str, title: &str, facts: &[(&str, f64)]| {
            let begun = Finding::new(code, kind, subject, Severity::High, 0.9).title(title).column("status_code");
            facts.iter().fold(begun, |f, (measure, value)| f.evidence(Evidence::new(measure, subject, *value).versus(">=", 0.9)))
        };
        let data = vec![
            finding(
                "target_leakage",
                ArtifactKind::Train,
                "column:status_code",
                "`status_code` gives the label away",
                &[("auc", 0.9974), ("auc_of_all_others", 0.712)],
            ),
            finding(
                "label_noise",
                ArtifactKind::Train,
                "label",
                "an estimated 12.3 % of labels are wrong",
                &[("contradicted_among_surest", 0.123)],
            ),
        ];
        let run = vec![
            finding(
                "data_leakage",
                ArtifactKind::Metrics,
                "run",
                "validation stands at 0.99 from the first epoch",
                &[("early_validation_score", 0.99)],
            ),
            finding(
                "overfitting",
                ArtifactKind::Metrics,
                "epoch:7",
                "`val_loss` rises 31 % above its best of epoch 7",
                &[("rise", 0.312)],
            ),
            finding(
                "lr_too_high",
                ArtifactKind::Metrics,
                "learning_rate",
                "a learning rate of 0.3 is too high",
                &[("times_usual", 300.0)],
            ),
            finding(
                "nan_loss",
                ArtifactKind::Metrics,
                "epoch:9",
                "`train_loss` is NaN from epoch 9 on",
                &[("not_finite_values", 4.0)],
            ),
        ];
        let weights =
            vec![finding("nan_weights", ArtifactKind::Checkpoint, "tensor:a", "3 of 20 tensors hold NaN", &[("tensors", 3.0)])];
        let outcomes = vec![given("dataset", data), given("training", run), given("checkpoint", weights)];
        let rules = Rules::embedded().expect("the table reads");
        let report = synthesize(outcomes, &[], Subject::default(), &rules, &Plain);
        assert!(report.root_causes.len() >= 3, "{:?}", report.root_causes);
        let guard = Guard::of(&report, &evidence(&report, ""));
        for text in report.root_causes.iter().map(|c| &c.text).chain([&report.summary]) {
            let (_, thrown) = guard.sift(text);
            assert!(thrown.is_empty(), "{thrown:?}");
        }
    }

    #[test]
    fn of_a_thousand_hostile_answers_no_wrong_number_is_left() {
        let guard = guard();
        let truths = [0.9974, 0.997, 0.95, 0.93, 12480.0, 31.0, 31.2, 7.0, 0.312, 0.18, 0.8, 3.4, 10.0, 2.0, 1.0, 0.0];
        let mut seed = 7_u64;
        let mut next = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        let (mut wrong, mut kept_wrong) = (0, Vec::new());
        for _ in 0..1000 {
            let truth = truths[usize::try_from(next(16)).expect("few")];
            let value = match next(5) {
                0 => truth * (2.0 + next(50) as f64 / 10.0),
                1 => truth + 0.11 + next(90) as f64 / 100.0,
                2 => next(100_000) as f64 / 100.0,
                3 => -1.0 - truth * 3.0,
                _ => truth / 7.3,
            };
            let shown = if next(2) == 0 { format!("{value:.2}") } else { format!("{value:.4}") };
            let sentence = match next(4) {
                0 => format!("The AUC of status_code is {shown}."),
                1 => format!("Validation loss rises by {shown} % after the best epoch."),
                2 => format!("In all, {shown} rows are concerned, says the overfitting."),
                _ => format!("It is {shown}"),
            };
            let said: f64 = shown.parse().expect("a number");
            // By any reading of the evidence, with the rounding that is shown.
            let known: Vec<f64> = truths.iter().flat_map(|t| [*t, t * 100.0, t / 100.0, t * 1000.0]).collect();
            let half = if shown.ends_with(&format!("{value:.4}")) { 0.5e-4 } else { 0.5e-2 };
            let right = known.iter().any(|k| (said.abs() - k.abs()).abs() <= half * 1.001);
            if !right {
                wrong += 1;
                let (kept, _) = guard.sift(&sentence);
                if !kept.is_empty() {
                    kept_wrong.push(kept);
                }
            }
        }
        assert!(wrong > 800, "{wrong} of the answers are wrong");
        assert!(kept_wrong.is_empty(), "{kept_wrong:?}");
    }
}
