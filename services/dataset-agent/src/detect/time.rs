//! `temporal_leakage`: dated rows of train lie after rows of test. The share of train rows dated
//! after the first test rows is an exact fact; the first percentile of test's dates stands for the
//! first row, so that one stray date does not decide.

use deepfix_agent::{Analysis, Sink, Stop};
use deepfix_model::{ArtifactKind, BugType, Checked, Evidence, Finding, Note, Severity, Split, above, civil};

use super::{Data, emit, percent};
use crate::{stats::drift::quantile, table::Kind};

pub(crate) fn detect(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, data: &Data) -> Result<(), Stop> {
    let (Some((train, test)), Some(name)) = (data.both(), data.datetime.clone()) else {
        analysis.checked(Checked::not("temporal_leakage", "needs both splits and a date column (--datetime)"));
        return Ok(());
    };
    let (Some(a), Some(b)) = (train.column(&name), test.column(&name)) else {
        analysis.checked(Checked::not("temporal_leakage", format!("column `{name}` is not in both splits")));
        return Ok(());
    };
    let (a_sorted, b_sorted) = (a.sorted(), b.sorted());
    if a_sorted.is_empty() || b_sorted.is_empty() {
        analysis.note(
            Note::new("temporal_leakage", format!("column:{name}"), format!("`{name}` was not read as dates or numbers, so the order of the splits was not looked at; write dates as 2024-01-31 or 2024-01-31T12:00:00"))
                .column(&name),
        );
        analysis.checked(Checked::not("temporal_leakage", format!("column `{name}` holds no dates")));
        return Ok(());
    }
    let (medium, high) = (analysis.threshold("temporal_leakage.share"), analysis.threshold("temporal_leakage.high"));
    let start = quantile(b_sorted, 0.01);
    let after = a_sorted.len() - a_sorted.partition_point(|x| *x <= start);
    let share = after as f64 / a_sorted.len() as f64;
    let show = |x: f64| if a.kind == Kind::Time { date(x) } else { deepfix_model::fmt_number(x) };
    let mut findings = Vec::new();
    if share >= medium {
        let severity = if share >= high { Severity::High } else { Severity::Medium };
        let subject = format!("column:{name}");
        findings.push(
            Finding::new("temporal_leakage", ArtifactKind::Train, "split", severity, above(share, medium, 1.0))
                .title(format!("{} of train's rows are dated after test begins", percent(share)))
                .split(Split::Both)
                .bug(BugType::Performance)
                .evidence(
                    Evidence::new("train_rows_after_test_start", &subject, share)
                        .versus(">=", medium)
                        .unit("share")
                        .method("train rows dated after the first percentile of test's dates, over all dated train rows")
                        .source(format!("{after} of {} rows; test begins {}", a_sorted.len(), show(start))),
                )
                .evidence(
                    Evidence::new(
                        "date_range",
                        &subject,
                        format!(
                            "train {} to {}, test {} to {}",
                            show(a_sorted[0]),
                            show(a_sorted[a_sorted.len() - 1]),
                            show(b_sorted[0]),
                            show(b_sorted[b_sorted.len() - 1])
                        ),
                    )
                    .method("smallest and largest date of each split"),
                )
                .fix(
                    format!("split by `{name}`: train before a date, test after it"),
                    "the model is scored on days it has seen the neighbours of, which it will not have in use",
                )
                .step(format!(
                    "cut = df[\"{name}\"].quantile(0.8); train, test = df[df[\"{name}\"] <= cut], df[df[\"{name}\"] > cut]"
                ))
                .step("cross-validate with TimeSeriesSplit"),
        );
    }
    emit(analysis, sink, "temporal_leakage", a_sorted.len(), findings)
}

/// Microseconds since 1970 as a date, with the time of day when there is one.
#[expect(clippy::cast_possible_truncation, reason = "dates of tables lie well within 64 bits")]
fn date(microseconds: f64) -> String {
    let (year, month, day, hour, minute, second) = civil((microseconds / 1e6).floor() as i64);
    if (hour, minute, second) == (0, 0, 0) {
        format!("{year:04}-{month:02}-{day:02}")
    } else {
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn dates_read_as_the_calendar_has_them() {
        assert_eq!(date(0.0), "1970-01-01");
        assert_eq!(date(1_357_034_400.0 * 1e6), "2013-01-01 10:00");
        assert_eq!(date(951_782_400.0 * 1e6), "2000-02-29");
    }
}
