//! Training logs of every format.
#![no_main]

use deepfix_agent::{Options, Reader, run_local};
use deepfix_model::{Artifact, ArtifactKind, ArtifactSource};
use deepfix_training_agent::TrainingAgent;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let artifact = Artifact {
        kind: ArtifactKind::Metrics,
        format: String::new(),
        file_name: String::new(),
        source: ArtifactSource::Inline(bytes.to_vec().into()),
    };
    let local =
        run_local(&TrainingAgent, &Reader::new(&Default::default()), vec![artifact], Options::default()).expect("an answer");
    for finding in &local.findings {
        assert!(!finding.evidence.is_empty() && (0.0..=1.0).contains(&finding.confidence));
    }
});
