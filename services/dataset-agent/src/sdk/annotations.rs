//! What the SDK's statistics of boxes, masks and texts show: `tiny_boxes`, `empty_images`,
//! `pixel_class_imbalance`, `text_length_shift`. They are summaries (quartiles, means, counts), so a
//! finding says what the summary proves and no more: a lower quartile under a limit proves that a
//! quarter of the boxes is. Vocabulary sizes without the words cannot tell `vocabulary_shift`.

use std::collections::BTreeMap;

use deepfix_agent::{Analysis, Sink, Stop};
use deepfix_model::{BugType, Evidence, Finding, Severity, Split, above, counted_above, counted_below, fmt_number};
use serde::Deserialize;

use super::{KIND, OneSplit};
use crate::{
    detect::{emit, percent},
    stats::rates::two_proportions,
};

/// A `describe()` map: count, mean, std, min, quartiles, max.
type Described = BTreeMap<String, Option<f64>>;

fn get(map: Option<&Described>, key: &str) -> Option<f64> {
    map?.get(key).copied().flatten().filter(|x| x.is_finite())
}

/// `object_detection_statistics`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Boxes {
    #[serde(default)]
    num_negative_samples: Option<f64>,
    #[serde(default)]
    num_positive_samples: Option<f64>,
    #[serde(default)]
    num_boxes: Option<f64>,
    #[serde(default)]
    box_width_stats: Option<Described>,
    #[serde(default)]
    box_height_stats: Option<Described>,
}

/// `text_statistics`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Texts {
    #[serde(default)]
    character_length: Option<Described>,
    #[serde(default)]
    word_count: Option<Described>,
}

pub(super) fn detect(
    analysis: &mut Analysis<'_>,
    sink: &mut Sink<'_>,
    train: &OneSplit,
    test: Option<&OneSplit>,
) -> Result<(), Stop> {
    if let Some(boxes) = &train.object_detection_statistics {
        tiny(analysis, sink, boxes)?;
        if let Some(other) = test.and_then(|t| t.object_detection_statistics.as_ref()) {
            empty(analysis, sink, boxes, other)?;
        }
    }
    if let Some(classes) = train.pixel_class_ratio.as_ref().filter(|c| c.len() > 1) {
        pixels(analysis, sink, classes)?;
    }
    if let Some((a, b)) = train.text_statistics.as_ref().zip(test.and_then(|t| t.text_statistics.as_ref())) {
        lengths(analysis, sink, (a, train.num_samples), (b, test.and_then(|t| t.num_samples)))?;
    }
    Ok(())
}

fn tiny(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, boxes: &Boxes) -> Result<(), Stop> {
    let least = analysis.threshold("tiny_boxes.side");
    let count = boxes.num_boxes.unwrap_or(0.0);
    let mut findings = Vec::new();
    for (side, stats) in [("width", boxes.box_width_stats.as_ref()), ("height", boxes.box_height_stats.as_ref())] {
        let (Some(quarter), Some(half), Some(most)) = (get(stats, "25%"), get(stats, "50%"), get(stats, "max")) else { continue };
        // Sides given as shares of the image say nothing about pixels.
        if most <= 1.0 || count < 20.0 || quarter >= least {
            continue;
        }
        let (proven, value) = if half < least { (0.5, half) } else { (0.25, quarter) };
        findings.push(
            Finding::new("tiny_boxes", KIND, "boxes", Severity::Medium, counted_below(value, least, 1.0 - 1.0 / count))
                .title(format!("at least {} of train's boxes have a {side} under {least} pixels", percent(proven)))
                .split(Split::Train)
                .bug(BugType::Performance)
                .evidence(
                    Evidence::new(if proven > 0.4 { "median_side" } else { "lower_quartile_side" }, "boxes", value)
                        .versus("<", least)
                        .unit("pixels")
                        .method(format!("of box_{side}_stats as the SDK describes them"))
                        .source(format!("{count} boxes")),
                )
                .fix("train at a higher resolution, or on tiles", "a box of one cell of the feature map is matched by luck")
                .step("look at the box sides after the resize that the model applies, not before"),
        );
        break;
    }
    emit(analysis, sink, "tiny_boxes", 1, findings)
}

