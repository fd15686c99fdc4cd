//! Great Expectations 0.18 and 1.x: suites, checkpoints, single expectations and `describe()`. Map
//! expectations say which share of the values is unexpected; aggregate ones what was observed and which
//! bounds were given.

use deepfix_model::{Evidence, Severity};
use serde_json::Value;

use super::{Read, by_size, folded, is_blank, is_numeric, is_sentinel, most, number, percent, shown};

pub(super) fn read(value: &Value) -> Option<Read> {
    let mut results = Vec::new();
    if let Some(runs) = value.get("run_results").and_then(Value::as_object) {
        for run in runs.values() {
            collect(run.get("validation_result").unwrap_or(run), &mut results);
        }
    } else if let Some(runs) = value.get("validation_results").and_then(Value::as_array) {
        for run in runs {
            results.extend(run.get("expectations").and_then(Value::as_array).into_iter().flatten());
        }
    } else if value.get("expectation_config").is_some() && value.get("success").is_some() {
        results.push(value);
    } else {
        collect(value, &mut results);
    }
    let ours = |result: &&Value| result.get("expectation_config").is_some() || result.get("expectation_type").is_some();
    if !most(&results, ours) {
        return None;
    }
    let mut out = Read::new("Great Expectations");
    out.results = results.len();
    for (i, result) in results.into_iter().enumerate() {
        if ours(&result) {
            one(&mut out, result);
        } else {
            out.odd(i);
        }
    }
    Some(out)
}

fn collect<'a>(suite: &'a Value, results: &mut Vec<&'a Value>) {
    results.extend(suite.get("results").and_then(Value::as_array).into_iter().flatten());
}

/// The message of an exception, which hangs under the result or under a metric.
fn exception(result: &Value) -> Option<String> {
    let info = result.get("exception_info")?.as_object()?;
    let of = |info: &serde_json::Map<String, Value>| {
        (info.get("raised_exception") == Some(&Value::Bool(true)))
            .then(|| info.get("exception_message").map_or_else(String::new, shown))
    };
    of(info).or_else(|| info.values().filter_map(Value::as_object).find_map(of))
}

struct Expectation<'a> {
    name: &'a str,
    kwargs: &'a Value,
    result: &'a Value,
    /// Severity it may have at most, by its own word.
    cap: Severity,
}

impl Expectation<'_> {
    fn share(&self) -> Option<f64> {
        number(self.result.get("unexpected_percent")).map(|p| p / 100.0)
    }

    fn observed(&self) -> Option<f64> {
        number(self.result.get("observed_value"))
    }

    fn unexpected(&self) -> Vec<&Value> {
        self.result.get("partial_unexpected_list").and_then(Value::as_array).into_iter().flatten().collect()
    }

    fn evidence(&self, measure: &str, value: impl Into<deepfix_model::Scalar>) -> Evidence {
        let mut bounds: Vec<String> = self
            .kwargs
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(key, _)| !matches!(key.as_str(), "column" | "batch_id"))
            .map(|(key, value)| format!("{key} {}", shown(value)))
            .collect();
        bounds.sort();
        let bounds = if bounds.is_empty() { "no bounds".to_owned() } else { bounds.join(", ") };
        let mut examples: Vec<String> = self.unexpected().iter().map(|v| shown(v)).collect();
        examples.dedup();
        examples.truncate(5);
        let source = match (self.result.get("element_count"), &examples[..]) {
            (Some(n), []) => format!("of {} values; {bounds}", shown(n)),
            (Some(n), some) => format!("of {} values; for instance {}", shown(n), some.join(", ")),
            (None, _) => format!("expected {bounds}"),
        };
        Evidence::new(measure, "", value).method(format!("{} with {bounds}", self.name)).source(source)
    }
}

