//! What the tests share.

use deepfix_agent::{Local, Options, Reader, run_local};
use deepfix_checks_agent::ChecksAgent;
use deepfix_model::{Artifact, ArtifactKind, ArtifactSource};

/// What the agent says of one file, whose name it is not told.
pub(crate) fn run(bytes: Vec<u8>) -> Local {
    let artifact = Artifact {
        kind: ArtifactKind::Deepchecks,
        format: String::new(),
        file_name: String::new(),
        source: ArtifactSource::Inline(bytes.into()),
    };
    run_local(&ChecksAgent, &Reader::new(&Default::default()), vec![artifact], Options::default()).expect("runs")
}
