//! From and to the messages of the wire, one pair per message. What a message cannot promise
//! (a kind that is set, a confidence between 0 and 1) is checked here, once.

mod columns;
mod layers;
mod plan;
mod report;
mod retraining;
mod wording;

use deepfix_api::{artifact as wa, report as w};
use deepfix_errors::Error;

use crate::{
    Artifact, ArtifactKind, ArtifactSource, BugType, Citation, Evidence, Finding, Note, Num, Recommendation, RootCause, Scalar,
    Severity, Split,
};

/// A message that says something our types cannot hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub struct WireError {
    /// Path of the field.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

impl From<WireError> for Error {
    fn from(error: WireError) -> Self {
        Self::field(error.field, error.problem)
    }
}

fn wrong(field: &'static str, problem: impl Into<String>) -> WireError {
    WireError { field, problem: problem.into() }
}

fn text(value: Option<String>) -> String {
    value.unwrap_or_default()
}

fn none_if_empty(value: String) -> Option<String> {
    if value.is_empty() { None } else { Some(value) }
}

fn share(field: &'static str, value: f64) -> Result<f64, WireError> {
    if (0.0..=1.0).contains(&value) { Ok(value) } else { Err(wrong(field, format!("is {value}, not between 0 and 1"))) }
}

fn all<A, B: TryFrom<A, Error = WireError>>(items: Vec<A>) -> Result<Vec<B>, WireError> {
    items.into_iter().map(B::try_from).collect()
}

fn map<A, B: From<A>>(items: Vec<A>) -> Vec<B> {
    items.into_iter().map(B::from).collect()
}

fn nums(items: Vec<f64>) -> Vec<Num> {
    items.into_iter().map(Num).collect()
}

fn doubles(items: Vec<Num>) -> Vec<f64> {
    items.into_iter().map(|n| n.0).collect()
}

impl From<ArtifactKind> for wa::ArtifactKind {
    fn from(kind: ArtifactKind) -> Self {
        match kind {
            ArtifactKind::Train => Self::Train,
            ArtifactKind::Test => Self::Test,
            ArtifactKind::DatasetStatistics => Self::DatasetStatistics,
            ArtifactKind::Deepchecks => Self::Deepchecks,
            ArtifactKind::Metrics => Self::Metrics,
            ArtifactKind::Params => Self::Params,
            ArtifactKind::LayerStats => Self::LayerStats,
            ArtifactKind::Checkpoint => Self::Checkpoint,
            ArtifactKind::Baseline => Self::Baseline,
            ArtifactKind::BaselineMetrics => Self::BaselineMetrics,
        }
    }
}

impl TryFrom<wa::ArtifactKind> for ArtifactKind {
    type Error = WireError;

    fn try_from(kind: wa::ArtifactKind) -> Result<Self, WireError> {
        Ok(match kind {
            wa::ArtifactKind::Unspecified => {
                return Err(wrong("artifacts.kind", "is not set; name one of train, test, metrics, …"));
            }
            wa::ArtifactKind::Train => Self::Train,
            wa::ArtifactKind::Test => Self::Test,
            wa::ArtifactKind::DatasetStatistics => Self::DatasetStatistics,
            wa::ArtifactKind::Deepchecks => Self::Deepchecks,
            wa::ArtifactKind::Metrics => Self::Metrics,
            wa::ArtifactKind::Params => Self::Params,
            wa::ArtifactKind::LayerStats => Self::LayerStats,
            wa::ArtifactKind::Checkpoint => Self::Checkpoint,
            wa::ArtifactKind::Baseline => Self::Baseline,
            wa::ArtifactKind::BaselineMetrics => Self::BaselineMetrics,
        })
    }
}

impl From<Artifact> for wa::Artifact {
    fn from(a: Artifact) -> Self {
        Self {
            kind: wa::ArtifactKind::from(a.kind).into(),
            format: a.format,
            file_name: a.file_name,
            source: Some(match a.source {
                ArtifactSource::Inline(bytes) => wa::artifact::Source::Inline(bytes),
                ArtifactSource::Uri(uri) => wa::artifact::Source::Uri(uri),
            }),
        }
    }
}

