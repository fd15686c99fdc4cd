//! Numbers as texts spell them: digits with separators, powers, scales and percent signs, and words.

use serde_json::Value;

/// A number of the evidence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub(super) value: f64,
    /// It stood before a percent sign.
    pub(super) percent: bool,
}

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
    ("billions", 1e9),
    ("trillion", 1e12),
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
    ("milliard", 1e9),
    ("tiers", 1.0 / 3.0),
    ("quart", 0.25),
];

/// A number as it is shown, in each way it may be read.
#[derive(Debug)]
pub(super) struct Shown<'a> {
    pub(super) text: &'a str,
    /// Values with half of the last digit shown.
    readings: Vec<(f64, f64)>,
    percent: bool,
}

impl Shown<'_> {
    /// Whether it is a number of the evidence, rounded as far as it is shown and by a twentieth at most (our choice).
    pub(super) fn is(&self, known: &Known) -> bool {
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

pub(super) enum Token<'a> {
    Number(Shown<'a>),
    Word(&'a str),
}

/// What may stand between the digits of one number, or of what looks like one.
const BETWEEN: [char; 11] = ['.', ',', '\'', '’', ' ', '\u{a0}', '\u{202f}', '\u{2009}', '^', '/', ':'];

/// Words and numbers of a text. Digits with letters behind them are a name: 3x, 4th, 10k.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
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

/// The value of a number in words.
pub(super) fn in_words(word: &str) -> Option<f64> {
    NUMBERS.iter().find(|(name, _)| *name == word).map(|(_, value)| *value)
}

/// Whether a word goes on with the number before it: each of two may be known and both together not.
pub(super) fn goes_on(word: &str) -> bool {
    let percent = PERCENT.iter().any(|p| p.starts_with(word) || word.starts_with(p));
    percent || word.starts_with(|c: char| c.is_ascii_digit()) || in_words(word).is_some()
}

/// The numbers of a part of a report, those within its words too.
pub(super) fn numbers_of(part: &impl serde::Serialize) -> Vec<Known> {
    let mut out = Vec::new();
    // A part of a report is always JSON.
    collect_numbers(&serde_json::to_value(part).unwrap_or_default(), &mut out);
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
