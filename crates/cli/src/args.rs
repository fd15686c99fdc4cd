//! The command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::{
    Args, Parser, Subcommand, ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
};
use clap_complete::Shell;
use deepfix_render::Format;

/// Finds what is wrong with a model: measured evidence, root cause, fix, each with its source.
#[derive(Debug, Parser)]
#[command(name = "deepfix", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Analyse artifacts and print a report
    Analyze(Box<AnalyzeArgs>),
    /// Explain a fault code: what shows it, how to confirm it, how to fix it
    Explain {
        /// Fault code, such as target_leakage
        code: String,
    },
    /// Write what a table's columns look like, without its rows, to compare later data with
    Profile(ProfileArgs),
    /// Ask something about a report written with --format json
    Ask(AskArgs),
    /// Follow the log of a run under way and say what is wrong as soon as it is certain
    Watch(WatchArgs),
    /// Run everything in this process: REST and gRPC on one port
    Up(UpArgs),
    /// Run one service
    Serve(ServeArgs),
    /// List the agents and what they look for
    Agents(RemoteArgs),
    /// Ask the knowledge base
    Kb(KbArgs),
    /// Print the effective configuration
    Config(ConfigArgs),
    /// Ask a running process whether it is ready (exit 0) or not (exit 1)
    Healthcheck(HealthArgs),
    /// Print shell completions
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// What can stand in place of flags.
fn source(text: &str) -> Result<String, String> {
    match text.strip_prefix("mlflow:") {
        Some(id) if !id.is_empty() => Ok(id.to_owned()),
        _ => Err("is no source known here; write mlflow:RUN_ID, or name files by flags such as --train FILE".to_owned()),
    }
}

impl AnalyzeArgs {
    /// The MLflow run named.
    pub(crate) fn mlflow_run(&self) -> Option<String> {
        self.source.clone().or_else(|| self.run.as_ref().map(|id| id.strip_prefix("mlflow:").unwrap_or(id).to_owned()))
    }

    /// The tracking server named, or that of MLflow's own variable.
    pub(crate) fn tracking_uri(&self) -> Option<String> {
        self.tracking_uri.clone().or_else(|| std::env::var("MLFLOW_TRACKING_URI").ok().filter(|uri| !uri.is_empty()))
    }
}

/// The formats that can be rendered, by name.
fn format_parser() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(Format::name)).try_map(|name| name.parse::<Format>())
}

