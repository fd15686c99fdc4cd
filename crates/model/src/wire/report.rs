//! Reports and their parts to and from the wire.

use deepfix_api::report as w;

use super::{WireError, all, doubles, map, none_if_empty, nums, text, wrong};
use crate::{
    AgentRun, AgentStatus, Chart, ChartKind, Checked, Input, Mark, Num, Provenance, Readiness, ReadinessPart, Report, Series,
};

impl From<AgentRun> for w::AgentRun {
    fn from(a: AgentRun) -> Self {
        Self {
            name: a.name,
            status: match a.status {
                AgentStatus::Completed => w::AgentStatus::Completed,
                AgentStatus::Failed => w::AgentStatus::Failed,
                AgentStatus::Skipped => w::AgentStatus::Skipped,
            }
            .into(),
            reason: text(a.reason),
            version: a.version,
            artifacts: a.artifacts,
        }
    }
}

impl TryFrom<w::AgentRun> for AgentRun {
    type Error = WireError;

    fn try_from(a: w::AgentRun) -> Result<Self, WireError> {
        Ok(Self {
            status: match a.status() {
                w::AgentStatus::Unspecified => return Err(wrong("agents.status", "is not set")),
                w::AgentStatus::Completed => AgentStatus::Completed,
                w::AgentStatus::Failed => AgentStatus::Failed,
                w::AgentStatus::Skipped => AgentStatus::Skipped,
            },
            name: a.name,
            reason: none_if_empty(a.reason),
            version: a.version,
            artifacts: a.artifacts,
        })
    }
}

impl From<Input> for w::Input {
    fn from(i: Input) -> Self {
        Self { artifact: i.artifact, bytes: i.bytes, digest: i.digest, rows: i.rows }
    }
}

impl From<w::Input> for Input {
    fn from(i: w::Input) -> Self {
        Self { artifact: i.artifact, bytes: i.bytes, digest: i.digest, rows: i.rows }
    }
}

impl From<Checked> for w::Checked {
    fn from(c: Checked) -> Self {
        Self { agent: c.agent, code: c.code, subjects: c.subjects, faulty: c.faulty, not_checked: text(c.not_checked) }
    }
}

impl From<w::Checked> for Checked {
    fn from(c: w::Checked) -> Self {
        Self { agent: c.agent, code: c.code, subjects: c.subjects, faulty: c.faulty, not_checked: none_if_empty(c.not_checked) }
    }
}

impl From<Chart> for w::Chart {
    fn from(c: Chart) -> Self {
        Self {
            kind: match c.kind {
                ChartKind::Histogram => "histogram",
                ChartKind::Curve => "curve",
                ChartKind::Bars => "bars",
            }
            .to_owned(),
            subject: c.subject,
            title: c.title,
            x_label: c.x_label,
            y_label: c.y_label,
            labels: c.labels,
            series: c.series.into_iter().map(|s| w::Series { name: s.name, x: doubles(s.x), y: doubles(s.y) }).collect(),
            marks: c.marks.into_iter().map(|m| w::Mark { x: m.x.0, label: m.label }).collect(),
        }
    }
}

impl TryFrom<w::Chart> for Chart {
    type Error = WireError;

    fn try_from(c: w::Chart) -> Result<Self, WireError> {
        Ok(Self {
            kind: match c.kind.as_str() {
                "histogram" => ChartKind::Histogram,
                "curve" => ChartKind::Curve,
                "bars" => ChartKind::Bars,
                other => return Err(wrong("charts.kind", format!("is {other:?}"))),
            },
            subject: c.subject,
            title: c.title,
            x_label: c.x_label,
            y_label: c.y_label,
            labels: c.labels,
            series: c.series.into_iter().map(|s| Series { name: s.name, x: nums(s.x), y: nums(s.y) }).collect(),
            marks: c.marks.into_iter().map(|m| Mark { x: Num(m.x), label: m.label }).collect(),
        })
    }
}

impl From<Report> for w::Report {
    fn from(r: Report) -> Self {
        Self {
            schema_version: r.schema_version,
            dataset_name: text(r.dataset_name),
            model_name: text(r.model_name),
            summary: r.summary,
            findings: map(r.findings),
            notes: map(r.notes),
            root_causes: map(r.root_causes),
            plan: map(r.plan),
            readiness: Some(w::Readiness {
                score: r.readiness.score,
                parts: r
                    .readiness
                    .parts
                    .into_iter()
                    .map(|p| w::ReadinessPart { name: p.name, score: p.score, weight: p.weight, why: p.why })
                    .collect(),
            }),
            agents: map(r.agents),
            provenance: Some(w::Provenance {
                versions: r.provenance.versions,
                thresholds: r.provenance.thresholds.into_iter().map(|(k, v)| (k, v.0)).collect(),
                inputs: map(r.provenance.inputs),
            }),
            checked: map(r.checked),
            charts: map(r.charts),
            columns: map(r.columns),
            layers: map(r.layers),
            retraining: r.retraining.map(Into::into),
            wording: Some(r.wording.into()),
            timing: r.timing.into_iter().map(|(k, v)| (k, v.0)).collect(),
        }
    }
}

impl TryFrom<w::Report> for Report {
    type Error = WireError;

    fn try_from(r: w::Report) -> Result<Self, WireError> {
        let provenance = r.provenance.unwrap_or_default();
        let readiness = r.readiness.unwrap_or_default();
        Ok(Self {
            schema_version: r.schema_version,
            dataset_name: none_if_empty(r.dataset_name),
            model_name: none_if_empty(r.model_name),
            summary: r.summary,
            findings: all(r.findings)?,
            notes: map(r.notes),
            root_causes: all(r.root_causes)?,
            plan: all(r.plan)?,
            readiness: Readiness {
                score: readiness.score,
                parts: readiness
                    .parts
                    .into_iter()
                    .map(|p| ReadinessPart { name: p.name, score: p.score, weight: p.weight, why: p.why })
                    .collect(),
            },
            retraining: r.retraining.map(TryInto::try_into).transpose()?,
            agents: all(r.agents)?,
            provenance: Provenance {
                versions: provenance.versions,
                thresholds: provenance.thresholds.into_iter().map(|(k, v)| (k, Num(v))).collect(),
                inputs: map(provenance.inputs),
            },
            checked: map(r.checked),
            charts: all(r.charts)?,
            columns: map(r.columns),
            layers: map(r.layers),
            wording: r.wording.map(Into::into).unwrap_or_default(),
            timing: r.timing.into_iter().map(|(k, v)| (k, Num(v))).collect(),
        })
    }
}
