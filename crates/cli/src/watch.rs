//! `deepfix watch`: follows the log of a run that is under way, says what it finds as it becomes certain,
//! and ends with 1 when a finding is as grave as `--stop-on` asks for, so that a job script can stop.
//!
//! Each look reads what is there so far, so that what is said of a finished log and of a live one agree.

use std::{
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
    time::Instant,
};

use bytes::Bytes;
use deepfix_api::analysis::AnalysisSpec;
use deepfix_errors::Error;
use deepfix_live::Told;
use deepfix_model::{AgentStatus, Artifact, ArtifactKind, ArtifactSource, ChartKind, Finding, Num, Report, Severity, fmt_number};

use crate::{
    Outcome,
    analyze::ask,
    args::{FailOn, WatchArgs},
    connect,
};

/// Columns of a curve in small.
const SPARKS: usize = 24;

pub(crate) async fn watch(args: &WatchArgs) -> Outcome {
    let config = deepfix_standalone::load(args.config.as_deref())?;
    let gateway = connect::local(&config)?;
    let period = |text: &str, flag: &str| deepfix_gateway::parse_timeout(text).map_err(|error| Error::field(flag, error));
    let every = period(&args.every, "--every")?;
    let idle = args.idle.as_deref().map(|text| period(text, "--idle")).transpose()?;
    let stop = args.stop_on.map(|f| match f {
        FailOn::Low => Severity::Low,
        FailOn::Medium => Severity::Medium,
        FailOn::High => Severity::High,
    });
    let mut told = Told::default();
    let (mut before, mut changed) = (Vec::new(), Instant::now());
    let mut interrupt = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        let now = sizes(args);
        let grown = now != before;
        if grown {
            (before, changed) = (now, Instant::now());
        }
        let ends = idle.is_some_and(|idle| !grown && changed.elapsed() >= idle);
        if grown || ends {
            let artifacts = read(args)?;
            if !artifacts.is_empty() {
                let spec = AnalysisSpec {
                    artifacts: artifacts.into_iter().map(Into::into).collect(),
                    agents: vec!["training".to_owned()],
                    ..AnalysisSpec::default()
                };
                let report = ask(gateway.clone(), spec, true).await?;
                let readable = report.agents.iter().any(|a| a.status == AgentStatus::Completed);
                // A file that is being written may not parse; the next look will tell.
                if readable || ends {
                    for finding in told.tell(&report.findings, ends) {
                        say(&report, finding)?;
                        if stop.is_some_and(|stop| finding.severity >= stop) {
                            return Ok(1);
                        }
                    }
                    status(&report);
                }
            }
            if ends {
                return Ok(leave());
            }
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            _ = &mut interrupt => return Ok(leave()),
        }
    }
}

/// Leaves the line of curves as it is.
fn leave() -> u8 {
    if std::io::stderr().is_terminal() {
        anstream::eprintln!();
    }
    0
}

/// Sizes and times of what is followed.
fn sizes(args: &WatchArgs) -> Vec<(PathBuf, u64, Option<std::time::SystemTime>)> {
    files(args)
        .into_iter()
        .filter_map(|(_, path)| {
            let meta = std::fs::metadata(&path).ok()?;
            Some((path, meta.len(), meta.modified().ok()))
        })
        .collect()
}

/// The files of the run: those named, or what its folder holds by now.
fn files(args: &WatchArgs) -> Vec<(ArtifactKind, PathBuf)> {
    let mut out = Vec::new();
    if args.path.is_dir() {
        let found = deepfix_gateway::run_dir::find(&args.path).unwrap_or_default();
        out.extend(found.into_iter().filter_map(|artifact| match &artifact.source {
            ArtifactSource::Uri(uri) => Some((artifact.kind, PathBuf::from(uri.strip_prefix("file://")?))),
            ArtifactSource::Inline(_) => None,
        }));
    } else {
        out.push((ArtifactKind::Metrics, args.path.clone()));
    }
    out.extend(args.params.clone().map(|path| (ArtifactKind::Params, path)));
    out.extend(args.layer_stats.clone().map(|path| (ArtifactKind::LayerStats, path)));
    out.retain(|(kind, _)| matches!(kind, ArtifactKind::Metrics | ArtifactKind::Params | ArtifactKind::LayerStats));
    out
}

