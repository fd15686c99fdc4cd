//! `GET /v1/knowledge/search`.

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use deepfix_api::knowledge::SearchRequest;
use deepfix_errors::Error;
use deepfix_rpc::Deadline;
use serde::Deserialize;

use super::{Failure, Shared};

#[derive(Debug, Deserialize)]
pub(super) struct Question {
    #[serde(default)]
    q: String,
    limit: Option<String>,
    #[serde(default)]
    fault_code: String,
    #[serde(default)]
    theme: String,
    #[serde(default)]
    task: String,
    #[serde(default)]
    namespace: String,
}

pub(super) async fn search(
    State(gateway): Shared,
    question: Result<Query<Question>, QueryRejection>,
) -> Result<Json<serde_json::Value>, Failure> {
    let Query(question) = question.map_err(|e| Error::field("query", e.body_text()))?;
    let limit: u32 = match question.limit.as_deref() {
        None => 10,
        Some(text) => text.parse().map_err(|_| Error::field("limit", format!("{text:?} is no number between 1 and 100")))?,
    };
    let query = question.q.clone();
    if query.trim().is_empty() {
        return Err(Error::field("q", "is empty; say what to look for: ?q=nan+loss").into());
    }
    let request = SearchRequest {
        query: question.q,
        limit,
        fault_code: question.fault_code,
        theme: question.theme,
        task: question.task,
        namespace: question.namespace,
    };
    let mut client = gateway.clients.knowledge.clone();
    let answer = Deadline::after(gateway.clients.knowledge_timeout).run("kb", client.search(request)).await?.into_inner();
    let hits: Vec<serde_json::Value> = answer
        .hits
        .into_iter()
        .map(|hit| {
            let highlights: Vec<&str> = hit
                .highlights
                .iter()
                .filter_map(|h| hit.text.get(h.start as usize..h.end as usize))
                .collect();
            serde_json::json!({
                "rank": hit.rank, "page_id": hit.page_id, "passage_id": hit.passage_id, "title": hit.title, "theme": hit.theme,
                "fault_codes": hit.fault_codes, "tasks": hit.tasks, "score": hit.score, "confidence": hit.confidence, "text": hit.text, "namespace": hit.namespace,
                "highlights": highlights,
                "sources": hit.sources.iter().map(|s| serde_json::json!({
                    "title": s.title, "url": s.url, "year": s.year, "locator": s.locator })).collect::<Vec<_>>(),
            })
        })
        .collect();
    Ok(Json(serde_json::json!({ "query": query, "limit": limit, "known": answer.known, "hits": hits })))
}
