//! What to do about a report's findings, in order: one step for all findings of a fix, causes before what follows from
//! them, and fixes that pull apart one after the other. What a fix asks for and may break is in `plan.toml`.

use std::collections::BTreeMap;

use deepfix_model::{Effort, Finding, PlanStep};
use serde::Deserialize;

use crate::rules::{Explained, weight};

/// Why the table could not be used.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// It is no table of fixes.
    #[error("the table of fixes cannot be read: {0}")]
    Table(#[from] toml::de::Error),
    /// A code stands in it twice.
    #[error("the table of fixes names {0} twice")]
    Twice(String),
}

/// Order of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Stage {
    Harm,
    Measure,
    Data,
    Settings,
    Model,
    Files,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    codes: Vec<String>,
    stage: Stage,
    effort: Effort,
    risk: String,
    verify: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Conflict {
    one: Vec<String>,
    other: Vec<String>,
    because: String,
}

/// What fixes ask for, and which pull apart.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixes {
    group: Vec<Group>,
    conflict: Vec<Conflict>,
}

/// Columns named in an action that holds for several.
const NAMED: usize = 5;

/// Findings of one code: one fix.
struct Fix<'a> {
    group: &'a Group,
    /// The weightiest first.
    findings: Vec<&'a Finding>,
    /// The best explanation of which it is the cause.
    cause: Option<usize>,
    /// The fix it waits for, by code, and why.
    after: Option<(&'a str, String)>,
}

impl Fix<'_> {
    fn code(&self) -> &str {
        &self.findings[0].code
    }

    fn weight(&self) -> f64 {
        of(self.findings[0])
    }
}

/// What a finding weighs.
fn of(finding: &Finding) -> f64 {
    weight(finding.severity) * finding.confidence
}

impl Fixes {
    /// The table compiled in.
    ///
    /// # Errors
    /// When it is not what it must be.
    pub fn embedded() -> Result<Self, PlanError> {
        Self::parse(include_str!("../plan.toml"))
    }

    fn parse(text: &str) -> Result<Self, PlanError> {
        let fixes: Self = toml::from_str(text)?;
        let mut codes: Vec<&String> = fixes.group.iter().flat_map(|g| &g.codes).collect();
        codes.sort_unstable();
        match codes.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(PlanError::Twice(pair[0].clone())),
            None => Ok(fixes),
        }
    }

    /// Codes for which there is an entry.
    pub fn codes(&self) -> impl Iterator<Item = &str> {
        self.group.iter().flat_map(|g| g.codes.iter().map(String::as_str))
    }

    /// The plan for findings and what explains them, the best explanation first.
    pub(crate) fn plan(&self, findings: &[Finding], explained: &[Explained]) -> Vec<PlanStep> {
        let mut by_code: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
        for finding in findings {
            by_code.entry(&finding.code).or_default().push(finding);
        }
        let mut fixes: Vec<Fix<'_>> = Vec::new();
        for (code, mut of_code) in by_code {
            let Some(group) = self.group.iter().find(|g| g.codes.iter().any(|c| c == code)) else { continue };
            // Stable: equal ones stay in the report's order.
            of_code.sort_by(|a, b| of(b).total_cmp(&of(a)));
            let cause = explained.iter().position(|e| of_code.iter().any(|f| e.causes.contains(&f.id)));
            fixes.push(Fix { group, findings: of_code, cause, after: None });
        }
        // First to do is what may harm, then the causes of the best explanations, then the stages in order.
        fixes.sort_by(|a, b| {
            let key = |f: &Fix<'_>| (f.group.stage != Stage::Harm, f.cause.unwrap_or(usize::MAX), f.group.stage);
            key(a).cmp(&key(b)).then(b.weight().total_cmp(&a.weight()))
        });
        wait_for_causes(&mut fixes, explained);
        self.wait_for_the_weightier(&mut fixes);
        // What may turn out needless comes last, and behind what it waits for.
        let waits: BTreeMap<String, String> =
            fixes.iter().filter_map(|f| Some((f.code().to_owned(), f.after.as_ref()?.0.to_owned()))).collect();
        let hops = |code: &str| std::iter::successors(waits.get(code), |next| waits.get(*next)).take(waits.len()).count();
        fixes.sort_by_key(|fix| hops(fix.code()));
        let rank = |code: &str| fixes.iter().position(|f| f.code() == code).and_then(|at| u32::try_from(at + 1).ok());
        fixes.iter().filter_map(|fix| step(fix, explained, rank(fix.code())?, rank)).collect()
    }

    /// Of two fixes that pull apart the lighter one waits.
    fn wait_for_the_weightier(&self, fixes: &mut [Fix<'_>]) {
        for conflict in &self.conflict {
            let best = |codes: &[String], fixes: &[Fix<'_>]| {
                let of_side = (0..fixes.len()).filter(|i| codes.iter().any(|c| c == fixes[*i].code()));
                of_side.max_by(|a, b| fixes[*a].weight().total_cmp(&fixes[*b].weight()).then(b.cmp(a)))
            };
            let (Some(one), Some(other)) = (best(&conflict.one, fixes), best(&conflict.other, fixes)) else { continue };
            let (first, side) =
                if fixes[one].weight() >= fixes[other].weight() { (one, &conflict.other) } else { (other, &conflict.one) };
            // One that waits is needless perhaps, and nothing to wait for.
            if fixes[first].after.is_some() {
                continue;
            }
            let code = fixes[first].findings[0].code.as_str();
            for fix in fixes.iter_mut().filter(|f| f.after.is_none() && side.iter().any(|c| c == f.code())) {
                fix.after = Some((code, format!("they pull apart: {}", conflict.because)));
            }
        }
    }
}

