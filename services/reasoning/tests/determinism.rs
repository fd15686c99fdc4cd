//! The same facts in any order of arrival and on any number of threads give the same report, byte for byte.

use std::{collections::BTreeMap, thread};

use deepfix_model::{ArtifactKind, Chart, ChartKind, Checked, Evidence, Finding, Input, MetricChange, Note, Severity};
use deepfix_reasoning::{Outcome, Page, Plain, Rules, Subject, synthesize};

/// Numbers that look like chance (Knuth's MMIX generator).
struct Shuffler(u64);

impl Shuffler {
    fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let below = u64::try_from(i + 1).expect("fits");
            items.swap(i, usize::try_from((self.0 >> 33) % below).expect("below"));
        }
    }
}

fn outcome(agent: &str, kind: ArtifactKind, codes: &[(&str, Severity, f64)]) -> Outcome {
    let findings = codes
        .iter()
        .enumerate()
        .map(|(i, (code, severity, confidence))| {
            let mut finding = Finding::new(code, kind, format!("column:c{}", i % 3), *severity, *confidence)
                .title(format!("{code} was found"))
                .column(format!("c{}", i % 3))
                .evidence(Evidence::new("psi_without_chance", "column:x", 0.1 * (i + 1) as f64).versus(">=", 0.1));
            agent.clone_into(&mut finding.agent);
            finding
        })
        .collect();
    let checked = codes.iter().map(|c| Checked { agent: agent.to_owned(), ..Checked::done(c.0, 3, 1) }).collect();
    let chart = |subject: &str| Chart {
        kind: ChartKind::Curve,
        subject: subject.to_owned(),
        title: subject.to_owned(),
        x_label: String::new(),
        y_label: String::new(),
        labels: Vec::new(),
        series: Vec::new(),
        marks: Vec::new(),
    };
    let mut answered = Outcome::completed(agent);
    answered.run.artifacts.push(kind.name().to_owned());
    Outcome {
        findings,
        notes: (0..5).map(|i| Note::new("hint", format!("{agent}{i}"), "a hint")).collect(),
        checked,
        charts: vec![chart("loss"), chart("accuracy"), chart(agent)],
        inputs: vec![Input { artifact: kind.name().to_owned(), bytes: 7, digest: "sha256:0".to_owned(), rows: Some(9) }],
        thresholds: BTreeMap::from([(format!("{agent}.limit"), 1.0)]),
        metric_changes: vec![MetricChange {
            metric: format!("val_{agent}"),
            higher_is_better: true,
            before: 0.9,
            after: 0.8,
            decline: 1.0 / 9.0,
        }],
        ..answered
    }
}

fn outcomes() -> Vec<Outcome> {
    use Severity::{High, Low, Medium};
    vec![
        outcome(
            "dataset",
            ArtifactKind::Train,
            &[
                ("target_leakage", High, 0.9),
                ("label_noise", Medium, 0.8),
                ("covariate_shift", Medium, 0.8),
                ("covariate_shift", High, 0.8),
                ("duplicate_rows", Medium, 0.8),
                ("train_test_overlap", High, 0.8),
                ("class_imbalance", Medium, 0.8),
            ],
        ),
        outcome(
            "training",
            ArtifactKind::Metrics,
            &[
                ("data_leakage", High, 0.9),
                ("overfitting", High, 0.9),
                ("lr_too_high", High, 0.9),
                ("nan_loss", High, 0.9),
                ("dying_relu", Medium, 0.5),
            ],
        ),
        outcome("checks", ArtifactKind::Deepchecks, &[("performance_drop", Medium, 0.9), ("covariate_shift", Low, 0.9)]),
        outcome("checkpoint", ArtifactKind::Checkpoint, &[("nan_weights", High, 0.9), ("exploding_weight_norm", Medium, 0.9)]),
    ]
}

fn report(seed: u64) -> String {
    let mut shuffler = Shuffler(seed);
    let mut outcomes = outcomes();
    let mut pages: Vec<Page> = ["overfitting", "label_noise", "nan_loss"]
        .map(|code| Page { codes: vec![code.to_owned()], citations: Vec::new(), own: false })
        .to_vec();
    if seed > 0 {
        shuffler.shuffle(&mut outcomes);
        shuffler.shuffle(&mut pages);
        for outcome in &mut outcomes {
            shuffler.shuffle(&mut outcome.findings);
            shuffler.shuffle(&mut outcome.notes);
            shuffler.shuffle(&mut outcome.checked);
            shuffler.shuffle(&mut outcome.charts);
        }
    }
    let report = synthesize(outcomes, &pages, Subject::default(), &Rules::embedded().expect("the table reads"), &Plain);
    serde_json::to_string(&report).expect("JSON")
}

#[test]
fn a_hundred_orders_of_arrival_on_one_to_eight_threads_give_one_report() {
    let expected = report(0);
    assert!(expected.contains("leak_explains_performance") && expected.contains("psi_immediate"), "{expected}");
    for (round, threads) in [1_u64, 2, 4, 8].into_iter().enumerate() {
        let reports = thread::scope(|scope| {
            let one = |t: u64| {
                let seeds = (0..25).filter(move |i| i % threads == t).map(move |i| 1 + i + 25 * round as u64);
                scope.spawn(move || seeds.map(report).collect::<Vec<_>>())
            };
            let running: Vec<_> = (0..threads).map(one).collect();
            running.into_iter().flat_map(|r| r.join().expect("no panic")).collect::<Vec<_>>()
        });
        assert_eq!(reports.len(), 25);
        assert!(reports.iter().all(|r| *r == expected), "round {round}");
    }
}
