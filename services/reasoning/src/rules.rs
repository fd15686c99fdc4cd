//! The table of cross-artifact rules, and how one fires.

use deepfix_model::{Finding, RootCause, Severity, fmt_number};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::plan::{Fixes, PlanError};

/// Why the rule table could not be used.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// It is no table of rules.
    #[error("the rule table cannot be read: {0}")]
    Table(#[from] toml::de::Error),
    /// The table of fixes beside it cannot be used.
    #[error(transparent)]
    Fixes(#[from] PlanError),
    /// A rule contradicts itself.
    #[error("rule {rule}: {problem}")]
    Rule {
        /// Its name.
        rule: String,
        /// What is wrong.
        problem: String,
    },
}

/// Findings that count for one side of a rule.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Side {
    codes: Vec<String>,
    #[serde(default)]
    severity: Option<Severity>,
    #[serde(default)]
    artifacts: Vec<String>,
}

impl Side {
    fn admits(&self, finding: &Finding) -> bool {
        self.codes.contains(&finding.code)
            && self.severity.is_none_or(|least| finding.severity >= least)
            && (self.artifacts.is_empty() || self.artifacts.contains(&finding.artifact))
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Across {
    #[default]
    Artifact,
    None,
}

/// One rule.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Fault code of the root cause.
    pub code: String,
    /// Name of the rule.
    pub name: String,
    cause: Side,
    effect: Side,
    #[serde(default)]
    across: Across,
    text: String,
    would_decide: String,
    /// How far up the chain the cause lies; explanations are ranked by it.
    #[serde(default = "one")]
    weight: f64,
}

fn one() -> f64 {
    1.0
}

/// The table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    rule: Vec<Rule>,
    /// What fixes ask for.
    #[serde(skip)]
    pub(crate) fixes: Fixes,
}

impl Rules {
    /// The tables compiled in.
    ///
    /// # Errors
    /// When it is not what it must be.
    pub fn embedded() -> Result<Self, RuleError> {
        Ok(Self { fixes: Fixes::embedded()?, ..Self::parse(include_str!("../rules.toml"))? })
    }

    /// A table from its text.
    ///
    /// # Errors
    /// When a rule is incomplete or its text uses an unknown placeholder.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let rules: Self = toml::from_str(text)?;
        for rule in &rules.rule {
            let problem = |problem: &str| RuleError::Rule { rule: rule.name.clone(), problem: problem.to_owned() };
            if rule.cause.codes.is_empty() || rule.effect.codes.is_empty() {
                return Err(problem("needs codes on both sides"));
            }
            for placeholder in placeholders(&rule.text) {
                if !placeholder.starts_with("cause.") && !placeholder.starts_with("effect.") {
                    return Err(problem(&format!("unknown placeholder {{{placeholder}}}")));
                }
            }
        }
        Ok(rules)
    }

    /// Every rule.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.rule.iter()
    }

    /// The root causes of findings, those that explain most first: competing explanations are ranked by
    /// the findings they account for, weighed by severity and confidence, and by how far up the chain the cause
    /// lies (`weight` in the table). Of two rules of one code, the one
    /// that explains nothing more is left out.
    #[must_use]
    pub fn fire(&self, findings: &[Finding]) -> Vec<RootCause> {
        self.explain(findings).into_iter().map(|explained| explained.cause).collect()
    }

    /// The same with the findings of both sides.
    pub(crate) fn explain(&self, findings: &[Finding]) -> Vec<Explained> {
        let explained = |cause: &RootCause| -> f64 {
            let of = findings.iter().filter(|f| cause.explains.contains(&f.id));
            cause.confidence * of.map(|f| weight(f.severity) * f.confidence).sum::<f64>()
        };
        let fired: Vec<(f64, Explained)> = self
            .rule
            .iter()
            .filter_map(|rule| rule.fire(findings).map(|fired| (rule.weight * explained(&fired.cause), fired)))
            .collect();
        // A chain: what follows from an explanation's effects is explained by it too.
        let leads_to = |a: &Explained, b: &Explained| a.effects.iter().any(|id| b.causes.contains(id));
        let mut ranked: Vec<(f64, Explained)> = fired
            .iter()
            .map(|(own, one)| {
                let after = fired.iter().filter(|(_, other)| leads_to(one, other) && !leads_to(other, one));
                (own + after.map(|(share, _)| share).sum::<f64>(), one.clone())
            })
            .collect();
        // Stable: equal ones stay in the table's order.
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut kept: Vec<Explained> = Vec::new();
        for (_, explained) in ranked {
            let cause = &explained.cause;
            let says_nothing_new =
                |other: &RootCause| other.code == cause.code && cause.explains.iter().all(|id| other.explains.contains(id));
            if !kept.iter().any(|other| says_nothing_new(&other.cause)) {
                kept.push(explained);
            }
        }
        kept
    }
}

