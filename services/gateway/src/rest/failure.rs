//! Errors as REST answers them.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use deepfix_errors::{Error, ErrorCode};

/// An error as a response: `{"error": {code, message, fields, id}}`.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) Error);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

/// The HTTP status of an error.
pub(super) fn status(error: &Error) -> StatusCode {
    StatusCode::from_u16(error.code.http()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Says in the log what the caller is told.
pub(super) fn log(error: &Error) {
    if error.code == ErrorCode::Internal {
        tracing::error!(id = error.id, code = %error.code, message = error.message, "request failed");
    } else {
        tracing::info!(id = error.id, code = %error.code, message = error.message, "request refused");
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        log(&self.0);
        let mut response = (status(&self.0), Json(serde_json::json!({ "error": self.0 }))).into_response();
        if self.0.code.retryable() {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
