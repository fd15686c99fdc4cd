//! `vocabulary_shift` and `text_length_shift` of text columns: columns of words that mostly differ from row to
//! row and hold several words each. Whatever share of words a sample of texts has not seen is no fault by
//! itself (Zipf's law makes it so); what counts is how much larger it is for test than for one half of
//! train against the other.

use deepfix_agent::{Analysis, Sink, Stop};
use deepfix_model::{BugType, Checked, Evidence, Finding, Severity, Split, counted_above, fmt_number};
use hashbrown::{HashMap, HashSet};

use super::{Data, artifact, emit, percent};
use crate::table::{Column, Kind, MISSING, Table, Values};

/// Texts of a split that are read.
const SAMPLE: usize = 20_000;
/// Fewest texts, and words of them, that say anything.
const TEXTS: usize = 60;
const WORDS: usize = 600;
/// Fewest words of a text, on average.
const LONG: f64 = 3.0;

pub(crate) fn detect(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, data: &Data) -> Result<(), Stop> {
    let Some((train, test)) = data.both() else {
        analysis.checked(Checked::not("vocabulary_shift", "needs a train and a test split"));
        return Ok(());
    };
    if analysis.options.mask_examples {
        analysis.checked(Checked::not("vocabulary_shift", "words are masked"));
        return Ok(());
    }
    let names: Vec<String> = data.common().into_iter().filter(|n| data.is_feature(n)).collect();
    let (mut vocabulary, mut lengths, mut looked) = (Vec::new(), Vec::new(), 0);
    let cancel = analysis.cancel();
    for name in names {
        let (Some(a), Some(b)) = (train.column(&name), test.column(&name)) else { continue };
        if cancel.is_cancelled() || !is_text(a) || b.kind != Kind::Word {
            continue;
        }
        let (ours, theirs) = (texts(train, a), texts(test, b));
        let words = |texts: &[Vec<String>]| texts.iter().map(Vec::len).sum::<usize>();
        if ours.len() < 2 * TEXTS || theirs.len() < TEXTS || words(&ours) < 2 * WORDS || words(&theirs) < WORDS {
            continue;
        }
        looked += 1;
        vocabulary.extend(unknown(analysis, &name, &ours, &theirs));
        lengths.extend(longer(analysis, &name, &ours, &theirs));
    }
    emit(analysis, sink, "vocabulary_shift", looked, vocabulary)?;
    emit(analysis, sink, "text_length_shift", looked, lengths)
}

/// Whether a column holds texts rather than categories or names.
fn is_text(column: &Column) -> bool {
    let Values::Words { words, .. } = &column.values else { return false };
    if column.kind != Kind::Word || column.spread().distinct * 2 < column.present() || words.is_empty() {
        return false;
    }
    let some = words.len().min(500);
    let step = words.len() / some;
    let total: usize = words.iter().step_by(step.max(1)).take(some).map(|w| w.split_whitespace().count()).sum();
    total as f64 >= LONG * some as f64
}

/// Words of the texts of a sample, in the order of its lots.
fn texts(table: &Table, column: &Column) -> Vec<Vec<String>> {
    let Values::Words { codes, words } = &column.values else { return Vec::new() };
    table.sample(SAMPLE).into_iter().filter(|&row| codes[row] != MISSING).map(|row| tokens(&words[codes[row] as usize])).collect()
}

/// Runs of letters, of two at least: numbers are new in every text.
fn tokens(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphabetic()).filter(|w| w.chars().nth(1).is_some()).map(str::to_lowercase).collect()
}

/// Share of words that are not in the vocabulary, over all words, and its standard error with texts as the
/// units that are drawn.
fn missing_rate(texts: &[Vec<String>], known: &HashSet<&str>) -> (f64, f64) {
    let counts: Vec<(f64, f64)> = texts
        .iter()
        .map(|text| (text.iter().filter(|w| !known.contains(w.as_str())).count() as f64, text.len() as f64))
        .collect();
    let (unknown, all) = counts.iter().fold((0.0, 0.0), |(u, n), c| (u + c.0, n + c.1));
    let rate = unknown / f64::max(all, 1.0);
    // Ratio estimator (Cochran 1977, section 6.3).
    let spread: f64 = counts.iter().map(|(u, n)| (u - rate * n).powi(2)).sum();
    (rate, spread.sqrt() / f64::max(all, 1.0))
}

