//! `no_generalization`: validation accuracy never beats the most frequent class by 2 points while train
//! accuracy beats it by 15. Boosted trees are left out: they fit any train split, and the rising
//! validation loss says the same there.

use deepfix_model::{Evidence, Severity, above};

use super::{Case, Verdict};
use crate::{
    run::{fact, finding},
    stats::{is_finite, largest, mean, median, sure, tail},
};

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let (run, params, limits) = (case.run, &case.run.params, &case.limits);
    let Some(accuracy) = run.val_accuracy.as_ref().filter(|c| c.len() >= 4) else {
        return Verdict::needs("validation accuracy over four epochs");
    };
    let mut margin = limits.get("no_generalization.validation_gain");
    let guess = params.classes().filter(|k| *k >= 4.0).map(|k| 1.0 / k);
    let majority = match (params.majority(true), guess) {
        (Some(majority), _) => majority,
        (None, Some(guess)) => {
            margin *= 1.5;
            guess
        }
        (None, None) => return Verdict::needs("class counts"),
    };
    if run.is_boosting() || !is_finite(&accuracy.y) || largest(&accuracy.y) >= majority + margin {
        return Verdict::sound();
    }
    let needed = limits.get("no_generalization.train_gain");
    let train_majority = params.majority(false).unwrap_or(majority);
    let (effect, evidence) = if let Some(train) = run.train_accuracy.as_ref().filter(|c| is_finite(&c.y)) {
        let gain = mean(tail(&train.y, 5)) - train_majority;
        (
            gain,
            fact(
                "train_gain",
                train,
                gain,
                "mean train accuracy of the last fifth minus the share of train's most frequent class",
            )
            .versus(">=", needed),
        )
    } else {
        let Some((train, (unit, true))) = run.train_loss.as_ref().filter(|c| is_finite(&c.y)).zip(run.unit()) else {
            return Verdict::needs("train accuracy, or train loss and class counts");
        };
        let level = mean(tail(&run.smoothed_train(5).unwrap_or_default(), 10)) / unit;
        let gain = if level <= 0.7 { needed * (1.0 - level) / 0.4 } else { 0.0 };
        (
            gain.max(if level <= 0.7 { needed } else { 0.0 }),
            fact("train_level", train, level, "train loss at the end over that of guessing").versus("<=", 0.7),
        )
    };
    if effect < needed {
        return Verdict::sound();
    }
    let error = params.validation_rows().map_or(0.03, |rows| (majority * (1.0 - majority) / rows).sqrt());
    // In few rows chance alone hides two points.
    let power = ((majority + margin - median(&accuracy.y[accuracy.len() / 2..])).max(0.0) / error / 3.0).min(1.0);
    let severity = if effect >= 2.0 * needed { Severity::High } else { Severity::Medium };
    Verdict::found(
        finding("no_generalization", "validation".to_owned(), severity, sure(above(effect, needed, 0.75 + 0.25 * power)))
            .title("the model learns its train rows and nothing that holds for others")
            .evidence(
                fact(
                    "best_validation_accuracy",
                    accuracy,
                    largest(&accuracy.y),
                    "largest value, against the share of the most frequent class plus the margin",
                )
                .versus("<", majority + margin),
            )
            .evidence(evidence)
            .evidence(
                Evidence::new("majority_error", "validation", error)
                    .method("standard error of the majority's accuracy for so many validation rows"),
            )
            .fix(
                "check that validation labels belong to their rows, before anything else",
                "a split that was shuffled apart from its labels looks exactly like this",
            )
            .step("evaluate on the train rows through the validation code: it must give the train accuracy")
            .step("shuffle train's labels: if train accuracy is as high, the network only memorises")
            .step("look for label noise and for columns that are constant or missing in validation"),
    )
}
