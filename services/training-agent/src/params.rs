//! Hyper-parameters, found by the names that tools give them, at any depth.

use deepfix_artifact::{ReadError, parse_json, parse_yaml};
use serde_json::Value;

/// Parameters of a run.
#[derive(Debug, Default)]
pub(crate) struct Params(Value);

impl Params {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, ReadError> {
        let text = deepfix_artifact::decode_text(bytes);
        let value = if text.text.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{') {
            parse_json(&text.text)?
        } else {
            parse_yaml(&String::from_utf8_lossy(&text.text))?
        };
        if value.is_object() {
            Ok(Self(value))
        } else {
            Err(ReadError::Syntax { format: "YAML", reason: "no names with values".to_owned() })
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_null()
    }

    /// The first value under any of these names, wherever it is nested.
    pub(crate) fn get(&self, names: &[&str]) -> Option<&Value> {
        names.iter().find_map(|name| find(&self.0, name, 0))
    }

    pub(crate) fn number(&self, names: &[&str]) -> Option<f64> {
        self.get(names)
            .and_then(|v| v.as_f64().or_else(|| v.as_str().and_then(|s| s.parse().ok())))
            .filter(|v: &f64| v.is_finite())
    }

    /// The first value under any of these names that is not null.
    pub(crate) fn given(&self, names: &[&str]) -> Option<&Value> {
        names.iter().filter_map(|name| find(&self.0, name, 0)).find(|value| !value.is_null())
    }

    /// Whether a setting is there and says yes: not null, false, zero, or empty.
    pub(crate) fn is_on(&self, name: &str) -> bool {
        match self.given(&[name]) {
            None => false,
            Some(Value::Bool(on)) => *on,
            Some(Value::Number(n)) => n.as_f64() != Some(0.0),
            Some(Value::String(text)) => !matches!(text.to_lowercase().as_str(), "" | "none" | "false" | "off" | "no"),
            Some(Value::Array(list)) => !list.is_empty(),
            Some(Value::Object(map)) => !map.is_empty(),
            Some(Value::Null) => false,
        }
    }

    /// A text in lower case.
    pub(crate) fn lower(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.given(&[name]).and_then(Value::as_str)).map(str::to_lowercase)
    }

    /// Rows of the validation split.
    pub(crate) fn validation_rows(&self) -> Option<f64> {
        let stated = self.number(&["num_val", "n_val", "val_size", "num_validation", "eval_samples"]).filter(|n| *n > 1.0);
        stated.or_else(|| Some(self.class_counts(true)?.iter().sum()))
    }

    /// Number of classes.
    pub(crate) fn classes(&self) -> Option<f64> {
        let counted = self.class_counts(false).map(|c| c.len() as f64);
        counted.or_else(|| self.number(&["num_classes", "num_class", "n_classes", "num_labels"]))
    }

    /// Epochs or rounds that were planned.
    pub(crate) fn planned(&self) -> Option<f64> {
        self.number(&["max_epochs", "epochs", "num_train_epochs", "num_boost_round", "n_estimators"])
    }

    pub(crate) fn text(&self, names: &[&str]) -> Option<&str> {
        self.get(names).and_then(Value::as_str)
    }

    /// Whether early stopping is configured; `None` when the parameters do not say.
    pub(crate) fn early_stopping(&self) -> Option<bool> {
        let named = self.get(&["early_stopping", "early_stopping_rounds", "early_stopping_patience"]);
        // A patience of its own is that of early stopping; inside a scheduler it is the scheduler's.
        let value = named.or_else(|| self.0.get("patience"))?;
        Some(match value {
            Value::Null => false,
            Value::Bool(on) => *on,
            Value::Number(n) => n.as_f64() != Some(0.0),
            Value::String(text) => !matches!(text.to_lowercase().as_str(), "" | "none" | "false" | "off" | "no"),
            Value::Object(settings) => settings.get("enabled") != Some(&Value::Bool(false)),
            Value::Array(_) => true,
        })
    }

    /// Rows per class of the training split.
    pub(crate) fn class_counts(&self, validation: bool) -> Option<Vec<f64>> {
        let name = if validation { "val_class_counts" } else { "train_class_counts" };
        let counts: Vec<f64> = self
            .get(&[name, if validation { "" } else { "class_counts" }])?
            .as_array()?
            .iter()
            .filter_map(Value::as_f64)
            .collect();
        (counts.len() >= 2 && counts.iter().sum::<f64>() > 0.0).then_some(counts)
    }

    /// Loss of a model that knows only the labels' distribution: class entropy in nats, or the
    /// target's variance for a squared error.
    pub(crate) fn prior_loss(&self) -> Option<f64> {
        if self.lower(&["reduction"]).is_some_and(|r| r == "sum") {
            return None;
        }
        if let Some(counts) = self.class_counts(false) {
            let total: f64 = counts.iter().sum();
            return Some(counts.iter().filter(|c| **c > 0.0).map(|c| -(c / total) * (c / total).ln()).sum());
        }
        let squared = self
            .lower(&["loss", "objective", "criterion", "loss_fn"])
            .is_some_and(|l| l.contains("mse") || l.contains("squared") || l.contains("l2"));
        self.number(&["target_variance"]).filter(|_| squared)
    }

    /// Share of the most frequent class: the accuracy of always answering it.
    pub(crate) fn majority(&self, validation: bool) -> Option<f64> {
        let counts = self.class_counts(validation)?;
        Some(counts.iter().copied().fold(0.0, f64::max) / counts.iter().sum::<f64>())
    }
}

/// Looks at what is nested for validation, tests or inference last: its batch size is not training's.
fn find<'a>(value: &'a Value, name: &str, depth: usize) -> Option<&'a Value> {
    if depth > 6 || name.is_empty() {
        return None;
    }
    let object = value.as_object()?;
    let aside = |key: &str| ["val", "test", "eval", "infer", "predict"].iter().any(|word| key.to_lowercase().starts_with(word));
    let inner = |wanted: bool| object.iter().filter(move |(key, _)| aside(key) == wanted);
    object
        .get(name)
        .or_else(|| inner(false).find_map(|(_, inner)| find(inner, name, depth + 1)))
        .or_else(|| inner(true).find_map(|(_, inner)| find(inner, name, depth + 1)))
}
