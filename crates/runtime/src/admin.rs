//! The admin endpoint, on a port of its own:
//! - `GET /livez`: this process can make progress; asks nobody else.
//! - `GET /readyz`: it wants requests; 503 while starting and draining.
//! - `GET /startupz`: it has been ready once.
//! - `GET /metrics`: Prometheus text.
//! - `PUT /log`: body is a new log filter.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    routing::{get, put},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::Telemetry;

/// Whether the process wants requests.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    ready: Arc<AtomicBool>,
    started: Arc<AtomicBool>,
}

impl Readiness {
    /// It does from now on.
    pub fn ready(&self) {
        self.started.store(true, Ordering::Relaxed);
        self.ready.store(true, Ordering::Relaxed);
    }

    /// It does not from now on.
    pub fn not_ready(&self) {
        self.ready.store(false, Ordering::Relaxed);
    }
}

#[derive(Clone)]
struct Admin {
    readiness: Readiness,
    telemetry: Arc<Telemetry>,
}

/// The routes of the admin endpoint.
pub fn admin_router(readiness: Readiness, telemetry: Arc<Telemetry>) -> Router {
    let answer = |yes: bool, no: &'static str| if yes { (StatusCode::OK, "ok\n") } else { (StatusCode::SERVICE_UNAVAILABLE, no) };
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route(
            "/readyz",
            get(move |State(admin): State<Admin>| async move { answer(admin.readiness.ready.load(Ordering::Relaxed), "not ready\n") }),
        )
        .route(
            "/startupz",
            get(move |State(admin): State<Admin>| async move { answer(admin.readiness.started.load(Ordering::Relaxed), "starting\n") }),
        )
        .route("/metrics", get(metrics))
        .route(
            "/log",
            put(|State(admin): State<Admin>, filter: String| async move {
                match admin.telemetry.set_filter(filter.trim()) {
                    Ok(()) => (StatusCode::OK, "ok\n".to_owned()),
                    Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")),
                }
            }),
        )
        .with_state(Admin { readiness, telemetry })
}

async fn metrics() -> (StatusCode, String) {
    match prometheus::TextEncoder::new().encode_to_string(&prometheus::gather()) {
        Ok(text) => (StatusCode::OK, text),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// Serves the admin endpoint until the token is cancelled.
///
/// # Errors
/// When the listener fails.
pub async fn serve_admin(router: Router, listener: TcpListener, stop: CancellationToken) -> std::io::Result<()> {
    axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
}
