//! The front. It reads requests (REST and gRPC on one port), plans which agents have something to
//! look at, asks them all at once within one deadline, fetches the knowledge pages, has reasoning
//! join everything, and answers. It holds no analysis logic and no state but uploads.
//!
//! An agent that is down, late or broken becomes a named gap of the report, never a failed request.

mod admission;
mod analysis;
mod clients;
mod config;
mod event;
mod grpc;
mod jobs;
mod keys;
mod metrics;
mod mlflow;
mod plan;
mod remote;
mod rest;
pub mod run_dir;
mod spec;
mod watch;

use std::sync::Arc;

pub use clients::Clients;
pub use config::{GatewayConfig, JobsConfig, MlflowConfig, ServiceConfig};
use deepfix_api::analysis::analysis_service_server::SERVICE_NAME;
use deepfix_errors::Error;
use deepfix_rpc::Module;
use deepfix_source::{Remote, SourceConfig, Store};
pub use event::Event;
pub use rest::openapi;
pub use spec::{SpecJson, artifact_of_file, parse_timeout};

/// Name of the service.
pub const SERVICE: &str = "gateway";

/// What every request of the gateway shares.
pub(crate) struct Gateway {
    pub(crate) config: GatewayConfig,
    pub(crate) clients: Clients,
    pub(crate) store: Option<Store>,
    pub(crate) remote: Remote,
    pub(crate) doors: admission::Doors,
    pub(crate) metrics: metrics::Metrics,
    pub(crate) jobs: jobs::Jobs,
}

/// The gateway's service.
///
/// # Errors
/// When the upload store cannot be opened, or an allowed address is none.
pub fn build(config: GatewayConfig, source: &SourceConfig, clients: Clients) -> Result<Module, Error> {
    let store = Store::open(source)
        .map_err(|error| Error::field("store.path", format!("{} cannot be used: {error}", source.store.path.display())))?;
    let keys = keys::Keys::read(&config.api_keys)?;
    let remote = Remote::new(&config.allowed_urls)?;
    let metrics = metrics::Metrics::default();
    let doors = admission::Doors::new(&config, metrics.clone());
    let jobs = jobs::Jobs::new(config.jobs, store.as_ref().map(Store::objects));
    let under_way = jobs.under_way();
    let gateway = Arc::new(Gateway { doors, metrics, jobs, config, clients, store, remote });
    let mut grpc = tonic::service::Routes::builder();
    grpc.add_service(grpc::service(gateway.clone()));
    let (routes, fallback) = rest::router(gateway);
    let module = Module::new(SERVICE, grpc, vec![SERVICE_NAME]).with_rest(routes, fallback).with_tasks(under_way);
    Ok(match keys {
        None => module,
        Some(keys) => module.guarded(move |request| keys.refuse(request)),
    })
}
