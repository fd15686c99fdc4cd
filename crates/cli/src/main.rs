//! The one binary `deepfix`: analyse artifacts, run the services, ask the knowledge base.

mod agents;
mod analyze;
mod args;
mod ask;
mod connect;
mod experiment;
mod healthcheck;
mod knowledge;
mod profile;
mod progress;
mod serve;
mod settings;
mod upload;
mod watch;

use std::process::ExitCode;

use args::{Cli, Command};
use clap::{CommandFactory, Parser};
use deepfix_errors::Error;

/// How a command ended, as exit codes: 0 done, 1 `--fail-on` met, 2 wrong usage, 3 no artifact read.
pub(crate) type Outcome = Result<u8, Error>;

/// Thousands of runs watched at once allocate and free small pieces all the time, in which the system's allocator spends a
/// quarter of the CPU (`bench/live`); tables, which are few large pieces, cost the same with either.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(workers(&cli)).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            anstream::eprintln!("error: the async runtime could not start: {error}");
            return ExitCode::from(2);
        }
    };
    let outcome = match cli.command {
        Command::Analyze(args) => runtime.block_on(analyze::analyze(&args)),
        Command::Explain { code } => runtime.block_on(knowledge::explain(&code)),
        Command::Ask(args) => runtime.block_on(ask::ask(&args)),
        Command::Watch(args) => runtime.block_on(watch::watch(&args)),
        Command::Profile(args) => profile::profile(&args),
        Command::Up(args) => runtime.block_on(serve::up(&args)),
        Command::Serve(args) => runtime.block_on(serve::serve(&args)),
        Command::Agents(args) => runtime.block_on(agents::agents(&args)),
        Command::Kb(args) => runtime.block_on(knowledge::kb(&args)),
        Command::Config(args) => settings::print(&args),
        Command::Healthcheck(args) => runtime.block_on(healthcheck::healthcheck(&args)),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "deepfix", &mut script);
            // A reader that has seen enough is no error.
            let _ = std::io::Write::write_all(&mut std::io::stdout(), &script);
            Ok(0)
        }
    };
    // Work that nobody waits for any more must not hold the process.
    runtime.shutdown_timeout(std::time::Duration::from_millis(100));
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            anstream::eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Servers use every core; commands that serve one request need two threads.
fn workers(cli: &Cli) -> usize {
    match cli.command {
        Command::Up(_) | Command::Serve(_) => std::thread::available_parallelism().map_or(2, std::num::NonZero::get).max(2),
        _ => 2,
    }
}
