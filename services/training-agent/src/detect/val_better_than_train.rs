//! `val_better_than_train`: the validation loss is below 0.8 of the train loss, by more than 5 % of the
//! loss of guessing, in most epochs. A train loss averaged over an epoch lags half an epoch behind: the
//! comparison must hold against validation half an epoch earlier too.

use deepfix_model::{Severity, above};

use super::{Case, Verdict};
use crate::{
    rise::is_perplexity,
    run::{fact, finding},
    stats::{interpolate, is_finite, median, smallest, sure},
};

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let (run, limits) = (case.run, &case.limits);
    let (Some(val), Some(train)) = (&run.val_loss, &run.train_loss) else {
        return Verdict::needs("a train and a validation loss");
    };
    if val.len() < 5 || train.len() < 4 {
        return Verdict::needs("train and validation loss over five epochs");
    }
    let usable = is_finite(&val.y) && is_finite(&train.y) && smallest(&val.y) > 0.0 && smallest(&train.y) > 0.0;
    if !usable || run.diverged() || is_perplexity(&val.key) != is_perplexity(&train.key) {
        return Verdict::sound();
    }
    let Some((unit, known)) = run.unit() else { return Verdict::sound() };
    let (ratio, gap, share_limit) = (
        limits.get("val_better_than_train.ratio"),
        limits.get("val_better_than_train.gap"),
        limits.get("val_better_than_train.share"),
    );
    let Some(smoothed) = run.smoothed_train(3) else { return Verdict::sound() };
    let beside: Vec<f64> = val.place.iter().map(|p| interpolate(*p, &train.place, &smoothed)).collect();
    let share = |y: &[f64]| {
        y.iter().zip(&beside).filter(|(v, t)| **v < ratio * **t && **t - **v > gap * unit).count() as f64 / y.len() as f64
    };
    let earlier: Vec<f64> = std::iter::once(val.y[0]).chain(val.y.windows(2).map(|w| f64::midpoint(w[0], w[1]))).collect();
    let (now, lagged) = (share(&val.y), share(&earlier));
    let ratios: Vec<f64> = val.y.iter().zip(&beside).map(|(v, t)| v / t).collect();
    let last = median(&ratios[ratios.len() - (ratios.len() / 3).max(2)..]);
    // A gap that closed was the average over the epoch.
    if now < share_limit || lagged < share_limit - 0.10 || last > 0.9 && now < 0.7 {
        return Verdict::sound();
    }
    let certainty = (1.0 - 0.5 / (val.len() as f64).sqrt()) * if known { 1.0 } else { 0.85 };
    let dropout = run.params.number(&["dropout", "dropout_rate", "hidden_dropout_prob"]).filter(|d| *d > 0.0);
    let why = dropout.map_or_else(
        || "regularisation or augmentation that only train sees, an easier validation split, or train rows in it".to_owned(),
        |d| format!("dropout of {d} is on while the train loss is measured and off for validation"),
    );
    Verdict::found(
        finding("val_better_than_train", "loss".to_owned(), Severity::Medium, sure(above(now, share_limit * 0.8, certainty)))
            .title(format!("validation loss is far below train loss in {:.0} % of the epochs", now * 100.0))
            .evidence(
                fact(
                    "epochs_below",
                    val,
                    now,
                    "epochs with a validation loss under 0.8 of the train loss, by more than 5 % of the loss of guessing",
                )
                .versus(">=", share_limit)
                .unit("share of epochs"),
            )
            .evidence(
                fact(
                    "epochs_below_lagged",
                    val,
                    lagged,
                    "the same with validation half an epoch earlier, as an averaged train loss is",
                )
                .versus(">=", share_limit - 0.10)
                .unit("share of epochs"),
            )
            .evidence(fact("late_ratio", val, last, "median validation over train loss in the last third"))
            .fix("measure the train loss in evaluation mode once per epoch and compare again", why)
            .step("if the gap stays, compare the splits: easier rows, duplicates of train, another weighting of classes")
            .step("if it closes, lower the dropout: the model is held back more than it needs"),
    )
}
