//! Dataset statistics as the DeepFix SDK computes them. They hold no rows, so only faults that
//! show in counts, shares and means can be told, and nothing is guessed beyond that.

mod annotations;

use std::collections::BTreeMap;

use deepfix_agent::{Analysis, Sink, Stop};
use deepfix_artifact::parse_json;
use deepfix_model::{ArtifactKind, BugType, Evidence, Finding, Note, Severity, Split, above, below};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    detect::{emit, percent},
    stats::drift,
};

const KIND: ArtifactKind = ArtifactKind::DatasetStatistics;

#[derive(Debug, Deserialize)]
struct Statistics {
    #[serde(default)]
    task_type: Option<String>,
    #[serde(default)]
    train_statistics: Option<OneSplit>,
    #[serde(default)]
    test_statistics: Option<OneSplit>,
}

#[derive(Debug, Default, Deserialize)]
struct OneSplit {
    #[serde(default)]
    number_unique_values: Option<BTreeMap<String, f64>>,
    #[serde(default)]
    percentage_unique_values: Option<BTreeMap<String, f64>>,
    #[serde(default)]
    num_samples: Option<f64>,
    #[serde(default)]
    image_color_means: Option<Vec<f64>>,
    #[serde(default)]
    image_color_stds: Option<Vec<f64>>,
    #[serde(default)]
    class_distribution: Option<BTreeMap<String, f64>>,
    #[serde(default)]
    label_statistics: Option<Value>,
    #[serde(default)]
    pixel_class_ratio: Option<BTreeMap<String, f64>>,
    #[serde(default)]
    object_detection_statistics: Option<annotations::Boxes>,
    #[serde(default)]
    text_statistics: Option<annotations::Texts>,
}

impl OneSplit {
    fn classes(&self) -> Option<Vec<(String, usize)>> {
        let nested = || {
            let map = self.label_statistics.as_ref()?.get("class_distribution")?.as_object()?;
            Some(map.iter().filter_map(|(k, v)| Some((k.clone(), v.as_f64()?))).collect::<BTreeMap<_, _>>())
        };
        let map = self.class_distribution.clone().or_else(nested)?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts")]
        let counts: Vec<(String, usize)> = map.into_iter().map(|(k, v)| (k, v.max(0.0) as usize)).collect();
        (!counts.is_empty()).then_some(counts)
    }
}

pub(crate) fn detect(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>) -> Result<(), Stop> {
    let Some(opened) = analysis.open(KIND) else { return Ok(()) };
    let parsed = parse_json(&opened.content).map_err(|e| e.to_string());
    let statistics: Statistics = match parsed.and_then(|v| serde_json::from_value(v).map_err(|e| e.to_string())) {
        Ok(statistics) => statistics,
        Err(reason) => {
            analysis.unreadable(
                KIND,
                "artifact_unreadable",
                format!("the dataset statistics are not what the SDK sends: {reason}"),
            );
            return Ok(());
        }
    };
    let Some(train) = statistics.train_statistics else {
        analysis.unreadable(
            KIND,
            "artifact_incomplete",
            "the dataset statistics hold no train_statistics; send them as the SDK's ingest computes them",
        );
        return Ok(());
    };
    let test = statistics.test_statistics;
    constant(analysis, sink, &train, test.as_ref())?;
    annotations::detect(analysis, sink, &train, test.as_ref())?;
    if statistics.task_type.as_deref().is_none_or(|task| !task.contains("regression")) {
        imbalance(analysis, sink, &train)?;
    }
    if let Some(test) = &test {
        label_shift(analysis, sink, &train, test)?;
        colours(analysis, sink, &train, test)?;
    }
    Ok(())
}

fn constant(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, train: &OneSplit, test: Option<&OneSplit>) -> Result<(), Stop> {
    let (mut findings, mut looked) = (Vec::new(), 0);
    for (split, statistics) in [(Split::Train, Some(train)), (Split::Test, test)] {
        let Some(statistics) = statistics else { continue };
        let none = BTreeMap::new();
        let unique = statistics.number_unique_values.as_ref().unwrap_or(&none);
        looked += unique.len();
        // The SDK sends no row count of tables: it follows from unique and percentage of any varied column.
        let shares = statistics.percentage_unique_values.as_ref().unwrap_or(&none);
        let rows = unique
            .iter()
            .filter_map(|(name, n)| Some(100.0 * n / shares.get(name)?))
            .filter(|r| r.is_finite())
            .fold(statistics.num_samples.unwrap_or(0.0), f64::max)
            .round();
        if rows == 0.0 {
            analysis.note(Note::new(
                "rows_unknown",
                format!("split:{}", split.name()),
                format!(
                    "{}: the statistics hold no row count, and none follows from percentage_unique_values; what needs one was left out",
                    split.name()
                ),
            ));
        }
        for (name, count) in unique.iter().filter(|(_, n)| **n <= 1.0) {
            if rows < 100.0 {
                continue;
            }
            let subject = format!("column:{name}");
            findings.push(
                Finding::new("constant_column", KIND, &subject, Severity::Medium, above(rows, 100.0, 1.0 - 3.0 / rows))
                    .title(format!("column `{name}` has one value"))
                    .column(name)
                    .split(split)
                    .bug(BugType::Performance)
                    .evidence(
                        Evidence::new("distinct_values", &subject, *count)
                            .versus("<=", 1.0)
                            .unit("values")
                            .method("number_unique_values as the SDK counted")
                            .source(format!("about {rows} rows")),
                    )
                    .fix(format!("drop `{name}`"), "a column that never varies cannot inform a model")
                    .step(format!("df = df.drop(columns=\"{name}\")")),
            );
        }
    }
    if looked == 0 {
        return Ok(());
    }
    emit(analysis, sink, "constant_column", looked, findings)
}

