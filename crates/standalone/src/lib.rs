//! Every service in one process, wired as the separate ones are: the same modules, the same server
//! stack, channels over memory instead of a network.

mod config;
mod process;

pub use config::{Config, load};
pub use deepfix_dataset_agent::{Profile, ProfileError};
pub use deepfix_source::{LimitsConfig, files_of, is_remote, list_of_uploads, mlflow, open_table};
pub use process::{Services, connect, module};

/// Services besides the gateway: the name of the process and the short name in the configuration.
pub const SERVICES: [(&str, &str); 6] = [
    (deepfix_dataset_agent::SERVICE, "dataset"),
    (deepfix_training_agent::SERVICE, "training"),
    (deepfix_checks_agent::SERVICE, "checks"),
    (deepfix_checkpoint_agent::SERVICE, "checkpoint"),
    (deepfix_kb::SERVICE, "kb"),
    (deepfix_reasoning::SERVICE, "reasoning"),
];
