//! What a logged name means: which split, which quantity, which direction is better.

pub(crate) use deepfix_model::MetricQuantity as Quantity;
use deepfix_model::MetricRole;

/// Which split a value was measured on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Train,
    Validation,
    Neither,
}

/// Which direction is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Lower,
    Higher,
}

/// What a name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Role {
    pub(crate) side: Side,
    pub(crate) quantity: Quantity,
    pub(crate) direction: Direction,
    /// The name says that it is an epoch's value.
    pub(crate) per_epoch: bool,
    /// The name says that it is a step's value.
    pub(crate) per_step: bool,
    /// The name is the quantity's own, as `val_loss`; `adv_loss` and `kl_loss` are parts of a loss.
    pub(crate) plain: bool,
    /// The name says which split it is of.
    pub(crate) explicit: bool,
}

const VALIDATION: &[&str] = &["val", "valid", "validation", "eval", "dev", "test", "heldout", "cv"];
const TRAIN: &[&str] = &["train", "training", "learn", "tr", "trn"];
/// Words that add nothing to a quantity's name.
const PLAIN: &[&str] = &["epoch", "step", "total", "mean", "avg", "acc", "accuracy", "auc", "auroc", "top1", "cross", "entropy"];
const LOSSES: &[&str] =
    &["loss", "logloss", "mlogloss", "cross_entropy", "crossentropy", "nll", "objective", "perplexity", "ppl"];
const ERRORS: &[&str] = &["mae", "mse", "rmse", "mape", "error", "merror", "err", "l1", "l2", "wer", "cer"];
const SCORES: &[&str] =
    &["f1", "f1score", "precision", "recall", "r2", "map", "ndcg", "iou", "dice", "bleu", "rouge", "score", "mcc", "aucpr"];

/// A name in lower case with `_` between its words, whatever way it was written.
pub(crate) fn snake(key: &str) -> String {
    let mut out = String::with_capacity(key.len() + 4);
    let mut lower = false;
    for c in key.chars() {
        if c.is_uppercase() && lower {
            out.push('_');
        }
        lower = c.is_lowercase() || c.is_ascii_digit();
        match c {
            '/' | '-' | '.' | ' ' | ':' => out.push('_'),
            _ => out.extend(c.to_lowercase()),
        }
    }
    out
}

impl Role {
    /// The role a user says a name has, which counts before any that is guessed.
    pub(crate) fn said(self, role: MetricRole) -> Self {
        let quantity = role.quantity;
        let side = match role.held_out {
            Some(true) => Side::Validation,
            Some(false) => Side::Train,
            None => Side::Neither,
        };
        let lower = role.lower_is_better.unwrap_or(match quantity {
            Quantity::Loss => true,
            // Of a name that says nothing, as of a guessed one.
            Quantity::Metric => self.direction == Direction::Lower,
            _ => false,
        });
        let direction = if lower { Direction::Lower } else { Direction::Higher };
        Self { side, quantity, direction, plain: true, explicit: true, ..self }
    }

    /// The role as a user would say it; `None` for what is not judged.
    pub(crate) fn named(self) -> Option<MetricRole> {
        let sided = matches!(self.quantity, Quantity::Loss | Quantity::Accuracy | Quantity::Auc | Quantity::Metric);
        (self.quantity != Quantity::Unknown).then(|| MetricRole {
            held_out: sided.then_some(self.side == Side::Validation),
            quantity: self.quantity,
            // Of the others everybody knows which way is better.
            lower_is_better: (self.quantity == Quantity::Metric).then_some(self.direction == Direction::Lower),
        })
    }

    pub(crate) fn of(key: &str) -> Self {
        let name = snake(key);
        let words: Vec<&str> = name.split('_').filter(|w| !w.is_empty()).collect();
        let any = |list: &[&str]| words.iter().any(|w| list.contains(w));
        let side = if any(VALIDATION) {
            Side::Validation
        } else if any(TRAIN) {
            Side::Train
        } else {
            Side::Neither
        };
        let learning_rate = any(&["lr"]) || name.contains("learning_rate");
        let quantity = if learning_rate {
            Quantity::LearningRate
        } else if name.contains("grad_norm") || name.contains("gradient_norm") {
            Quantity::GradientNorm
        } else if any(&["runtime", "time", "seconds", "samples", "second", "memory", "steps", "scale", "scaler"]) {
            Quantity::Unknown
        } else if any(LOSSES) {
            Quantity::Loss
        } else if any(&["acc", "accuracy", "top1"]) {
            Quantity::Accuracy
        } else if any(&["auc", "auroc"]) {
            Quantity::Auc
        } else if any(ERRORS) || any(SCORES) {
            Quantity::Metric
        } else {
            Quantity::Unknown
        };
        let explicit = side != Side::Neither;
        // Keras and Hugging Face log the training side without a prefix.
        let side = if side == Side::Neither
            && matches!(quantity, Quantity::Loss | Quantity::Accuracy | Quantity::Auc | Quantity::Metric)
        {
            Side::Train
        } else {
            side
        };
        let lower = quantity == Quantity::Loss || any(ERRORS);
        Self {
            side,
            quantity,
            direction: if lower { Direction::Lower } else { Direction::Higher },
            per_epoch: words.last() == Some(&"epoch"),
            per_step: words.last() == Some(&"step"),
            plain: words.iter().all(|w| [VALIDATION, TRAIN, LOSSES, ERRORS, SCORES, PLAIN].iter().any(|list| list.contains(w))),
            explicit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_common_tools_are_understood() {
        for (key, side, quantity) in [
            ("train/loss_step", Side::Train, Quantity::Loss),
            ("val_loss", Side::Validation, Quantity::Loss),
            ("loss", Side::Train, Quantity::Loss),
            ("eval_accuracy", Side::Validation, Quantity::Accuracy),
            ("eval_runtime", Side::Validation, Quantity::Unknown),
            ("lr-Adam", Side::Neither, Quantity::LearningRate),
            ("learning_rate", Side::Neither, Quantity::LearningRate),
            ("val_auc", Side::Validation, Quantity::Auc),
            ("eval mlogloss", Side::Validation, Quantity::Loss),
            ("grad_norm", Side::Neither, Quantity::GradientNorm),
            ("val_mae", Side::Validation, Quantity::Metric),
            ("trainLoss", Side::Train, Quantity::Loss),
            ("cv_loss", Side::Validation, Quantity::Loss),
        ] {
            let role = Role::of(key);
            assert_eq!((role.side, role.quantity), (side, quantity), "{key}");
        }
        assert!(
            Role::of("train_loss").plain && Role::of("loss").plain && !Role::of("adv_loss").plain && !Role::of("kl_loss").plain
        );
        assert_eq!(Role::of("val_rmse").direction, Direction::Lower);
        assert_eq!(Role::of("val_f1").direction, Direction::Higher);
    }
}