fn imbalance(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, train: &OneSplit) -> Result<(), Stop> {
    let Some(counts) = train.classes() else { return Ok(()) };
    let (medium, high) = (analysis.threshold("class_imbalance.share"), analysis.threshold("class_imbalance.high"));
    let total = counts.iter().map(|c| c.1).sum::<usize>() as f64;
    let mut findings = Vec::new();
    if let Some((class, count)) = counts.iter().min_by_key(|c| c.1)
        && counts.len() >= 2
    {
        let share = *count as f64 / total;
        if share < medium.min(0.25 / counts.len() as f64) {
            let severity = if share < high { Severity::High } else { Severity::Medium };
            findings.push(
                Finding::new("class_imbalance", KIND, "label", severity, below(share, medium, 1.0 - (share / total).sqrt()))
                    .title(format!("class `{class}` has {} of train's samples ({count})", percent(share)))
                    .split(Split::Train)
                    .bug(BugType::Performance)
                    .evidence(
                        Evidence::new("rarest_class_share", "label", share)
                            .versus("<", medium)
                            .unit("share")
                            .method("class_distribution as the SDK counted")
                            .source(format!("{count} of {total} samples")),
                    )
                    .fix("judge by a metric that sees the rare class, then reweight", "accuracy hides a class this rare")
                    .step("stratify the split, and weight the loss by inverse class frequency"),
            );
        }
    }
    emit(analysis, sink, "class_imbalance", counts.len(), findings)
}

fn label_shift(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, train: &OneSplit, test: &OneSplit) -> Result<(), Stop> {
    let (Some(a), Some(b)) = (train.classes(), test.classes()) else { return Ok(()) };
    let total = |counts: &[(String, usize)]| counts.iter().map(|c| c.1).sum::<usize>();
    if total(&a).min(total(&b)) < 50 {
        analysis.note(Note::new(
            "label_shift",
            "label",
            format!("{} and {} samples are too few to tell a shift of classes from chance", total(&a), total(&b)),
        ));
        return Ok(());
    }
    let measured = drift::words(&a, &b);
    let (medium, high) = (analysis.threshold("drift.psi.medium"), analysis.threshold("drift.psi.high"));
    let mut findings = Vec::new();
    if measured.adjusted.psi >= medium && measured.p_value < 0.01 {
        let severity = if measured.adjusted.psi >= high { Severity::High } else { Severity::Medium };
        findings.push(
            Finding::new("label_shift", KIND, "label", severity, above(measured.adjusted.psi, medium, 1.0 - measured.p_value))
                .title(format!("classes are distributed otherwise in test (PSI {:.2})", measured.psi))
                .split(Split::Both)
                .bug(BugType::Performance)
                .evidence(
                    Evidence::new("psi", "label", measured.psi)
                        .versus(">=", medium)
                        .method("population stability index over the union of classes")
                        .source("class_distribution of both splits"),
                )
                .evidence(
                    Evidence::new("p_value", "label", measured.p_value)
                        .versus("<", 0.01)
                        .method("chi-square test of homogeneity"),
                )
                .fix(
                    "stratify the split, or reweight towards the distribution in use",
                    "rates learnt from train are off in test",
                ),
        );
    }
    emit(analysis, sink, "label_shift", 1, findings)
}

/// `image_property_shift`: channel means differ by a material part of the reference's spread.
fn colours(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, train: &OneSplit, test: &OneSplit) -> Result<(), Stop> {
    let (Some(a), Some(b), Some(spread)) = (&train.image_color_means, &test.image_color_means, &train.image_color_stds) else {
        return Ok(());
    };
    let limit = analysis.threshold("image_property_shift.standardised");
    let images = train.num_samples.unwrap_or(0.0).min(test.num_samples.unwrap_or(0.0));
    let mut findings = Vec::new();
    for (channel, ((p, q), std)) in a.iter().zip(b).zip(spread).enumerate() {
        let difference = (q - p).abs() / std.max(1e-9);
        if difference < limit || images < 20.0 {
            continue;
        }
        let name = ["red", "green", "blue"]
            .get(channel)
            .filter(|_| a.len() == 3)
            .map_or_else(|| format!("channel {channel}"), |n| (*n).to_owned());
        let subject = format!("channel:{name}");
        findings.push(
            Finding::new(
                "image_property_shift",
                KIND,
                &subject,
                Severity::Medium,
                above(difference, limit, 1.0 - 1.0 / images.sqrt()),
            )
            .title(format!("mean of {name} is {q:.3} in test, {p:.3} in train"))
            .split(Split::Both)
            .bug(BugType::Performance)
            .evidence(
                Evidence::new("standardised_mean_difference", &subject, difference)
                    .versus(">=", limit)
                    .unit("train standard deviations")
                    .method("absolute difference of image_color_means over train's image_color_stds"),
            )
            .fix(
                "check that both splits pass the same decoding, colour space and normalisation",
                "a model reads a shift of colour as content",
            ),
        );
    }
    emit(analysis, sink, "image_property_shift", a.len(), findings)
}
