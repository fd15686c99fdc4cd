//! `deepfix up` and `deepfix serve`: the life of a server.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use deepfix_api::DESCRIPTORS;
use deepfix_errors::{Error, ErrorCode};
use deepfix_rpc::{Module, serve as serve_module};
use deepfix_runtime::{Readiness, Telemetry, admin_router, run_until_signal, serve_admin};
use deepfix_standalone::{Config, Services};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    Outcome,
    args::{ServeArgs, UpArgs},
};

async fn bind(flag: &str, address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|error| {
        Error::field(flag, format!("cannot listen on {address}: {error}; is another deepfix running? choose another with {flag}"))
    })
}

fn telemetry(config: &Config, service: &str) -> Result<Arc<Telemetry>, Error> {
    Telemetry::start(&config.telemetry, service)
        .map(Arc::new)
        .map_err(|error| Error::new(ErrorCode::InvalidArgument, error.to_string()))
}

/// Where uploads go when nothing is configured: the user's cache.
fn default_store() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|p| p.is_absolute());
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    cache.or(home).unwrap_or_else(std::env::temp_dir).join("deepfix").join("artifacts")
}

pub(crate) async fn up(args: &UpArgs) -> Outcome {
    let mut config = deepfix_standalone::load(args.config.as_deref())?;
    config.gateway.allowed_roots.extend(args.allow_root.iter().cloned());
    if config.store.path.as_os_str().is_empty() {
        config.store.path = default_store();
    }
    if config.gateway.mlflow.tracking_uri.is_empty() {
        config.gateway.mlflow.tracking_uri = std::env::var("MLFLOW_TRACKING_URI").unwrap_or_default();
    }
    let telemetry = telemetry(&config, "up")?;
    let (listener, admin) = (bind("--listen", args.listen).await?, bind("--admin", args.admin).await?);
    let (address, admin_address) = (local(&listener)?, local(&admin)?);
    let stop = CancellationToken::new();
    // The services behind the gateway stop after it, so that calls under way can finish.
    let behind = CancellationToken::new();
    let (services, module) = Services::start(&config, behind.clone())?;
    anstream::eprintln!(
        "DeepFix is ready: http://{address} (REST, gRPC and a page), admin http://{admin_address}\n\
         try: curl -F metrics=@metrics.csv http://{address}/v1/analyses"
    );
    let work = async {
        let served = serve_module(module, DESCRIPTORS, listener, stop.clone()).await;
        behind.cancel();
        services.join().await;
        served
    };
    run(work, admin, telemetry, &config, stop.clone()).await
}

fn local(listener: &TcpListener) -> Result<SocketAddr, Error> {
    listener.local_addr().map_err(|error| Error::new(ErrorCode::Internal, error.to_string()))
}

pub(crate) async fn serve(args: &ServeArgs) -> Outcome {
    let config = deepfix_standalone::load(args.config.as_deref())?;
    let telemetry = telemetry(&config, &args.service)?;
    let gateway = args.service == deepfix_gateway::SERVICE;
    let module: Module = if gateway {
        deepfix_gateway::build(config.gateway.clone(), &config.source(), deepfix_standalone::connect(&config)?)?
    } else {
        deepfix_standalone::module(&args.service, &config)?
    };
    let default = SocketAddr::from(([127, 0, 0, 1], if gateway { 8844 } else { 50051 }));
    let (listener, admin) = (bind("--listen", args.listen.unwrap_or(default)).await?, bind("--admin", args.admin).await?);
    let (address, admin_address) = (local(&listener)?, local(&admin)?);
    tracing::info!("{} is ready on {address}, admin {admin_address}", args.service);
    let stop = CancellationToken::new();
    let work = serve_module(module, DESCRIPTORS, listener, stop.clone());
    run(work, admin, telemetry, &config, stop.clone()).await
}

async fn run(
    work: impl Future<Output = Result<(), tonic::transport::Error>>,
    admin: TcpListener,
    telemetry: Arc<Telemetry>,
    config: &Config,
    stop: CancellationToken,
) -> Outcome {
    let readiness = Readiness::default();
    let admin_stop = CancellationToken::new();
    let admin = tokio::spawn(serve_admin(admin_router(readiness.clone(), telemetry.clone()), admin, admin_stop.clone()));
    readiness.ready();
    let served = run_until_signal(work, stop, &readiness, config.shutdown)
        .await
        .map_err(|error| Error::new(ErrorCode::Internal, format!("signals cannot be listened to: {error}")))?;
    admin_stop.cancel();
    // An open connection to the admin endpoint must not hold the process.
    admin.abort();
    telemetry.flush();
    match served {
        Some(Err(error)) => Err(Error::new(ErrorCode::Unavailable, format!("the server stopped: {error}"))),
        Some(Ok(())) | None => Ok(0),
    }
}
