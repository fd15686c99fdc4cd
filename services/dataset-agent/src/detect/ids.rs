//! `id_column`: a row identifier among the features. `id_leakage`: an identifier, or the order of the
//! rows, that predicts the label.
//!
//! An identifier has (almost) as many values as rows. That alone is true of any measurement, so the
//! values must also look assigned: integers that fill their range or all have the same number of
//! digits, or words of one shape that hold digits (UUIDs, hashes, `CUST-00123`). Numbers with
//! fractions never are. An identifier that knows the label was assigned after the outcome, or to
//! batches of one class; its power is the held-out power of `stats/power.rs`.

use deepfix_agent::{Analysis, Sink, Stop};
use deepfix_model::{ArtifactKind, BugType, Checked, Evidence, Finding, Severity, Split, above};
use hashbrown::HashMap;

use super::{Data, artifact, emit, percent, seen_in};
use crate::{
    stats::power::{self, Target},
    table::{Column, Kind, Values},
};

/// Fewest rows from which uniqueness means anything.
const ENOUGH: usize = 40;

/// What gives a column away as an identifier.
pub(crate) fn looks_like_id(name: &str, column: &Column) -> Option<&'static str> {
    let present = column.present();
    if present < ENOUGH || present * 100 < column.rows() * 99 {
        return None;
    }
    // A few rows may occur twice, as they do in logs.
    if (column.spread().distinct as f64) < 0.98 * present as f64 {
        return None;
    }
    match (&column.values, column.kind) {
        (Values::Numbers(values), Kind::Number) => integers(name, values, column.sorted()),
        (Values::Words { words, .. }, Kind::Word) => words_of_one_shape(words),
        _ => None,
    }
}

fn integers(name: &str, values: &[f64], sorted: &[f64]) -> Option<&'static str> {
    if sorted.iter().any(|x| x.fract() != 0.0 || *x < 0.0) {
        return None;
    }
    let (low, high) = (*sorted.first()?, *sorted.last()?);
    let n = sorted.len() as f64;
    let span = high - low + 1.0;
    let rises = values.windows(2).filter(|w| w[1] > w[0]).count() as f64 >= 0.97 * (n - 1.0);
    if span <= 1.6 * n {
        return Some("whole numbers that count the rows");
    }
    if rises && span <= 20.0 * n {
        return Some("whole numbers that rise from row to row");
    }
    // A random part of a numbering fills its range evenly: so do few quantities.
    let even = (1..10).all(|i| {
        let share = sorted.partition_point(|x| *x < low + span * f64::from(i) / 10.0) as f64 / n;
        (share - f64::from(i) / 10.0).abs() < 1.63 / n.sqrt() + 0.02
    });
    if even && span <= 4.0 * n && n >= 100.0 {
        return Some("whole numbers that fill their range");
    }
    let digits = |x: f64| if x < 1.0 { 0 } else { x.log10().floor() as i64 };
    if even && digits(low) == digits(high) && low >= 10_000.0 {
        return Some("whole numbers of one length, spread evenly");
    }
    (named_like_id(name) && (even || rises)).then_some("unique whole numbers, and its name says so")
}

fn named_like_id(name: &str) -> bool {
    let mut words: Vec<String> = vec![String::new()];
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && words.last().is_some_and(|w| w.ends_with(char::is_lowercase))) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.push(c);
        }
    }
    words.iter().any(|w| {
        ["id", "uuid", "guid", "key", "index", "idx", "rowid", "serial", "rownum", "rownames", "no", "nr", "identifier"]
            .contains(&w.to_lowercase().as_str())
    })
}

/// Digits and letters of a word by kind, runs of one kind written once with their length.
fn shape(word: &str) -> String {
    let mut out = String::new();
    for c in word.trim().chars() {
        out.push(if c.is_ascii_digit() {
            '9'
        } else if c.is_alphabetic() {
            'a'
        } else {
            c
        });
    }
    out
}

