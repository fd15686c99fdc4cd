//! `test_too_small`, `too_few_rows`, `too_many_features`: what no method makes up for.
//!
//! A test of n rows tells an accuracy to ±1.96·sqrt(0.25/n) at worst (95 %): 30 rows give ±18 points,
//! 100 give ±10. Between these a small test is a fault only where the data to enlarge it are at hand.
//! Rows per column follow the events-per-variable literature at its most lenient; see the pages.

use deepfix_agent::{Analysis, Sink, Stop};
use deepfix_model::{ArtifactKind, BugType, Checked, Evidence, Finding, Severity, Split, counted_below};

use super::{Data, emit, percent};

pub(crate) fn detect(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, data: &Data) -> Result<(), Stop> {
    test(analysis, sink, data)?;
    let Some(train) = &data.train else { return Ok(()) };
    let features = train.names().iter().filter(|n| data.is_feature(n)).count();
    let rows = train.rows();
    let few = analysis.threshold("too_few_rows.rows");
    let per_column = rows as f64 / features.max(1) as f64;
    let mut findings = Vec::new();
    let scarce = analysis.threshold("too_few_rows.per_column");
    // Wide tables are a matter of their columns.
    let wide = features >= 20 && rows as f64 >= few;
    if (rows as f64) < few || (per_column < scarce && !wide) {
        let severity = if (rows as f64) < few / 2.0 || per_column < 1.0 { Severity::High } else { Severity::Medium };
        let confidence = counted_below(rows as f64, few, 1.0).max(counted_below(per_column, scarce, 1.0));
        findings.push(
            Finding::new("too_few_rows", ArtifactKind::Train, "rows", severity, confidence)
                .title(format!("train has {rows} rows for {features} columns"))
                .split(Split::Train)
                .bug(BugType::Performance)
                .evidence(Evidence::new("rows", "rows", rows).versus("<", few).unit("rows").method("rows of train"))
                .evidence(
                    Evidence::new("rows_per_column", "rows", per_column)
                        .versus("<", scarce)
                        .unit("rows per column")
                        .method("rows of train over its feature columns"),
                )
                .fix(
                    "collect more rows, or use a model with two or three parameters",
                    "what is learnt from so few rows is mostly their noise",
                )
                .step("score by repeated cross-validation and report the spread, not one split")
                .step("keep the few columns that are known to matter"),
        );
    }
    emit(analysis, sink, "too_few_rows", rows, findings)?;
    let ratio = features as f64 / rows.max(1) as f64;
    let limit = analysis.threshold("too_many_features.per_row");
    let mut findings = Vec::new();
    if wide && ratio >= limit {
        let severity = if ratio >= 1.0 { Severity::High } else { Severity::Medium };
        findings.push(
            Finding::new(
                "too_many_features",
                ArtifactKind::Train,
                "rows",
                severity,
                deepfix_model::counted_above(ratio, limit, 1.0),
            )
            .title(format!("train has {features} columns for {rows} rows"))
            .split(Split::Train)
            .bug(BugType::Performance)
            .evidence(
                Evidence::new("columns_per_row", "rows", ratio)
                    .versus(">=", limit)
                    .unit("columns per row")
                    .method("feature columns of train over its rows"),
            )
            .fix(
                "choose columns inside the cross-validation, or penalise them",
                "with as many columns as rows a linear model fits any labels, random ones too",
            )
            .step("make_pipeline(StandardScaler(), LogisticRegressionCV(penalty=\"l1\", solver=\"saga\"))")
            .step("shuffle the labels and fit again: the score that remains is what chance gives"),
        );
    }
    emit(analysis, sink, "too_many_features", features, findings)
}

fn test(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, data: &Data) -> Result<(), Stop> {
    let Some((train, test)) = data.both() else {
        analysis.checked(Checked::not("test_too_small", "needs a train and a test split"));
        return Ok(());
    };
    let (n, m) = (train.rows() as f64, test.rows() as f64);
    let (few, enough) = (analysis.threshold("test_too_small.rows"), analysis.threshold("test_too_small.enough"));
    let share = m / (n + m);
    let mut findings = Vec::new();
    if m < few || (m < enough && share < analysis.threshold("test_too_small.share")) {
        let half_width = 1.96 * (0.25 / m).sqrt();
        let severity = if m < few / 2.0 { Severity::High } else { Severity::Medium };
        let limit = if m < few { few } else { enough };
        findings.push(
            Finding::new("test_too_small", ArtifactKind::Test, "split", severity, counted_below(m, limit, 1.0))
                .title(format!("test has {m} rows: its accuracy is uncertain by ±{:.0} points", half_width * 100.0))
                .split(Split::Test)
                .bug(BugType::Performance)
                .evidence(
                    Evidence::new("rows", "split", test.rows())
                        .versus("<", limit)
                        .unit("rows")
                        .method("rows of test")
                        .source(format!("{} of all rows", percent(share))),
                )
                .evidence(
                    Evidence::new("accuracy_half_width", "split", half_width)
                        .unit("share")
                        .method("half the 95 % interval of an accuracy of one half: 1.96 sqrt(0.25/n)"),
                )
                .fix("hold out more rows, or cross-validate", "two models that differ by ten points look alike on it")
                .step("cross_val_score(model, X, y, cv=RepeatedStratifiedKFold(n_splits=5, n_repeats=10))")
                .step("400 test rows give ±5 points, 2,400 give ±2"),
        );
    }
    emit(analysis, sink, "test_too_small", test.rows(), findings)
}