fn one(out: &mut Read, result: &Value) {
    let config = result.get("expectation_config").unwrap_or(result);
    let Some(name) = ["type", "expectation_type"].iter().find_map(|key| config.get(*key)).and_then(Value::as_str) else { return };
    let kwargs = config.get("kwargs").unwrap_or(&Value::Null);
    let column = kwargs.get("column").and_then(Value::as_str);
    if let Some(message) = exception(result) {
        match column.filter(|_| message.contains("does not exist") || message.contains("not found")) {
            Some(column) => out.column(
                column,
                "schema_skew",
                Severity::High,
                "is expected and not there",
                Evidence::new("exception", "", message.as_str()).method(name.to_owned()),
            ),
            None => out.broken.push((name.to_owned(), message)),
        }
        return;
    }
    if result.get("success") != Some(&Value::Bool(false)) {
        return;
    }
    let cap = match config.get("severity").and_then(Value::as_str) {
        Some("info") => Severity::Low,
        Some("warning") => Severity::Medium,
        _ => Severity::High,
    };
    let expectation = Expectation { name, kwargs, result: result.get("result").unwrap_or(&Value::Null), cap };
    match column {
        Some(column) => of_column(out, &expectation, column),
        None => of_table(out, &expectation),
    }
}

fn of_column(out: &mut Read, e: &Expectation<'_>, column: &str) {
    let kind = e.name.trim_start_matches("expect_column_");
    let share = e.share();
    let say = |out: &mut Read, code: &'static str, severity: Severity, what: String, evidence: Evidence| {
        out.column(column, code, severity.min(e.cap), what, evidence);
    };
    let unexpected = |share: f64| e.evidence("unexpected_share", share).versus("<=", 0.0).unit("share");
    match kind {
        "values_to_not_be_null" | "proportion_of_non_null_values_to_be_between" => {
            let missing = share.or_else(|| e.observed().map(|present| 1.0 - present)).unwrap_or(0.0);
            let evidence = e.evidence("missing_rate", missing).unit("share");
            let what = format!("is missing in {}", percent(missing));
            match by_size(missing, [0.0, 0.5, 0.9]) {
                Some(severity) if severity >= Severity::Medium => say(out, "high_missing_rate", severity, what, evidence),
                _ => say(out, "check_failed", by_size(missing, [0.0, 0.05, 2.0]).unwrap_or(Severity::Low), what, evidence),
            }
        }
        "values_to_be_between" | "values_to_not_be_outliers" | "value_z_scores_to_be_less_than" => {
            let share = share.unwrap_or(0.0);
            let counts = e.result.get("partial_unexpected_counts").and_then(Value::as_array);
            let sentinel = counts.into_iter().flatten().find_map(|c| {
                let value = number(c.get("value"))?;
                (number(c.get("count"))? >= 3.0 && is_sentinel(value)).then_some(value)
            });
            match sentinel {
                Some(value) => say(
                    out,
                    "sentinel_values",
                    Severity::Medium,
                    format!("repeats {value}, which stands for missing"),
                    unexpected(share),
                ),
                None => {
                    let severity = by_size(share, [0.0, 0.005, 0.05]).unwrap_or(Severity::Low);
                    say(out, "outliers", severity, format!("lies outside its bounds in {}", percent(share)), unexpected(share));
                }
            }
        }
        "min_to_be_between" | "max_to_be_between" => {
            let observed = e.result.get("observed_value").map_or_else(String::new, shown);
            say(out, "outliers", Severity::Low, format!("reaches {observed}"), e.evidence("observed", observed.as_str()));
        }
        "values_to_be_in_set" | "distinct_values_to_be_in_set" | "distinct_values_to_equal_set" => in_set(out, e, column),
        "values_to_be_unique" => {
            let share = share.unwrap_or(0.0);
            let lower = column.to_lowercase();
            let identifies = ["id", "uuid", "key"].iter().any(|word| lower == *word || lower.ends_with(&format!("_{word}")));
            let (code, severity) =
                if identifies { ("duplicate_rows", Severity::Medium) } else { ("check_failed", Severity::Low) };
            say(out, code, severity, format!("repeats values in {}", percent(share)), unexpected(share));
        }
        "unique_value_count_to_be_between" if e.observed() == Some(1.0) => {
            say(out, "constant_column", Severity::Medium, "holds a single value".to_owned(), e.evidence("distinct_values", 1.0));
        }
        "values_to_be_of_type" | "values_to_be_in_type_list" | "type_to_be" => {
            let observed = e.result.get("observed_value").map_or_else(String::new, shown);
            let expected = e.kwargs.get("type_").or_else(|| e.kwargs.get("type_list")).map_or_else(String::new, shown);
            let severity = if is_numeric(&observed) == is_numeric(&expected) { Severity::Low } else { Severity::High };
            let what = if observed.is_empty() {
                format!("is not of type {expected}")
            } else {
                format!("is {observed}, expected is {expected}")
            };
            match share.filter(|s| *s > 0.0 && *s < 0.5) {
                Some(share) => say(out, "mixed_types", Severity::Medium, what, unexpected(share)),
                None => say(out, "schema_skew", severity, what, e.evidence("observed_type", observed.as_str())),
            }
        }
        "value_lengths_to_be_between" | "value_lengths_to_equal" => {
            let share = share.unwrap_or(0.0);
            let severity = by_size(share, [0.0, 0.05, 2.0]).unwrap_or(Severity::Low);
            say(out, "outliers", severity, format!("has texts of other lengths in {}", percent(share)), unexpected(share));
        }
        "mean_to_be_between" | "median_to_be_between" | "stdev_to_be_between" | "sum_to_be_between" => {
            let (Some(observed), low, high) =
                (e.observed(), number(e.kwargs.get("min_value")), number(e.kwargs.get("max_value")))
            else {
                return;
            };
            let outside = low.map_or(0.0, |low| low - observed).max(high.map_or(0.0, |high| observed - high));
            let width = low.zip(high).map_or(observed.abs(), |(low, high)| high - low).max(1e-300);
            let severity = by_size(outside / width, [0.0, 0.25, 1.0]).unwrap_or(Severity::Low);
            let statistic = kind.trim_end_matches("_to_be_between");
            let what = format!("has a {statistic} of {observed}, outside its bounds");
            let evidence = e.evidence("distance_over_width_of_bounds", outside / width).versus("<=", 0.0);
            say(out, "covariate_shift", severity, what, evidence);
        }
        "kl_divergence_to_be_less_than" => {
            let observed = e.observed();
            let severity = observed.and_then(|kl| by_size(kl, [0.0, 0.1, 0.3])).unwrap_or(Severity::Medium);
            let what = "is distributed otherwise than expected".to_owned();
            let evidence = match observed {
                Some(kl) => e.evidence("kl_divergence", kl).unit("nat"),
                None => e.evidence("kl_divergence", "infinite: a value that was not expected"),
            };
            say(out, "covariate_shift", severity, what, evidence);
        }
        "to_exist" => say(out, "schema_skew", Severity::High, "is expected and not there".to_owned(), e.evidence("exists", "no")),
        _ => {
            let severity = share.map_or(Severity::Medium, |s| by_size(s, [0.0, 0.01, 0.1]).unwrap_or(Severity::Low));
            let what = share.map_or_else(|| format!("fails {}", e.name), |s| format!("fails {} in {}", e.name, percent(s)));
            let evidence = match share {
                Some(share) => unexpected(share),
                None => e.evidence("observed", e.result.get("observed_value").map_or_else(|| "failed".to_owned(), shown)),
            };
            say(out, "check_failed", severity.min(Severity::Medium), what, evidence);
        }
    }
}