fn empty(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, train: &Boxes, test: &Boxes) -> Result<(), Stop> {
    let limit = analysis.threshold("empty_images.share");
    let counts = |b: &Boxes| b.num_negative_samples.zip(b.num_positive_samples).map(|(n, p)| (n, n + p)).filter(|c| c.1 >= 20.0);
    let (Some((a, n)), Some((b, m))) = (counts(train), counts(test)) else { return Ok(()) };
    let (p, q) = (a / n, b / m);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts of images")]
    let p_value = two_proportions(a as usize, n as usize, b as usize, m as usize);
    let mut findings = Vec::new();
    if p.max(q) >= limit && (p - q).abs() >= limit / 2.0 && p_value < 0.001 {
        findings.push(
            Finding::new("empty_images", KIND, "images", Severity::Medium, above(p.max(q), limit, 1.0 - p_value))
                .title(format!("{} of train's images have no box, {} of test's", percent(p), percent(q)))
                .split(Split::Both)
                .bug(BugType::Performance)
                .evidence(
                    Evidence::new("empty_share", "images", p.max(q))
                        .versus(">=", limit)
                        .unit("share")
                        .method("num_negative_samples over all samples, the larger of the splits")
                        .source(format!("train {a} of {n}, test {b} of {m}")),
                )
                .evidence(Evidence::new("p_value", "images", p_value).versus("<", 0.001).method("pooled two-proportion z-test"))
                .fix(
                    "find the label files that were lost on one side",
                    "images whose objects are unlabelled teach that there are none",
                )
                .step("list images without annotation by folder and extension"),
        );
    }
    emit(analysis, sink, "empty_images", 2, findings)
}

fn pixels(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, classes: &BTreeMap<String, f64>) -> Result<(), Stop> {
    let limit = analysis.threshold("pixel_class_imbalance.share");
    let total: f64 = classes.values().filter(|x| x.is_finite()).sum();
    let mut findings = Vec::new();
    if let Some((class, ratio)) = classes.iter().filter(|c| c.1.is_finite()).min_by(|a, b| a.1.total_cmp(b.1))
        && total > 0.0
        && ratio / total < limit
    {
        let share = ratio / total;
        findings.push(
            Finding::new("pixel_class_imbalance", KIND, "label", Severity::Medium, counted_below(share, limit, 1.0))
                .title(format!("class `{class}` covers {} of train's pixels", percent(share)))
                .split(Split::Train)
                .bug(BugType::Performance)
                .evidence(
                    Evidence::new("smallest_pixel_share", "label", share)
                        .versus("<", limit)
                        .unit("share")
                        .method("pixel_class_ratio of the class over the sum of all")
                        .source(format!("{} classes", classes.len())),
                )
                .fix(
                    "use a loss that counts classes, not pixels, and judge by the IoU of each class",
                    "leaving the class out costs the pixel loss almost nothing",
                )
                .step("Dice or focal loss, or crops centred on the class"),
        );
    }
    emit(analysis, sink, "pixel_class_imbalance", classes.len(), findings)
}

fn lengths(
    analysis: &mut Analysis<'_>,
    sink: &mut Sink<'_>,
    (train, n): (&Texts, Option<f64>),
    (test, m): (&Texts, Option<f64>),
) -> Result<(), Stop> {
    let (relative, standardised) =
        (analysis.threshold("text_length_shift.relative"), analysis.threshold("text_length_shift.standardised"));
    let mut findings = Vec::new();
    for (what, a, b) in
        [("words", &train.word_count, &test.word_count), ("characters", &train.character_length, &test.character_length)]
    {
        let (a, b) = (a.as_ref(), b.as_ref());
        let (Some(p), Some(q), Some(std)) = (get(a, "mean"), get(b, "mean"), get(a, "std")) else { continue };
        let (Some(n), Some(m)) = (get(a, "count").or(n), get(b, "count").or(m)) else { continue };
        if p <= 0.0 || std <= 0.0 || n.min(m) < 20.0 {
            continue;
        }
        let (change, effect) = ((q - p).abs() / p, (q - p).abs() / std);
        let error = (std * std / n + get(b, "std").unwrap_or(std).powi(2) / m).sqrt();
        let z = (q - p).abs() / error.max(1e-12);
        if change < relative || effect < standardised || z < 4.0 {
            continue;
        }
        let severity = if change >= 4.0 * relative { Severity::High } else { Severity::Medium };
        findings.push(
            Finding::new("text_length_shift", KIND, "texts", severity, counted_above(change, relative, 1.0 - (-z).exp()))
                .title(format!("test's texts have {} {what} on average, train's {}", fmt_number(q), fmt_number(p)))
                .split(Split::Both)
                .bug(BugType::Performance)
                .evidence(
                    Evidence::new("relative_change", "texts", change)
                        .versus(">=", relative)
                        .unit("share")
                        .method(format!("difference of mean {what} over train's mean"))
                        .source(format!("{n} train and {m} test texts")),
                )
                .evidence(
                    Evidence::new("standardised_change", "texts", effect)
                        .versus(">=", standardised)
                        .unit("train standard deviations")
                        .method("the same difference over train's standard deviation"),
                )
                .fix(
                    "find out what cut or joined the texts of one split",
                    "length decides what fits the window and how much is padding",
                )
                .step("compare tokenisation, truncation and sources of both splits"),
        );
        break;
    }
    emit(analysis, sink, "text_length_shift", 1, findings)
}
