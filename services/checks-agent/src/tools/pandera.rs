//! pandera: the JSON of `SchemaErrors.message` (0.19 and later), and the frame of failure cases as JSON or
//! CSV, which has one row per cell. Neither says how many rows there were, so counts are absolute.

use std::collections::{BTreeMap, BTreeSet};

use deepfix_model::{Evidence, Severity};
use serde_json::Value;

use super::{Read, is_numeric, is_sentinel, most, shown};

pub(super) fn read(value: &Value) -> Option<Read> {
    message(value).or_else(|| cases(value))
}

fn message(value: &Value) -> Option<Read> {
    let groups = value.as_object()?;
    if groups.is_empty() || !groups.keys().all(|k| matches!(k.as_str(), "SCHEMA" | "DATA" | "ERROR")) {
        return None;
    }
    let mut out = Read::new("pandera");
    for reasons in groups.values().filter_map(Value::as_object) {
        for (reason, items) in reasons {
            for item in items.as_array().into_iter().flatten() {
                out.results += 1;
                let get = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default();
                let (schema, column, check, error) = (get("schema"), get("column"), get("check"), get("error"));
                // Of checks on the whole frame the column is the schema's name.
                let column = if column == schema { quoted(error) } else { column.to_owned() };
                said(&mut out, reason, &column, check, error, None);
            }
        }
    }
    Some(out)
}

/// The first name in single quotes.
fn quoted(text: &str) -> String {
    text.split('\'').nth(1).unwrap_or_default().to_owned()
}

#[derive(Default)]
struct Case {
    rows: BTreeSet<String>,
    cells: usize,
    examples: Vec<String>,
}

fn cases(value: &Value) -> Option<Read> {
    let records: Vec<BTreeMap<String, String>> = match value {
        Value::Array(rows) => rows
            .iter()
            .map(|row| {
                row.as_object().into_iter().flatten().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), shown(v))).collect()
            })
            .collect(),
        // pandas' own orientation: columns of rows.
        Value::Object(columns) if columns.contains_key("failure_case") => {
            let mut rows: BTreeMap<&String, BTreeMap<String, String>> = BTreeMap::new();
            for (name, cells) in columns {
                for (row, cell) in cells.as_object().into_iter().flatten().filter(|(_, cell)| !cell.is_null()) {
                    rows.entry(row).or_default().insert(name.clone(), shown(cell));
                }
            }
            rows.into_values().collect()
        }
        _ => return None,
    };
    of_records(records)
}

pub(super) fn read_csv(text: &[u8]) -> Option<Read> {
    if !text.windows(12).take(400).any(|w| w == b"failure_case") {
        return None;
    }
    let mut reader = csv::Reader::from_reader(text);
    let header: Vec<String> = reader.headers().ok()?.iter().map(str::to_owned).collect();
    let records = reader
        .records()
        .take(1_000_000)
        .filter_map(Result::ok)
        .map(|row| header.iter().cloned().zip(row.iter().map(str::to_owned)).filter(|(_, cell)| !cell.is_empty()).collect())
        .collect();
    of_records(records)
}

fn of_records(records: Vec<BTreeMap<String, String>>) -> Option<Read> {
    let known = |row: &BTreeMap<String, String>| row.contains_key("check") && row.contains_key("schema_context");
    if !most(&records, known) {
        return None;
    }
    let mut out = Read::new("pandera");
    records.iter().enumerate().filter(|(_, row)| !known(row)).for_each(|(i, _)| out.odd(i));
    let mut groups: BTreeMap<(String, String), Case> = BTreeMap::new();
    for row in records.into_iter().filter(known) {
        let get = |key: &str| row.get(key).cloned().unwrap_or_default();
        let context = get("schema_context");
        let check = get("check");
        // A check of whole rows lists every column of each; a missing column is the case itself.
        let column = match check.as_str() {
            "column_in_dataframe" | "column_in_schema" => get("failure_case"),
            _ if context == "Column" => get("column"),
            _ => String::new(),
        };
        let case = groups.entry((column, check)).or_default();
        case.cells += 1;
        case.rows.insert(get("index"));
        if case.examples.len() < 5 {
            case.examples.push(get("failure_case"));
        }
    }
    out.results = groups.len();
    for ((column, check), case) in groups {
        let reason = match check.as_str() {
            "column_in_dataframe" => "COLUMN_NOT_IN_DATAFRAME",
            "column_in_schema" => "COLUMN_NOT_IN_SCHEMA",
            "not_nullable" => "SERIES_CONTAINS_NULLS",
            "field_uniqueness" => "SERIES_CONTAINS_DUPLICATES",
            "multiple_fields_uniqueness" => "DUPLICATES",
            check if check.starts_with("dtype(") => "WRONG_DATATYPE",
            check if check.starts_with("coerce_dtype(") => "DATATYPE_COERCION",
            _ => "DATAFRAME_CHECK",
        };
        let error = case.examples.join(", ");
        said(&mut out, reason, &column, &check, &error, Some(case.rows.len()));
    }
    Some(out)
}

