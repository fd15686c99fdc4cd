//! Modules and channels.

use deepfix_api::DESCRIPTORS;
use deepfix_errors::{Error, ErrorCode};
use deepfix_gateway::Clients;
use deepfix_rpc::{Client, Module, in_process, remote, serve_in_process};
use deepfix_source::Reader;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{Config, SERVICES};

/// The module of a service other than the gateway, by the name of its process.
///
/// # Errors
/// When there is no such service, or its pages or rules cannot be read.
pub fn module(service: &str, config: &Config) -> Result<Module, Error> {
    let reader = || Reader::new(&config.source());
    let unusable = |error: &dyn std::fmt::Display| Error::new(ErrorCode::InvalidArgument, error.to_string());
    match service {
        deepfix_dataset_agent::SERVICE => Ok(deepfix_dataset_agent::build(reader())),
        deepfix_training_agent::SERVICE => Ok(deepfix_training_agent::build(reader())),
        deepfix_checks_agent::SERVICE => Ok(deepfix_checks_agent::build(reader())),
        deepfix_checkpoint_agent::SERVICE => Ok(deepfix_checkpoint_agent::build(reader())),
        deepfix_kb::SERVICE => deepfix_kb::build(&config.kb).map_err(|e| unusable(&e)),
        deepfix_reasoning::SERVICE => deepfix_reasoning::build(&config.reasoning),
        other => {
            let known: Vec<&str> = SERVICES.iter().map(|s| s.0).collect();
            Err(Error::field("service", format!("{other:?} is no service; one of gateway, {}", known.join(", "))))
        }
    }
}

/// The gateway's clients over the network, for every service's configured target.
///
/// # Errors
/// When a service has no target.
pub fn connect(config: &Config) -> Result<Clients, Error> {
    Clients::new(&config.gateway, |name| {
        let target = config.gateway.services.get(name).map(|s| s.target.as_str()).unwrap_or_default();
        if target.is_empty() {
            let key = format!("gateway.services.{name}.target");
            let variable = format!("DEEPFIX_GATEWAY__SERVICES__{}__TARGET", name.to_uppercase());
            return Err(Error::field(
                key,
                format!("is empty; say where the service is, for example {variable}=http://127.0.0.1:50051"),
            ));
        }
        remote(target)
    })
}

/// Services that run in this process.
#[derive(Debug)]
pub struct Services {
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl Services {
    /// Starts every service here, the gateway's module left to be served by the caller. A service
    /// with a configured target stays where it is.
    ///
    /// # Errors
    /// When a service cannot be built.
    pub fn start(config: &Config, stop: CancellationToken) -> Result<(Self, Module), Error> {
        let mut services = Self { tasks: JoinSet::new(), stop };
        let clients = Clients::new(&config.gateway, |name| {
            let target = config.gateway.services.get(name).map(|s| s.target.as_str()).unwrap_or_default();
            if !target.is_empty() {
                return remote(target);
            }
            let process = SERVICES.iter().find(|s| s.1 == name).map_or(name, |s| s.0);
            Ok(services.run(module(process, config)?))
        })?;
        let gateway = deepfix_gateway::build(config.gateway.clone(), &config.source(), clients)?;
        Ok((services, gateway))
    }

    /// Serves a module in this process.
    pub fn run(&mut self, module: Module) -> Client {
        let (client, connections) = in_process();
        let (name, stop) = (module.name, self.stop.clone());
        self.tasks.spawn(async move {
            if let Err(error) = serve_in_process(module, DESCRIPTORS, connections, stop).await {
                tracing::error!(%error, service = name, "a service stopped");
            }
        });
        client
    }

    /// Waits until every service has finished its calls.
    pub async fn join(mut self) {
        while let Some(result) = self.tasks.join_next().await {
            if let Err(error) = result {
                tracing::error!(%error, "a service ended abnormally");
            }
        }
    }
}
