//! Keys of callers. They are kept and compared as SHA-256 digests, so that neither the time a
//! comparison takes nor a dump of memory says much about them.

use std::{collections::BTreeSet, path::Path};

use axum::{
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use deepfix_errors::{Error, ErrorCode};
use sha2::{Digest, Sha256};

use crate::rest::Failure;

/// Paths that anybody may ask for: they tell nothing about anyone.
const OPEN: [&str; 6] = ["/", "/app.js", "/app.css", "/health", "/api/health", "/openapi.json"];

/// The keys of a server.
#[derive(Clone)]
pub(crate) struct Keys(BTreeSet<[u8; 32]>);

fn digest(key: &[u8]) -> [u8; 32] {
    Sha256::digest(key).into()
}

impl Keys {
    /// The keys of a file; `None` when the configuration names none.
    ///
    /// # Errors
    /// When the file cannot be read or holds no key: a server that was to be closed must not open.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, Error> {
        if path.as_os_str().is_empty() {
            return Ok(None);
        }
        let wrong = |why: String| Error::field("gateway.api_keys", why);
        let text = std::fs::read_to_string(path).map_err(|error| wrong(format!("{} cannot be read: {error}", path.display())))?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let keys: BTreeSet<[u8; 32]> = lines.map(|line| digest(line.as_bytes())).collect();
        if keys.is_empty() {
            return Err(wrong(format!("{} holds no key; write one a line", path.display())));
        }
        Ok(Some(Self(keys)))
    }

    /// Why a request may not pass; `None` when it may.
    pub(crate) fn refuse(&self, request: &Request) -> Option<Response> {
        let path = request.uri().path();
        if OPEN.contains(&path) {
            return None;
        }
        let sent = request.headers().get(header::AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
        let key = sent.strip_prefix(b"Bearer ").or_else(|| sent.strip_prefix(b"bearer ")).map(<[u8]>::trim_ascii);
        if key.is_some_and(|key| self.0.contains(&digest(key))) {
            return None;
        }
        let error = Error::new(
            ErrorCode::Unauthenticated,
            "no valid key was sent; send Authorization: Bearer KEY (the command line and the SDK read DEEPFIX_API_KEY)",
        );
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        if kind.starts_with("application/grpc") {
            return Some(error.to_status().into_http::<axum::body::Body>());
        }
        let sdk = ["/v1/analyse", "/v1/analyze", "/v2/", "/api/"]
            .iter()
            .any(|start| path.trim_start_matches('/').starts_with(&start[1..]));
        let sdk = sdk && !path.ends_with("/v1/analyses");
        Some(if sdk {
            let body = serde_json::json!({ "detail": "Invalid API key" });
            (StatusCode::UNAUTHORIZED, axum::Json(body)).into_response()
        } else {
            Failure(error).into_response()
        })
    }
}
