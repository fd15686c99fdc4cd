//! Each rule on a case in which it must fire, and on a near miss in which it must not.

use std::collections::BTreeMap;

use deepfix_model::{ArtifactKind, Evidence, Finding, Report, Severity, Split};
use deepfix_reasoning::{Outcome, Plain, Rules, Subject, synthesize};

fn finding(code: &str, artifact: ArtifactKind, severity: Severity, measures: &[(&str, f64)]) -> Finding {
    let mut finding =
        Finding::new(code, artifact, format!("column:{code}"), severity, 0.9).title(format!("{code} was found")).column("x");
    for (measure, value) in measures {
        finding = finding.evidence(Evidence::new(measure, "column:x", *value));
    }
    finding
}

fn report(findings: Vec<Finding>) -> Report {
    let mut outcomes: BTreeMap<&str, Vec<Finding>> = BTreeMap::new();
    for mut finding in findings {
        let agent = match finding.artifact.as_str() {
            "train" | "test" => "dataset",
            "metrics" | "layer_stats" => "training",
            "deepchecks" => "checks",
            _ => "checkpoint",
        };
        agent.clone_into(&mut finding.agent);
        outcomes.entry(agent).or_default().push(finding);
    }
    let outcomes = outcomes.into_iter().map(|(name, findings)| Outcome { findings, ..Outcome::completed(name) }).collect();
    synthesize(outcomes, &[], Subject::default(), &Rules::embedded().expect("the table reads"), &Plain)
}

fn fires(rule: &str, findings: Vec<Finding>) -> bool {
    report(findings).root_causes.iter().any(|c| c.rule == rule)
}

use ArtifactKind::{Checkpoint, Deepchecks, LayerStats, Metrics, Test, Train};
use Severity::{High, Low, Medium};

