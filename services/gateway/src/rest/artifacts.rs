//! `POST /v1/artifacts`: an upload, as the bare body or as multipart.

use axum::{
    Json,
    extract::{FromRequest, Multipart, Request, State},
    http::header,
};
use deepfix_errors::{Error, ErrorCode};
use deepfix_source::Stored;

use super::{Failure, Shared, body};
use crate::grpc::uploads_are_off;

pub(super) async fn upload(State(gateway): Shared, request: Request) -> Result<Json<serde_json::Value>, Failure> {
    let store = gateway.store.as_ref().ok_or_else(uploads_are_off)?;
    let idle = gateway.config.body_idle_timeout.0;
    let multipart =
        request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).is_some_and(|t| t.starts_with("multipart/"));
    let mut upload = store.begin().await?;
    let filled: Result<(), Error> = async {
        if multipart {
            let malformed =
                |text: String| Error::new(ErrorCode::MalformedBody, format!("the multipart body cannot be read: {text}"));
            let overall = body::patience(gateway.config.max_body.0, idle);
            let mut parts = Multipart::from_request(request, &()).await.map_err(|e| malformed(e.body_text()))?;
            let Some(mut field) = body::within(&gateway, overall, parts.next_field()).await? else {
                return Err(malformed("it has no part".to_owned()));
            };
            while let Some(chunk) = body::within(&gateway, overall, field.chunk()).await? {
                upload.write(chunk).await?;
            }
            return Ok(());
        }
        let mut stream = request.into_body().into_data_stream();
        let overall = body::patience(gateway.config.max_body.0, idle);
        while let Some(chunk) = body::next(&mut stream, overall.at_most(idle)).await? {
            upload.write(chunk).await?;
        }
        Ok(())
    }
    .await;
    if let Err(error) = filled {
        upload.abort().await;
        return Err(error.into());
    }
    let Stored { uri, size, digest } = upload.finish().await?;
    Ok(Json(serde_json::json!({ "uri": uri, "size": size, "digest": digest })))
}
