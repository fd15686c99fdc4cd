//! Faults of single columns that need no label: missing cells, constant columns, and missing rates
//! that differ between splits.

use deepfix_agent::{Analysis, Sink, Stop};
use deepfix_model::{ArtifactKind, BugType, Evidence, Finding, Severity, Split, counted_above};
use rayon::prelude::*;

use super::{Data, artifact, emit, percent};
use crate::stats::rates::two_proportions;

/// What one column of one split looks like.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) name: String,
    pub(crate) split: Split,
    rows: usize,
    missing: usize,
    present: usize,
    distinct: usize,
    top: Option<(String, usize)>,
}

/// Summaries of every column of every split, in order.
pub(crate) fn summarize(data: &Data, cancel: &deepfix_agent::Cancel) -> Vec<Summary> {
    let jobs: Vec<(Split, String)> =
        data.splits().flat_map(|(split, table)| table.names().iter().map(move |name| (split, name.clone()))).collect();
    jobs.into_par_iter()
        .filter(|_| !cancel.is_cancelled())
        .filter_map(|(split, name)| {
            let table = if split == Split::Train { data.train.as_ref() } else { data.test.as_ref() };
            let column = table?.column(&name)?;
            let spread = column.spread();
            Some(Summary {
                name,
                split,
                rows: column.rows(),
                missing: column.missing,
                present: column.present(),
                distinct: spread.distinct,
                top: spread.top.clone(),
            })
        })
        .collect()
}

/// `high_missing_rate`: the share of missing cells is compared with the threshold; confidence
/// grows with the distance, and the rate is exact, so chance plays no part.
pub(crate) fn missing_rate(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, summaries: &[Summary]) -> Result<(), Stop> {
    let (medium, high) = (analysis.threshold("high_missing_rate.medium"), analysis.threshold("high_missing_rate.high"));
    let findings = summaries
        .iter()
        .filter(|s| s.rows >= 20)
        .filter_map(|s| {
            let rate = s.missing as f64 / s.rows as f64;
            if rate < medium {
                return None;
            }
            let severity = if rate >= high { Severity::High } else { Severity::Medium };
            let subject = format!("column:{}", s.name);
            Some(
                Finding::new("high_missing_rate", artifact(s.split), &subject, severity, counted_above(rate, medium, 1.0))
                    .title(format!("column `{}` is {} missing", s.name, percent(rate)))
                    .column(&s.name)
                    .split(s.split)
                    .bug(BugType::Performance)
                    .evidence(
                        Evidence::new("missing_rate", &subject, rate)
                            .versus(">=", medium)
                            .unit("share")
                            .method("cells that are empty or spell out that they are, over all rows")
                            .source(format!("{} of {} rows", s.missing, s.rows)),
                    )
                    .fix(
                        format!("drop `{}`, or keep only whether it is present", s.name),
                        "what is left describes a minority of the rows, and imputing the rest invents a majority",
                    )
                    .step(format!("df[\"{0}_known\"] = df[\"{0}\"].notna()", s.name))
                    .step("find out why it is missing: if that depends on the outcome, its presence leaks the label"),
            )
        })
        .collect();
    emit(analysis, sink, "high_missing_rate", summaries.len(), findings)
}

/// `constant_column`: one value holds (almost) all present cells. Below 100 rows a single value is
/// too easily chance.
pub(crate) fn constant(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, data: &Data, summaries: &[Summary]) -> Result<(), Stop> {
    let limit = analysis.threshold("constant_column.share");
    let findings = summaries
        .iter()
        .filter(|s| data.is_feature(&s.name) && s.rows >= 100 && s.present > 0)
        .filter_map(|s| {
            let (value, count) = s.top.as_ref()?;
            let present = s.present;
            let share = *count as f64 / present as f64;
            // A column that is sometimes missing still says something by that.
            if share < limit || (s.missing > 0 && s.missing * 20 < s.rows * 19 && s.missing * 100 > s.rows) {
                return None;
            }
            if s.split == Split::Test && by_sampling(summaries, s) {
                return None;
            }
            let subject = format!("column:{}", s.name);
            let severity = Severity::Medium;
            // By the rule of three, n rows without another value leave at most 3/n for one.
            let certainty = 1.0 - 3.0 / present as f64;
            let confidence =
                counted_above(share, limit, certainty).max(0.6 + 0.39 * certainty.max(0.0) * f64::from(s.distinct == 1));
            Some(
                Finding::new("constant_column", artifact(s.split), &subject, severity, (confidence * 100.0).round() / 100.0)
                    .title(if s.distinct == 1 {
                        format!("column `{}` is always {value}", s.name)
                    } else {
                        format!("column `{}` is {value} in all but {} of {present} rows", s.name, present - count)
                    })
                    .column(&s.name)
                    .split(s.split)
                    .bug(BugType::Performance)
                    .evidence(
                        Evidence::new("top_value_share", &subject, share)
                            .versus(">=", limit)
                            .unit("share")
                            .method("count of the most frequent value over all present values")
                            .source(format!("value {value} in {count} of {present} rows")),
                    )
                    .evidence(Evidence::new("distinct_values", &subject, s.distinct).unit("values").method("exact count"))
                    .fix(
                        format!("drop `{}`", s.name),
                        "a column that never varies cannot inform a model, and hides a broken join or filter",
                    )
                    .step(format!("df = df.drop(columns=\"{}\")", s.name)),
            )
        })
        .collect();
    emit(analysis, sink, "constant_column", summaries.len(), findings)
}