#[derive(Debug, Args)]
pub(crate) struct AskArgs {
    /// The report: a file, or - for standard input
    pub(crate) report: PathBuf,
    /// The question
    #[arg(required = true)]
    pub(crate) question: Vec<String>,
    /// Configuration, such as that of a language model
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ProfileArgs {
    /// Tables, or profiles of parts; several are merged
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Where the profile goes
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "Exit: 0 the run ended or was interrupted, 1 --stop-on met, 2 wrong usage.")]
pub(crate) struct WatchArgs {
    /// The log, or the folder of the run
    pub(crate) path: PathBuf,
    /// Hyper-parameters (YAML, JSON)
    #[arg(long, value_name = "FILE")]
    pub(crate) params: Option<PathBuf>,
    /// Per-layer statistics (CSV)
    #[arg(long, value_name = "FILE")]
    pub(crate) layer_stats: Option<PathBuf>,
    /// End with 1 as soon as a finding is at least this severe
    #[arg(long)]
    pub(crate) stop_on: Option<FailOn>,
    /// Time between two readings of the files; how often what came is looked at follows from how much it is
    #[arg(long, value_name = "TIME", default_value = crate::watch::EVERY)]
    pub(crate) every: String,
    /// End when nothing was written for so long, with a last look at all of it; never when absent
    #[arg(long, value_name = "TIME")]
    pub(crate) idle: Option<String>,
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    Low,
    Medium,
    High,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Task {
    Classification,
    Regression,
}

#[derive(Debug, Args)]
#[command(after_help = "Exit: 0 report made, 1 --fail-on met, 2 wrong usage, 3 no artifact could be read.")]
pub(crate) struct AnalyzeArgs {
    /// Training or reference data (CSV, TSV, Parquet, Arrow, NDJSON, JSON; gzip, zstd), a folder or pattern
    /// of part files, or a profile
    #[arg(long, visible_alias = "reference", value_name = "FILE", help_heading = "Artifacts")]
    pub(crate) train: Option<PathBuf>,
    /// Test or current data
    #[arg(long, visible_alias = "current", value_name = "FILE", help_heading = "Artifacts")]
    pub(crate) test: Option<PathBuf>,
    /// Label column
    #[arg(long, value_name = "COL", help_heading = "Artifacts")]
    pub(crate) label: Option<String>,
    /// Column that dates the rows
    #[arg(long, value_name = "COL", help_heading = "Artifacts")]
    pub(crate) datetime: Option<String>,
    /// Task; inferred from the label when absent
    #[arg(long, help_heading = "Artifacts")]
    pub(crate) task: Option<Task>,
    /// Training log (Lightning, Keras, Hugging Face, XGBoost, MLflow, CSV, JSON)
    #[arg(long, value_name = "FILE", help_heading = "Artifacts")]
    pub(crate) metrics: Option<PathBuf>,
    /// Hyper-parameters (YAML, JSON)
    #[arg(long, value_name = "FILE", help_heading = "Artifacts")]
    pub(crate) params: Option<PathBuf>,
    /// Per-layer statistics (CSV)
    #[arg(long, value_name = "FILE", help_heading = "Artifacts")]
    pub(crate) layer_stats: Option<PathBuf>,
    /// Model file (safetensors, PyTorch, ONNX, GGUF, NumPy, Keras, pickles)
    #[arg(long, value_name = "FILE", help_heading = "Artifacts")]
    pub(crate) checkpoint: Option<PathBuf>,
    /// Model file to hold it against, such as an earlier one: what changed, what never moved
    #[arg(long, value_name = "FILE", help_heading = "Artifacts")]
    pub(crate) baseline: Option<PathBuf>,
    /// Training log of an earlier run: whether metrics declined since, for the retraining decision
    #[arg(long, value_name = "FILE", help_heading = "Artifacts")]
    pub(crate) baseline_metrics: Option<PathBuf>,
    /// Results of Deepchecks, Evidently, Great Expectations, pandera, whylogs or TFDV (JSON)
    #[arg(long, visible_alias = "checks", value_name = "FILE", help_heading = "Artifacts")]
    pub(crate) deepchecks: Option<PathBuf>,
    /// Dataset statistics of the DeepFix SDK (JSON)
    #[arg(long, value_name = "FILE", help_heading = "Artifacts")]
    pub(crate) dataset_statistics: Option<PathBuf>,
    /// Folder of a run: its artifacts are found by content
    #[arg(long, value_name = "DIR", help_heading = "Artifacts")]
    pub(crate) run_dir: Option<PathBuf>,
    /// `mlflow:RUN_ID`: the metrics, parameters and artifacts of an MLflow run
    #[arg(value_name = "SOURCE", value_parser = source, help_heading = "Artifacts")]
    pub(crate) source: Option<String>,
    /// The same by its id alone
    #[arg(long = "mlflow-run", value_name = "RUN_ID", conflicts_with = "source", help_heading = "Artifacts")]
    pub(crate) run: Option<String>,
    /// Every run of an MLflow experiment, the most troubled first, and what tells bad ones from good ones
    #[arg(long, value_name = "NAME", conflicts_with_all = ["source", "run"], help_heading = "Artifacts")]
    pub(crate) mlflow_experiment: Option<String>,
    /// Most runs of an experiment, the newest
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=10_000).map(usize::from), help_heading = "Artifacts")]
    pub(crate) runs: usize,
    /// The MLflow server that holds the run [default: MLFLOW_TRACKING_URI, or the configured one]
    #[arg(long, value_name = "URL", help_heading = "Artifacts")]
    pub(crate) tracking_uri: Option<String>,
    /// Leave the report on that run: artifacts, tags and metrics
    #[arg(long, help_heading = "Output")]
    pub(crate) log_back: bool,
    /// Name of the dataset, shown in the report
    #[arg(long, value_name = "NAME", help_heading = "Artifacts")]
    pub(crate) dataset_name: Option<String>,
    /// Name of the model, shown in the report
    #[arg(long, value_name = "NAME", help_heading = "Artifacts")]
    pub(crate) model_name: Option<String>,
    /// Language of the report: english, french; others need a language model
    #[arg(long, value_name = "LANG", help_heading = "Artifacts")]
    pub(crate) language: Option<String>,

    /// Agents to ask: dataset, training, checks, checkpoint
    #[arg(long, value_delimiter = ',', value_name = "NAMES", help_heading = "Running")]
    pub(crate) agents: Vec<String>,
    /// Send the request to a server instead of running the services here
    #[arg(long, value_name = "URL", help_heading = "Running")]
    pub(crate) server: Option<String>,
    /// Time limit of the whole, such as 30s
    #[arg(long, value_name = "TIME", help_heading = "Running")]
    pub(crate) timeout: Option<String>,
    /// Memory that tables may take, such as 2GiB; of larger ones a sample of rows is looked at
    #[arg(long, value_name = "SIZE", help_heading = "Running")]
    pub(crate) memory_limit: Option<String>,
    /// Show the words of cells by their shape only: Xxxx#3 for Bern. Numbers are shown
    #[arg(long, help_heading = "Running")]
    pub(crate) mask_examples: bool,
    /// What a name of the training log means, such as eval_score=val_metric:max; train_ or val_ with loss, accuracy,
    /// auc or metric, learning_rate, gradient_norm, ignore; may be given again
    #[arg(long, value_name = "NAME=ROLE", help_heading = "Running")]
    pub(crate) metric_role: Vec<String>,
    /// A team, whose own knowledge pages are cited behind the shared ones
    #[arg(long, value_name = "NAME", help_heading = "Running")]
    pub(crate) knowledge_namespace: Option<String>,
    /// Look for these kinds of fault only: codes, or quality, drift, leakage, labels
    #[arg(long, value_name = "CODES", value_delimiter = ',', help_heading = "Running")]
    pub(crate) only: Vec<String>,
    /// Leave findings below this confidence out (0 to 1)
    #[arg(long, value_name = "X", help_heading = "Running")]
    pub(crate) min_confidence: Option<f64>,
    /// Another limit for an agent or a fault code, such as outliers=0.9 or checks=0.5; may be given again
    #[arg(long, value_name = "NAME=NUMBER", help_heading = "Running")]
    pub(crate) confidence_threshold: Vec<String>,
    /// Replace a threshold, such as drift.psi.medium=0.2
    #[arg(long, value_name = "NAME=VALUE", help_heading = "Running")]
    pub(crate) threshold: Vec<String>,
    /// No progress
    #[arg(long, short, help_heading = "Running")]
    pub(crate) quiet: bool,
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE", help_heading = "Running")]
    pub(crate) config: Option<PathBuf>,

    /// Format of the report
    #[arg(long, default_value = "terminal", value_parser = format_parser(), help_heading = "Output")]
    pub(crate) format: Format,
    /// Write the report to a file instead of standard output
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    pub(crate) output: Option<PathBuf>,
    /// Write the HTML report to a file too
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) html: Option<PathBuf>,
    /// Exit with 1 when a finding is at least this severe
    #[arg(long, help_heading = "Output")]
    pub(crate) fail_on: Option<FailOn>,
}

