//! The DeepFix Python SDK's routes, as `docs/sdk.md` describes them: the same analysis, answered in
//! the SDK's form.

mod answer;
mod check;
mod jobs;
mod mismatch;
mod request;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use deepfix_errors::Error;
use serde_json::{Value, json};

use super::{Shared, failure};
use crate::{
    Gateway,
    analysis::{self, Events},
    jobs::stamp,
};

pub(super) fn routes() -> Router<Arc<Gateway>> {
    let mut router = Router::new();
    for prefix in ["", "/api"] {
        router = router
            .route(&format!("{prefix}/v1/analyse"), post(blocking).fallback(not_allowed))
            .route(&format!("{prefix}/v1/analyze"), post(blocking).fallback(not_allowed))
            .route(&format!("{prefix}/v2/analyse"), post(jobs::submit).fallback(not_allowed))
            .route(&format!("{prefix}/v2/analyze"), post(jobs::submit).fallback(not_allowed))
            .route(&format!("{prefix}/v2/jobs"), get(jobs::list).fallback(not_allowed))
            .route(&format!("{prefix}/v2/jobs/{{id}}"), get(jobs::poll).delete(jobs::cancel).fallback(not_allowed));
    }
    router.route("/api/health", get(super::health))
}

async fn not_allowed() -> Refused {
    Refused(StatusCode::METHOD_NOT_ALLOWED, Value::String("Method Not Allowed".to_owned()))
}

/// A refused request in the SDK's form.
struct Refused(StatusCode, Value);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "detail": self.1 }))).into_response()
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        failure::log(&error);
        Self(failure::status(&error), Value::String(format!("{error} (error {})", error.id)))
    }
}

async fn blocking(State(gateway): Shared, request: Request) -> Result<Json<Value>, Refused> {
    let mut admission = gateway.doors.admit()?;
    let asked = request::read(&gateway, request, &mut admission).await?;
    if let Some(why) = asked.undecodable {
        return Err(Refused(StatusCode::BAD_REQUEST, Value::String(format!("Error decoding request: {why}"))));
    }
    let (job, about) = (format!("sync_{}_{}", asked.spec.dataset_name, stamp(false)), asked.about);
    let report = analysis::run(gateway, admission, asked.spec, Events::nowhere()).await?;
    let now = stamp(true);
    Ok(Json(answer::completed(&job, &answer::result(&report, &about), &now, &now)))
}
