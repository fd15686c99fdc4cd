//! Generated messages, clients and server traits of the contracts under `proto/`. No logic.
//! `cargo xtask generate` writes `src/gen`; nothing here is edited by hand.

#![allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    rustdoc::all,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]

/// The serialised descriptor set of every package, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!("gen/deepfix.fds");

pub mod deepfix {
    pub mod artifact {
        pub mod v1 {
            include!("gen/deepfix.artifact.v1.rs");
        }
    }
    pub mod report {
        pub mod v1 {
            include!("gen/deepfix.report.v1.rs");
        }
    }
    pub mod agent {
        pub mod v1 {
            include!("gen/deepfix.agent.v1.rs");
        }
    }
    pub mod analysis {
        pub mod v1 {
            include!("gen/deepfix.analysis.v1.rs");
        }
    }
    pub mod knowledge {
        pub mod v1 {
            include!("gen/deepfix.knowledge.v1.rs");
        }
    }
    pub mod reasoning {
        pub mod v1 {
            include!("gen/deepfix.reasoning.v1.rs");
        }
    }
}

pub use deepfix::{agent::v1 as agent, analysis::v1 as analysis, artifact::v1 as artifact};
pub use deepfix::{knowledge::v1 as knowledge, reasoning::v1 as reasoning, report::v1 as report};
