//! The agent on every run of the corpus, in every log format: recall and false alarms per code.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use deepfix_agent::{Options, Reader, run_local};
use deepfix_model::{Artifact, ArtifactKind, ArtifactSource};
use deepfix_training_agent::TrainingAgent;
use serde_json::Value;

fn inline(kind: ArtifactKind, name: &str, bytes: Vec<u8>) -> Artifact {
    Artifact { kind, format: String::new(), file_name: name.to_owned(), source: ArtifactSource::Inline(bytes.into()) }
}

/// MLflow keeps a file per metric; together they are its long table.
fn mlflow(folder: &Path) -> Vec<u8> {
    let mut table = "key,value,timestamp,step\n".to_owned();
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry").path()).collect();
    files.sort();
    for file in files {
        let key = file.file_name().expect("a name").to_string_lossy().into_owned();
        for line in std::fs::read_to_string(&file).expect("reads").lines() {
            let parts: Vec<&str> = line.split(' ').collect();
            table.push_str(&format!("{key},{},{},{}\n", parts[1], parts[0], parts[2]));
        }
    }
    table.into_bytes()
}

fn artifacts(run: &Path) -> Vec<Artifact> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(run).expect("a folder").map(|e| e.expect("an entry").path()) {
        let name = entry.file_name().expect("a name").to_string_lossy().into_owned();
        let kind = match name.as_str() {
            "metrics.csv" | "training.log.csv" | "trainer_state.json" | "evals_result.json" => ArtifactKind::Metrics,
            "hparams.yaml" | "params.yaml" => ArtifactKind::Params,
            "layer_stats.csv" => ArtifactKind::LayerStats,
            "metrics" => {
                out.push(inline(ArtifactKind::Metrics, "metrics", mlflow(&entry)));
                continue;
            }
            _ if name.ends_with(".ckpt") || name.ends_with(".safetensors") => ArtifactKind::Checkpoint,
            _ => continue,
        };
        out.push(inline(kind, &name, std::fs::read(&entry).expect("reads")));
    }
    out
}

/// The codes of the corpus that a log, parameters and layer statistics can show.
const CODES: [&str; 28] = [
    "nan_loss",
    "exploding_loss",
    "exploding_gradient",
    "vanishing_gradient",
    "dying_relu",
    "saturated_activation",
    "oscillating_loss",
    "slow_convergence",
    "not_learning",
    "overfitting",
    "early_stopping_missed",
    "checkpoint_not_best",
    "loss_metric_divergence",
    "underfitting",
    "stopped_too_early",
    "lr_too_high",
    "lr_too_low",
    "lr_schedule_misconfigured",
    "batch_size_too_small",
    "clipping_too_aggressive",
    "input_not_normalized",
    "majority_class_collapse",
    "data_leakage",
    "no_generalization",
    "val_better_than_train",
    "log_restart",
    "state_not_restored",
    "frozen_layer",
];

#[test]
fn the_corpus_runs_show_what_their_labels_say() {
    let corpus = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/runs/corpus");
    let mut score: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
    let (mut runs, mut mistakes, mut alarms_on_healthy) = (0, Vec::new(), Vec::new());
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(corpus).expect("a folder").map(|e| e.expect("an entry").path()).filter(|p| p.is_dir()).collect();
    folders.sort();
    for run in folders {
        runs += 1;
        let labels: Value =
            deepfix_artifact::parse_json(&std::fs::read(run.join("labels.json")).expect("labelled")).expect("JSON");
        let said = |key: &str, code: &str| labels[key].as_array().is_some_and(|codes| codes.iter().any(|c| c == code));
        let local =
            run_local(&TrainingAgent, &Reader::new(&Default::default()), artifacts(&run), Options::default()).expect("runs");
        assert!(local.failures.is_empty(), "{}: {:?}", run.display(), local.failures);
        let name = run.file_name().expect("a name").to_string_lossy().into_owned();
        if labels["healthy"] == Value::Bool(true) && !local.findings.is_empty() {
            alarms_on_healthy.push(format!("{name}: {:?}", local.codes()));
        }
        for code in CODES {
            let found = local.codes().contains(&code);
            let entry = score.entry(code).or_default();
            match (said("faults", code), found) {
                (true, true) => entry.0 += 1,
                (true, false) => {
                    entry.1 += 1;
                    mistakes.push(format!("{name} missed {code} ({})", labels["log_format"]));
                }
                (false, true) if !said("ambiguous", code) => {
                    entry.2 += 1;
                    mistakes.push(format!("{name} false {code} ({})", labels["log_format"]));
                }
                _ => {}
            }
        }
    }
    println!("{:<24}{:>6}{:>8}{:>8}", "code", "found", "missed", "false");
    for (code, (found, missed, false_alarms)) in &score {
        println!("{code:<24}{found:>6}{missed:>8}{false_alarms:>8}");
    }
    println!("{}", mistakes.join("\n"));
    assert!(runs >= 100, "{runs} runs");
    assert!(alarms_on_healthy.is_empty(), "healthy runs alarmed:\n{}", alarms_on_healthy.join("\n"));
    let (found, missed, false_alarms) = score.values().fold((0, 0, 0), |a, b| (a.0 + b.0, a.1 + b.1, a.2 + b.2));
    assert!(found * 20 >= (found + missed) * 19, "recall {found} of {}\n{}", found + missed, mistakes.join("\n"));
    assert!(false_alarms <= 2, "{false_alarms} false alarms\n{}", mistakes.join("\n"));
}

#[test]
fn logs_nobody_could_mean_are_answered_with_what_is_wrong() {
    let bad: [(&str, Vec<u8>); 7] = [
        ("empty", Vec::new()),
        ("header", b"epoch,step,train_loss\n".to_vec()),
        ("binary", (0..=255).collect()),
        ("deep", [vec![b'['; 10_000], vec![b']'; 10_000]].concat()),
        ("prose", b"hello world, this is no log".to_vec()),
        ("object", br#"{"a": 1}"#.to_vec()),
        ("number", b"42".to_vec()),
    ];
    for (name, bytes) in bad {
        let local = run_local(
            &TrainingAgent,
            &Reader::new(&Default::default()),
            vec![inline(ArtifactKind::Metrics, name, bytes)],
            Options::default(),
        )
        .expect("runs");
        assert!(!local.failures.is_empty(), "{name} was taken for a log");
    }
}
