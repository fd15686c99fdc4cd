//! whylogs constraints: name, passed, failed, and the profile's summary where it was asked for. What a
//! constraint means stands in its name, which its factory wrote.

use deepfix_model::{Evidence, Severity};
use serde_json::Value;

use super::{Read, by_size, most, number, percent};

pub(super) fn read(value: &Value) -> Option<Read> {
    let rows = value.as_array()?;
    if !most(rows, |row| constraint(row).is_some()) {
        return None;
    }
    let mut out = Read::new("whylogs");
    out.results = rows.len();
    for (i, row) in rows.iter().enumerate() {
        match constraint(row) {
            Some((name, true, summary)) => failed(&mut out, name, summary),
            Some(_) => {}
            None => out.odd(i),
        }
    }
    Some(out)
}

/// A constraint's name, whether it failed, and its column's summary.
fn constraint(row: &Value) -> Option<(&str, bool, &Value)> {
    match row {
        Value::Array(parts) => {
            let name = parts.first()?.as_str()?;
            let failed = match &parts[1..] {
                [Value::Bool(passed)] => !passed,
                [passed, failed, ..] if passed.is_number() && failed.is_number() => number(Some(failed))? > 0.0,
                _ => return None,
            };
            Some((name, failed, parts.get(3).unwrap_or(&Value::Null)))
        }
        Value::Object(map) if map.contains_key("passed") && map.contains_key("failed") => {
            Some((map.get("name")?.as_str()?, number(map.get("failed"))? > 0.0, map.get("summary").unwrap_or(&Value::Null)))
        }
        _ => None,
    }
}

/// The column of a name that ends or begins with a factory's words.
fn column<'a>(name: &'a str, words: &str) -> Option<&'a str> {
    name.find(words).map(|at| name[..at].trim()).filter(|column| !column.is_empty())
}

fn failed(out: &mut Read, name: &str, summary: &Value) {
    let of = |path: &str| summary.pointer(path).and_then(|v| number(Some(v)));
    let evidence = || Evidence::new("constraint", "", "failed").method(name.to_owned());
    let missing = || of("/null").zip(of("/n")).map(|(null, n)| null / n.max(1.0));
    let nulls = column(name, " has no missing values").or_else(|| {
        name.strip_prefix("null percentage of ")
            .or_else(|| name.strip_prefix("null values of "))
            .and_then(|rest| column(rest, " lower than"))
    });
    if let Some(column) = nulls {
        let share = missing();
        let (code, severity) = match share.and_then(|s| by_size(s, [0.0, 0.5, 0.9])) {
            Some(severity) if severity >= Severity::Medium => ("high_missing_rate", severity),
            _ => ("check_failed", share.and_then(|s| by_size(s, [0.0, 0.05, 2.0])).unwrap_or(Severity::Low)),
        };
        let what = share.map_or_else(|| "holds missing values".to_owned(), |s| format!("is missing in {}", percent(s)));
        let evidence =
            share.map_or_else(evidence, |s| Evidence::new("missing_rate", "", s).unit("share").method(name.to_owned()));
        return out.column(column, code, severity, what, evidence);
    }
    for words in [" greater than number ", " smaller than number ", " is in range [", " is non negative"] {
        if let Some(column) = column(name, words) {
            // An extreme far beyond the 99 % that lie within is a slip; one just beyond a bound may be none.
            let far = of("/max")
                .zip(of("/q_99"))
                .zip(of("/median"))
                .is_some_and(|((max, q99), median)| max - median > 5.0 * (q99 - median))
                || of("/min")
                    .zip(of("/q_01"))
                    .zip(of("/median"))
                    .is_some_and(|((min, q01), median)| median - min > 5.0 * (median - q01));
            let severity = if far { Severity::Medium } else { Severity::Low };
            return out.column(column, "outliers", severity, format!("does not hold: {name}"), evidence());
        }
    }
    for words in [" mean between ", " standard deviation between ", "-th quantile value between "] {
        if let Some(column) = column(name, words) {
            let column = column.rsplit_once(' ').filter(|_| words.starts_with("-th")).map_or(column, |(column, _)| column);
            return out.column(column, "covariate_shift", Severity::Low, format!("does not hold: {name}"), evidence());
        }
    }
    if let Some(column) = column(name, " distinct values estimate between ") {
        let constant = of("/est").is_some_and(|est| est < 1.5);
        let (code, severity) = if constant { ("constant_column", Severity::Medium) } else { ("check_failed", Severity::Low) };
        return out.column(column, code, severity, format!("does not hold: {name}"), evidence());
    }
    if let Some(column) = column(name, " values in set ")
        .or_else(|| column(name, "-most common items in set ").and_then(|c| c.rsplit_once(' ')).map(|(c, _)| c))
    {
        return out.column(column, "unseen_categories", Severity::Medium, "holds values outside its set", evidence());
    }
    if let Some(column) = column(name, " is probably unique") {
        return out.column(column, "check_failed", Severity::Low, "repeats values that should be unique", evidence());
    }
    for words in [" is nullable ", " types count non-zero for ", " allows for types "] {
        if let Some(column) = column(name, words) {
            let kinds = ["integral", "fractional", "boolean", "string", "object"]
                .iter()
                .filter(|kind| of(&format!("/{kind}")).is_some_and(|n| n > 0.0))
                .count();
            let text = of("/string").is_some_and(|n| n > 0.0);
            return match kinds {
                2.. if text => out.column(column, "mixed_types", Severity::Medium, "holds text among its numbers", evidence()),
                _ => out.column(column, "schema_skew", Severity::Low, format!("does not hold: {name}"), evidence()),
            };
        }
    }
    out.about(&format!("check:{name}"), "check_failed", Severity::Medium, format!("{name} fails"), evidence());
}
