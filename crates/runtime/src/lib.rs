//! The life of a process: telemetry first, an admin endpoint on its own port, readiness, and an
//! orderly end.

mod admin;
mod shutdown;
mod telemetry;

pub use admin::{Readiness, admin_router, serve_admin};
pub use shutdown::{ShutdownConfig, run_until_signal};
pub use telemetry::{LogFormat, Telemetry, TelemetryConfig, TelemetryError};
