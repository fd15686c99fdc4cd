//! Check results of either form as one shape.

use deepfix_model::Split;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

/// Most results read; suites hold some dozens.
const MANY: usize = 10_000;

/// How a condition ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Pass,
    Warn,
    Fail,
    /// The condition itself broke.
    Error,
}

/// One condition of a check.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    pub(crate) status: Status,
    pub(crate) text: String,
    pub(crate) more_info: String,
}

/// One check.
#[derive(Debug, Clone)]
pub(crate) struct CheckResult {
    /// Name of the check, without suffixes.
    pub(crate) check: String,
    /// As shown, with " - Train Dataset" where it ran on one split.
    pub(crate) header: String,
    pub(crate) split: Option<Split>,
    pub(crate) value: Value,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) could_not_run: Option<String>,
}

/// The SDK's form with every `value` left unread: most are large tables that only failed conditions
/// need.
#[derive(Deserialize)]
struct Sdk<'a> {
    #[serde(borrow)]
    results: std::collections::BTreeMap<String, Vec<SdkEntry<'a>>>,
}

#[derive(Deserialize)]
struct SdkEntry<'a> {
    header: String,
    #[serde(borrow)]
    result: SdkResult<'a>,
}

#[derive(Deserialize)]
struct SdkResult<'a> {
    check: String,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    #[serde(default)]
    conditions_results: Option<Vec<Value>>,
}

/// Reads the SDK's form fast; `None` when it is any other, or holds what JSON does not.
pub(crate) fn read_sdk(bytes: &[u8]) -> Option<Vec<CheckResult>> {
    let sdk: Sdk<'_> = serde_json::from_slice(bytes).ok()?;
    let mut out = Vec::new();
    for entry in sdk.results.into_values().flatten() {
        let (_, split) = without_suffix(&entry.header);
        let conditions: Vec<Condition> =
            entry.result.conditions_results.into_iter().flatten().filter_map(|c| condition(&c)).collect();
        let failed = conditions.iter().any(|c| matches!(c.status, Status::Fail | Status::Warn));
        let check = entry.result.check.as_str();
        let needed = failed || crate::values::is_always_read(check) || conditions.is_empty() && crate::values::is_judged(check);
        let value = entry.result.value.filter(|_| needed).and_then(|raw| serde_json::from_str(raw.get()).ok());
        out.push(CheckResult {
            check: entry.result.check,
            split,
            value: value.unwrap_or(Value::Null),
            conditions,
            could_not_run: None,
            header: entry.header,
        });
    }
    (1..=MANY).contains(&out.len()).then_some(out)
}

/// Reads the SDK's form (`results: {suite: [{header, result}]}`), Deepchecks' own suite
/// (`results: [check]`), a list of checks, or one check.
pub(crate) fn read(value: &Value) -> Result<Vec<CheckResult>, String> {
    let mut out = Vec::new();
    match value.get("results").unwrap_or(value) {
        Value::Object(suites) if value.get("results").is_some() => {
            for suite in suites.values() {
                suite.as_array().into_iter().flatten().for_each(|entry| out.extend(one(entry)));
            }
        }
        Value::Array(entries) => entries.iter().for_each(|entry| out.extend(one(entry))),
        Value::Object(_) => out.extend(one(value)),
        _ => {}
    }
    if out.is_empty() {
        return Err("no check is in it; expected are the SDK's {\"results\": {suite: […]}} or what SuiteResult.to_json() writes"
            .to_owned());
    }
    if out.len() > MANY {
        return Err(format!("{} checks are over the limit of {MANY}", out.len()));
    }
    Ok(out)
}

fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(s) => Some(s.clone()),
        Value::Null => None,
        other => Some(other.to_string()),
    }
}

fn one(entry: &Value) -> Option<CheckResult> {
    let result = entry.get("result").unwrap_or(entry);
    let check = match result.get("check") {
        Some(Value::Object(check)) => text(check.get("name")),
        other => text(other),
    };
    let header = text(entry.get("header")).or_else(|| text(result.get("header"))).or_else(|| check.clone())?;
    let (bare, split) = without_suffix(&header);
    let conditions: Vec<Condition> =
        result.get("conditions_results").and_then(Value::as_array).into_iter().flatten().filter_map(condition).collect();
    let exception = text(result.get("exception"));
    Some(CheckResult {
        check: check.unwrap_or_else(|| bare.to_owned()),
        split,
        value: result.get("value").cloned().unwrap_or(Value::Null),
        conditions,
        could_not_run: exception,
        header,
    })
}

fn without_suffix(header: &str) -> (&str, Option<Split>) {
    for (suffix, split) in [(" - Train Dataset", Split::Train), (" - Test Dataset", Split::Test)] {
        if let Some(bare) = header.strip_suffix(suffix) {
            return (bare, Some(split));
        }
    }
    (header, None)
}

/// The SDK writes lower-case keys, Deepchecks `Status`, `Condition`, `More Info`.
fn condition(value: &Value) -> Option<Condition> {
    let get = |names: [&str; 2]| names.iter().find_map(|n| text(value.get(*n)));
    let status = get(["status", "Status"])?.to_uppercase();
    let status = match status.rsplit('.').next().unwrap_or_default() {
        "PASS" => Status::Pass,
        "WARN" | "WARNING" => Status::Warn,
        "FAIL" => Status::Fail,
        _ => Status::Error,
    };
    Some(Condition {
        status,
        text: get(["condition", "Condition"]).unwrap_or_default(),
        more_info: get(["more_info", "More Info"]).unwrap_or_default(),
    })
}
