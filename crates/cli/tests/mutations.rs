//! Real artifacts with bytes changed, cut and doubled: whatever an agent makes of them, it does not
//! panic. The changes are drawn from a fixed sequence, so a failure repeats.

mod support;

use deepfix_agent::{Agent, Options, Reader, run_local};
use deepfix_checkpoint_agent::CheckpointAgent;
use deepfix_checks_agent::ChecksAgent;
use deepfix_dataset_agent::DatasetAgent;
use deepfix_model::{Artifact, ArtifactKind, ArtifactSource};
use deepfix_training_agent::TrainingAgent;
use support::{flights, root};

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        // xorshift64* (Vigna 2016).
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % n.max(1)
    }
}

/// Bytes that parsers care about.
const TELLING: &[u8] = b"\0\xff\"',:{}[]\n\r\t-+.eE0919NaInf \x80()~!*&%";

fn mutated(original: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = original.to_vec();
    for _ in 0..=random.below(8) {
        let at = random.below(bytes.len());
        match random.below(5) {
            0 => bytes.truncate(at.max(1)),
            1 => bytes.insert(at, TELLING[random.below(TELLING.len())]),
            2 => {
                let end = (at + random.below(200)).min(bytes.len());
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            _ => bytes[at] = if random.below(2) == 0 { TELLING[random.below(TELLING.len())] } else { random.below(256) as u8 },
        }
        if bytes.is_empty() {
            bytes.push(b'x');
        }
    }
    bytes
}

fn survive<A: Agent>(agent: &A, kind: ArtifactKind, file: std::path::PathBuf, rounds: usize, also: &[Artifact]) {
    let original = std::fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let mut random = Random(0x9e37_79b9 ^ original.len() as u64 | 1);
    let reader = Reader::new(&Default::default());
    for round in 0..rounds {
        let bytes = mutated(&original, &mut random);
        let artifact =
            Artifact { kind, format: String::new(), file_name: "x".to_owned(), source: ArtifactSource::Inline(bytes.into()) };
        let artifacts = [also, std::slice::from_ref(&artifact)].concat();
        let options = Options { label: "late".to_owned(), datetime: "time_hour".to_owned(), ..Options::default() };
        let run = std::panic::AssertUnwindSafe(|| run_local(agent, &reader, artifacts, options));
        assert!(matches!(std::panic::catch_unwind(run), Ok(Ok(_))), "{} round {round}", file.display());
    }
}

#[test]
fn tables_survive() {
    let dir = tempfile::tempdir().expect("a folder");
    let csv = dir.path().join("t.csv");
    let rows: String =
        (0..60).map(|i| format!("{i},{},\"a{}\",2013-0{}-11,{}\n", i as f64 / 7.0, i % 3, i % 9 + 1, i % 2)).collect();
    std::fs::write(&csv, format!("n,x,c,time_hour,late\n{rows}")).expect("writes");
    let test = Artifact {
        kind: ArtifactKind::Test,
        format: String::new(),
        file_name: String::new(),
        source: ArtifactSource::Inline(std::fs::read(&csv).expect("reads").into()),
    };
    let ndjson = dir.path().join("t.json");
    let objects: String = (0..60)
        .map(|i| {
            format!(
                "{{\"n\":{i},\"x\":{},\"c\":\"a{}\\\"q\",\"late\":{},\"l\":[1,{{\"k\":null}}]}}\n",
                i as f64 / 7.0,
                i % 3,
                i % 2 == 0
            )
        })
        .collect();
    std::fs::write(&ndjson, objects).expect("writes");
    survive(&DatasetAgent, ArtifactKind::Train, csv, 1000, &[test]);
    survive(&DatasetAgent, ArtifactKind::Train, ndjson, 600, &[]);
    survive(&DatasetAgent, ArtifactKind::Train, flights().join("test.parquet"), 200, &[]);
}

#[test]
fn logs_survive() {
    let corpus = root().join("testdata/runs/corpus");
    survive(&TrainingAgent, ArtifactKind::Metrics, flights().join("metrics.csv"), 150, &[]);
    survive(&TrainingAgent, ArtifactKind::Metrics, root().join("testdata/huggingface/trainer_state.json"), 300, &[]);
    survive(&TrainingAgent, ArtifactKind::Metrics, root().join("testdata/keras/history.csv"), 300, &[]);
    survive(&TrainingAgent, ArtifactKind::LayerStats, flights().join("layer_stats.csv"), 200, &[]);
    survive(&TrainingAgent, ArtifactKind::Params, corpus.join("r20d6a568/hparams.yaml"), 300, &[]);
}

#[test]
fn results_and_checkpoints_survive() {
    survive(&ChecksAgent, ArtifactKind::Deepchecks, flights().join("deepchecks.json"), 120, &[]);
    survive(&ChecksAgent, ArtifactKind::Deepchecks, flights().join("deepchecks_suite.json"), 200, &[]);
    survive(&CheckpointAgent, ArtifactKind::Checkpoint, root().join("testdata/lightning/state_dict.pt"), 500, &[]);
    survive(
        &CheckpointAgent,
        ArtifactKind::Checkpoint,
        root().join("testdata/runs/corpus/r68919f7f/model.safetensors"),
        500,
        &[],
    );
}