type Case = (&'static str, Vec<Finding>, Vec<Finding>);

fn first_cases() -> Vec<Case> {
    vec![
        (
            "leaking_column_and_score_at_its_ceiling",
            vec![finding("target_leakage", Train, High, &[("auc", 0.98)]), finding("data_leakage", Metrics, High, &[])],
            // An identifier that predicts hardly anything does not explain a perfect score.
            vec![finding("id_leakage", Deepchecks, Low, &[]), finding("data_leakage", Metrics, High, &[])],
        ),
        (
            "shared_time_and_a_score_that_will_not_hold",
            vec![finding("temporal_leakage", Train, High, &[]), finding("overfitting", Metrics, Medium, &[])],
            vec![finding("temporal_leakage", Train, High, &[]), finding("oscillating_loss", Metrics, Medium, &[])],
        ),
        (
            "run_passed_its_best_and_kept_the_last",
            vec![finding("early_stopping_missed", Metrics, Medium, &[]), finding("checkpoint_not_best", Checkpoint, Medium, &[])],
            vec![finding("nan_loss", Metrics, High, &[]), finding("checkpoint_not_best", Checkpoint, Medium, &[])],
        ),
        (
            "diverged_run_and_weights_that_are_no_numbers",
            vec![finding("nan_loss", Metrics, High, &[]), finding("nan_weights", Checkpoint, High, &[])],
            vec![finding("overfitting", Metrics, High, &[]), finding("nan_weights", Checkpoint, High, &[])],
        ),
        (
            "layers_that_cannot_learn",
            vec![finding("vanishing_gradient", LayerStats, High, &[]), finding("not_learning", Metrics, High, &[])],
            vec![finding("vanishing_gradient", LayerStats, High, &[]), finding("overfitting", Metrics, High, &[])],
        ),
        (
            "drifted_columns_and_a_score_that_falls",
            vec![finding("covariate_shift", Test, High, &[]), finding("performance_drop", Deepchecks, Medium, &[])],
            // A mere warning about a weak segment is no drop.
            vec![finding("covariate_shift", Test, High, &[]), finding("weak_segment", Deepchecks, Low, &[])],
        ),
        (
            "rare_class_and_a_model_that_ignores_it",
            vec![finding("class_imbalance", Train, Medium, &[]), finding("worse_than_baseline", Deepchecks, High, &[])],
            vec![finding("class_imbalance", Train, Low, &[]), finding("worse_than_baseline", Deepchecks, High, &[])],
        ),
        (
            "rows_repeated_before_the_split",
            vec![finding("duplicate_rows", Train, Medium, &[]), finding("train_test_overlap", Test, High, &[])],
            // Repeats in test alone cannot have put rows into train.
            vec![finding("duplicate_rows", Test, Medium, &[]), finding("train_test_overlap", Test, High, &[])],
        ),
    ]
}

type Sign = (&'static str, ArtifactKind, Severity);
/// A rule, the two findings it joins, and two that are near and must not be joined.
type Short = (&'static str, [Sign; 2], [Sign; 2]);

#[rustfmt::skip]
const SHORT: &[Short] = &[
    // A column that leaks little explains nothing.
    ("identifier_that_predicts_and_a_model_that_learns_it_by_heart", [("id_leakage", Train, High), ("overfitting", Metrics, High)], [("id_leakage", Deepchecks, Low), ("overfitting", Metrics, High)]),
    ("emptiness_that_tells_and_a_score_at_its_ceiling", [("missing_not_at_random", Train, Medium), ("data_leakage", Metrics, High)], [("high_missing_rate", Train, Medium), ("data_leakage", Metrics, High)]),
    ("rows_of_train_in_test_and_a_check_that_finds_no_gap", [("train_test_overlap", Test, High), ("val_better_than_train", Metrics, Medium)], [("duplicate_rows", Train, High), ("val_better_than_train", Metrics, Medium)]),
    ("another_population_in_validation_and_a_score_above_train", [("covariate_shift", Test, High), ("val_better_than_train", Metrics, Medium)], [("covariate_shift", Deepchecks, Low), ("val_better_than_train", Metrics, Medium)]),
    ("values_the_model_never_saw_and_a_score_that_falls", [("unseen_categories", Test, Medium), ("performance_drop", Deepchecks, Medium)], [("unseen_categories", Test, Medium), ("weak_segment", Deepchecks, Low)]),
    ("changed_unit_and_a_score_that_falls", [("unit_change", Test, High), ("performance_drop", Deepchecks, High)], [("unit_change", Test, High), ("slow_inference", Deepchecks, Medium)]),
    ("changed_rule_behind_the_label_and_a_score_that_falls", [("concept_shift", Test, High), ("performance_drop", Deepchecks, Medium)], [("concept_shift", Test, Low), ("performance_drop", Deepchecks, Medium)]),
    ("moved_base_rate_and_probabilities_that_miss", [("label_shift", Test, Medium), ("calibration_error", Deepchecks, Medium)], [("covariate_shift", Test, Medium), ("calibration_error", Deepchecks, Medium)]),
    ("other_words_and_a_score_that_falls", [("vocabulary_shift", Test, Medium), ("performance_drop", Deepchecks, Medium)], [("vocabulary_shift", Test, Medium), ("calibration_error", Deepchecks, Medium)]),
    ("rare_class_and_a_loss_that_is_satisfied_with_the_frequent_one", [("class_imbalance", Train, Medium), ("loss_metric_divergence", Metrics, Medium)], [("class_imbalance", Train, Low), ("loss_metric_divergence", Metrics, Medium)]),
    ("empty_pictures_and_a_model_that_finds_nothing", [("empty_images", Train, Medium), ("not_learning", Metrics, High)], [("empty_images", Train, Medium), ("overfitting", Metrics, High)]),
    ("wrong_labels_and_a_model_that_learns_them_by_heart", [("label_noise", Train, Medium), ("overfitting", Metrics, High)], [("label_noise", Train, Medium), ("nan_loss", Metrics, High)]),
    ("labels_that_contradict_each_other_and_a_floor_under_the_loss", [("conflicting_labels", Train, Medium), ("underfitting", Metrics, Medium)], [("conflicting_labels", Train, Low), ("underfitting", Metrics, Medium)]),
    ("raw_inputs_and_a_loss_that_runs_away", [("input_not_normalized", LayerStats, High), ("exploding_loss", Metrics, High)], [("input_not_normalized", LayerStats, High), ("early_stopping_missed", Metrics, Medium)]),
    ("raw_inputs_and_units_that_did_not_survive_them", [("input_not_normalized", LayerStats, Medium), ("dying_relu", LayerStats, High)], [("input_not_normalized", LayerStats, Low), ("dying_relu", LayerStats, High)]),
    ("magic_numbers_in_the_table_and_a_loss_that_runs_away", [("sentinel_values", Train, Medium), ("exploding_loss", Metrics, High)], [("outliers", Train, Low), ("exploding_loss", Metrics, High)]),
    ("run_that_blew_up_and_weights_far_too_large", [("exploding_loss", Metrics, High), ("exploding_weight_norm", Checkpoint, High)], [("overfitting", Metrics, High), ("exploding_weight_norm", Checkpoint, High)]),
    ("rate_too_high_and_a_run_that_does_not_settle", [("lr_too_high", Metrics, High), ("oscillating_loss", Metrics, Medium)], [("lr_too_low", Metrics, Medium), ("oscillating_loss", Metrics, Medium)]),
    ("rate_too_high_and_weights_that_show_it", [("lr_too_high", Metrics, High), ("exploding_weight_norm", Checkpoint, High)], [("lr_too_high", Metrics, High), ("mixed_dtype", Checkpoint, Medium)]),
    ("schedule_that_does_not_do_what_it_says", [("lr_schedule_misconfigured", Metrics, Medium), ("lr_plateau", Metrics, Medium)], [("lr_schedule_misconfigured", Metrics, Medium), ("nan_loss", Metrics, High)]),
    ("rate_too_low_and_a_run_that_hardly_moves", [("lr_too_low", Metrics, Medium), ("slow_convergence", Metrics, Medium)], [("lr_too_low", Metrics, Medium), ("overfitting", Metrics, Medium)]),
    ("steps_too_short_and_layers_still_at_their_start", [("lr_too_low", Metrics, Medium), ("untrained_layer", Checkpoint, Medium)], [("lr_too_high", Metrics, Medium), ("untrained_layer", Checkpoint, Medium)]),
    ("half_precision_at_its_limit_and_a_loss_that_is_no_number", [("precision_overflow", Metrics, High), ("nan_loss", Metrics, High)], [("precision_overflow", Metrics, High), ("overfitting", Metrics, High)]),
    ("weights_at_the_range_of_their_type_and_a_run_that_broke", [("precision_loss", Checkpoint, Medium), ("nan_loss", Metrics, High)], [("mixed_dtype", Checkpoint, Low), ("nan_loss", Metrics, High)]),
    ("rounded_weights_and_a_score_that_falls", [("quantization_mismatch", Checkpoint, Medium), ("performance_drop", Deepchecks, Medium)], [("quantization_mismatch", Checkpoint, Medium), ("unused_features", Deepchecks, Medium)]),
    ("checkpoint_without_its_optimizer_and_a_run_that_starts_over", [("missing_optimizer_state", Checkpoint, Medium), ("loss_spike", Metrics, Medium)], [("missing_optimizer_state", Checkpoint, Medium), ("overfitting", Metrics, Medium)]),
    ("state_that_was_not_restored_and_a_jump_in_the_loss", [("log_restart", Metrics, Medium), ("loss_spike", Metrics, Medium)], [("log_restart", Metrics, Medium), ("overfitting", Metrics, Medium)]),
    ("collapsed_layers_and_a_model_that_cannot_fit", [("low_rank_collapse", Checkpoint, Medium), ("underfitting", Metrics, Medium)], [("low_rank_collapse", Checkpoint, Low), ("underfitting", Metrics, Medium)]),
    ("part_of_the_model_that_was_not_loaded_and_a_poor_score", [("untrained_layer", Checkpoint, Medium), ("worse_than_baseline", Deepchecks, High)], [("untrained_layer", Checkpoint, Medium), ("worse_than_baseline", Deepchecks, Low)]),
    ("few_rows_and_a_model_that_learns_them_by_heart", [("too_few_rows", Train, Medium), ("overfitting", Metrics, Medium)], [("test_too_small", Test, Medium), ("overfitting", Metrics, Medium)]),
    ("small_test_and_a_score_that_swings", [("test_too_small", Test, Medium), ("oscillating_loss", Metrics, Medium)], [("too_few_rows", Train, Medium), ("oscillating_loss", Metrics, Medium)]),
    ("small_batches_and_a_noisy_run", [("batch_size_too_small", Metrics, Medium), ("gradient_noise", Metrics, Medium)], [("batch_size_too_small", Metrics, Medium), ("overfitting", Metrics, Medium)]),
    ("saturated_units_and_gradients_that_fade", [("saturated_activation", LayerStats, High), ("vanishing_gradient", LayerStats, High)], [("saturated_activation", LayerStats, High), ("exploding_gradient", LayerStats, High)]),
    ("watched_metric_that_is_not_there", [("metric_mismatch", Metrics, Medium), ("checkpoint_not_best", Checkpoint, Medium)], [("metric_mismatch", Metrics, Medium), ("nan_loss", Metrics, High)]),
    ("boosting_past_its_best_round", [("xgb_early_stop_unset", Metrics, Medium), ("boosting_overfit", Metrics, Medium)], [("xgb_early_stop_unset", Metrics, Medium), ("underfitting", Metrics, Medium)]),
];

fn cases() -> Vec<Case> {
    let made = |signs: &[Sign; 2]| signs.iter().map(|(code, kind, severity)| finding(code, *kind, *severity, &[])).collect();
    let mut all = first_cases();
    all.extend(SHORT.iter().map(|(rule, case, near)| (*rule, made(case), made(near))));
    all
}

#[test]
fn every_rule_fires_on_its_case_and_not_on_a_near_miss() {
    let cases = cases();
    assert!(cases.len() >= 40, "{} rules", cases.len());
    for rule in Rules::embedded().expect("the table reads").iter() {
        let (_, case, near_miss) = cases.iter().find(|c| c.0 == rule.name).unwrap_or_else(|| panic!("{} has no case", rule.name));
        assert!(fires(&rule.name, case.clone()), "{} does not fire", rule.name);
        assert!(!fires(&rule.name, near_miss.clone()), "{} fires on a near miss", rule.name);
    }
}

#[test]
fn explanations_are_ranked_by_what_they_explain_and_said_once() {
    let findings = vec![
        finding("lr_too_high", Metrics, High, &[]),
        finding("exploding_loss", Metrics, High, &[]),
        finding("nan_loss", Metrics, High, &[]),
        finding("batch_size_too_small", Metrics, Medium, &[]),
        finding("oscillating_loss", Metrics, Medium, &[]),
        finding("nan_weights", Checkpoint, High, &[]),
    ];
    let causes = report(findings.clone()).root_causes;
    let rules: Vec<&str> = causes.iter().map(|c| c.rule.as_str()).collect();
    assert_eq!(
        rules,
        [
            "rate_too_high_and_a_run_that_does_not_settle",
            "diverged_run_and_weights_that_are_no_numbers",
            "small_batches_and_a_noisy_run"
        ]
    );
    let mut backwards = findings;
    backwards.reverse();
    assert_eq!(report(backwards).root_causes, causes);
    // What the weights show was led to by the rate: the beginning of the chain stands first.
    let mut chain: Vec<Finding> =
        (0..5).map(|i| Finding::new("nan_weights", Checkpoint, format!("layer:{i}"), High, 0.95).title("lost")).collect();
    chain.extend([finding("lr_too_high", Metrics, Medium, &[]), finding("exploding_loss", Metrics, Medium, &[])]);
    let codes: Vec<String> = report(chain).root_causes.into_iter().map(|c| c.code).collect();
    assert_eq!(codes, ["lr_explains_instability", "divergence_explains_nan_weights"]);
    // Two rules of one code about the same two findings are one explanation.
    let twice =
        report(vec![finding("label_shift", Test, High, &[]), finding("performance_drop", Deepchecks, High, &[])]).root_causes;
    assert_eq!(twice.len(), 1, "{twice:?}");
}

#[test]
fn every_rule_has_a_page_that_can_explain_it() {
    for rule in Rules::embedded().expect("the table reads").iter() {
        let page = format!("{}/../../knowledge/{}.md", env!("CARGO_MANIFEST_DIR"), rule.code);
        assert!(std::path::Path::new(&page).exists(), "no page {page}");
    }
}

#[test]
fn texts_hold_measured_numbers_and_leave_out_what_is_not_there() {
    let with = report(cases()[0].1.clone()).root_causes.remove(0);
    assert!(!with.text.contains('{') && !with.text.contains("[["), "{}", with.text);
    assert!(!with.text.contains("AUC"), "the other columns' AUC is not known, so the sentence goes: {}", with.text);
    let mut findings = cases()[0].1.clone();
    findings[0] = finding("target_leakage", Train, High, &[("auc", 0.98), ("auc_of_all_others", 0.71)]);
    let text = report(findings).root_causes.remove(0).text;
    assert!(text.contains("AUC 0.98") && text.contains("0.71"), "{text}");
}

#[test]
fn equal_findings_merge_and_the_order_of_arrival_does_not_matter() {
    let leak = |artifact| {
        Finding::new("target_leakage", artifact, "column:a", Severity::High, 0.8).split(Split::Train).evidence(Evidence::new(
            if artifact == Train { "auc" } else { "pps" },
            "column:a",
            0.97,
        ))
    };
    let (a, b, c) = (leak(Train), leak(Deepchecks), finding("overfitting", Metrics, Medium, &[]));
    let one = report(vec![a.clone(), b.clone(), c.clone()]);
    assert_eq!(one.findings.len(), 2);
    assert_eq!(one.findings[0].evidence.len(), 2);
    assert_eq!(one.findings[0].artifact, "train");
    assert!(one.findings[0].confidence > 0.8);
    assert_eq!(one, report(vec![c, b, a]));
}

#[test]
fn readiness_says_what_it_is_made_of() {
    let empty = report(Vec::new());
    assert_eq!(empty.readiness.score, None);
    assert!(empty.readiness.parts.iter().all(|p| p.score.is_none() && p.why.starts_with("not measured")));
    let high = report(vec![finding("target_leakage", Train, High, &[])]);
    assert!(high.readiness.score.is_some_and(|s| s <= 4.9));
    let data = high.readiness.parts.iter().find(|p| p.name == "data").expect("there");
    assert!(data.why.contains("target_leakage (high)") && (data.weight - 1.0).abs() < 1e-9);
}
