//! The cards of a table's columns: what each holds in either split, in bins that both share, and how
//! far it moved. They show what was read; findings say what is wrong with it.

use deepfix_agent::Analysis;
use deepfix_model::{ColumnCard, ColumnMeasure, ColumnSide, Num, civil, fmt_number};
use rayon::prelude::*;

use crate::{
    detect::{Data, distribution::Moved},
    stats::drift::{Drift, quantile},
    table::{Column, Kind, Table, all_names},
};

/// Bins of numbers; with more, a column of a narrow page shows noise (our choice).
const BINS: usize = 16;
/// Categories shown by name.
const WORDS: usize = 8;
/// Most cards handed on; the report keeps the thousand that matter.
const CARDS: usize = 5000;
/// Longest shown value, in characters.
const SHOWN: usize = 40;

/// Cards of all columns, those that moved or miss the most first.
pub(crate) fn cards(analysis: &mut Analysis<'_>, data: &Data, moved: &Moved) {
    let names = all_names(&data.train.iter().chain(&data.test).collect::<Vec<_>>());
    let limits = ["psi", "ks", "js"].map(|name| analysis.threshold(&format!("drift.{name}.medium")));
    let mut cards: Vec<(f64, ColumnCard)> = names
        .par_iter()
        .map(|name| {
            let measures = moved.drift.get(name).map_or_else(Vec::new, |drift| measures(drift, limits));
            let card = card(name, data, measures);
            (trouble(&card), card)
        })
        .collect();
    cards.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.name.cmp(&b.1.name)));
    cards.truncate(CARDS);
    analysis.columns(cards.into_iter().map(|c| c.1).collect());
}

fn trouble(card: &ColumnCard) -> f64 {
    let drift = card.measures.iter().map(|m| m.beyond_chance.0 / m.threshold.0).fold(0.0, f64::max);
    let missing =
        [&card.train, &card.test].into_iter().flatten().map(|s| s.missing as f64 / s.rows.max(1) as f64).fold(0.0, f64::max);
    drift + missing
}

fn measures(drift: &Drift, limits: [f64; 3]) -> Vec<ColumnMeasure> {
    let measure = |name: &str, value: f64, beyond: f64, threshold: f64| ColumnMeasure {
        name: name.to_owned(),
        value: Num(value),
        beyond_chance: Num(beyond.max(0.0)),
        threshold: Num(threshold),
    };
    let mut out = vec![measure("psi", drift.psi, drift.adjusted.psi, limits[0])];
    out.extend(drift.ks.map(|ks| measure("ks", ks, drift.adjusted.ks, limits[1])));
    out.push(measure("js", drift.js, drift.adjusted.js, limits[2]));
    out
}

fn card(name: &str, data: &Data, measures: Vec<ColumnMeasure>) -> ColumnCard {
    fn of<'a>(table: &'a Option<Table>, name: &str) -> Option<(usize, &'a Column)> {
        table.as_ref().and_then(|t| Some((t.rows(), t.column(name)?)))
    }
    let (train, test) = (of(&data.train, name), of(&data.test, name));
    let columns: Vec<&Column> = [&train, &test].into_iter().flatten().map(|(_, c)| *c).collect();
    let kind = columns.first().map_or(Kind::Other, |c| c.kind);
    let bins = Bins::of(&columns);
    let side = |split: Option<(usize, &Column)>| split.map(|(rows, column)| side(rows, column, &bins));
    ColumnCard {
        name: name.to_owned(),
        kind: kind.name().to_owned(),
        train: side(train),
        test: side(test),
        labels: bins.labels(kind),
        measures,
    }
}

fn side(rows: usize, column: &Column, bins: &Bins) -> ColumnSide {
    let spread = column.spread();
    let sorted = column.sorted();
    let number = |x: Option<f64>| x.filter(|_| matches!(column.kind, Kind::Number | Kind::Boolean)).map(Num);
    let top = spread.top.clone().filter(|_| column.kind != Kind::Time);
    ColumnSide {
        rows: rows as u64,
        missing: (column.missing + column.blanked) as u64,
        distinct: spread.distinct as u64,
        min: number(sorted.first().copied()),
        median: number((!sorted.is_empty()).then(|| quantile(sorted, 0.5))),
        max: number(sorted.last().copied()),
        top_count: top.as_ref().map_or(0, |t| t.1 as u64),
        top: top.map(|t| cut(&t.0)),
        bins: bins.shares(column).into_iter().map(|share| Num((share * 1e4).round() / 1e4)).collect(),
    }
}

