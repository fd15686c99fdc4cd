//! One analysis: plan, fan out, collect, retrieve, reason. Everything runs inside one future, so
//! that dropping it (the caller left) stops the agents too.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use deepfix_api::{
    agent::{self as wa, analyze_response},
    knowledge::{Hit, RetrieveForFindingsRequest},
    reasoning::{AgentOutcome, SynthesizeRequest},
    report as wr,
};
use deepfix_errors::{Error, ErrorCode, occurrence_id};
use deepfix_language::Language;
use deepfix_model::{AgentRun, AgentStatus, Artifact, Finding, Note, Num, ReadinessPart, Report, Scope};
use deepfix_rpc::Deadline;
use futures::future::join_all;
use tokio::sync::mpsc;
use tracing::Instrument;

use crate::{Event, Gateway, admission::Admission, clients::AgentClient, mlflow, plan, remote, spec::Spec};

/// Where events go. Without a listener they go nowhere; a listener that left ends the analysis.
#[derive(Debug, Clone)]
pub(crate) struct Events {
    to: Option<mpsc::Sender<Event>>,
    /// What findings and reasons are said in.
    language: Language,
}

impl Events {
    pub(crate) fn to(sender: mpsc::Sender<Event>) -> Self {
        Self { to: Some(sender), language: Language::English }
    }

    pub(crate) const fn nowhere() -> Self {
        Self { to: None, language: Language::English }
    }

    fn say(&self, event: &mut Event) {
        match event {
            Event::Finding { finding, .. } => deepfix_language::say_finding(finding, self.language),
            Event::AgentFailed { reason, .. } | Event::AgentSkipped { reason, .. } => {
                *reason = self.language.say(reason).into_owned();
            }
            _ => {}
        }
    }

    async fn send(&self, mut event: Event) -> Result<(), Error> {
        self.say(&mut event);
        match &self.to {
            None => Ok(()),
            // Progress is for those who keep up.
            Some(sender) if matches!(event, Event::AgentProgress { .. }) && sender.capacity() == 0 => Ok(()),
            Some(sender) => sender.send(event).await.map_err(|_| Error::new(ErrorCode::Cancelled, "the caller left")),
        }
    }
}

/// Runs an analysis and gives its report. It ends, one way or the other, soon after its deadline:
/// a listener that does not read cannot hold its place.
pub(crate) async fn run(
    gateway: Arc<Gateway>,
    mut admission: Admission,
    spec: Spec,
    mut events: Events,
) -> Result<Report, Error> {
    events.language = Language::of(&spec.language).unwrap_or_default();
    let request_id = occurrence_id();
    let span = tracing::info_span!("analysis", request_id, artifacts = spec.artifacts.len());
    let limit = spec.limit(&gateway) + LAST_WORDS;
    let work = analyse(&gateway, &request_id, spec, &events).instrument(span);
    let result = tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        Err(Error::new(ErrorCode::DeadlineExceeded, "the analysis, or the connection that reads it, took longer than its limit"))
    });
    admission.ended(result.is_ok());
    result
}

/// What reasoning and the listener get beyond the deadline.
const LAST_WORDS: Duration = Duration::from_secs(10);

