//! The page at `/`: three files compiled in, nothing from anywhere else.

use axum::{
    http::{HeaderValue, header},
    response::Response,
};

use super::typed;

const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-src 'self' blob: data:; \
                      object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

pub(super) async fn index() -> Response {
    guarded(typed("text/html; charset=utf-8", include_str!("../../assets/index.html")))
}

pub(super) async fn script() -> Response {
    guarded(typed("text/javascript; charset=utf-8", include_str!("../../assets/app.js")))
}

pub(super) async fn style() -> Response {
    guarded(typed("text/css; charset=utf-8", include_str!("../../assets/app.css")))
}