/// How the values of a column are put together for the eye.
enum Bins {
    /// Lower edges of all bins but the first, which is open below as the last is above.
    Edges(Vec<f64>),
    /// Each value for itself.
    Values(Vec<f64>),
    /// Most frequent words, then all others where there are more.
    Words(Vec<String>, bool),
    Nothing,
}

impl Bins {
    fn of(columns: &[&Column]) -> Self {
        let Some(first) = columns.first() else { return Self::Nothing };
        if first.kind == Kind::Other || columns.iter().any(|c| !c.kind.agrees(first.kind)) {
            return Self::Nothing;
        }
        if first.kind == Kind::Word {
            let mut words: Vec<(&str, f64)> = Vec::new();
            for column in columns {
                for (word, n) in column.counts().iter().take(4 * WORDS) {
                    let share = *n as f64 / column.present().max(1) as f64;
                    match words.iter_mut().find(|w| w.0 == word) {
                        Some(known) => known.1 += share,
                        None => words.push((word, share)),
                    }
                }
            }
            words.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
            let others = words.len() > WORDS || columns.iter().any(|c| c.counts().len() > 4 * WORDS);
            return Self::Words(words.into_iter().take(WORDS).map(|w| w.0.to_owned()).collect(), others);
        }
        let mut few: Vec<f64> = Vec::new();
        let mut many = false;
        for column in columns {
            match column.few_numbers(BINS) {
                Some(values) => few.extend(values.into_iter().map(|v| v.0)),
                None => many = true,
            }
        }
        few.sort_by(f64::total_cmp);
        few.dedup();
        if !many && few.len() <= BINS {
            return Self::Values(few);
        }
        let edge = |p: f64, pick: fn(f64, f64) -> f64| {
            columns.iter().map(|c| c.sorted()).filter(|s| !s.is_empty()).map(|s| quantile(s, p)).reduce(pick)
        };
        // Beyond the outer hundredths a single value would stretch the axis.
        match (edge(0.01, f64::min), edge(0.99, f64::max)) {
            (Some(low), Some(high)) if high > low => {
                let step = (high - low) / (BINS - 2) as f64;
                Self::Edges((0..BINS - 1).map(|i| low + step * i as f64).collect())
            }
            (Some(low), _) => Self::Edges(vec![low]),
            _ => Self::Nothing,
        }
    }

    fn labels(&self, kind: Kind) -> Vec<String> {
        let show = |x: f64| if kind == Kind::Time { date(x) } else { fmt_number(x) };
        match self {
            Self::Edges(edges) => {
                let first = edges.first().map(|x| format!("below {}", show(*x)));
                first.into_iter().chain(edges.iter().map(|x| format!("from {}", show(*x)))).collect()
            }
            Self::Values(values) => values.iter().map(|x| show(*x)).collect(),
            Self::Words(words, others) => words.iter().map(|w| cut(w)).chain(others.then(|| "others".to_owned())).collect(),
            Self::Nothing => Vec::new(),
        }
    }

    /// Share of a column's values in each bin.
    fn shares(&self, column: &Column) -> Vec<f64> {
        let sorted = column.sorted();
        let total = sorted.len().max(1) as f64;
        match self {
            Self::Edges(edges) => {
                let mut below: Vec<usize> = edges.iter().map(|edge| sorted.partition_point(|x| x < edge)).collect();
                below.push(sorted.len());
                let mut last = 0;
                below.into_iter().map(|n| (n - std::mem::replace(&mut last, n)) as f64 / total).collect()
            }
            Self::Values(values) => values
                .iter()
                .map(|v| (sorted.partition_point(|x| x <= v) - sorted.partition_point(|x| x < v)) as f64 / total)
                .collect(),
            Self::Words(words, others) => {
                let counts = column.counts();
                let total = column.present().max(1) as f64;
                let mut shares: Vec<f64> =
                    words.iter().map(|w| counts.iter().find(|c| c.0 == *w).map_or(0.0, |c| c.1 as f64 / total)).collect();
                if *others {
                    shares.push((1.0 - shares.iter().sum::<f64>()).max(0.0));
                }
                shares
            }
            Self::Nothing => Vec::new(),
        }
    }
}

fn date(micros: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "dates of tables lie well within")]
    let (year, month, day, hour, minute, _) = civil((micros / 1e6).floor() as i64);
    if hour == 0 && minute == 0 {
        format!("{year}-{month:02}-{day:02}")
    } else {
        format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}")
    }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= SHOWN {
        text.to_owned()
    } else {
        text.chars().take(SHOWN - 1).chain(std::iter::once('…')).collect()
    }
}
