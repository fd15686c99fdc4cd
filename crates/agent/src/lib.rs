//! The one gRPC service around every agent: artifacts in, findings out, cancelled when the caller
//! leaves. An agent implements [`Agent`] and knows nothing of gRPC:
//!
//! ```
//! use deepfix_agent::{Agent, Analysis, Describe, Sink, Stop};
//! use deepfix_model::{ArtifactKind, Checked, Evidence, Finding, Severity};
//!
//! struct EmptyLines;
//!
//! impl Agent for EmptyLines {
//!     fn describe(&self) -> Describe {
//!         Describe {
//!             name: "empty-lines",
//!             kinds: vec![ArtifactKind::Metrics],
//!             fault_codes: vec!["empty_lines"],
//!             thresholds: vec![("empty_lines.share", 0.1)],
//!         }
//!     }
//!
//!     fn analyze(&self, analysis: &mut Analysis<'_>, sink: &mut Sink<'_>) -> Result<(), Stop> {
//!         let limit = analysis.threshold("empty_lines.share");
//!         let Some(log) = analysis.open(ArtifactKind::Metrics) else { return Ok(()) };
//!         sink.progress("counting lines", Some(0.5))?;
//!         let lines: Vec<&[u8]> = log.content.split(|&b| b == b'\n').collect();
//!         let empty = lines.iter().filter(|line| line.is_empty()).count();
//!         let share = empty as f64 / lines.len() as f64;
//!         analysis.checked(Checked::done("empty_lines", lines.len(), empty));
//!         if share > limit {
//!             sink.finding(
//!                 Finding::new("empty_lines", ArtifactKind::Metrics, "rows", Severity::Low, deepfix_model::above(share, limit, 1.0))
//!                     .title("the log has empty lines")
//!                     .evidence(Evidence::new("empty_line_share", "rows", share).versus(">", limit))
//!                     .fix("check what writes the log", "empty lines are lost records"),
//!             )?;
//!         }
//!         Ok(())
//!     }
//! }
//! ```

mod analysis;
mod service;

pub use analysis::{Agent, Analysis, Describe, Options, Sink, Stop};
pub use deepfix_rpc::Cancel;
pub use deepfix_source::{Part, Reader};
pub use service::{Local, build, run_local};
