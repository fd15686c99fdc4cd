//! Logs to standard error and, when an endpoint is configured, traces over OTLP. Trace context is
//! carried through every call either way.

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SdkTracerProvider},
};
use serde::{Deserialize, Serialize};
use tracing_subscriber::{EnvFilter, Layer, Registry, layer::SubscriberExt, reload, util::SubscriberInitExt};

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Logs and traces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetryConfig {
    /// Filter in the form of `RUST_LOG`.
    pub log: String,
    /// How log lines are written.
    pub log_format: LogFormat,
    /// Address of an OTLP collector (gRPC), such as `http://127.0.0.1:4317`; empty is off.
    pub otlp_endpoint: String,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self { log: "info".to_owned(), log_format: LogFormat::Text, otlp_endpoint: String::new() }
    }
}

/// Why telemetry could not start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `telemetry.log` is no filter.
    #[error("telemetry.log is no log filter: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// `telemetry.otlp_endpoint` cannot be used.
    #[error("telemetry.otlp_endpoint cannot be used: {0}")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// Another subscriber is installed.
    #[error("telemetry was started twice")]
    Twice,
}

/// Telemetry that runs; flushed by [`Telemetry::flush`].
#[derive(Debug)]
pub struct Telemetry {
    provider: SdkTracerProvider,
    filter: reload::Handle<EnvFilter, Registry>,
}

impl Telemetry {
    /// Starts it. Must be called within the async runtime when an endpoint is configured.
    ///
    /// # Errors
    /// When the filter or the endpoint cannot be used.
    pub fn start(config: &TelemetryConfig, service: &str) -> Result<Self, TelemetryError> {
        let (filter, handle) = reload::Layer::new(EnvFilter::try_new(&config.log)?);
        let mut builder = SdkTracerProvider::builder()
            .with_resource(Resource::builder().with_service_name(format!("deepfix-{service}")).build())
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)));
        if !config.otlp_endpoint.is_empty() {
            builder =
                builder.with_batch_exporter(SpanExporter::builder().with_tonic().with_endpoint(&config.otlp_endpoint).build()?);
        }
        let provider = builder.build();
        let lines = match config.log_format {
            LogFormat::Text => tracing_subscriber::fmt::layer().with_writer(std::io::stderr).boxed(),
            LogFormat::Json => tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr).boxed(),
        };
        // The filter stands before both: what is not logged is not traced either, except for request
        // spans, which are at info.
        tracing_subscriber::registry()
            .with(filter)
            .with(lines)
            .with(tracing_opentelemetry::layer().with_tracer(provider.tracer("deepfix")))
            .try_init()
            .map_err(|_| TelemetryError::Twice)?;
        Ok(Self { provider, filter: handle })
    }

    /// Changes the log filter of the running process.
    ///
    /// # Errors
    /// When it is no filter.
    pub fn set_filter(&self, filter: &str) -> Result<(), String> {
        let filter = EnvFilter::try_new(filter).map_err(|error| error.to_string())?;
        self.filter.reload(filter).map_err(|error| error.to_string())
    }

    /// Sends what is left.
    pub fn flush(&self) {
        if let Err(error) = self.provider.shutdown() {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}
