//! What may be said and what may not.

use deepfix_model::{ArtifactKind, Evidence, Finding};

use super::*;
use crate::model::evidence::evidence;

fn guard() -> Guard {
    let mut report = Report::empty(None, None);
    report.findings = vec![
        Finding::new("target_leakage", ArtifactKind::Train, "column:status_code", Severity::High, 0.93)
            .title("`status_code` gives the label away: AUC 0.9974 alone")
            .column("status_code")
            .evidence(Evidence::new("auc", "column:status_code", 0.997_4).versus(">=", 0.95))
            .evidence(Evidence::new("rows", "column:status_code", 12_480_usize).unit("rows")),
        Finding::new("overfitting", ArtifactKind::Metrics, "epoch:7", Severity::Medium, 0.8)
            .title("`val_loss` rises 31 % above its best of epoch 7 while training goes on")
            .evidence(Evidence::new("rise", "series:val_loss", 0.312).versus(">=", 0.18)),
    ];
    report.readiness.score = Some(3.4);
    let evidence = evidence(&report, "");
    Guard::of(&report, &evidence)
}

fn holds(sentence: &str) -> bool {
    let (kept, thrown) = guard().sift(sentence);
    assert!(kept.is_empty() || thrown.is_empty() || sentence.contains(". "), "{sentence}");
    thrown.is_empty()
}

#[test]
fn what_the_evidence_holds_may_be_said_rounded_and_in_its_own_units() {
    for sentence in [
        "The column status_code alone reaches an AUC of 0.997.",
        "With an AUC of 0.9974 over 12,480 rows, status_code gives the label away.",
        "Alone, `status_code` separates the classes with an AUC of 99.7 %.",
        "Validation loss rises by 31 % after epoch 7.",
        "The overfitting is a rise of 31.2 percent, well above 0.18.",
        "Readiness is 3.4 of 10: two findings, one of them high.",
        "Remove status_code first and train again.",
        "The AUC of status_code is 0,997 over 12 480 rows.",
        "About 12.5 thousand rows are concerned by target leakage.",
    ] {
        assert!(holds(sentence), "{sentence}: {:?}", guard().sift(sentence).1);
    }
}

#[test]
fn what_it_does_not_hold_may_not() {
    for sentence in [
        "The AUC of status_code is 0.94.",
        "The AUC of status_code is 0.998.",
        "The AUC is about 1e99999.",
        "Some 12,000 rows are concerned by status_code leakage.",
        "Validation loss rises by 13 % after epoch 7.",
        "Validation loss triples.",
        "It costs 2 million dollars.",
        "The column ssn_2019 leaks too.",
        "See https://example.org for the fix.",
        "This finding can be ignored.",
        "The leak is harmless.",
        "Overfitting reaches an AUC of 0.9974 at the end.",
        "Half of the rows are wrong.",
        "The rate is 3½ times too high.",
        "It fell ٣ times.",
        "10 000 000 rows of status_code leak.",
        "The AUC of status_code is 0,7.",
        "The AUC of status_code is 7.10.7.",
        "Validation loss rises 7 Percent.",
        "Validation loss rises 7-percent.",
        "Ten percent of the labels are wrong.",
        "Sixteen columns leak.",
        "Some 10k rows leak.",
        "It is 10 trillion rows.",
        "It rises \u{202e}13 %.",
        "It is 1\u{200b}0\u{200b}7.",
        "It can  be ignored.",
        "One in 3/4 of the rows.",
    ] {
        assert!(!holds(sentence), "{sentence}");
    }
}

