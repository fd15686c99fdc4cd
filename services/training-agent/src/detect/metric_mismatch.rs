//! `metric_mismatch`: a callback monitors a quantity that is not in the log, or in the wrong direction: it
//! never acts, or acts on the worst epoch.

use deepfix_model::{Evidence, Severity};
use serde_json::Value;

use super::{Case, Verdict};
use crate::{params::Params, run::finding};

struct Monitor {
    owner: &'static str,
    key: String,
    mode: String,
}

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let run = case.run;
    let monitors = monitors(&run.params);
    if monitors.is_empty() {
        return Verdict::needs("parameters that name a monitored key");
    }
    if run.log.points() < 6 {
        return Verdict::needs("a log of six values");
    }
    let logged: Vec<Vec<String>> = run.log.series.iter().map(|s| quantity(&s.key)).collect();
    let looked = monitors.len();
    let findings = monitors.into_iter().filter_map(|monitor| {
        let wanted = quantity(&monitor.key);
        // Trainers add the split's name by themselves.
        let bare = !wanted.iter().any(|w| w == "train" || w == "val");
        let there = logged.iter().any(|l| {
            *l == wanted
                || bare && without(l, "train") == without(&wanted, "train")
                || monitor.owner == "metric_for_best_model" && without(l, "val") == without(&wanted, "val")
        });
        let wrong_way = wrong_way(&wanted, &monitor.mode);
        if there && !wrong_way {
            return None;
        }
        let saves_all = monitor.owner == "checkpoint"
            && run
                .params
                .given(&["checkpoint"])
                .and_then(|c| c.get("save"))
                .and_then(Value::as_str)
                .is_some_and(|s| matches!(s.to_lowercase().as_str(), "last" | "all" | "none"));
        let (severity, confidence) = if saves_all { (Severity::Low, 0.6) } else { (Severity::Medium, 0.9) };
        let mut names: Vec<&str> = run.log.series.iter().map(|s| s.key.as_str()).collect();
        names.sort_unstable();
        names.truncate(10);
        let (title, action) = if there {
            (
                format!("{} monitors `{}` with mode {}: the wrong way round", monitor.owner, monitor.key, monitor.mode),
                format!("set mode = {}", if monitor.mode == "min" { "max" } else { "min" }),
            )
        } else {
            (
                format!("{} monitors `{}`, which the log does not have", monitor.owner, monitor.key),
                "monitor a key that is logged, spelt as it is logged".to_owned(),
            )
        };
        Some(
            finding("metric_mismatch", format!("params:{}", monitor.owner), severity, confidence)
                .title(title)
                .evidence(
                    Evidence::new("monitored_key", format!("params:{}", monitor.owner), monitor.key)
                        .method("names compared by quantity and split, whatever their spelling")
                        .source(format!("logged: {}", names.join(", "))),
                )
                .fix(action, "a callback without its key does nothing, or fails at the end of the first epoch")
                .step("log the metric on validation under that name before the callback runs"),
        )
    });
    Verdict::Looked(looked, findings.collect())
}

fn monitors(params: &Params) -> Vec<Monitor> {
    const OWNERS: [(&str, [&str; 3]); 3] = [
        ("early_stopping", ["early_stopping", "EarlyStopping", "early_stopping_callback"]),
        ("checkpoint", ["checkpoint", "model_checkpoint", "ModelCheckpoint"]),
        ("lr_scheduler", ["lr_scheduler", "scheduler", "reduce_lr"]),
    ];
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_lowercase();
    let mut out = Vec::new();
    for (owner, names) in OWNERS {
        for block in names.iter().filter_map(|name| params.given(&[name])).filter(|b| b.is_object()) {
            if let (Some(key), true) =
                (block.get("monitor").and_then(Value::as_str), block.get("enabled") != Some(&Value::Bool(false)))
            {
                out.push(Monitor { owner, key: key.to_owned(), mode: text(block.get("mode")) });
            }
        }
    }
    if out.is_empty()
        && let Some(key) = params.text(&["monitor"])
    {
        out.push(Monitor { owner: "monitor", key: key.to_owned(), mode: text(params.given(&["mode"])) });
    }
    let loads = params.given(&["load_best_model_at_end"]) != Some(&Value::Bool(false));
    if let (Some(key), true) = (params.text(&["metric_for_best_model"]), loads) {
        let mode = match params.given(&["greater_is_better"]) {
            Some(Value::Bool(true)) => "max",
            Some(Value::Bool(false)) => "min",
            _ => "",
        };
        out.push(Monitor { owner: "metric_for_best_model", key: key.to_owned(), mode: mode.to_owned() });
    }
    out
}

/// The words of a name that say what is measured, in one spelling, sorted.
fn quantity(key: &str) -> Vec<String> {
    let lower = crate::log::snake(key).replace("roc_auc", "auc");
    let mut words: Vec<String> = lower
        .split('_')
        .filter(|w| {
            !w.is_empty()
                && !matches!(*w, "epoch" | "step" | "score" | "mean" | "avg" | "total" | "macro" | "micro" | "weighted" | "best")
        })
        .map(|w| match w {
            "acc" | "top1" => "accuracy",
            "valid" | "validation" | "eval" | "dev" | "test" => "val",
            "training" | "learn" => "train",
            "logloss" | "mlogloss" => "loss",
            "f1score" => "f1",
            "auroc" => "auc",
            other => other,
        })
        .map(str::to_owned)
        .collect();
    words.sort();
    words.dedup();
    words
}

fn without<'a>(words: &'a [String], split: &str) -> Vec<&'a str> {
    words.iter().map(String::as_str).filter(|w| *w != split).collect()
}

fn wrong_way(words: &[String], mode: &str) -> bool {
    let any = |list: &[&str]| words.iter().any(|w| list.contains(&w.as_str()));
    let up = any(&["accuracy", "auc", "f1", "precision", "recall", "r2", "map", "iou", "dice", "bleu"]);
    let down = any(&["loss", "error", "mae", "mse", "rmse", "perplexity", "ppl", "wer", "cer"]);
    mode == "min" && up && !down || mode == "max" && down && !up
}