/// An explanation, with the ids of the findings on both sides.
#[derive(Debug, Clone)]
pub(crate) struct Explained {
    pub(crate) cause: RootCause,
    pub(crate) causes: Vec<String>,
    pub(crate) effects: Vec<String>,
}

/// What explaining a finding is worth: one of a severity outweighs two of the one below (our choice).
pub(crate) fn weight(severity: Severity) -> f64 {
    match severity {
        Severity::High => 9.0,
        Severity::Medium => 3.0,
        Severity::Low => 1.0,
    }
}

impl Rule {
    fn fire(&self, findings: &[Finding]) -> Option<Explained> {
        let mut causes: Vec<&Finding> = findings.iter().filter(|f| self.cause.admits(f)).collect();
        let mut effects: Vec<&Finding> = findings.iter().filter(|f| self.effect.admits(f)).collect();
        if self.across == Across::Artifact {
            let crosses = |f: &Finding, others: &[&Finding]| others.iter().any(|o| o.artifact != f.artifact);
            let all = effects.clone();
            effects.retain(|f| crosses(f, &causes));
            causes.retain(|f| crosses(f, &all));
        }
        let best = |side: &[&Finding]| side.iter().map(|f| f.confidence).reduce(f64::max);
        // Both sides must hold for the explanation to hold.
        let confidence = best(&causes)?.min(best(&effects)?);
        let mut explains: Vec<String> = causes.iter().chain(&effects).map(|f| f.id.clone()).collect();
        explains.dedup();
        let mut hash = Sha256::new();
        hash.update(self.code.as_bytes());
        for id in &explains {
            hash.update([0]);
            hash.update(id.as_bytes());
        }
        let short: String = hash.finalize().iter().take(5).map(|b| format!("{b:02x}")).collect();
        let ids = |side: &[&Finding]| side.iter().map(|f| f.id.clone()).collect();
        let (cause_ids, effect_ids) = (ids(&causes), ids(&effects));
        let cause = RootCause {
            id: format!("{}-{short}", self.code),
            code: self.code.clone(),
            rule: self.name.clone(),
            explains,
            confidence,
            text: render(&self.text, &causes, &effects),
            would_decide: Some(self.would_decide.clone()),
        };
        Some(Explained { cause, causes: cause_ids, effects: effect_ids })
    }
}

fn placeholders(text: &str) -> Vec<String> {
    text.split('{').skip(1).filter_map(|part| part.split_once('}').map(|(name, _)| name.to_owned())).collect()
}

/// Fills the text; a part in `[[…]]` with a placeholder that has no value is left out.
fn render(text: &str, causes: &[&Finding], effects: &[&Finding]) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("[[") {
        out.push_str(&fill(before, causes, effects).unwrap_or_default());
        let (optional, tail) = after.split_once("]]").unwrap_or((after, ""));
        if let Some(filled) = fill(optional, causes, effects) {
            out.push_str(&filled);
        }
        rest = tail;
    }
    out.push_str(&fill(rest, causes, effects).unwrap_or_default());
    out.trim().to_owned()
}

/// `None` when a placeholder has no value.
fn fill(text: &str, causes: &[&Finding], effects: &[&Finding]) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let (name, tail) = after.split_once('}')?;
        let (side, what) = name.split_once('.')?;
        let findings = if side == "cause" { causes } else { effects };
        out.push_str(&value(findings, what)?);
        rest = tail;
    }
    out.push_str(rest);
    Some(out)
}

/// Titles of more than three findings are cut short with a count.
const SHOWN: usize = 3;

fn value(findings: &[&Finding], what: &str) -> Option<String> {
    let listed = |items: Vec<String>| {
        let more = items.len().saturating_sub(SHOWN);
        let shown = items.into_iter().take(SHOWN).collect::<Vec<_>>().join("; ");
        if more > 0 { format!("{shown}; and {more} more") } else { shown }
    };
    match what {
        "titles" => Some(listed(findings.iter().map(|f| f.title.clone()).collect())),
        "columns" => {
            let mut columns: Vec<String> = Vec::new();
            for column in findings.iter().flat_map(|f| &f.columns).map(|c| format!("`{c}`")) {
                if !columns.contains(&column) {
                    columns.push(column);
                }
            }
            Some(if columns.is_empty() { "a column".to_owned() } else { listed(columns) })
        }
        _ => {
            let (measure, percent) = what.strip_suffix('%').map_or((what, false), |m| (m, true));
            let number = findings.iter().find_map(|f| f.measured(measure))?;
            Some(if percent { format!("{} %", fmt_number((number * 1000.0).round() / 10.0)) } else { fmt_number(number) })
        }
    }
}
