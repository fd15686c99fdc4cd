//! `majority_class_collapse`: on imbalanced data validation accuracy stands at the share of the most frequent
//! class, and a second witness agrees: train accuracy at its own majority, an F1 of a constant answer, or
//! an accuracy that does not move by a row.

use deepfix_model::{Evidence, Severity};

use super::{Case, Verdict};
use crate::{
    run::{fact, finding},
    stats::{is_finite, median, span, sure},
};

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let (run, params) = (case.run, &case.run.params);
    let Some(accuracy) = run.val_accuracy.as_ref().filter(|c| c.len() >= 3) else {
        return Verdict::needs("validation accuracy over three epochs");
    };
    let finite = [&run.train_loss, &run.val_loss].into_iter().flatten().all(|c| is_finite(&c.y));
    if !finite || !is_finite(&accuracy.y) {
        return Verdict::sound();
    }
    let end = &accuracy.y[accuracy.len() - (accuracy.len() / 3).max(3)..];
    let rows = params.validation_rows();
    let mut row = rows.map_or(0.003, |rows| 1.01 / rows);
    let f1 = run.val_f1.as_ref().and_then(crate::log::Curve::last);
    let imbalance = case.limits.get("majority_class_collapse.imbalance");
    let distance = case.limits.get("majority_class_collapse.distance");
    let train_majority = params.majority(false);
    let still = span(end) <= 0.5 * row;
    let majority = params.majority(true).or_else(|| {
        let m = train_majority?;
        row = row.max(rows.map_or(0.03, |rows| 2.0 * (m * (1.0 - m) / rows).sqrt()));
        Some(m)
    });
    let Some(majority) = majority else {
        // F1 of a constant answer is a / (1 + a) over two classes, and 0 for the rare one.
        let level = median(end);
        let Some(f1) = f1 else { return Verdict::needs("class counts, or F1 beside accuracy") };
        let constant = (f1 - level / (1.0 + level)).abs() < 0.004 || f1 < 0.002;
        if level < imbalance || level > 0.995 || !constant {
            return Verdict::sound();
        }
        return Verdict::found(report(case, accuracy, level, None, f1.into(), 1, Severity::Medium, 0.7));
    };
    let deviation = end.iter().map(|a| (a - majority).abs()).fold(0.0, f64::max);
    let tolerance = (0.1 * (1.0 - majority)).min(distance) + row;
    if majority < imbalance || majority > 0.999 || deviation > tolerance {
        return Verdict::sound();
    }
    let (mut witnesses, mut against) = (0, false);
    if let (Some(train), Some(m)) = (run.train_accuracy.as_ref().filter(|c| is_finite(&c.y)), train_majority) {
        let counted: f64 = params.class_counts(false).iter().flatten().sum();
        let late = &train.y[train.len().saturating_sub(end.len())..];
        let off = late.iter().map(|a| (a - m).abs()).fold(0.0, f64::max);
        witnesses += usize::from(off <= (0.1 * (1.0 - m)).min(distance) + 1.01 / counted.max(1.0));
        against |= off > 0.05;
    }
    if let Some(f1) = f1 {
        let classes = params.class_counts(true).map_or(2.0, |c| c.len() as f64);
        let constant = 2.0 * majority / ((1.0 + majority) * classes);
        let agrees = f1 <= constant + 0.06 * (2.0 / classes).min(1.0);
        witnesses += usize::from(agrees);
        against |= !agrees;
    }
    witnesses += usize::from(still && accuracy.len() >= 4 && deviation <= 0.55 * row);
    if against || witnesses == 0 {
        return Verdict::sound();
    }
    let confidence = [0.8, 0.9, 0.95][witnesses.min(3) - 1] * (1.0 - 0.3 / (end.len() as f64 + 1.0));
    let severity = if majority < 0.9 && witnesses >= 2 { Severity::High } else { Severity::Medium };
    Verdict::found(report(case, accuracy, majority, Some((deviation, tolerance)), f1, witnesses, severity, confidence))
}

#[expect(clippy::too_many_arguments, reason = "what was measured, once")]
fn report(
    case: &Case<'_>,
    accuracy: &crate::log::Curve,
    majority: f64,
    deviation: Option<(f64, f64)>,
    f1: Option<f64>,
    witnesses: usize,
    severity: Severity,
    confidence: f64,
) -> deepfix_model::Finding {
    let mut out = finding("majority_class_collapse", "predictions".to_owned(), severity, sure(confidence))
        .title(format!("the model answers with the most frequent class only ({:.1} % of rows)", majority * 100.0))
        .evidence(
            Evidence::new("majority_share", "label", majority)
                .versus(">=", case.limits.get("majority_class_collapse.imbalance"))
                .method(
                    "largest class over all, from the class counts in the parameters (from accuracy and F1 where there are none)",
                ),
        )
        .evidence(
            Evidence::new("witnesses", "predictions", witnesses)
                .versus(">=", 1.0)
                .method("train accuracy at its own majority; F1 of a constant answer; accuracy that does not move by a row"),
        );
    if let Some((deviation, tolerance)) = deviation {
        out = out.evidence(
            fact("distance_to_majority", accuracy, deviation, "largest distance of the accuracy of the last third of epochs from the share of the most frequent class; a tenth of the rest, at most the threshold, and a row are allowed")
                .versus("<=", tolerance),
        );
    }
    if let Some(f1) = f1 {
        out = out.evidence(Evidence::new("validation_f1", "series:f1", f1).method("last value logged"));
    }
    let weights: Option<Vec<String>> = case.run.params.class_counts(false).map(|counts| {
        let total: f64 = counts.iter().sum();
        counts.iter().map(|c| format!("{:.2}", total / (counts.len() as f64 * c.max(1.0)))).collect()
    });
    let action = weights.map_or_else(
        || "weight the classes by the inverse of their frequency".to_owned(),
        |w| format!("weight the classes [{}]", w.iter().take(10).cloned().collect::<Vec<_>>().join(", ")),
    );
    out.fix(action, "always giving the same answer costs least as long as all errors weigh the same")
        .step("watch balanced accuracy, F1 or the area under the precision-recall curve instead of accuracy")
        .step("or sample rare classes more often; then look at the threshold")
}
