//! Bodies read within limits of size and patience: a client that sends a byte now and then holds
//! nothing but its own connection, and that not for long.

use std::{future::Future, time::Duration};

use axum::{
    extract::{Request, multipart::MultipartError},
    http::{StatusCode, header::CONTENT_ENCODING},
};
use bytes::{Bytes, BytesMut};
use deepfix_errors::{Error, ErrorCode};
use deepfix_rpc::Deadline;
use futures::StreamExt;

use crate::{Gateway, admission::Admission};

/// Slowest body that is waited for, in bytes per second, beside the pause that is always allowed.
const SLOWEST: u64 = 1 << 20;

/// Time for a whole body of at most so many bytes.
pub(super) fn patience(limit: u64, idle: Duration) -> Deadline {
    Deadline::after(idle + Duration::from_secs(limit / SLOWEST))
}

/// Collects a body, counted against the memory set aside for bodies.
pub(super) async fn collect(request: Request, gateway: &Gateway, admission: &mut Admission) -> Result<Bytes, Error> {
    let (limit, idle) = (gateway.config.max_body.0, gateway.config.body_idle_timeout.0);
    if let Some(encoding) = request.headers().get(CONTENT_ENCODING).filter(|e| *e != "identity") {
        let named = String::from_utf8_lossy(encoding.as_bytes()).into_owned();
        return Err(Error::new(
            ErrorCode::MalformedBody,
            format!("the body is encoded as {named}; send it as it is (artifacts themselves may be gzip or zstd)"),
        ));
    }
    let mut stream = request.into_body().into_data_stream();
    let mut out = BytesMut::new();
    let overall = patience(limit, idle);
    while let Some(chunk) = next(&mut stream, overall.at_most(idle)).await? {
        if (out.len() + chunk.len()) as u64 > limit {
            return Err(too_large(limit));
        }
        admission.hold(chunk.len())?;
        out.extend_from_slice(&chunk);
    }
    Ok(out.freeze())
}

/// The next piece of a body.
pub(super) async fn next(stream: &mut axum::body::BodyDataStream, deadline: Deadline) -> Result<Option<Bytes>, Error> {
    let piece = async { Ok(stream.next().await) };
    match deadline.run("the rest of the body", piece).await? {
        None => Ok(None),
        Some(Ok(chunk)) => Ok(Some(chunk)),
        Some(Err(error)) => Err(Error::new(ErrorCode::MalformedBody, format!("the body broke off: {error}"))),
    }
}

/// A step of reading a multipart body, within the pause allowed and the time for the whole.
pub(super) async fn within<T>(
    gateway: &Gateway,
    overall: Deadline,
    step: impl Future<Output = Result<T, MultipartError>>,
) -> Result<T, Error> {
    let step = async { Ok(step.await) };
    overall.at_most(gateway.config.body_idle_timeout.0).run("the rest of the body", step).await?.map_err(|error| {
        if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
            too_large(gateway.config.max_body.0)
        } else {
            Error::new(ErrorCode::MalformedBody, format!("the multipart body cannot be read: {}", error.body_text()))
        }
    })
}

pub(super) fn too_large(limit: u64) -> Error {
    let shown = deepfix_settings::Size(limit);
    Error::new(
        ErrorCode::TooLarge,
        format!("the body is over the limit of {shown} (gateway.max_body); upload the artifact, or send a sample"),
    )
}
