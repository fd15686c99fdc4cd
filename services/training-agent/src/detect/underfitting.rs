//! `underfitting`: train and validation loss agree and both stand well above what guessing leaves to learn,
//! and something on record holds the model back: very few units, dropout of 0.7, heavy weight decay,
//! strong penalties of a boosted tree. Without such a restraint a hard task looks the same, so nothing is
//! said.

use deepfix_model::{Evidence, Severity, above, fmt_number};
use serde_json::Value;

use super::{Case, Verdict};
use crate::{
    log::Curve,
    rise::Rise,
    run::{Run, fact, finding},
    stats::{is_finite, mean, median, smallest, sure, tail, theil_sen},
};

/// What holds the model back.
struct Restraint {
    name: &'static str,
    value: f64,
    limit: f64,
    /// From 1 at the limit.
    strength: f64,
    fix: String,
}

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let (run, limits) = (case.run, &case.limits);
    let (Some(val), Some(train)) = (&run.val_loss, &run.train_loss) else {
        return Verdict::needs("a train and a validation loss");
    };
    if val.len() < 6 || train.len() < 6 {
        return Verdict::needs("train and validation loss over six epochs");
    }
    if run.params.is_empty() && run.checkpoint.is_none() {
        return Verdict::needs("hyper-parameters: from curves alone a hard task looks the same");
    }
    let strongest = restraints(run).into_iter().max_by(|a, b| a.strength.total_cmp(&b.strength));
    let Some(restraint) = strongest.filter(|_| !run.diverged() && is_finite(&train.y)) else { return Verdict::sound() };
    let (Some((unit, known)), Some(rise)) = (run.unit(), Rise::of(run)) else { return Verdict::sound() };
    // What a pretrained network starts at is no level of guessing.
    if !known && run.pretrained() {
        return Verdict::sound();
    }
    let Some(smoothed) = run.smoothed_train(5) else { return Verdict::sound() };
    let (train_level, val_level) = (mean(tail(&smoothed, 10)) / unit, median(tail(&val.y, 10)) / unit);
    let gap = val_level / train_level;
    let level = limits.get("underfitting.level");
    if train_level < level || val_level < level || gap > limits.get("underfitting.gap") || rise.smoothed() > 0.15 {
        return Verdict::sound();
    }
    let falls = |curve: &Curve, y: &[f64]| {
        let late = y.len() - (y.len() / 3).max(5).min(y.len());
        let logs: Vec<f64> = y[late..].iter().map(|v| v.ln()).collect();
        smallest(&y[late..]) > 0.0 && -theil_sen(&curve.x[late..], &logs) > limits.get("underfitting.slope")
    };
    // Both still falling fast: unfinished, not held back.
    if falls(train, &smoothed) && falls(val, &val.y) {
        return Verdict::sound();
    }
    let certainty = if known { 1.0 } else { 0.8 } * if val.len() >= 15 { 0.9 } else { 0.8 };
    let agree = gap >= 0.70;
    let (severity, confidence) =
        if agree { (Severity::Medium, above(restraint.strength, 0.8, certainty)) } else { (Severity::Low, 0.45) };
    Verdict::found(
        finding("underfitting", "model".to_owned(), severity, sure(confidence))
            .title(format!(
                "the model is held back by {} = {}: both losses stay at {:.0} % of guessing",
                restraint.name,
                fmt_number(restraint.value),
                train_level * 100.0
            ))
            .evidence(
                fact("train_level", train, train_level, "mean of the last tenth over the loss of guessing (or the first value)")
                    .versus(">=", level),
            )
            .evidence(fact("validation_level", val, val_level, "median of the last tenth, over the same").versus(">=", level))
            .evidence(fact("gap", val, gap, "the second over the first").versus("<=", limits.get("underfitting.gap")))
            .evidence(
                Evidence::new("restraint", format!("params:{}", restraint.name), restraint.value)
                    .versus(if restraint.name == "width" { "<=" } else { ">=" }, restraint.limit)
                    .method("hyper-parameters (or shapes of weights)"),
            )
            .fix(restraint.fix, "train is as bad as validation: there is nothing to regularise")
            .step("first overfit a hundred rows; a model that cannot has too little capacity or too much restraint")
            .step("then add restraint back until validation stops gaining"),
    )
}

