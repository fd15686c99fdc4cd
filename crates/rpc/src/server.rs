//! One server stack for every service.

use std::{convert::Infallible, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE},
    middleware::{self, Next},
};
use futures::StreamExt;
use tokio::{io::DuplexStream, net::TcpListener, sync::mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{
    service::{Routes, RoutesBuilder},
    transport::{Server, server::TcpIncoming},
};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument;

/// A service, ready to be served: what `build` of every service crate returns.
#[derive(Debug)]
pub struct Module {
    /// `gateway`, `dataset-agent`, …
    pub name: &'static str,
    /// gRPC services, with REST routes merged in where there are any.
    router: Router,
    grpc_names: Vec<&'static str>,
    tasks: TaskTracker,
}

impl Module {
    /// A module of gRPC services. `grpc_names` are their full names, for health.
    #[must_use]
    pub fn new(name: &'static str, grpc: RoutesBuilder, grpc_names: Vec<&'static str>) -> Self {
        Self { name, router: grpc.routes().prepare().into_axum_router(), grpc_names, tasks: TaskTracker::new() }
    }

    /// The same with REST routes beside. A path neither knows goes to `fallback`.
    #[must_use]
    pub fn with_rest(mut self, rest: Router, fallback: Router) -> Self {
        self.router = rest.merge(self.router).fallback_service(fallback);
        self
    }

    /// The same behind a guard, which answers the requests that may not pass. Health and reflection stay
    /// open.
    #[must_use]
    pub fn guarded(mut self, refuse: impl Fn(&Request) -> Option<Response<Body>> + Clone + Send + Sync + 'static) -> Self {
        self.router = self.router.layer(middleware::from_fn(move |request: Request, next: Next| {
            let refused = refuse(&request);
            async move {
                match refused {
                    Some(answer) => answer,
                    None => next.run(request).await,
                }
            }
        }));
        self
    }

    /// Work that outlives its calls, waited for before the server ends.
    #[must_use]
    pub fn with_tasks(mut self, tasks: TaskTracker) -> Self {
        self.tasks = tasks;
        self
    }

    /// The whole stack: health and reflection beside the services, then, from the outside in, a
    /// span that continues the caller's trace, and panics turned into answers.
    async fn into_routes(self, descriptors: &'static [u8]) -> Routes {
        let (reporter, health) = tonic_health::server::health_reporter();
        reporter.set_service_status("", tonic_health::ServingStatus::Serving).await;
        for name in &self.grpc_names {
            reporter.set_service_status(*name, tonic_health::ServingStatus::Serving).await;
        }
        let mut standard = Routes::builder();
        standard.add_service(health);
        let reflection = || tonic_reflection::server::Builder::configure().register_encoded_file_descriptor_set(descriptors);
        match (reflection().build_v1(), reflection().build_v1alpha()) {
            (Ok(v1), Ok(v1alpha)) => {
                standard.add_service(v1);
                standard.add_service(v1alpha);
            }
            (Err(error), _) | (_, Err(error)) => tracing::error!(%error, "reflection is off: the descriptor set is damaged"),
        }
        let name = self.name;
        let router = self
            .router
            .merge(standard.routes().prepare().into_axum_router().reset_fallback())
            .layer(CatchPanicLayer::custom(answer_panic))
            .layer(middleware::from_fn(move |request: Request, next: Next| {
                let span = crate::server_span(name, request.uri().path(), request.headers());
                next.run(request).instrument(span)
            }));
        Routes::from(router)
    }
}

fn answer_panic(panic: Box<dyn std::any::Any + Send>) -> Response<Body> {
    let id = deepfix_errors::occurrence_id();
    let reason = panic.downcast_ref::<&str>().map(|s| (*s).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
    tracing::error!(id, reason, "panic in a handler");
    let body = format!("{{\"error\":{{\"code\":\"INTERNAL\",\"message\":\"a defect of ours\",\"fields\":[],\"id\":\"{id}\"}}}}");
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn builder() -> Server {
    Server::builder()
        .accept_http1(true)
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20)
        .http2_keepalive_interval(Some(Duration::from_secs(30)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
}

/// Serves a module on a listener until the token is cancelled and its calls and tasks are done. Connections
/// age out, so that callers spread over new replicas; the grace exceeds the longest analysis.
///
/// # Errors
/// When the transport fails.
pub async fn serve(
    module: Module,
    descriptors: &'static [u8],
    listener: TcpListener,
    stop: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    let tasks = module.tasks.clone();
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    builder()
        .max_connection_age(Duration::from_secs(600))
        .max_connection_age_grace(Duration::from_secs(600))
        .add_routes(module.into_routes(descriptors).await)
        .serve_with_incoming_shutdown(incoming, stop.cancelled_owned())
        .await?;
    tasks.close();
    tasks.wait().await;
    Ok(())
}

/// Serves a module on the connections of an in-process channel.
///
/// # Errors
/// When the transport fails.
pub async fn serve_in_process(
    module: Module,
    descriptors: &'static [u8],
    connections: mpsc::Receiver<DuplexStream>,
    stop: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    let incoming = ReceiverStream::new(connections).map(Ok::<_, Infallible>);
    builder()
        .add_routes(module.into_routes(descriptors).await)
        .serve_with_incoming_shutdown(incoming, stop.cancelled_owned())
        .await
}