impl TryFrom<wa::Artifact> for Artifact {
    type Error = WireError;

    fn try_from(a: wa::Artifact) -> Result<Self, WireError> {
        Ok(Self {
            kind: a.kind().try_into()?,
            format: a.format,
            file_name: a.file_name,
            source: match a.source {
                Some(wa::artifact::Source::Inline(bytes)) => ArtifactSource::Inline(bytes),
                Some(wa::artifact::Source::Uri(uri)) => ArtifactSource::Uri(uri),
                None => return Err(wrong("artifacts.source", "is not set; give the bytes inline or a uri")),
            },
        })
    }
}

impl From<Scalar> for w::Scalar {
    fn from(s: Scalar) -> Self {
        Self {
            value: Some(match s {
                Scalar::Number(v) => w::scalar::Value::Number(v),
                Scalar::Text(v) => w::scalar::Value::Text(v),
                Scalar::Flag(v) => w::scalar::Value::Flag(v),
            }),
        }
    }
}

fn scalar(s: Option<w::Scalar>) -> Option<Scalar> {
    s.and_then(|s| s.value).map(|value| match value {
        w::scalar::Value::Number(v) => Scalar::Number(v),
        w::scalar::Value::Text(v) => Scalar::Text(v),
        w::scalar::Value::Flag(v) => Scalar::Flag(v),
    })
}

impl From<Evidence> for w::Evidence {
    fn from(e: Evidence) -> Self {
        Self {
            measure: e.measure,
            subject: e.subject,
            value: Some(e.value.into()),
            threshold: e.threshold.map(Into::into),
            comparator: e.comparator,
            unit: e.unit,
            method: e.method,
            source: e.source,
        }
    }
}

impl TryFrom<w::Evidence> for Evidence {
    type Error = WireError;

    fn try_from(e: w::Evidence) -> Result<Self, WireError> {
        Ok(Self {
            measure: e.measure,
            subject: e.subject,
            value: scalar(e.value).ok_or_else(|| wrong("finding.evidence.value", "is not set"))?,
            threshold: scalar(e.threshold),
            comparator: e.comparator,
            unit: e.unit,
            method: e.method,
            source: e.source,
        })
    }
}

impl From<Citation> for w::Citation {
    fn from(c: Citation) -> Self {
        Self { page_id: c.page_id, title: c.title, source: c.source, url: c.url, year: c.year }
    }
}

impl From<w::Citation> for Citation {
    fn from(c: w::Citation) -> Self {
        Self { page_id: c.page_id, title: c.title, source: c.source, url: c.url, year: c.year }
    }
}

impl From<Recommendation> for w::Recommendation {
    fn from(r: Recommendation) -> Self {
        Self {
            action: r.action,
            steps: r.steps,
            rationale: r.rationale,
            expected_impact: r.expected_impact,
            confidence: r.confidence,
            priority: r.priority,
            citations: map(r.citations),
        }
    }
}

impl TryFrom<w::Recommendation> for Recommendation {
    type Error = WireError;

    fn try_from(r: w::Recommendation) -> Result<Self, WireError> {
        Ok(Self {
            action: r.action,
            steps: r.steps,
            rationale: r.rationale,
            expected_impact: r.expected_impact,
            confidence: share("finding.recommendation.confidence", r.confidence)?,
            priority: r.priority,
            citations: map(r.citations),
        })
    }
}

