//! The configuration of every service: defaults, then a file, then the environment, then flags.

use std::path::Path;

use deepfix_errors::Error;
use deepfix_gateway::GatewayConfig;
use deepfix_kb::KbConfig;
use deepfix_reasoning::ReasoningConfig;
use deepfix_runtime::{ShutdownConfig, TelemetryConfig};
use deepfix_source::{LimitsConfig, SourceConfig, StoreConfig};
use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};
use serde::{Deserialize, Serialize};

/// The configuration of every service; each process reads all of it and uses its part.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The front.
    pub gateway: GatewayConfig,
    /// The upload store.
    pub store: StoreConfig,
    /// How large artifacts may be.
    pub limits: LimitsConfig,
    /// The knowledge service.
    pub kb: KbConfig,
    /// The reasoning service.
    pub reasoning: ReasoningConfig,
    /// Logs and traces.
    pub telemetry: TelemetryConfig,
    /// How the process ends.
    pub shutdown: ShutdownConfig,
}

impl Config {
    /// What may be read, for the gateway and the agents.
    #[must_use]
    pub fn source(&self) -> SourceConfig {
        SourceConfig { store: self.store.clone(), allowed_roots: self.gateway.allowed_roots.clone(), limits: self.limits }
    }
}

/// The effective configuration.
///
/// Environment variables are `DEEPFIX_` and the key's path with `__` between its parts, such as
/// `DEEPFIX_GATEWAY__MAX_BODY`; variables without `__` are not configuration.
///
/// # Errors
/// Names the key that is wrong and where it came from.
pub fn load(file: Option<&Path>) -> Result<Config, Error> {
    let mut figment = Figment::from(Serialized::defaults(Config::default()));
    if let Some(file) = file {
        if !file.is_file() {
            return Err(Error::field("--config", format!("{} is no file", file.display())));
        }
        figment = figment.merge(Toml::file_exact(file));
    }
    figment.merge(Env::prefixed("DEEPFIX_").filter(|key| key.as_str().contains("__")).split("__")).extract().map_err(|error| {
        let key = error.path.join(".");
        let source = |m: &figment::Metadata| m.source.as_ref().map_or_else(|| m.name.to_string(), ToString::to_string);
        let from = error.metadata.as_ref().map(|m| format!(" (from {})", source(m))).unwrap_or_default();
        Error::field(if key.is_empty() { "configuration".to_owned() } else { key }, format!("{}{from}", error.kind))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_key_is_named_with_its_file() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("deepfix.toml");
        std::fs::write(&file, "[gateway]\nmax_bodi = \"1MiB\"\n").expect("writes");
        let error = load(Some(&file)).expect_err("max_bodi is no key").to_string();
        assert!(error.contains("max_bodi") && error.contains("deepfix.toml"), "{error}");
        std::fs::write(&file, "[gateway]\nmax_body = \"1 elephant\"\n").expect("writes");
        let error = load(Some(&file)).expect_err("no size").to_string();
        assert!(error.contains("gateway.max_body") && error.contains("256MiB"), "{error}");
    }

    #[test]
    fn a_file_changes_only_what_it_names() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("deepfix.toml");
        std::fs::write(&file, "[gateway.services.dataset]\ntarget = \"http://d:50051\"\ntimeout = \"9s\"\n").expect("writes");
        let config = load(Some(&file)).expect("valid");
        assert_eq!(config.gateway.services["dataset"].target, "http://d:50051");
        assert_eq!(config.gateway.services.len(), 6);
        assert_eq!(config.gateway.max_body, GatewayConfig::default().max_body);
    }
}
