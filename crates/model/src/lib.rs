//! Our own types: artifacts, findings, evidence and the report, with validated conversions from
//! and to the messages of the wire. Analysis code sees these and nothing of gRPC.

mod artifact;
mod calendar;
mod confidence;
mod finding;
mod metric_role;
mod num;
mod plan;
mod report;
mod retraining;
mod scope;
mod wire;

pub use artifact::{Artifact, ArtifactKind, ArtifactSource};
pub use calendar::civil;
pub use confidence::{above, below, counted_above, counted_below};
pub use finding::{BugType, Citation, Evidence, Finding, Note, Recommendation, Severity, Split};
pub use metric_role::{MetricQuantity, MetricRole};
pub use num::{Num, Scalar, fmt_number};
pub use plan::{Effort, PlanStep};
pub use report::{
    AgentRun, AgentStatus, Chart, ChartKind, Checked, ColumnCard, ColumnMeasure, ColumnSide, Input, LayerCard, Mark, Provenance,
    Readiness, ReadinessPart, Report, RootCause, Series, WordedBy, Wording,
};
pub use retraining::{Health, MetricChange, Retraining, RetrainingTrigger, Strategy, Urgency};
pub use scope::Scope;
pub use wire::WireError;

/// Version of the report's shape, in `schema_version`.
pub const SCHEMA_VERSION: &str = "1";