fn said(out: &mut Read, reason: &str, column: &str, check: &str, error: &str, rows: Option<usize>) {
    let text: String = error.chars().take(300).collect();
    let evidence = match rows {
        Some(rows) => Evidence::new("failing_rows", "", rows).versus(">", 0.0).unit("rows").source(text),
        None => Evidence::new("error", "", text),
    }
    .method(format!("{check} ({reason})"));
    let counted = |few: Severity| if rows.is_some_and(|rows| rows < 10) { Severity::Low } else { few };
    let mut say = |code: &'static str, severity: Severity, what: String| {
        if column.is_empty() {
            out.about(if code == "duplicate_rows" { "rows" } else { "split" }, code, severity, what, evidence.clone());
        } else {
            out.column(column, code, severity, what, evidence.clone());
        }
    };
    match reason {
        "COLUMN_NOT_IN_DATAFRAME" | "INVALID_COLUMN_NAME" | "ADD_MISSING_COLUMN_NO_DEFAULT" => {
            say("schema_skew", Severity::High, "is expected and not there".to_owned());
        }
        "COLUMN_NOT_IN_SCHEMA" => say("schema_skew", Severity::Low, "is there and not expected".to_owned()),
        "COLUMN_NOT_ORDERED" | "WRONG_FIELD_NAME" | "MISMATCH_INDEX" => {
            say("schema_skew", Severity::Low, "stands in another place or under another name".to_owned());
        }
        "DUPLICATE_COLUMN_LABELS" => say("schema_skew", Severity::Medium, "is the name of two columns".to_owned()),
        "WRONG_DATATYPE" | "INVALID_TYPE" => {
            let got = error.rsplit("got ").next().unwrap_or_default();
            let severity = if is_numeric(check) == is_numeric(got) { Severity::Low } else { Severity::High };
            say("schema_skew", severity, format!("is not of the type expected: {check}"));
        }
        "DATATYPE_COERCION" => say("mixed_types", Severity::Medium, format!("holds cells that are not {check}")),
        "SERIES_CONTAINS_NULLS" => say("check_failed", counted(Severity::Medium), "holds missing values".to_owned()),
        "DUPLICATES" => {
            let severity = counted(Severity::Medium);
            out.about("rows", "duplicate_rows", severity, "rows repeat that should be unique", evidence);
        }
        "SERIES_CONTAINS_DUPLICATES" => {
            let identifies = column.to_lowercase().ends_with("id");
            let code = if identifies { "duplicate_rows" } else { "check_failed" };
            say(code, counted(Severity::Medium), "repeats values that should be unique".to_owned());
        }
        "CHECK_ERROR" | "PARSER_ERROR" | "DATAFRAME_PARSER" | "SERIES_PARSER" | "ERROR" => {
            out.broken.push((check.to_owned(), error.to_owned()));
        }
        _ => {
            let name = check.split('(').next().unwrap_or_default();
            let listed = error.rsplit("failure cases:").next().unwrap_or(error);
            let sentinel = listed.split(',').filter_map(|v| v.trim().parse::<f64>().ok()).any(is_sentinel);
            match name {
                "in_range"
                | "greater_than"
                | "greater_than_or_equal_to"
                | "less_than"
                | "less_than_or_equal_to"
                | "ge"
                | "gt"
                | "le"
                | "lt" => {
                    if sentinel {
                        say("sentinel_values", counted(Severity::Medium), "holds a number that stands for missing".to_owned());
                    } else {
                        say("outliers", counted(Severity::Medium), format!("lies outside {check}"));
                    }
                }
                "isin" | "equal_to" | "unique_values_eq" => {
                    say("unseen_categories", counted(Severity::Medium), format!("holds values outside {name}"))
                }
                "str_length" => say("outliers", Severity::Low, format!("has texts outside {check}")),
                _ if name.contains("ttest") => say("covariate_shift", Severity::Low, format!("fails {check}")),
                _ => say("check_failed", counted(Severity::Medium), format!("fails {check}")),
            }
        }
    }
}