fn words_of_one_shape(words: &[String]) -> Option<&'static str> {
    let hex = |w: &String| w.len() >= 8 && w.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    let n = words.len();
    let most = |count: usize| count * 100 >= n * 99;
    let length = words.first()?.len();
    if most(words.iter().filter(|w| hex(w) && w.len() == length).count()) {
        return Some(if length == 36 { "UUIDs" } else { "hexadecimal numbers of one length" });
    }
    if words.iter().any(|w| w.len() > 64 || w.contains(' ')) {
        return None;
    }
    let digits = |w: &String| w.bytes().filter(u8::is_ascii_digit).count();
    if !most(words.iter().filter(|w| digits(w) >= 2).count()) {
        return None;
    }
    // Prefix and number; the number may have fewer digits at first.
    let mut prefixes: HashMap<String, usize> = HashMap::new();
    let mut shapes: HashMap<String, usize> = HashMap::new();
    for word in words {
        let prefix: String = word.chars().take_while(|c| !c.is_ascii_digit()).collect();
        let rest_is_number = word[prefix.len()..].bytes().all(|b| b.is_ascii_digit());
        if rest_is_number && !prefix.is_empty() {
            *prefixes.entry(prefix).or_default() += 1;
        }
        *shapes.entry(shape(word)).or_default() += 1;
    }
    if prefixes.values().any(|&c| most(c)) {
        return Some("a prefix and a number");
    }
    if shapes.values().any(|&c| most(c)) {
        return Some("codes of one shape");
    }
    // Base-36 tokens: one length, letters and digits in any order.
    let token = |w: &String| w.len() == length && w.len() >= 8 && w.bytes().all(|b| b.is_ascii_alphanumeric());
    most(words.iter().filter(|w| token(w)).count()).then_some("random tokens of one length")
}

/// Columns that are identifiers in the first split that has enough rows to tell.
pub(crate) fn find(data: &Data) -> Vec<String> {
    data.names()
        .into_iter()
        .filter(|name| {
            // The values of a profile stand for others.
            let looks: Vec<bool> = data
                .splits()
                .filter(|(_, table)| !table.marginal)
                .filter_map(|(_, table)| table.column(name))
                .filter(|column| column.present() >= ENOUGH)
                .map(|column| looks_like_id(name, column).is_some())
                .collect();
            data.label.as_deref() != Some(name) && data.datetime.as_deref() != Some(name) && !looks.is_empty() && looks[0]
        })
        .collect()
}

