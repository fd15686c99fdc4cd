//! The decision in words: why, and what to do in which order.

use deepfix_model::{RetrainingTrigger, Strategy, Urgency, fmt_number};

use super::{DECLINE_MEDIUM, Facts};

/// A share as people read it.
pub(crate) fn percent(value: f64) -> String {
    format!("{} %", fmt_number((value * 1000.0).round() / 10.0))
}

/// A reason in words.
fn said(t: &RetrainingTrigger) -> String {
    let value = fmt_number((t.value.0 * 1000.0).round() / 1000.0);
    match t.kind.as_str() {
        "feature_drift" if t.measure == "psi_without_chance" => format!("`{}` moved by a PSI of {value}", t.subject),
        "feature_drift" => format!("`{}` moved", t.subject),
        "label_drift" => format!("the shares of the label `{}` moved", t.subject),
        "concept_drift" => format!("what the features say of `{}` changed", t.subject),
        "data_break" => format!("`{}` is broken in the current data", t.subject),
        "metric_decline" if t.measure == "decline" => format!("{} declined by {}", t.subject, percent(t.value.0)),
        "metric_decline" => "a check measured a drop in performance".to_owned(),
        _ => format!("the drift score is {value}"),
    }
}

pub(super) fn rationale(
    triggers: &[RetrainingTrigger],
    urgency: Urgency,
    strategy: Strategy,
    rule: Option<&str>,
    (share, broad): (f64, bool),
    drift_score: Option<f64>,
) -> String {
    let measured: Vec<&RetrainingTrigger> = triggers.iter().filter(|t| t.kind != "health").collect();
    if measured.is_empty() {
        return match drift_score {
            Some(score) => format!("nothing moved beyond chance (drift score {})", fmt_number(score)),
            None => "no metric declined by 5 % or more".to_owned(),
        };
    }
    let mut text: Vec<String> = measured.iter().take(3).map(|t| said(t)).collect();
    if measured.len() > 3 {
        text.push(format!("and {} more", measured.len() - 3));
    }
    let why = match strategy {
        Strategy::FullRetrain if broad => {
            format!("; {} of the features moved, so the world did, not one column", percent(share))
        }
        Strategy::FullRetrain if measured.iter().all(|t| t.kind == "metric_decline") => {
            "; neither the data nor the run shows why, so begin again from the earlier run".to_owned()
        }
        Strategy::FullRetrain => "; what is to be learnt changed".to_owned(),
        Strategy::FineTune => format!("; {} of the features moved, so the rest of what was learnt holds", percent(share)),
        Strategy::None if urgency == Urgency::Monitor => "; too little to act on".to_owned(),
        Strategy::None => "; training anew would learn the fault, so mend the data first".to_owned(),
        Strategy::DataAugmentation => "; the run does not carry over to unseen rows".to_owned(),
        Strategy::ArchitectureChange => "; the model cannot fit even its train rows".to_owned(),
        Strategy::Ensemble => "; runs differ by their seeds alone".to_owned(),
    };
    let by = rule.map_or_else(String::new, |rule| format!(" ({} by the rule {rule})", urgency.name()));
    format!("{}{why}{by}", text.join(", "))
}

pub(super) fn plan(facts: &Facts<'_>, triggers: &[RetrainingTrigger], strategy: Strategy, urgency: Urgency) -> Vec<String> {
    let mut out = Vec::new();
    let of = |kind: &str| -> Vec<&str> {
        let mut subjects: Vec<&str> = triggers.iter().filter(|t| t.kind == kind).map(|t| t.subject.as_str()).collect();
        subjects.dedup();
        subjects.truncate(5);
        subjects
    };
    let names = |list: &[&str]| list.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
    let broken = of("data_break");
    if !broken.is_empty() {
        out.push(format!("mend {} in the current data and run this analysis again; the findings say how", names(&broken)));
    }
    let moved = of("feature_drift");
    if !moved.is_empty() {
        out.push(format!("find out whether {} moved in the world or in the pipeline", names(&moved)));
    }
    let rows = facts.inputs.iter().find(|i| i.artifact == "test").and_then(|i| i.rows);
    let recent = rows.map_or_else(|| "the current rows".to_owned(), |n| format!("the {} current rows", fmt_number(n as f64)));
    match strategy {
        Strategy::FineTune => {
            out.push(format!("label {recent}, keep a fifth of them aside, and go on from the present weights on the rest with a tenth of the learning rate, mixed half and half with reference rows"));
        }
        Strategy::FullRetrain if moved.is_empty() && of("label_drift").is_empty() && of("concept_drift").is_empty() => {
            out.push("train again with the settings and rows of the earlier run, then bring back what changed since, one thing at a time".to_owned());
        }
        Strategy::FullRetrain => out.push(format!("label {recent}, keep the latest fifth aside, and train anew on the rest together with those reference rows that still look like them")),
        Strategy::DataAugmentation => out.push("add rows like those the model fails on, or augment; regularise before training longer".to_owned()),
        Strategy::ArchitectureChange => out.push("train a model with more capacity on the same split, and keep it if it is better on unseen rows by more than two seeds differ".to_owned()),
        Strategy::Ensemble => out.push("average three to five runs that differ by their seed".to_owned()),
        Strategy::None => {}
    }
    for change in facts.changes.iter().filter(|c| c.decline >= DECLINE_MEDIUM).take(3) {
        out.push(format!(
            "keep the earlier model until {} is back at {} (it is {})",
            change.metric,
            fmt_number(change.before),
            fmt_number(change.after)
        ));
    }
    if strategy != Strategy::None {
        out.push(
            "deploy only if the new model beats the present one on the rows kept aside, beyond what two seeds differ".to_owned(),
        );
        out.push("write a new reference from the rows it was trained on: deepfix profile ROWS -o ref.profile".to_owned());
    } else if urgency == Urgency::None {
        out.push("look again when as many new rows have come".to_owned());
    }
    out
}
