//! Evidently: reports and test suites of 0.2 to 0.6 (and `evidently.legacy`), reports of 0.7. Its tests
//! compare with a tenth around the reference, or with a p-value; what a result means to us is judged by its
//! size: by the distances themselves, by counts and histograms where they are given, and by the p-value of
//! the two-sample KS test turned back into a distance where the rows are known.

mod drift;
mod newest;
mod report;
mod sizes;
mod suite;

use deepfix_model::Split;
use serde_json::Value;

use super::{Read, most};

pub(super) fn read(value: &Value) -> Option<Read> {
    let list = |key: &str| value.get(key).and_then(Value::as_array);
    let (metrics, tests) = (list("metrics"), list("tests"));
    let has = |item: &Value, keys: &[&str]| keys.iter().all(|key| item.get(*key).is_some());
    let mut out = Read::new("Evidently");
    // The list, without its odd entries, when most of it has the keys of a form.
    let mut form = |items: Option<&'_ Vec<Value>>, keys: &[&str]| -> Option<Vec<Value>> {
        let items = items.filter(|items| most(items, |item| has(item, keys)))?;
        items.iter().enumerate().filter(|(_, item)| !has(item, keys)).for_each(|(i, _)| out.odd(i));
        Some(items.iter().filter(|item| has(item, keys)).cloned().collect())
    };
    if let Some(items) = form(metrics, &["metric", "result"]) {
        report::read(&mut out, &items);
    } else if let Some(items) = form(tests, &["name", "status", "parameters"]) {
        suite::read(&mut out, &items);
    } else if let Some(items) = form(metrics, &["id", "value"]) {
        newest::read(&mut out, &items, tests.map_or(&[], Vec::as_slice));
    } else {
        return None;
    }
    // Single-data tests look at the current data, comparisons at both.
    for said in &mut out.said {
        let both =
            matches!(said.code, "covariate_shift" | "label_shift" | "null_rate_shift" | "unseen_categories" | "performance_drop");
        said.split = Some(if both { Split::Both } else { Split::Test });
    }
    Some(out)
}
