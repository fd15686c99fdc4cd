//! What of a body is not as the SDK's own server would take it, in the shape its clients read:
//! `{"type", "loc", "msg", "input"}` for each field. Only what can be told from the body's outline is looked at.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

/// Largest value that is shown as the input of an error.
const SHOWN: usize = 200;

/// One wrong field.
pub(super) fn wrong(kind: &str, loc: &[&str], msg: &str, input: Option<&RawValue>) -> Value {
    let input: Value = input
        .filter(|raw| raw.get().len() <= SHOWN)
        .and_then(|raw| serde_json::from_str(raw.get()).ok())
        .unwrap_or_else(|| json!({}));
    let loc: Vec<&str> = std::iter::once("body").chain(loc.iter().copied()).collect();
    json!({ "type": kind, "loc": loc, "msg": msg, "input": input })
}

fn is_null(raw: &RawValue) -> bool {
    raw.get() == "null"
}

/// The text of an optional field; `null` is none.
pub(super) fn text(raw: Option<&RawValue>, loc: &[&str], errors: &mut Vec<Value>) -> Option<String> {
    let raw = raw.filter(|raw| !is_null(raw))?;
    let read = serde_json::from_str(raw.get()).ok();
    if read.is_none() {
        errors.push(wrong("string_type", loc, "Input should be a valid string", Some(raw)));
    }
    read
}

/// Whether a field is a truth value, or what pydantic takes for one.
pub(super) fn flag(raw: Option<&RawValue>, loc: &[&str], errors: &mut Vec<Value>) {
    let Some(raw) = raw.filter(|raw| !is_null(raw)) else { return };
    let word = raw.get().trim_matches('"').to_lowercase();
    if !["true", "false", "1", "0", "yes", "no", "on", "off", "t", "f", "y", "n"].contains(&word.as_str()) {
        errors.push(wrong("bool_type", loc, "Input should be a valid boolean", Some(raw)));
    }
}

/// Whether a field is an object or `null`.
pub(super) fn object(raw: Option<&RawValue>, loc: &[&str], errors: &mut Vec<Value>) {
    if let Some(raw) = raw.filter(|raw| !is_null(raw) && !raw.get().starts_with('{')) {
        errors.push(wrong("dict_type", loc, "Input should be a valid dictionary", Some(raw)));
    }
}

/// What a part says of itself, each as it stands; the rest of it is the agent's.
#[derive(Deserialize, Default)]
pub(super) struct Outline<'a> {
    #[serde(borrow, default)]
    dataset_name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    task_type: Option<&'a RawValue>,
    #[serde(borrow, default)]
    train_statistics: Option<&'a RawValue>,
    #[serde(borrow, default)]
    test_statistics: Option<&'a RawValue>,
    #[serde(borrow, default)]
    results: Option<&'a RawValue>,
    #[serde(borrow, default)]
    model_name: Option<&'a RawValue>,
}

impl<'a> Outline<'a> {
    /// The outline of a part; nothing of one that is no object.
    pub(super) fn of(part: Option<&'a RawValue>) -> Self {
        part.filter(|raw| raw.get().starts_with('{')).and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
    }

    pub(super) fn dataset_name(&self) -> Option<Cow<'a, str>> {
        word(self.dataset_name)
    }

    pub(super) fn model_name(&self) -> Option<Cow<'a, str>> {
        word(self.model_name)
    }

    pub(super) fn task_type(&self) -> Option<Cow<'a, str>> {
        word(self.task_type)
    }
}

/// A text; of another type it is none, which is said where it matters.
fn word(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok())
}

/// The Deepchecks part: a name and its suites are required.
pub(super) fn deepchecks(part: Option<&RawValue>, outline: &Outline<'_>, errors: &mut Vec<Value>) {
    const PART: &str = "deepchecks_artifacts";
    let Some(part) = part.filter(|raw| raw.get().starts_with('{')) else { return };
    for (name, value) in [("dataset_name", outline.dataset_name), ("results", outline.results)] {
        if value.is_none() {
            errors.push(wrong("missing", &[PART, name], "Field required", Some(part)));
        }
    }
    if outline.dataset_name.is_some_and(|raw| !raw.get().starts_with('"')) {
        errors.push(wrong("string_type", &[PART, "dataset_name"], "Input should be a valid string", outline.dataset_name));
    }
    text(outline.model_name, &[PART, "model_name"], errors);
    if outline.results.is_some_and(|raw| !raw.get().starts_with('{')) {
        errors.push(wrong("dict_type", &[PART, "results"], "Input should be a valid dictionary", outline.results));
    }
}

/// Why the dataset part cannot be decoded. The SDK's server takes any object at first and fails on decoding it.
pub(super) fn undecodable(part: Option<&RawValue>, outline: &Outline<'_>) -> Option<String> {
    part.filter(|raw| raw.get().starts_with('{'))?;
    let kinds = [
        ("dataset_name", outline.dataset_name, '"'),
        ("task_type", outline.task_type, '"'),
        ("train_statistics", outline.train_statistics, '{'),
    ];
    for (name, value, begins) in kinds {
        match value {
            None => return Some(format!("dataset_artifacts.{name} is missing")),
            Some(raw) if !raw.get().starts_with(begins) => {
                let wanted = if begins == '{' { "an object" } else { "a string" };
                return Some(format!("dataset_artifacts.{name} is not {wanted}"));
            }
            Some(_) => {}
        }
    }
    let test = outline.test_statistics.filter(|raw| !is_null(raw) && !raw.get().starts_with('{'));
    test.map(|_| "dataset_artifacts.test_statistics is not an object".to_owned())
}