/// Values outside a set: other spellings of its members, spellings of missing, or new categories.
fn in_set(out: &mut Read, e: &Expectation<'_>, column: &str) {
    let known: Vec<String> =
        e.kwargs.get("value_set").and_then(Value::as_array).into_iter().flatten().map(|v| folded(&shown(v))).collect();
    let observed: Vec<String> = match e.unexpected() {
        list if !list.is_empty() => list.iter().map(|v| shown(v)).collect(),
        _ => {
            let observed = e.result.get("observed_value").and_then(Value::as_array);
            let plain: Vec<String> =
                e.kwargs.get("value_set").and_then(Value::as_array).into_iter().flatten().map(shown).collect();
            observed.into_iter().flatten().map(shown).filter(|v| !plain.contains(v)).collect()
        }
    };
    let share = e.share();
    let severity = share.map_or(Severity::Medium, |s| by_size(s, [0.0, 0.01, 0.1]).unwrap_or(Severity::Low));
    let (code, what) = if !observed.is_empty() && observed.iter().all(|v| is_blank(v)) {
        ("mixed_nulls", "spells missing values as words")
    } else if !observed.is_empty() && observed.iter().all(|v| known.contains(&folded(v))) {
        ("category_variants", "writes known categories in another way")
    } else {
        ("unseen_categories", "holds values outside its set")
    };
    let evidence = match share {
        Some(share) => e.evidence("unexpected_share", share).versus("<=", 0.0).unit("share"),
        None => e.evidence("unexpected_values", observed.iter().take(5).cloned().collect::<Vec<_>>().join(", ")),
    };
    out.column(column, code, severity.min(e.cap), what, evidence);
}