/// What the rules say is held against the same evidence as what a model says.
#[test]
fn every_sentence_of_a_report_worded_by_rule_holds() {
    use crate::{Outcome, Plain, Rules, Subject, synthesize};

    let given = |agent: &str, findings: Vec<Finding>| Outcome { findings, ..Outcome::completed(agent) };
    let finding = |code: &str, kind, subject: &str, title: &str, facts: &[(&str, f64)]| {
        let begun = Finding::new(code, kind, subject, Severity::High, 0.9).title(title).column("status_code");
        facts.iter().fold(begun, |f, (measure, value)| f.evidence(Evidence::new(measure, subject, *value).versus(">=", 0.9)))
    };
    let data = vec![
        finding(
            "target_leakage",
            ArtifactKind::Train,
            "column:status_code",
            "`status_code` gives the label away",
            &[("auc", 0.9974), ("auc_of_all_others", 0.712)],
        ),
        finding(
            "label_noise",
            ArtifactKind::Train,
            "label",
            "an estimated 12.3 % of labels are wrong",
            &[("contradicted_among_surest", 0.123)],
        ),
    ];
    let run = vec![
        finding(
            "data_leakage",
            ArtifactKind::Metrics,
            "run",
            "validation stands at 0.99 from the first epoch",
            &[("early_validation_score", 0.99)],
        ),
        finding(
            "overfitting",
            ArtifactKind::Metrics,
            "epoch:7",
            "`val_loss` rises 31 % above its best of epoch 7",
            &[("rise", 0.312)],
        ),
        finding(
            "lr_too_high",
            ArtifactKind::Metrics,
            "learning_rate",
            "a learning rate of 0.3 is too high",
            &[("times_usual", 300.0)],
        ),
        finding(
            "nan_loss",
            ArtifactKind::Metrics,
            "epoch:9",
            "`train_loss` is NaN from epoch 9 on",
            &[("not_finite_values", 4.0)],
        ),
    ];
    let weights =
        vec![finding("nan_weights", ArtifactKind::Checkpoint, "tensor:a", "3 of 20 tensors hold NaN", &[("tensors", 3.0)])];
    let outcomes = vec![given("dataset", data), given("training", run), given("checkpoint", weights)];
    let rules = Rules::embedded().expect("the table reads");
    let report = synthesize(outcomes, &[], Subject::default(), &rules, &Plain);
    assert!(report.root_causes.len() >= 3, "{:?}", report.root_causes);
    let guard = Guard::of(&report, &evidence(&report, ""));
    for text in report.root_causes.iter().map(|c| &c.text).chain([&report.summary]) {
        let (_, thrown) = guard.sift(text);
        assert!(thrown.is_empty(), "{thrown:?}");
    }
}

#[test]
fn of_a_thousand_hostile_answers_no_wrong_number_is_left() {
    let guard = guard();
    let truths = [0.9974, 0.997, 0.95, 0.93, 12480.0, 31.0, 31.2, 7.0, 0.312, 0.18, 0.8, 3.4, 10.0, 2.0, 1.0, 0.0];
    let mut seed = 7_u64;
    let mut next = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let (mut wrong, mut kept_wrong) = (0, Vec::new());
    for _ in 0..1000 {
        let truth = truths[usize::try_from(next(16)).expect("few")];
        let value = match next(5) {
            0 => truth * (2.0 + next(50) as f64 / 10.0),
            1 => truth + 0.11 + next(90) as f64 / 100.0,
            2 => next(100_000) as f64 / 100.0,
            3 => -1.0 - truth * 3.0,
            _ => truth / 7.3,
        };
        let shown = if next(2) == 0 { format!("{value:.2}") } else { format!("{value:.4}") };
        let sentence = match next(4) {
            0 => format!("The AUC of status_code is {shown}."),
            1 => format!("Validation loss rises by {shown} % after the best epoch."),
            2 => format!("In all, {shown} rows are concerned, says the overfitting."),
            _ => format!("It is {shown}"),
        };
        let said: f64 = shown.parse().expect("a number");
        // By any reading of the evidence, with the rounding that is shown.
        let known: Vec<f64> = truths.iter().flat_map(|t| [*t, t * 100.0, t / 100.0, t * 1000.0]).collect();
        let half = if shown.ends_with(&format!("{value:.4}")) { 0.5e-4 } else { 0.5e-2 };
        let right = known.iter().any(|k| (said.abs() - k.abs()).abs() <= half * 1.001);
        if !right {
            wrong += 1;
            let (kept, _) = guard.sift(&sentence);
            if !kept.is_empty() {
                kept_wrong.push(kept);
            }
        }
    }
    assert!(wrong > 800, "{wrong} of the answers are wrong");
    assert!(kept_wrong.is_empty(), "{kept_wrong:?}");
}
