//! The REST edge. Handlers read, call the same analysis as gRPC does, and write.

mod analyses;
mod artifacts;
mod body;
mod failure;
mod knowledge;
mod openapi;
mod page;
mod render;
mod sdk;

use std::sync::Arc;

pub(crate) use analyses::IN_MESSAGE;
use axum::{
    Json, Router,
    body::Body,
    extract::{DefaultBodyLimit, Request, State},
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use deepfix_errors::{Error, ErrorCode};
pub use openapi::openapi;
use tower::ServiceExt;

use crate::Gateway;
pub(crate) use failure::Failure;

type Shared = State<Arc<Gateway>>;

/// The routes, and what answers paths that none of them (nor gRPC) knows.
pub(crate) fn router(gateway: Arc<Gateway>) -> (Router, Router) {
    let routes = routes(gateway.clone());
    // The SDK's own samples hold a doubled slash: such paths are tried again without it.
    let retry = routes.clone();
    let fallback = Router::new().fallback(any(move |request: Request| squashed(retry.clone(), request)));
    (routes, fallback)
}

fn routes(gateway: Arc<Gateway>) -> Router {
    // `Body` streams bound themselves; extractors that collect take this limit.
    let limit = usize::try_from(gateway.config.max_body.0).unwrap_or(usize::MAX);
    Router::new()
        .route("/", get(page::index))
        .route("/app.js", get(page::script))
        .route("/app.css", get(page::style))
        .route("/health", get(health))
        .route("/openapi.json", get(|| async { Json(openapi()) }))
        .route("/v1/analyses", post(analyses::analyse))
        .route("/v1/artifacts", post(artifacts::upload))
        .route("/v1/agents", get(agents))
        .route("/v1/knowledge/search", get(knowledge::search))
        .route("/v1/render", post(render::render))
        .merge(sdk::routes())
        .layer(DefaultBodyLimit::max(limit))
        .method_not_allowed_fallback(|| async {
            Failure(Error::new(ErrorCode::MethodNotAllowed, "this path does not take that method; see /openapi.json"))
        })
        .with_state(gateway)
}

async fn squashed(routes: Router, mut request: Request) -> Response {
    let path = request.uri().path();
    let plain = plain_path(path);
    let missing = |path: &str| {
        Failure(Error::new(ErrorCode::NotFound, format!("there is nothing at {path}; see /openapi.json"))).into_response()
    };
    if plain == path || !(plain.starts_with("/v1/") || plain.starts_with("/v2/") || plain.starts_with("/api/")) {
        return missing(path);
    }
    let query = request.uri().query().map(|q| format!("?{q}")).unwrap_or_default();
    match format!("{plain}{query}").parse::<Uri>() {
        Ok(uri) => {
            *request.uri_mut() = uri;
            let shown = plain.clone();
            let routes = routes.fallback(move || async move {
                Failure(Error::new(ErrorCode::NotFound, format!("there is nothing at {shown}; see /openapi.json")))
            });
            match routes.oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        }
        Err(_) => missing(&plain),
    }
}

/// A path without repeated and trailing slashes.
fn plain_path(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for part in path.split('/').filter(|p| !p.is_empty()) {
        out.push('/');
        out.push_str(part);
    }
    if out.is_empty() { "/".to_owned() } else { out }
}

async fn health(State(gateway): Shared) -> Json<serde_json::Value> {
    Json(serde_json::json!({
        "status": "ok",
        "version": env!("CARGO_PKG_VERSION"),
        "agents": gateway.clients.agents.iter().map(|a| a.name.as_str()).collect::<Vec<_>>(),
    }))
}

async fn agents(State(gateway): Shared) -> Json<serde_json::Value> {
    let agents: Vec<serde_json::Value> = crate::grpc::list_agents(&gateway)
        .await
        .into_iter()
        .map(|agent| {
            let kinds: Vec<&str> = agent
                .artifact_kinds()
                .filter_map(|kind| deepfix_model::ArtifactKind::try_from(kind).ok())
                .map(deepfix_model::ArtifactKind::name)
                .collect();
            serde_json::json!({
                "name": agent.name, "version": agent.version, "available": agent.available,
                "reason": (!agent.reason.is_empty()).then_some(&agent.reason),
                "artifact_kinds": kinds, "fault_codes": agent.fault_codes, "thresholds": agent.thresholds,
            })
        })
        .collect();
    Json(serde_json::json!({ "agents": agents }))
}

/// A response with a type.
fn typed(content_type: &'static str, body: impl Into<Body>) -> Response {
    (StatusCode::OK, [(axum::http::header::CONTENT_TYPE, content_type)], body.into()).into_response()
}