fn of_table(out: &mut Read, e: &Expectation<'_>) {
    match e.name {
        "expect_compound_columns_to_be_unique" => {
            let share = e.share().unwrap_or(0.0);
            let severity = by_size(share, [0.0, 0.05, 0.2]).unwrap_or(Severity::Low).min(e.cap);
            out.about(
                "rows",
                "duplicate_rows",
                severity,
                format!("{} of the rows repeat", percent(share)),
                e.evidence("unexpected_share", share).unit("share"),
            );
        }
        "expect_table_columns_to_match_set" | "expect_table_columns_to_match_ordered_list" => {
            let list = |value: Option<&Value>| -> Vec<String> {
                value.and_then(Value::as_array).into_iter().flatten().map(shown).collect()
            };
            let (found, wanted) =
                (list(e.result.get("observed_value")), list(e.kwargs.get("column_set").or_else(|| e.kwargs.get("column_list"))));
            let missing = wanted.iter().filter(|c| !found.contains(c)).map(|c| (c, Severity::High, "is expected and not there"));
            let extra = found.iter().filter(|c| !wanted.contains(c)).map(|c| (c, Severity::Low, "is there and not expected"));
            for (column, severity, what) in missing.chain(extra) {
                out.column(column, "schema_skew", severity.min(e.cap), what, e.evidence("columns", found.len()));
            }
        }
        "expect_table_row_count_to_be_between" | "expect_table_row_count_to_equal" => {
            let (Some(rows), least) = (e.observed(), number(e.kwargs.get("min_value").or_else(|| e.kwargs.get("value")))) else {
                return;
            };
            let evidence = e.evidence("rows", rows).unit("rows");
            match least.filter(|least| rows < *least) {
                Some(least) => {
                    let severity = by_size(1.0 - rows / least, [0.0, 0.5, 0.9]).unwrap_or(Severity::Low).min(e.cap);
                    out.about("rows", "too_few_rows", severity, format!("{rows} rows, at least {least} are expected"), evidence);
                }
                None => out.about(
                    &format!("check:{}", e.name),
                    "check_failed",
                    Severity::Low,
                    format!("{rows} rows, fewer are expected"),
                    evidence,
                ),
            }
        }
        "expect_table_column_count_to_equal" | "expect_table_column_count_to_be_between" => {
            let columns = e.observed().unwrap_or(0.0);
            out.about(
                "split",
                "schema_skew",
                Severity::Medium.min(e.cap),
                format!("{columns} columns, which is not the number expected"),
                e.evidence("columns", columns),
            );
        }
        _ => {
            let share = e.share();
            let severity = share.map_or(Severity::Medium, |s| by_size(s, [0.0, 0.01, 2.0]).unwrap_or(Severity::Low)).min(e.cap);
            let evidence = match share {
                Some(share) => e.evidence("unexpected_share", share).unit("share"),
                None => e.evidence("observed", e.result.get("observed_value").map_or_else(|| "failed".to_owned(), shown)),
            };
            out.about(&format!("check:{}", e.name), "check_failed", severity, format!("{} fails", e.name), evidence);
        }
    }
}