#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// Where REST and gRPC listen
    #[arg(long, default_value = "127.0.0.1:8844", value_name = "ADDR")]
    pub(crate) listen: SocketAddr,
    /// Where the admin endpoint listens
    #[arg(long, default_value = "127.0.0.1:8845", value_name = "ADDR")]
    pub(crate) admin: SocketAddr,
    /// Folder that file:// addresses of requests may lie in; may be given more than once
    #[arg(long, value_name = "DIR")]
    pub(crate) allow_root: Vec<PathBuf>,
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// gateway, dataset-agent, training-agent, checks-agent, checkpoint-agent, kb or reasoning
    pub(crate) service: String,
    /// Where it listens; gateway 127.0.0.1:8844, others 127.0.0.1:50051
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// Where the admin endpoint listens
    #[arg(long, default_value = "127.0.0.1:8845", value_name = "ADDR")]
    pub(crate) admin: SocketAddr,
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct RemoteArgs {
    /// Ask a server instead of this binary
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// JSON instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct KbArgs {
    #[command(subcommand)]
    pub(crate) command: KbCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KbCommand {
    /// Search the knowledge pages
    Search {
        /// The question
        #[arg(required = true)]
        query: Vec<String>,
        /// How many pages
        #[arg(long, default_value_t = 5)]
        limit: u32,
        /// Only pages about this fault code
        #[arg(long, default_value = "")]
        fault_code: String,
        /// Only pages of this theme: data, training, checks, checkpoint, artifacts, root-causes
        #[arg(long, default_value = "")]
        theme: String,
        /// Only pages about this task
        #[arg(long, default_value = "")]
        task: String,
        /// A team, whose own pages are searched beside the shared ones
        #[arg(long, default_value = "")]
        namespace: String,
        /// JSON instead of text
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    /// The process's admin endpoint
    #[arg(long, default_value = "127.0.0.1:8845", value_name = "ADDR")]
    pub(crate) admin: SocketAddr,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