fn read(args: &WatchArgs) -> Result<Vec<Artifact>, Error> {
    let mut out: Vec<Artifact> = Vec::new();
    for (kind, path) in files(args) {
        if out.iter().any(|a| a.kind == kind) {
            continue;
        }
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            // It may be written yet.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Error::field("PATH", format!("cannot read {}: {error}", path.display()))),
        };
        let bytes = whole_lines(bytes, &path);
        if !bytes.is_empty() {
            let file_name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            out.push(Artifact { kind, format: String::new(), file_name, source: ArtifactSource::Inline(Bytes::from(bytes)) });
        }
    }
    Ok(out)
}

/// Without the line that is being written: half a number is another number.
fn whole_lines(mut bytes: Vec<u8>, path: &Path) -> Vec<u8> {
    let by_lines = path
        .extension()
        .is_some_and(|e| ["csv", "tsv", "jsonl", "ndjson", "log", "txt", "out"].iter().any(|t| e.eq_ignore_ascii_case(t)));
    if by_lines {
        let end = bytes.iter().rposition(|b| *b == b'\n' || *b == b'\r').map_or(0, |i| i + 1);
        bytes.truncate(end);
    }
    bytes
}

fn say(report: &Report, finding: &Finding) -> Result<(), Error> {
    let points = report.provenance.inputs.iter().find(|i| i.artifact == "metrics").and_then(|i| i.rows).unwrap_or(0);
    if std::io::stderr().is_terminal() {
        // The curves stand on this line.
        anstream::eprint!("\r\u{1b}[2K");
    }
    let mut out = anstream::stdout().lock();
    let line = format!(
        "{}[{}] {} (after {points} values, confidence {:.2})\n  = fix  {}\n",
        finding.severity.name(),
        finding.code,
        finding.title,
        finding.confidence,
        finding.recommendation.action
    );
    match out.write_all(line.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Error::field("standard output", error.to_string())),
        _ => Ok(()),
    }
}

/// The curves in small, on a terminal, over the line before.
fn status(report: &Report) {
    if !std::io::stderr().is_terminal() {
        return;
    }
    let curves = report.charts.iter().filter(|c| c.kind == ChartKind::Curve).flat_map(|c| &c.series).take(3);
    let shown: Vec<String> = curves
        .map(|series| {
            let last = series.y.last().map_or_else(String::new, |y| fmt_number(y.0));
            format!("{} {} {last}", series.name, sparkline(&series.y))
        })
        .collect();
    anstream::eprint!("\r\u{1b}[2K{}", shown.join("   "));
    // A terminal that went away is no reason to stop following.
    let _ = std::io::stderr().flush();
}

/// A curve as blocks of eight heights; what is no number is a cross.
fn sparkline(y: &[Num]) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let count = y.len().min(SPARKS);
    let picked: Vec<f64> = (0..count).map(|i| y[(i + 1) * y.len() / count - 1].0).collect();
    let finite = picked.iter().copied().filter(|v| v.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    let block = |v: f64| {
        if !v.is_finite() {
            return '×';
        }
        let share = if high > low { (v - low) / (high - low) } else { 0.0 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 7")]
        let index = (share * 7.0).round() as usize;
        BLOCKS[index.min(7)]
    };
    picked.into_iter().map(block).collect()
}

/// Longest pause between two looks that is of use.
pub(crate) const EVERY: &str = "5s";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn curves_become_blocks() {
        let y: Vec<Num> = [3.0, 2.0, 1.0, f64::NAN].map(Num).to_vec();
        assert_eq!(sparkline(&y), "█▅▁×");
        assert_eq!(sparkline(&[]), "");
        assert_eq!(whole_lines(b"a,b\n1,2\n3,".to_vec(), Path::new("x.csv")), b"a,b\n1,2\n");
        assert_eq!(whole_lines(b"{\"a\": 1}".to_vec(), Path::new("trainer_state.json")), b"{\"a\": 1}");
    }

    #[test]
    fn a_period_is_a_period() {
        assert_eq!(deepfix_gateway::parse_timeout(EVERY), Ok(Duration::from_secs(5)));
    }
}
