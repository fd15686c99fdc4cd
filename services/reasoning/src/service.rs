//! The generated contract around the synthesis.

use deepfix_api::{
    knowledge as wk,
    reasoning::{
        AgentOutcome, AskRequest, AskResponse, SynthesizeRequest, SynthesizeResponse,
        reasoning_service_server::{ReasoningService, ReasoningServiceServer, SERVICE_NAME},
    },
};
use deepfix_errors::Error;
use deepfix_language::Language;
use deepfix_model::{Chart, Citation, Finding, Note, Report, WireError};
use deepfix_rpc::{MAX_MESSAGE, Module};
use tonic::{Request, Response, Status, service::Routes};

use crate::{Outcome, Page, Plain, Rules, Subject, Wording, model::Model, synthesize};

struct Service {
    rules: Rules,
    wording: Box<dyn Wording>,
    model: Option<Model>,
}

pub(crate) fn module(rules: Rules, model: Option<Model>) -> Module {
    let service = Service { rules, wording: Box::new(Plain), model };
    let mut routes = Routes::builder();
    routes.add_service(
        ReasoningServiceServer::new(service).max_decoding_message_size(MAX_MESSAGE).max_encoding_message_size(MAX_MESSAGE),
    );
    Module::new(crate::SERVICE, routes, vec![SERVICE_NAME])
}

fn outcome(wire: AgentOutcome) -> Result<Outcome, WireError> {
    let missing = |field| WireError { field, problem: "is not set".to_owned() };
    let result = wire.result.unwrap_or_default();
    Ok(Outcome {
        run: wire.run.ok_or_else(|| missing("outcomes.run"))?.try_into()?,
        findings: wire.findings.into_iter().map(Finding::try_from).collect::<Result<_, _>>()?,
        notes: result.notes.into_iter().map(Into::into).collect(),
        checked: result.checked.into_iter().map(Into::into).collect(),
        charts: result.charts.into_iter().map(Chart::try_from).collect::<Result<_, _>>()?,
        columns: result.columns.into_iter().map(Into::into).collect(),
        layers: result.layers.into_iter().map(Into::into).collect(),
        inputs: result.inputs.into_iter().map(Into::into).collect(),
        thresholds: result.thresholds.into_iter().collect(),
        metric_changes: result.metric_changes.into_iter().map(Into::into).collect(),
    })
}

fn page(hit: wk::Hit) -> Page {
    let own = !hit.namespace.is_empty();
    let mut citations: Vec<Citation> = hit
        .sources
        .into_iter()
        .map(|s| Citation { page_id: hit.page_id.clone(), title: s.title, source: s.locator, url: s.url, year: s.year })
        .collect();
    // A team's own document is a source by itself.
    if own && citations.is_empty() {
        let source = format!("document of {}", hit.namespace);
        citations.push(Citation { page_id: hit.page_id, title: hit.title, source, url: String::new(), year: 0 });
    }
    Page { codes: hit.fault_codes, citations, own }
}

/// Says the report in the language wanted: by the catalogue where there is one, and what a model has worded in it
/// stays. In others only a model can; without it the report says so.
fn say_in(report: &mut Report, wanted: &str) {
    if let Some(language) = Language::of(wanted) {
        deepfix_language::say_report(report, language);
    } else if !wanted.eq_ignore_ascii_case(&report.wording.language) {
        let text = format!("the report is worded in English; {wanted:?} needs a language model (reasoning.model)");
        report.notes.push(Note::new("language", "report", text));
        report.notes.sort();
    }
}

fn named(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

#[tonic::async_trait]
impl ReasoningService for Service {
    async fn synthesize(&self, request: Request<SynthesizeRequest>) -> Result<Response<SynthesizeResponse>, Status> {
        let request = request.into_inner();
        let outcomes: Vec<Outcome> = request.outcomes.into_iter().map(outcome).collect::<Result<_, _>>().map_err(Error::from)?;
        let pages: Vec<Page> = request.passages.into_iter().map(page).collect();
        let subject = Subject {
            dataset_name: named(request.dataset_name),
            model_name: named(request.model_name),
            min_confidence: request.min_confidence,
            confidence_thresholds: request.confidence_thresholds.into_iter().collect(),
            label: named(request.label),
        };
        let mut report = synthesize(outcomes, &pages, subject, &self.rules, &*self.wording);
        if let Some(model) = &self.model {
            model.word(&mut report, &request.language).await;
        }
        say_in(&mut report, &request.language);
        tracing::debug!(
            request_id = request.request_id,
            findings = report.findings.len(),
            root_causes = report.root_causes.len(),
            "synthesized"
        );
        Ok(Response::new(SynthesizeResponse { report: Some(report.into()) }))
    }

    async fn ask(&self, request: Request<AskRequest>) -> Result<Response<AskResponse>, Status> {
        const MOST: usize = 2000;
        let request = request.into_inner();
        let question = request.question.trim();
        if question.is_empty() || question.len() > MOST {
            let problem = format!("is {} bytes long; ask something in 1 to {MOST}", question.len());
            return Err(Error::field("question", problem).into());
        }
        let report: Report = request.report.unwrap_or_default().try_into().map_err(Error::from)?;
        let plain = crate::answer(&report, question);
        let (text, wording) = match &self.model {
            Some(model) => model.answer(&report, question, &plain.text).await,
            None => {
                let language = Language::of(&report.wording.language).unwrap_or_default();
                (language.say(&plain.text).into_owned(), deepfix_model::Wording::default())
            }
        };
        Ok(Response::new(AskResponse { answer: text, findings: plain.findings, wording: Some(wording.into()) }))
    }
}