pub(crate) fn detect(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, data: &Data) -> Result<(), Stop> {
    let names = data.names();
    let mut findings = Vec::new();
    for name in names.iter().filter(|n| data.ids.contains(*n)) {
        let hit: Vec<(Split, &Column, &'static str)> =
            data.columns(name).filter_map(|(split, c)| looks_like_id(name, c).map(|why| (split, c, why))).collect();
        let Some((_, column, why)) = hit.first() else { continue };
        let split = seen_in(&hit.iter().map(|h| h.0).collect::<Vec<_>>());
        let (distinct, present) = (column.spread().distinct, column.present());
        let subject = format!("column:{name}");
        // The more rows are all different, the less it is chance.
        let confidence = ((0.97 - 1.0 / (present as f64).sqrt()).max(0.6) * 100.0).round() / 100.0;
        findings.push(
            Finding::new("id_column", artifact(split), &subject, Severity::Medium, confidence)
                .title(format!("column `{name}` identifies the rows: {why}"))
                .column(name)
                .split(split)
                .bug(BugType::Performance)
                .evidence(
                    Evidence::new("distinct_share", &subject, distinct as f64 / present as f64)
                        .versus(">=", 0.98)
                        .unit("share")
                        .method("distinct values over rows with a value")
                        .source(format!("{distinct} of {present} rows; {why}")),
                )
                .fix(
                    format!("take `{name}` out of the features and keep it as the table's index"),
                    "a number that stands for one row teaches nothing about the next, and trees memorise it",
                )
                .step(format!("df = df.set_index(\"{name}\")"))
                .step("if it groups rows (customers, devices), split by it instead"),
        );
    }
    emit(analysis, sink, "id_column", names.len(), findings)
}

/// Power of identifiers and of the row's place in the table.
pub(crate) fn leakage(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, data: &Data) -> Result<(), Stop> {
    let (Some(train), Some(label)) = (&data.train, data.label.as_deref()) else {
        analysis.checked(Checked::not("id_leakage", "needs train and its label (--label)"));
        return Ok(());
    };
    let Ok(target) = super::leakage::target(data, train, label) else {
        analysis.checked(Checked::not("id_leakage", "the label cannot be predicted: too few rows, or too many classes"));
        return Ok(());
    };
    if target.smallest_class() < 20 {
        analysis.checked(Checked::not("id_leakage", "a class has fewer than 20 rows"));
        return Ok(());
    }
    let (measure, limit, order_limit) = if data.regression {
        ("r2", analysis.threshold("id_leakage.r2"), analysis.threshold("id_leakage.order_r2"))
    } else {
        ("auc", analysis.threshold("id_leakage.auc"), analysis.threshold("id_leakage.order_auc"))
    };
    let mut findings = Vec::new();
    let mut ids: Vec<&String> = train.names().iter().filter(|n| data.ids.contains(*n)).collect();
    ids.sort();
    let mut of_ids = false;
    for name in &ids {
        let Some(column) = train.column(name) else { continue };
        // Words are numbered by their order, as `CUST-00123` is.
        let numbered = match &column.values {
            Values::Words { codes, words } => {
                let mut order: Vec<usize> = (0..words.len()).collect();
                order.sort_by(|&a, &b| (words[a].len(), &words[a]).cmp(&(words[b].len(), &words[b])));
                let mut rank = vec![0.0; words.len()];
                order.iter().enumerate().for_each(|(r, &w)| rank[w] = r as f64);
                Column::new(
                    Kind::Number,
                    Values::Numbers(codes.iter().map(|&c| rank.get(c as usize).copied().unwrap_or(f64::NAN)).collect()),
                )
            }
            Values::Numbers(_) => column.clone(),
        };
        let power = power::alone(&numbered, &target);
        if power >= limit {
            of_ids = true;
            findings.push(finding(Some(name), measure, power, limit, &target));
        }
    }
    let dated = data.datetime.is_some() || train.columns().any(|(name, c)| data.is_feature(name) && rises(c));
    if !of_ids && !dated {
        let order = Column::new(Kind::Number, Values::Numbers((0..train.rows()).map(|i| i as f64).collect()));
        let power = power::alone(&order, &target);
        if power >= order_limit {
            findings.push(finding(None, measure, power, order_limit, &target));
        }
    }
    emit(analysis, sink, "id_leakage", ids.len() + 1, findings)
}

/// Whether a column orders the rows itself; then their order is what that column says.
fn rises(column: &Column) -> bool {
    let Some(values) = column.numbers() else { return false };
    let present: Vec<f64> = values.iter().copied().filter(|x| !x.is_nan()).collect();
    present.len() > 1 && column.spread().distinct > 2 && (present.is_sorted() || present.is_sorted_by(|a, b| a >= b))
}

fn finding(name: Option<&String>, measure: &str, power: f64, limit: f64, target: &Target) -> Finding {
    let shown = if measure == "auc" { "AUC" } else { "R²" };
    let subject = name.map_or_else(|| "rows".to_owned(), |n| format!("column:{n}"));
    let what = name.map_or_else(|| "the order of the rows".to_owned(), |n| format!("identifier `{n}`"));
    let error = (power * (1.0 - power) / (target.scored() as f64 / 2.0)).max(0.0).sqrt();
    let base = if measure == "auc" { 0.5 } else { 0.0 };
    let confidence = above((power - base) / (limit - base), 0.9, 1.0 - error);
    let mut finding = Finding::new("id_leakage", ArtifactKind::Train, &subject, Severity::High, confidence)
        .title(format!("{what} predicts the label ({shown} {power:.2})"))
        .split(Split::Train)
        .bug(BugType::Performance);
    if let Some(name) = name {
        finding = finding.column(name);
    }
    finding
        .evidence(
            Evidence::new(measure, &subject, power)
                .versus(">=", limit)
                .method("of the identifier or row number alone: its own ranking, or rates of 32 bins learnt on one half of train's rows and scored on the other")
                .source(format!("{} rows of train, {} of them scored", target.rows.len(), target.scored())),
        )
        .fix(
            if name.is_some() { "drop it from the features, and shuffle before any split".to_owned() } else { "shuffle the rows before splitting and batching".to_owned() },
            "a model learns when or where a row was filed instead of what it is; new rows get new numbers",
        )
        .step("find out how rows are numbered or sorted: by outcome, by source, by time?")
        .step(format!("cross-validate with groups or by time, and compare with a shuffled split ({} is what chance gives)", if measure == "auc" { "AUC 0.5" } else { "R² 0" }))
        .impact(format!("on new rows what it adds to the score, up to {}, is lost", percent(power - base)))
}