/// Whether a column that varies a little in train may well be constant in a test of this size.
fn by_sampling(summaries: &[Summary], test: &Summary) -> bool {
    let Some(train) = summaries.iter().find(|s| s.split == Split::Train && s.name == test.name) else { return false };
    let (present, top) = (train.present, train.top.as_ref().map_or(0, |t| t.1));
    let share = top as f64 / present.max(1) as f64;
    // Three standard deviations of the share in a test of this size.
    let spread = 3.0 * (share * (1.0 - share) / test.present.max(1) as f64).sqrt();
    let in_test = test.top.as_ref().map_or(0, |t| t.1) as f64 / test.present.max(1) as f64;
    train.distinct > 1 && in_test <= share + spread
}

/// `null_rate_shift`: missing rates differ by more than the threshold, and by more than chance
/// (two-proportion z-test, Bonferroni over the columns compared).
pub(crate) fn null_rate_shift(
    analysis: &mut Analysis<'_>,
    sink: &mut Sink<'_>,
    data: &Data,
    summaries: &[Summary],
) -> Result<(), Stop> {
    let (medium, high) = (analysis.threshold("null_rate_shift.medium"), analysis.threshold("null_rate_shift.high"));
    let common = data.common();
    if data.both().is_none() {
        analysis.checked(deepfix_model::Checked::not("null_rate_shift", "needs a train and a test split"));
        return Ok(());
    }
    let level = 0.02 / common.len().max(1) as f64;
    let by_name = |split| -> hashbrown::HashMap<&str, &Summary> {
        summaries.iter().filter(|s| s.split == split).map(|s| (s.name.as_str(), s)).collect()
    };
    let (in_train, in_test) = (by_name(Split::Train), by_name(Split::Test));
    let findings = common
        .iter()
        .filter(|name| data.is_feature(name))
        .filter_map(|name| {
            let (train, test) = (in_train.get(name.as_str())?, in_test.get(name.as_str())?);
            let (p, q) = (train.missing as f64 / train.rows as f64, test.missing as f64 / test.rows as f64);
            let difference = (q - p).abs();
            if difference < medium {
                return None;
            }
            let p_value = two_proportions(train.missing, train.rows, test.missing, test.rows);
            if p_value > level {
                return None;
            }
            let subject = format!("column:{name}");
            let severity = if difference >= high { Severity::High } else { Severity::Medium };
            Some(
                Finding::new(
                    "null_rate_shift",
                    ArtifactKind::Test,
                    &subject,
                    severity,
                    counted_above(difference, medium, 1.0 - p_value),
                )
                .title(format!("column `{name}` is {} missing in train, {} in test", percent(p), percent(q)))
                .column(name)
                .split(Split::Both)
                .bug(BugType::Performance)
                .evidence(
                    Evidence::new("missing_rate_difference", &subject, difference)
                        .versus(">=", medium)
                        .unit("share")
                        .method("absolute difference of the missing rates")
                        .source(format!(
                            "train {} of {} rows, test {} of {} rows",
                            train.missing, train.rows, test.missing, test.rows
                        )),
                )
                .evidence(
                    Evidence::new("p_value", &subject, p_value)
                        .versus("<", level)
                        .method("pooled two-proportion z-test, two-sided, Bonferroni over the columns compared"),
                )
                .fix(
                    format!("find what fills `{name}` and stopped (or began) doing so"),
                    "the model learnt from a column that is filled in differently where it is used",
                )
                .step("compare the missing rate by source and by date; a sudden edge names the change"),
            )
        })
        .collect();
    emit(analysis, sink, "null_rate_shift", common.len(), findings)
}