fn restraints(run: &Run) -> Vec<Restraint> {
    let params = &run.params;
    let mut out = Vec::new();
    let classes = params.classes().unwrap_or(2.0);
    let narrow = (classes / 4.0).floor().max(2.0);
    if let Some(width) = width(run).filter(|w| *w <= narrow) {
        let fix = format!(
            "widen the narrowest layer from {} to {} units or more",
            fmt_number(width),
            fmt_number((4.0 * classes).max(16.0))
        );
        out.push(Restraint { name: "width", value: width, limit: narrow, strength: narrow / width.max(0.5), fix });
    }
    let dropout =
        params.given(&["dropout", "dropout_rate", "hidden_dropout_prob", "resid_pdrop", "p_dropout"]).and_then(largest_number);
    if let Some(d) = dropout.filter(|d| (0.7..1.0).contains(d)) {
        out.push(Restraint {
            name: "dropout",
            value: d,
            limit: 0.7,
            strength: 0.3 / (1.0 - d),
            fix: format!("lower dropout from {d} to 0.1 to 0.3"),
        });
    }
    let optimizer = params.lower(&["optimizer", "optim", "opt", "optimizer_name"]);
    // Decoupled decay is multiplied by the learning rate.
    let decoupled = optimizer.is_none_or(|name| ["adamw", "lion", "lamb", "adafactor"].iter().any(|d| name.contains(d)));
    let heavy = if decoupled { 1.0 } else { 0.05 };
    if let Some(decay) = params.number(&["weight_decay", "l2", "l2_reg", "l2_regularization", "alpha_l2"]).filter(|d| *d >= heavy)
    {
        out.push(Restraint {
            name: "weight_decay",
            value: decay,
            limit: heavy,
            strength: decay / heavy,
            fix: format!("lower weight decay from {} to {} or less", fmt_number(decay), fmt_number(heavy / 50.0)),
        });
    }
    if run.is_boosting() {
        const PENALTIES: [(&str, f64); 8] = [
            ("gamma", 10.0),
            ("min_split_gain", 10.0),
            ("reg_lambda", 100.0),
            ("lambda", 100.0),
            ("lambda_l2", 100.0),
            ("l2_leaf_reg", 100.0),
            ("reg_alpha", 20.0),
            ("alpha", 20.0),
        ];
        for (name, limit) in PENALTIES {
            if let Some(value) = params.number(&[name]).filter(|v| *v >= limit) {
                out.push(Restraint {
                    name,
                    value,
                    limit,
                    strength: value / limit,
                    fix: format!("lower {name} from {} to 1 or less", fmt_number(value)),
                });
            }
        }
        let rows = params.number(&["num_train", "n_train", "train_size"]);
        let leaf = params.number(&["min_child_weight", "min_data_in_leaf", "min_child_samples", "min_samples_leaf"]);
        if let Some((value, limit)) = leaf.zip(rows.map(|r| 0.05 * r)).filter(|(v, l)| v >= l && *v >= 20.0) {
            out.push(Restraint {
                name: "min_child_weight",
                value,
                limit,
                strength: value / limit,
                fix: format!("lower min_child_weight from {} to 1 to 5", fmt_number(value)),
            });
        }
    }
    out
}

/// Units of the narrowest hidden layer, from the parameters, else from the shapes of the weights.
fn width(run: &Run) -> Option<f64> {
    const NAMES: [&str; 14] = [
        "hidden_size",
        "hidden_dim",
        "hidden_sizes",
        "hidden_units",
        "hidden_dims",
        "hidden_layer_sizes",
        "d_model",
        "width",
        "units",
        "n_hidden",
        "hidden_channels",
        "num_filters",
        "rnn_units",
        "n_embd",
    ];
    let configured =
        NAMES.iter().find_map(|name| run.params.given(&[name]).and_then(smallest_number)).filter(|w| w.fract() == 0.0);
    configured.or_else(|| {
        let tensors = &run.checkpoint.as_ref()?.tensors;
        let rows: Vec<f64> =
            tensors.iter().filter(|t| t.shape.len() == 2 && t.name.ends_with("weight")).map(|t| t.shape[0] as f64).collect();
        let hidden = rows.len().checked_sub(1).filter(|n| *n > 0)?;
        Some(smallest(&rows[..hidden]))
    })
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Number(n) => n.as_f64().into_iter().collect(),
        Value::Array(list) => list.iter().flat_map(numbers).collect(),
        Value::String(text) => {
            text.split(|c: char| !c.is_ascii_digit() && c != '.').filter_map(|part| part.parse().ok()).collect()
        }
        _ => Vec::new(),
    }
}

fn smallest_number(value: &Value) -> Option<f64> {
    numbers(value).into_iter().reduce(f64::min)
}

fn largest_number(value: &Value) -> Option<f64> {
    numbers(value).into_iter().reduce(f64::max)
}
