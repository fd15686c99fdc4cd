//! `POST /v1/render?format=…`: a report in, a document out.

use axum::{
    extract::{Query, Request, State, rejection::QueryRejection},
    response::Response,
};
use deepfix_errors::{Error, ErrorCode};
use deepfix_model::Report;
use deepfix_render::Format;
use serde::Deserialize;

use super::{Failure, Shared, body, typed};

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    format: String,
}

pub(super) async fn render(
    State(gateway): Shared,
    wanted: Result<Query<Wanted>, QueryRejection>,
    request: Request,
) -> Result<Response, Failure> {
    let Query(wanted) = wanted.map_err(|e| Error::field("query", e.body_text()))?;
    let format: Format = wanted.format.parse().map_err(|error: String| Error::field("format", error))?;
    let mut admission = gateway.doors.admit()?;
    let bytes = body::collect(request, &gateway, &mut admission).await?;
    admission.ended(true);
    let report: Report = serde_json::from_slice(&bytes)
        .map_err(|error| Error::new(ErrorCode::InvalidArgument, format!("the body is no report: {error}")))?;
    Ok(typed(format.content_type(), deepfix_render::render(&report, format)))
}