/// What follows from a cause waits for its fix.
fn wait_for_causes(fixes: &mut [Fix<'_>], explained: &[Explained]) {
    for one in explained {
        let Some(first) = fixes.iter().position(|f| f.findings.iter().any(|f| one.causes.contains(&f.id))) else { continue };
        if fixes[first].after.is_some() {
            continue;
        }
        let (code, title) = (fixes[first].findings[0].code.as_str(), fixes[first].findings[0].title.clone());
        let waited_for: Vec<String> = fixes.iter().filter_map(|f| Some(f.after.as_ref()?.0.to_owned())).collect();
        for (i, fix) in fixes.iter_mut().enumerate() {
            let follows = fix.findings.iter().all(|f| one.effects.contains(&f.id) && !one.causes.contains(&f.id));
            if i != first && follows && fix.after.is_none() && !waited_for.iter().any(|code| code == fix.code()) {
                fix.after = Some((code, format!("it follows from this, and may go with it: {title}")));
            }
        }
    }
}

fn step(fix: &Fix<'_>, explained: &[Explained], rank: u32, rank_of: impl Fn(&str) -> Option<u32>) -> Option<PlanStep> {
    let best = fix.findings.first()?;
    let advice = &best.recommendation;
    // Two agents may have found the same.
    let mut others: Vec<&str> = Vec::new();
    for name in fix.findings[1..].iter().map(|f| named(f)) {
        if name != named(best) && !others.contains(&name) {
            others.push(name);
        }
    }
    let mut action = advice.action.clone();
    if !others.is_empty() {
        let shown: Vec<String> = others.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
        let more = others.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        action.push_str(&format!("; likewise for {}{more}", shown.join(", ")));
    }
    let cause = fix.cause.map(|at| &explained[at].cause);
    let mut verify: Vec<String> = cause.and_then(|c| c.would_decide.clone()).into_iter().collect();
    verify.push(fix.group.verify.clone());
    Some(PlanStep {
        rank,
        action,
        code: best.code.clone(),
        findings: fix.findings.iter().map(|f| f.id.clone()).collect(),
        root_cause: cause.map(|c| c.id.clone()),
        effort: fix.group.effort,
        expected_impact: advice.expected_impact.clone(),
        risk: fix.group.risk.clone(),
        verify,
        after: fix.after.as_ref().and_then(|(code, _)| rank_of(code)),
        why_after: fix.after.as_ref().map(|(_, why)| why.clone()),
        supported: !advice.citations.is_empty(),
    })
}

/// What a finding is about, in a word.
fn named(finding: &Finding) -> &str {
    match finding.columns.first() {
        Some(column) => column,
        None => finding.subject.split_once(':').map_or(finding.subject.as_str(), |(_, name)| name),
    }
}
