//! What a name in a training log means, as a user says it.

use std::{fmt, str::FromStr};

/// A role: `train_loss`, `val_accuracy`, `val_metric:min`, `learning_rate`, `gradient_norm` or `ignore`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricRole {
    /// Whether it was measured on data held out; `None` where that means nothing.
    pub held_out: Option<bool>,
    /// What was measured.
    pub quantity: MetricQuantity,
    /// Whether lower is better, when it was said.
    pub lower_is_better: Option<bool>,
}

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricQuantity {
    /// What is optimised.
    Loss,
    /// Share that is right.
    Accuracy,
    /// Area under the ROC curve.
    Auc,
    /// Another score or error.
    Metric,
    /// The optimizer's rate.
    LearningRate,
    /// Norm of the gradient.
    GradientNorm,
    /// Nothing that is known, or to be judged.
    Unknown,
}

impl FromStr for MetricRole {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is no role; one of train_ or val_ (test_) with loss, accuracy, auc or metric, such as val_loss, with :min or \
                 :max behind it for the better direction; learning_rate, gradient_norm, ignore"
            )
        };
        let (name, direction) = text.split_once(':').map_or((text, None), |(name, direction)| (name, Some(direction)));
        let lower_is_better = match direction {
            None => None,
            Some("min") => Some(true),
            Some("max") => Some(false),
            Some(_) => return Err(wrong()),
        };
        let (held_out, quantity) = match name {
            "learning_rate" => (None, MetricQuantity::LearningRate),
            "gradient_norm" => (None, MetricQuantity::GradientNorm),
            "ignore" => (None, MetricQuantity::Unknown),
            _ => {
                let (side, quantity) = name.split_once('_').ok_or_else(wrong)?;
                let held_out = match side {
                    "train" => false,
                    "val" | "test" => true,
                    _ => return Err(wrong()),
                };
                let quantity = match quantity {
                    "loss" => MetricQuantity::Loss,
                    "accuracy" => MetricQuantity::Accuracy,
                    "auc" => MetricQuantity::Auc,
                    "metric" => MetricQuantity::Metric,
                    _ => return Err(wrong()),
                };
                (Some(held_out), quantity)
            }
        };
        if held_out.is_none() && lower_is_better.is_some() {
            return Err(wrong());
        }
        Ok(Self { held_out, quantity, lower_is_better })
    }
}

impl fmt::Display for MetricRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quantity = match self.quantity {
            MetricQuantity::Loss => "loss",
            MetricQuantity::Accuracy => "accuracy",
            MetricQuantity::Auc => "auc",
            MetricQuantity::Metric => "metric",
            MetricQuantity::LearningRate => return f.write_str("learning_rate"),
            MetricQuantity::GradientNorm => return f.write_str("gradient_norm"),
            MetricQuantity::Unknown => return f.write_str("ignore"),
        };
        let side = if self.held_out == Some(true) { "val" } else { "train" };
        let direction = match self.lower_is_better {
            Some(true) => ":min",
            Some(false) => ":max",
            None => "",
        };
        write!(f, "{side}_{quantity}{direction}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_read_and_others_are_refused_with_what_may_be() {
        let role: MetricRole = "val_metric:min".parse().expect("a role");
        assert_eq!(role, MetricRole { held_out: Some(true), quantity: MetricQuantity::Metric, lower_is_better: Some(true) });
        assert_eq!("ignore".parse::<MetricRole>().expect("a role").quantity, MetricQuantity::Unknown);
        for text in ["train_loss", "val_metric:min", "val_auc:max", "learning_rate", "gradient_norm", "ignore"] {
            assert_eq!(text.parse::<MetricRole>().expect("a role").to_string(), text);
        }
        for wrong in ["", "loss", "val", "dev_loss", "val_loss:up", "learning_rate:min"] {
            assert!(wrong.parse::<MetricRole>().expect_err(wrong).contains("val_loss"));
        }
    }
}