async fn analyse(gateway: &Gateway, request_id: &str, mut spec: Spec, events: &Events) -> Result<Report, Error> {
    let begun = Instant::now();
    let whole = spec.limit(gateway);
    let deadline = Deadline::after(whole);
    let (source, notes, spent) = Box::pin(mlflow::bring_in(gateway, &mut spec, deadline)).await?;
    let wanted = |agent: &&AgentClient| matches!(plan::step(agent, &spec.artifacts, &spec.agents), plan::Step::Ask(_));
    let asked = gateway.clients.agents.iter().filter(wanted).map(|agent| agent.name.clone()).collect();
    events.send(Event::Accepted { request_id: request_id.to_owned(), agents: asked }).await?;

    let lost = remote::bring_in(gateway, &mut spec.artifacts, deadline).await;
    let steps: Vec<(&AgentClient, plan::Step)> =
        gateway.clients.agents.iter().map(|agent| (agent, plan::step(agent, &spec.artifacts, &spec.agents))).collect();
    let options = wa::Options {
        label: spec.label.clone(),
        datetime: spec.datetime.clone(),
        task: spec.task.clone(),
        thresholds: spec.thresholds.clone(),
        mask_examples: spec.mask_examples,
        metric_roles: spec.metric_roles.clone(),
        only: spec.only.clone(),
        findings_only: false,
    };
    let parts = steps.into_iter().map(|(agent, step)| {
        let (options, timeout) = (options.clone(), spec.timeouts.get(&agent.name).copied());
        part(gateway, agent, step, request_id, options, deadline, timeout.unwrap_or(agent.timeout).min(whole), &lost, events)
    });
    let mut outcomes = Vec::new();
    let mut timing: BTreeMap<String, Num> = spent.map(|spent| ("mlflow".to_owned(), millis(spent))).into_iter().collect();
    for part in join_all(parts).await {
        let (outcome, name, spent) = part?;
        if let Some(spent) = spent {
            timing.insert(format!("agent.{name}"), millis(spent));
        }
        outcomes.push(outcome);
    }
    say_mismatches(std::mem::take(&mut spec.mismatches), &mut outcomes);
    timing.insert("agents".to_owned(), millis(begun.elapsed()));

    let retrieving = Instant::now();
    let (passages, unavailable) = retrieve(gateway, &spec.knowledge_namespace, &outcomes, deadline).await;
    timing.insert("knowledge".to_owned(), millis(retrieving.elapsed()));
    events.send(Event::KnowledgeRetrieved { passages: u32::try_from(passages.len()).unwrap_or(u32::MAX) }).await?;

    let reasoning = Instant::now();
    let mut notes = notes;
    notes.extend(unknown_thresholds(&spec, &outcomes));
    notes.extend(unknown_faults(&spec, &outcomes));
    notes.extend(unavailable);
    let request = SynthesizeRequest {
        request_id: request_id.to_owned(),
        outcomes,
        passages,
        dataset_name: spec.dataset_name.clone(),
        model_name: spec.model_name.clone(),
        language: spec.language.clone(),
        min_confidence: spec.min_confidence,
        confidence_thresholds: spec.confidence_thresholds.clone(),
        label: spec.label.clone(),
    };
    let mut report = synthesize(gateway, request, deadline).await?;
    // Reasoning has said the rest.
    report.notes.extend(notes.into_iter().map(|note| Note { text: events.language.say(&note.text).into_owned(), ..note }));
    report.notes.sort();
    report.provenance.versions.insert(crate::SERVICE.to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    timing.insert("reasoning".to_owned(), millis(reasoning.elapsed()));
    if let Some(source) = source.filter(|_| spec.log_back) {
        let unsaid = Box::pin(mlflow::log_back(&source, &report, Deadline::after(LAST_WORDS / 2))).await;
        report.notes.extend(unsaid);
        report.notes.sort();
    }
    timing.insert("total".to_owned(), millis(begun.elapsed()));
    for stage in ["agents", "knowledge", "reasoning", "total"] {
        gateway.metrics.seconds.with_label_values(&[stage]).observe(timing[stage].0 / 1000.0);
    }
    report.timing = timing;
    events.send(Event::Report(Box::new(report.clone()))).await?;
    Ok(report)
}

/// Gives what the edge found to the agent that looked at the artifact concerned.
fn say_mismatches(mismatches: Vec<Finding>, outcomes: &mut [AgentOutcome]) {
    for mut finding in mismatches {
        let concerned =
            |outcome: &&mut AgentOutcome| outcome.run.as_ref().is_some_and(|run| run.artifacts.contains(&finding.artifact));
        if let Some(outcome) = outcomes.iter_mut().find(concerned) {
            finding.agent = outcome.run.as_ref().map(|run| run.name.clone()).unwrap_or_default();
            outcome.findings.push(finding.into());
        }
    }
}

fn millis(spent: Duration) -> Num {
    Num((spent.as_secs_f64() * 1e5).round() / 100.0)
}

/// One agent's part: its outcome, name, and the time it took when it was asked.
#[expect(clippy::too_many_arguments, reason = "the parts of one call, used once")]
async fn part(
    gateway: &Gateway,
    agent: &AgentClient,
    step: plan::Step,
    request_id: &str,
    options: wa::Options,
    deadline: Deadline,
    limit: Duration,
    lost: &remote::Lost,
    events: &Events,
) -> Result<(AgentOutcome, String, Option<Duration>), Error> {
    let name = agent.name.clone();
    let count = |outcome| gateway.metrics.agents.with_label_values(&[name.as_str(), outcome]).inc();
    let artifacts = match step {
        plan::Step::Ask(artifacts) => artifacts,
        plan::Step::Skip(reason) => {
            events.send(Event::AgentSkipped { agent: name.clone(), reason: reason.clone() }).await?;
            count("skipped");
            let run = AgentRun {
                name: name.clone(),
                status: AgentStatus::Skipped,
                reason: Some(reason),
                version: String::new(),
                artifacts: Vec::new(),
            };
            return Ok((AgentOutcome { run: Some(run.into()), findings: Vec::new(), result: None }, name, None));
        }
    };
    events.send(Event::AgentStarted { agent: name.clone() }).await?;
    let begun = Instant::now();
    let kinds: Vec<String> = artifacts.iter().map(|a| a.kind.name().to_owned()).collect();
    let mut sent = Sent::default();
    let asked = ask(agent, artifacts, request_id, options, deadline.at_most(limit), events, &mut sent).await;
    let spent = begun.elapsed();
    let mut run = AgentRun {
        name: name.clone(),
        status: AgentStatus::Completed,
        reason: None,
        version: String::new(),
        artifacts: kinds.clone(),
    };
    let outcome = match asked {
        Ok(mut result) => {
            for failure in &mut result.failures {
                if let Some(reason) = lost.get(&failure.artifact) {
                    failure.reason.clone_from(reason);
                }
            }
            run.version.clone_from(&result.version);
            run.reason = (!result.failures.is_empty())
                .then(|| result.failures.iter().map(|f| format!("{}: {}", f.artifact, f.reason)).collect::<Vec<_>>().join("; "));
            let usable = agent
                .main
                .iter()
                .any(|kind| kinds.iter().any(|k| k == kind.name()) && !result.failures.iter().any(|f| f.artifact == kind.name()));
            if !usable {
                run.status = AgentStatus::Failed;
            }
            let found = u32::try_from(sent.findings.len()).unwrap_or(u32::MAX);
            let event = if usable {
                Event::AgentCompleted { agent: name.clone(), findings: found }
            } else {
                Event::AgentFailed { agent: name.clone(), reason: run.reason.clone().unwrap_or_default() }
            };
            events.send(event).await?;
            AgentOutcome { run: Some(run.clone().into()), findings: sent.findings, result: Some(result) }
        }
        Err(error) if error.code == ErrorCode::Cancelled && events.to.as_ref().is_some_and(mpsc::Sender::is_closed) => {
            return Err(error);
        }
        Err(error) => {
            let reason = gap(&error, limit) + &sent.kept();
            tracing::warn!(agent = name, code = %error.code, id = error.id, reason, "an agent failed");
            run.status = AgentStatus::Failed;
            run.reason = Some(reason.clone());
            events.send(Event::AgentFailed { agent: name.clone(), reason }).await?;
            AgentOutcome { run: Some(run.clone().into()), findings: sent.findings, result: None }
        }
    };
    count(run.status.name());
    Ok((outcome, name, Some(spent)))
}

/// A gap in words that do not differ from one run to the next.
fn gap(error: &Error, limit: Duration) -> String {
    match error.code {
        ErrorCode::DeadlineExceeded => {
            format!("did not answer within {}; give it more time or smaller artifacts", deepfix_settings::Period(limit))
        }
        ErrorCode::Unavailable => "cannot be reached; see GET /v1/agents, and start it".to_owned(),
        ErrorCode::Cancelled => "went away while it worked; try again".to_owned(),
        ErrorCode::Internal => "hit a defect of its own; its log has the cause".to_owned(),
        _ => error.to_string(),
    }
}

/// What an agent has said so far.
#[derive(Default)]
struct Sent {
    findings: Vec<wr::Finding>,
    stage: String,
}

impl Sent {
    /// What is kept of an agent that did not come to its end.
    fn kept(&self) -> String {
        match self.findings.len() {
            0 => String::new(),
            1 => format!("; it was at \"{}\", and the finding it had sent is kept", self.stage),
            n => format!("; it was at \"{}\", and the {n} findings it had sent are kept", self.stage),
        }
    }
}

async fn ask(
    agent: &AgentClient,
    artifacts: Vec<Artifact>,
    request_id: &str,
    options: wa::Options,
    deadline: Deadline,
    events: &Events,
    sent: &mut Sent,
) -> Result<wa::AgentResult, Error> {
    let request = wa::AnalyzeRequest {
        request_id: request_id.to_owned(),
        artifacts: artifacts.into_iter().map(Into::into).collect(),
        options: Some(options),
    };
    let mut client = agent.client.clone();
    let mut stream = deadline.run(&agent.name, client.analyze(request)).await?.into_inner();
    loop {
        let Some(message) = deadline.run(&agent.name, stream.message()).await? else {
            // A stream that ends without a result was cut.
            return Err(Error::new(ErrorCode::Cancelled, format!("{} ended before its result", agent.name)));
        };
        match message.event {
            Some(analyze_response::Event::Progress(progress)) => {
                sent.stage.clone_from(&progress.stage);
                events
                    .send(Event::AgentProgress { agent: agent.name.clone(), stage: progress.stage, done: progress.done })
                    .await?;
            }
            Some(analyze_response::Event::Finding(finding)) => {
                if events.to.is_some() {
                    let shown = Finding::try_from(finding.clone()).map_err(Error::from)?;
                    events.send(Event::Finding { agent: agent.name.clone(), finding: Box::new(shown) }).await?;
                }
                sent.findings.push(finding);
            }
            Some(analyze_response::Event::Result(result)) => return Ok(result),
            None => {}
        }
    }
}

/// The pages of the codes found. Without them the report lacks citations, and says so.
async fn retrieve(gateway: &Gateway, namespace: &str, outcomes: &[AgentOutcome], deadline: Deadline) -> (Vec<Hit>, Option<Note>) {
    let codes: BTreeSet<&str> = outcomes.iter().flat_map(|o| &o.findings).map(|f| f.code.as_str()).collect();
    if codes.is_empty() {
        return (Vec::new(), None);
    }
    let request = RetrieveForFindingsRequest {
        fault_codes: codes.into_iter().map(str::to_owned).collect(),
        namespace: namespace.to_owned(),
    };
    let mut client = gateway.clients.knowledge.clone();
    // It takes about a millisecond; a late agent must not cost the report its sources.
    let limited = Deadline::after(deadline.left().max(Duration::from_secs(1))).at_most(gateway.clients.knowledge_timeout);
    match limited.run("kb", client.retrieve_for_findings(request)).await {
        Ok(response) => (response.into_inner().hits, None),
        Err(error) => {
            tracing::warn!(code = %error.code, id = error.id, "the knowledge service failed");
            (
                Vec::new(),
                Some(Note::new(
                    "knowledge_unavailable",
                    "report",
                    "the knowledge service did not answer, so findings cite no sources",
                )),
            )
        }
    }
}

fn unknown_thresholds(spec: &Spec, outcomes: &[AgentOutcome]) -> Vec<Note> {
    let known: BTreeSet<&String> = outcomes.iter().filter_map(|o| o.result.as_ref()).flat_map(|r| r.thresholds.keys()).collect();
    spec.thresholds
        .keys()
        .filter(|name| !known.contains(name))
        .map(|name| {
            Note::new(
                "unknown_threshold",
                format!("threshold:{name}"),
                format!("no agent that was asked has a threshold {name:?}; it had no effect"),
            )
        })
        .collect()
}

/// Kinds of fault that were asked for and that nobody looks for.
fn unknown_faults(spec: &Spec, outcomes: &[AgentOutcome]) -> Vec<Note> {
    let looked: BTreeSet<&str> =
        outcomes.iter().filter_map(|o| o.result.as_ref()).flat_map(|r| &r.checked).map(|c| c.code.as_str()).collect();
    let known = |name: &&String| Scope::groups().any(|group| group == name.as_str()) || looked.contains(name.as_str());
    spec.only
        .iter()
        .filter(|name| !known(name))
        .map(|name| {
            let text = format!(
                "no agent that was asked looks for {name:?}; groups are {}",
                Scope::groups().collect::<Vec<_>>().join(", ")
            );
            Note::new("unknown_fault", format!("fault:{name}"), text)
        })
        .collect()
}

/// Asks reasoning. When it cannot answer, the findings are still the caller's: listed as the
/// agents gave them, most harmful first, and the gap named.
async fn synthesize(gateway: &Gateway, request: SynthesizeRequest, deadline: Deadline) -> Result<Report, Error> {
    let mut client = gateway.clients.reasoning.clone();
    // Reasoning gets its time even when a late agent has used up the request's.
    let limited = Deadline::after(deadline.left().max(Duration::from_secs(5))).at_most(gateway.clients.reasoning_timeout);
    match limited.run("reasoning", client.synthesize(request.clone())).await {
        Ok(response) => {
            let report = response
                .into_inner()
                .report
                .ok_or_else(|| Error::new(ErrorCode::Internal, "reasoning answered without a report"))?;
            Ok(Report::try_from(report)?)
        }
        Err(error) if error.code.retryable() || error.code == ErrorCode::Cancelled || error.code == ErrorCode::Internal => {
            tracing::warn!(code = %error.code, id = error.id, "reasoning failed; the findings are listed as they are");
            unreasoned(request)
        }
        Err(error) => Err(error),
    }
}

fn unreasoned(request: SynthesizeRequest) -> Result<Report, Error> {
    const WHY: &str =
        "the reasoning service did not answer: findings are listed as the agents gave them, not joined, ranked by severity only";
    let named = |text: String| (!text.is_empty()).then_some(text);
    let language = Language::of(&request.language).unwrap_or_default();
    let mut report = Report::empty(named(request.dataset_name), named(request.model_name));
    report.notes.push(Note::new("reasoning_unavailable", "report", WHY));
    report.readiness.parts.push(ReadinessPart {
        name: "reasoning".to_owned(),
        score: None,
        weight: 0.0,
        why: format!("not measured: {WHY}"),
    });
    for outcome in request.outcomes {
        let run = outcome.run.ok_or_else(|| Error::new(ErrorCode::Internal, "an outcome names no agent"))?;
        report.agents.push(run.try_into()?);
        for finding in outcome.findings {
            report.findings.push(finding.try_into()?);
        }
        let result = outcome.result.unwrap_or_default();
        report.notes.extend(result.notes.into_iter().map(Note::from));
        report.checked.extend(result.checked.into_iter().map(deepfix_model::Checked::from));
        report.columns.extend(result.columns.into_iter().map(Into::into));
        report.layers.extend(result.layers.into_iter().map(Into::into));
        for chart in result.charts {
            report.charts.push(chart.try_into()?);
        }
        report.provenance.inputs.extend(result.inputs.into_iter().map(deepfix_model::Input::from));
        report.provenance.thresholds.extend(result.thresholds.into_iter().map(|(k, v)| (k, Num(v))));
    }
    report.provenance.inputs.sort();
    report.provenance.inputs.dedup();
    report.findings.retain(|f| f.is_sure(request.min_confidence, &request.confidence_thresholds));
    report.findings.sort_by(|a, b| {
        b.severity.cmp(&a.severity).then_with(|| b.confidence.total_cmp(&a.confidence)).then_with(|| a.id.cmp(&b.id))
    });
    report.summary = format!("{} findings. {WHY}.", report.findings.len());
    deepfix_language::say_report(&mut report, language);
    Ok(report)
}
