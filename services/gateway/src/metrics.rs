//! Metrics of the gateway. Labels come from closed sets.

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts};

/// Counters of this process; registered once, shared by every gateway of it (tests have several).
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    /// Analyses by how they ended.
    pub(crate) analyses: IntCounterVec,
    /// Agents by name and how their part ended.
    pub(crate) agents: IntCounterVec,
    /// Seconds per stage.
    pub(crate) seconds: HistogramVec,
    /// Analyses under way.
    pub(crate) running: IntGauge,
}

impl Default for Metrics {
    fn default() -> Self {
        static SHARED: std::sync::LazyLock<Metrics> = std::sync::LazyLock::new(Metrics::register);
        SHARED.clone()
    }
}

impl Metrics {
    #[expect(clippy::expect_used, reason = "names and labels are constants that a first start proves")]
    fn register() -> Self {
        let metrics = Self {
            analyses: IntCounterVec::new(Opts::new("deepfix_gateway_analyses_total", "Analyses by outcome"), &["outcome"])
                .expect("constant"),
            agents: IntCounterVec::new(
                Opts::new("deepfix_gateway_agents_total", "Agent parts by outcome"),
                &["agent", "outcome"],
            )
            .expect("constant"),
            seconds: HistogramVec::new(
                HistogramOpts::new("deepfix_gateway_stage_seconds", "Seconds per stage of an analysis"),
                &["stage"],
            )
            .expect("constant"),
            running: IntGauge::new("deepfix_gateway_analyses_running", "Analyses under way").expect("constant"),
        };
        let registry = prometheus::default_registry();
        for collector in [
            Box::new(metrics.analyses.clone()) as Box<dyn prometheus::core::Collector>,
            Box::new(metrics.agents.clone()),
            Box::new(metrics.seconds.clone()),
            Box::new(metrics.running.clone()),
        ] {
            if let Err(error) = registry.register(collector) {
                tracing::warn!(%error, "a metric was registered twice");
            }
        }
        metrics
    }
}
