//! `memorization`: train accuracy near 1, far above validation.

use deepfix_model::{Evidence, Severity, above};

use super::{Case, Verdict};
use crate::{
    run::{fact, finding},
    stats::{is_finite, median, tail},
};

pub(super) fn detect(case: &Case<'_>) -> Verdict {
    let (run, limits) = (case.run, &case.limits);
    let (Some(train), Some(val)) = (&run.train_accuracy, &run.val_accuracy) else {
        return Verdict::needs("train and validation accuracy");
    };
    if train.len() < 4 || val.len() < 4 {
        return Verdict::needs("accuracies of four epochs");
    }
    if !is_finite(&train.y) || !is_finite(&val.y) || case.fired("no_generalization") {
        return Verdict::sound();
    }
    let (top, here) = (median(tail(&train.y, 5)), median(tail(&val.y, 5)));
    let gap = top - here;
    let error = run.params.validation_rows().map_or(0.02, |rows| ((here * (1.0 - here)).max(1e-4) / rows).sqrt());
    let (need, limit) = (limits.get("memorization.train"), limits.get("memorization.gap"));
    if top < need || gap < limit || gap < 3.0 * error {
        return Verdict::sound();
    }
    let severity = if gap >= 2.0 * limit { Severity::Medium } else { Severity::Low };
    Verdict::found(
        finding("memorization", "train".to_owned(), severity, above(gap, limit, 0.85))
            .title(format!("train accuracy is {top:.3}, validation {here:.3}: the rows are known by heart"))
            .evidence(fact("train_accuracy", train, top, "median of the last fifth of epochs").versus(">=", need))
            .evidence(fact("accuracy_gap", val, gap, "the same minus validation's").versus(">=", limit))
            .evidence(
                Evidence::new("validation_error", "series:accuracy", error)
                    .method("standard error of the validation accuracy; the gap must be three of them"),
            )
            .fix(
                "regularise: augmentation, weight decay, dropout, fewer units",
                "capacity that is left over after the pattern goes into single rows",
            )
            .step("look for label noise: a network at 100 % on noisy labels has learnt the noise"),
    )
}
