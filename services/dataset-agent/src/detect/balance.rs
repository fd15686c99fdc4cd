//! `class_imbalance`: a class so rare that accuracy misleads, or too few rows of a class to learn.
//! A class is rare below 5 % of the rows and below a quarter of its even share, so that many equal
//! classes are none. 10 rows is the least from which a rate can be told at all (our choice).

use deepfix_agent::{Analysis, Sink, Stop};
use deepfix_model::{BugType, Chart, ChartKind, Checked, Evidence, Finding, Num, Series, Severity, Split, counted_below};

use super::{Data, artifact, emit, percent};

/// A label without a second class: nothing can be learnt or measured.
fn one_class(label: &str, split: Split, class: &str, rows: usize) -> Finding {
    // By the rule of three, n rows without another class leave at most 3/n for one.
    let confidence = ((0.99 - 3.0 / rows as f64) * 100.0).round() / 100.0;
    Finding::new("class_imbalance", artifact(split), "label", Severity::High, confidence)
        .title(format!("every row of {} has the class `{class}`", split.name()))
        .column(label)
        .split(split)
        .bug(BugType::Performance)
        .evidence(
            Evidence::new("classes", "label", 1_usize)
                .versus("<", 2.0)
                .unit("classes")
                .method("distinct labels")
                .source(format!("{rows} labelled rows")),
        )
        .fix("find out what removed the other classes", "with one class there is nothing to tell apart")
        .step("look at filters and joins between the source of the labels and this table")
}

/// Whether a class that is common enough in train may well have so few rows in a test of this size.
fn by_sampling(data: &Data, label: &str, class: &str, count: usize, total: f64) -> bool {
    let Some(train) = data.train.as_ref().and_then(|t| t.column(label)) else { return false };
    let there = train.counts().iter().find(|c| c.0 == class).map_or(0, |c| c.1);
    let share = there as f64 / train.present().max(1) as f64;
    // Three standard deviations below what train's share gives.
    share >= 0.05 && count as f64 >= total * share - 3.0 * (total * share * (1.0 - share)).sqrt()
}

pub(crate) fn detect(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, data: &Data) -> Result<(), Stop> {
    let Some(label) = data.label.clone() else {
        analysis.checked(Checked::not("class_imbalance", "no label was named"));
        return Ok(());
    };
    if data.regression {
        analysis.checked(Checked::not("class_imbalance", "the label is a number (regression)"));
        return Ok(());
    }
    let (medium, high) = (analysis.threshold("class_imbalance.share"), analysis.threshold("class_imbalance.high"));
    let few = analysis.threshold("class_imbalance.rows");
    let (mut findings, mut classes) = (Vec::new(), 0);
    for (split, table) in data.splits() {
        let Some(column) = table.column(&label) else { continue };
        let counts = column.counts();
        let (total, k) = (column.present() as f64, counts.len());
        classes = classes.max(k);
        if k == 1 && total >= 50.0 {
            findings.push(one_class(&label, split, &counts[0].0, column.present()));
        }
        if k < 2 {
            continue;
        }
        let Some((class, count)) = counts.last() else { continue };
        let share = *count as f64 / total;
        let rare = share < medium.min(0.25 / k as f64);
        let too_few = (*count as f64) < few && total >= 50.0;
        if !rare && !too_few {
            continue;
        }
        // Test repeats what train shows; that it has few rows of a class that is not rare is a matter
        // of its size.
        if split == Split::Test && data.train.is_some() && (!(too_few && rare) || by_sampling(data, &label, class, *count, total))
        {
            continue;
        }
        let majority = counts[0].1 as f64 / total;
        let severity = if share < high || (too_few && rare) { Severity::High } else { Severity::Medium };
        // Standard error of the share says whether sampling alone could have put it below.
        let certainty = 1.0 - (share * (1.0 - share) / total).sqrt() / medium;
        let confidence = if rare { counted_below(share, medium, certainty) } else { counted_below(*count as f64, few, 1.0) };
        let mut finding = Finding::new("class_imbalance", artifact(split), "label", severity, confidence)
            .title(format!("class `{class}` has {} of {}'s rows ({count})", percent(share), split.name()))
            .column(&label)
            .split(split)
            .bug(BugType::Performance);
        if rare {
            finding = finding.evidence(
                Evidence::new("rarest_class_share", "label", share)
                    .versus("<", medium)
                    .unit("share")
                    .method("rows of the rarest class over rows with a label")
                    .source(format!("class {class}: {count} of {total} rows")),
            );
        }
        if too_few {
            finding = finding.evidence(
                Evidence::new("rarest_class_rows", "label", *count)
                    .versus("<", few)
                    .unit("rows")
                    .method("rows of the rarest class"),
            );
        }
        findings.push(
            finding
                .evidence(
                    Evidence::new("majority_class_share", "label", majority)
                        .unit("share")
                        .method("accuracy of always answering the most frequent class"),
                )
                .fix(
                    "judge by a metric that sees the rare class, then reweight",
                    format!("always answering `{}` already reaches accuracy {:.3}", counts[0].0, majority),
                )
                .step("report average precision or balanced accuracy beside accuracy")
                .step("class_weight=\"balanced\", or a threshold chosen on validation data")
                .step("stratify the split by the label"),
        );
        analysis.chart(Chart {
            kind: ChartKind::Bars,
            subject: "label".to_owned(),
            title: format!("rows per class of `{label}` ({})", split.name()),
            x_label: "class".to_owned(),
            y_label: "rows".to_owned(),
            labels: counts.iter().take(20).map(|c| c.0.clone()).collect(),
            series: vec![Series {
                name: split.name().to_owned(),
                x: Vec::new(),
                y: counts.iter().take(20).map(|c| Num(c.1 as f64)).collect(),
            }],
            marks: Vec::new(),
        });
    }
    emit(analysis, sink, "class_imbalance", classes, findings)
}
