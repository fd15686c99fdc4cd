//! `missing_validation`: nothing in the log measures unseen data, or what is called validation is train.

use deepfix_model::{Evidence, Severity};

use super::{Case, Verdict};
use crate::{
    log::{Quantity, Side},
    run::finding,
    stats::{is_finite, span},
};

/// Words of runs that are judged otherwise.
const OTHERWISE: [&str; 18] = [
    "reward",
    "rewards",
    "return",
    "returns",
    "episode",
    "rollout",
    "ep",
    "policy",
    "actor",
    "critic",
    "generator",
    "discriminator",
    "elo",
    "gan",
    "disc",
    "gen",
    "d",
    "g",
];

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let run = case.run;
    let measures = |q: Quantity| matches!(q, Quantity::Loss | Quantity::Accuracy | Quantity::Auc | Quantity::Metric);
    let measured: Vec<_> = run.log.series.iter().filter(|s| measures(s.role.quantity)).collect();
    let Some(longest) = measured.iter().map(|s| s.seen()).max() else {
        return Verdict::needs("a log with a loss or a score");
    };
    let words = |key: &str| -> Vec<String> {
        key.to_lowercase().split(|c: char| !c.is_ascii_alphanumeric()).map(str::to_owned).collect()
    };
    let unseen = |key: &str| words(key).iter().any(|w| matches!(w.as_str(), "oof" | "held" | "unseen" | "testing"));
    let validation: Vec<_> = run.log.series.iter().filter(|s| s.role.side == Side::Validation || unseen(&s.key)).collect();
    if validation.iter().any(|s| s.points().iter().any(|p| p.value.is_finite())) {
        let same = match (&run.train_loss, &run.val_loss) {
            (Some(t), Some(v))
                if t.len() == v.len() && t.len() >= 5 && is_finite(&t.y) && is_finite(&v.y) && span(&v.y) > 0.0 =>
            {
                t.y.iter().zip(&v.y).all(|(a, b)| (a - b).abs() <= 1e-6 * b.abs()).then_some(t.len())
            }
            _ => None,
        };
        let Some(epochs) = same else { return Verdict::sound() };
        return Verdict::found(
            finding("missing_validation", "validation".to_owned(), Severity::Medium, 0.85)
                .title("validation loss equals train loss in every epoch: it is measured on the same rows")
                .evidence(
                    Evidence::new("equal_epochs", "series:val_loss", epochs)
                        .unit("epochs")
                        .method("epochs in which both agree within a millionth"),
                )
                .fix("hand the validation rows to the validation loader", "nothing measures unseen data")
                .step("print the first rows of both loaders"),
        );
    }
    let train_is_nan = run.train_loss.as_ref().is_some_and(|c| !is_finite(&c.y));
    let game = run.log.series.iter().any(|s| words(&s.key).iter().any(|w| OTHERWISE.contains(&w.as_str())));
    // Validation that is NaN because training is has its own finding.
    if !validation.is_empty() && train_is_nan || game {
        return Verdict::sound();
    }
    let epochs = measured.iter().flat_map(|s| s.points()).filter_map(|p| p.epoch());
    let (low, high) = epochs.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), e| (l.min(e), h.max(e)));
    let configured = run.params.number(&["num_val", "n_val"]).is_some() || run.params.class_counts(true).is_some();
    let (severity, confidence) = match longest {
        0..5 => return Verdict::needs("five logged values"),
        _ if configured => (Severity::Medium, 0.8),
        _ if high >= low && high - low + 1.0 < 3.0 => (Severity::Low, 0.5),
        _ => (Severity::Medium, 0.9),
    };
    Verdict::found(
        finding("missing_validation", "validation".to_owned(), severity, confidence)
            .title("nothing in the log measures unseen data")
            .evidence(
                Evidence::new("validation_series", "log", 0.0)
                    .versus("==", 0.0)
                    .unit("names")
                    .method("logged names that say validation, test, dev, evaluation or held out")
                    .source(format!("{} names, {longest} values at most", run.log.series.len())),
            )
            .evidence(
                Evidence::new("split_configured", "params", configured).method("whether the parameters name a validation split"),
            )
            .fix(
                "hold out a tenth of the rows and log their loss every epoch",
                "overfitting, leakage and a bad split cannot be seen without it",
            )
            .step("split by group or date where rows belong together, before anything is fitted"),
    )
}