impl From<Finding> for w::Finding {
    fn from(f: Finding) -> Self {
        Self {
            id: f.id,
            code: f.code,
            title: f.title,
            subject: f.subject,
            columns: f.columns,
            split: match f.split {
                None => w::Split::Unspecified,
                Some(Split::Train) => w::Split::Train,
                Some(Split::Test) => w::Split::Test,
                Some(Split::Both) => w::Split::Both,
            }
            .into(),
            artifact: f.artifact,
            agent: f.agent,
            severity: match f.severity {
                Severity::Low => w::Severity::Low,
                Severity::Medium => w::Severity::Medium,
                Severity::High => w::Severity::High,
            }
            .into(),
            confidence: f.confidence,
            bug_type: match f.bug_type {
                None => w::BugType::Unspecified,
                Some(BugType::Performance) => w::BugType::Performance,
                Some(BugType::Search) => w::BugType::Search,
            }
            .into(),
            evidence: map(f.evidence),
            recommendation: Some(f.recommendation.into()),
        }
    }
}

impl TryFrom<w::Finding> for Finding {
    type Error = WireError;

    fn try_from(f: w::Finding) -> Result<Self, WireError> {
        let (split, severity, bug) = (f.split(), f.severity(), f.bug_type());
        Ok(Self {
            id: f.id,
            code: f.code,
            title: f.title,
            subject: f.subject,
            columns: f.columns,
            split: match split {
                w::Split::Unspecified => None,
                w::Split::Train => Some(Split::Train),
                w::Split::Test => Some(Split::Test),
                w::Split::Both => Some(Split::Both),
            },
            artifact: f.artifact,
            agent: f.agent,
            severity: match severity {
                w::Severity::Unspecified => return Err(wrong("finding.severity", "is not set")),
                w::Severity::Low => Severity::Low,
                w::Severity::Medium => Severity::Medium,
                w::Severity::High => Severity::High,
            },
            confidence: share("finding.confidence", f.confidence)?,
            bug_type: match bug {
                w::BugType::Unspecified => None,
                w::BugType::Performance => Some(BugType::Performance),
                w::BugType::Search => Some(BugType::Search),
            },
            evidence: all(f.evidence)?,
            recommendation: f.recommendation.ok_or_else(|| wrong("finding.recommendation", "is not set"))?.try_into()?,
        })
    }
}

impl From<Note> for w::Note {
    fn from(n: Note) -> Self {
        Self { code: n.code, subject: n.subject, columns: n.columns, text: n.text }
    }
}

impl From<w::Note> for Note {
    fn from(n: w::Note) -> Self {
        Self { code: n.code, subject: n.subject, columns: n.columns, text: n.text }
    }
}

impl From<RootCause> for w::RootCause {
    fn from(r: RootCause) -> Self {
        Self {
            id: r.id,
            code: r.code,
            rule: r.rule,
            explains: r.explains,
            confidence: r.confidence,
            text: r.text,
            would_decide: text(r.would_decide),
        }
    }
}

impl TryFrom<w::RootCause> for RootCause {
    type Error = WireError;

    fn try_from(r: w::RootCause) -> Result<Self, WireError> {
        Ok(Self {
            id: r.id,
            code: r.code,
            rule: r.rule,
            explains: r.explains,
            confidence: share("root_cause.confidence", r.confidence)?,
            text: r.text,
            would_decide: none_if_empty(r.would_decide),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_survives_the_wire() {
        let finding = Finding::new("covariate_shift", ArtifactKind::Test, "column:age", Severity::High, 0.9)
            .title("column `age` moved")
            .column("age")
            .split(Split::Both)
            .bug(BugType::Performance)
            .evidence(Evidence::new("psi", "column:age", 0.31).versus(">=", 0.25).method("deciles of the reference"))
            .fix("retrain", "the model never saw such rows");
        let back = Finding::try_from(w::Finding::from(finding.clone())).expect("it converts back");
        assert_eq!(back, finding);
    }

    #[test]
    fn a_confidence_outside_its_range_is_refused() {
        let mut finding = w::Finding::from(Finding::new("x", ArtifactKind::Test, "rows", Severity::Low, 0.5));
        finding.confidence = 1.5;
        let error = Finding::try_from(finding).expect_err("1.5 is no confidence");
        assert_eq!(error.field, "finding.confidence");
    }
}
