//! Results of checking tools.
#![no_main]

use deepfix_agent::{Options, Reader, run_local};
use deepfix_checks_agent::ChecksAgent;
use deepfix_model::{Artifact, ArtifactKind, ArtifactSource};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let artifact = Artifact {
        kind: ArtifactKind::Deepchecks,
        format: String::new(),
        file_name: String::new(),
        source: ArtifactSource::Inline(bytes.to_vec().into()),
    };
    let local =
        run_local(&ChecksAgent, &Reader::new(&Default::default()), vec![artifact], Options::default()).expect("an answer");
    for finding in &local.findings {
        assert!(!finding.evidence.is_empty() && (0.0..=1.0).contains(&finding.confidence));
    }
});
