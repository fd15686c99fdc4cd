//! Model files of every format: reading, the pickles and archives within, and what is said of the tensors.
#![no_main]

use deepfix_agent::{Options, Reader, run_local};
use deepfix_checkpoint_agent::CheckpointAgent;
use deepfix_model::{Artifact, ArtifactKind, ArtifactSource};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let artifact = Artifact {
        kind: ArtifactKind::Checkpoint,
        format: String::new(),
        file_name: String::new(),
        source: ArtifactSource::Inline(bytes.to_vec().into()),
    };
    let local =
        run_local(&CheckpointAgent, &Reader::new(&Default::default()), vec![artifact], Options::default()).expect("an answer");
    for finding in &local.findings {
        assert!(!finding.evidence.is_empty() && (0.0..=1.0).contains(&finding.confidence));
    }
});