fn unknown(analysis: &Analysis<'_>, name: &str, train: &[Vec<String>], test: &[Vec<String>]) -> Option<Finding> {
    let (medium, high) = (analysis.threshold("vocabulary_shift.medium"), analysis.threshold("vocabulary_shift.high"));
    let (half, rest) = train.split_at(train.len() / 2);
    let known: HashSet<&str> = half.iter().flatten().map(String::as_str).collect();
    let (natural, natural_error) = missing_rate(rest, &known);
    let (rate, error) = missing_rate(test, &known);
    let excess = rate - natural;
    let z = excess / (error.powi(2) + natural_error.powi(2)).sqrt().max(1e-12);
    if excess < medium || z < 4.0 {
        return None;
    }
    let all: HashSet<&str> = train.iter().flatten().map(String::as_str).collect();
    let mut new: HashMap<&str, usize> = HashMap::new();
    for word in test.iter().flatten().filter(|w| !all.contains(w.as_str())) {
        *new.entry(word).or_default() += 1;
    }
    let mut new: Vec<(&str, usize)> = new.into_iter().collect();
    new.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let shown: Vec<String> = new.iter().take(8).map(|(word, n)| format!("{word} ({n})")).collect();
    let subject = format!("column:{name}");
    let severity = if excess >= high { Severity::High } else { Severity::Medium };
    Some(
        Finding::new("vocabulary_shift", artifact(Split::Both), &subject, severity, counted_above(excess, medium, 1.0 - (-z).exp()))
            .title(format!("{} of the words in test's `{name}` are new, {} between halves of train", percent(rate), percent(natural)))
            .column(name)
            .split(Split::Both)
            .bug(BugType::Performance)
            .evidence(
                Evidence::new("unknown_word_rate_beyond_natural", &subject, excess)
                    .versus(">=", medium)
                    .unit("share")
                    .method("words of test that one half of train's texts lacks, over all words, less the same for the other half of train")
                    .source(format!("{} and {} texts; new to all of train: {}", train.len(), test.len(), shown.join(", "))),
            )
            .evidence(Evidence::new("unknown_word_rate", &subject, rate).unit("share").method("of test's words"))
            .evidence(Evidence::new("natural_rate", &subject, natural).unit("share").method("of the words of train's other half"))
            .fix(
                "read the new words, then add texts like these to train, or use a tokeniser of subwords",
                "a model counts what it has seen; new words are ignored or guessed from pieces",
            )
            .step("CountVectorizer().fit(train) and the words of test that it lacks, most frequent first")
            .step("another language, markup or a glued export is mended by cleaning, jargon by training on it"),
    )
}

fn longer(analysis: &Analysis<'_>, name: &str, train: &[Vec<String>], test: &[Vec<String>]) -> Option<Finding> {
    let (relative, standardised) =
        (analysis.threshold("text_length_shift.relative"), analysis.threshold("text_length_shift.standardised"));
    let moments = |texts: &[Vec<String>]| {
        let n = texts.len() as f64;
        let mean = texts.iter().map(|t| t.len() as f64).sum::<f64>() / n;
        (mean, (texts.iter().map(|t| (t.len() as f64 - mean).powi(2)).sum::<f64>() / n).sqrt(), n)
    };
    let ((p, std, n), (q, other, m)) = (moments(train), moments(test));
    let (change, effect) = ((q - p).abs() / p.max(1e-12), (q - p).abs() / std.max(1e-12));
    let z = (q - p).abs() / (std * std / n + other * other / m).sqrt().max(1e-12);
    if change < relative || effect < standardised || z < 4.0 {
        return None;
    }
    let subject = format!("column:{name}");
    let severity = if change >= 4.0 * relative { Severity::High } else { Severity::Medium };
    Some(
        Finding::new(
            "text_length_shift",
            artifact(Split::Both),
            &subject,
            severity,
            counted_above(change, relative, 1.0 - (-z).exp()),
        )
        .title(format!("texts of `{name}` have {} words on average in test, {} in train", fmt_number(q), fmt_number(p)))
        .column(name)
        .split(Split::Both)
        .bug(BugType::Performance)
        .evidence(
            Evidence::new("relative_change", &subject, change)
                .versus(">=", relative)
                .unit("share")
                .method("difference of the mean number of words over train's")
                .source(format!("{n} and {m} texts")),
        )
        .evidence(
            Evidence::new("standardised_change", &subject, effect)
                .versus(">=", standardised)
                .unit("standard deviations")
                .method("the same over train's standard deviation"),
        )
        .fix(
            "clean both splits by one function, and choose the longest input from both",
            "what exceeds the model's window is cut off, and counts change their scale",
        )
        .step("read ten texts from each end: signatures, markup and quoted mails explain most shifts"),
    )
}
