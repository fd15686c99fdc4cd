//! `deepfix watch`: follows the log of a run that is under way, says what it finds as it becomes certain,
//! and ends with 1 when a finding is as grave as `--stop-on` asks for, so that a job script can stop.
//!
//! A log of lines is read on from where it was left into a history of bounded size, and looked at as often as a
//! run that sends its points (`deepfix_live::Cadence`). Any other log is read whole at each look. The last look
//! is at all of it, as `deepfix analyze` reads it.

mod status;
mod tail;

use std::{
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use deepfix_api::analysis::AnalysisSpec;
use deepfix_errors::Error;
use deepfix_live::{Cadence, FORMAT, RunHistory, Told};
use deepfix_model::{AgentStatus, Artifact, ArtifactKind, ArtifactSource, Finding, Report, Severity};
use deepfix_training_agent::{Follower, Step};

use crate::{
    Outcome,
    analyze::ask,
    args::{FailOn, WatchArgs},
    connect::{self, Gateway},
};
use tail::{More, Tail};

/// Largest file that is sent to the agent as it is; of a larger one its place.
const INLINE: u64 = 32 << 20;
/// Periods without a word after which what came since the last look is looked at. Our choice, as is the next.
const QUIET: u32 = 3;
/// Looks at logs that are read whole may take one part in so many of the time: a look at a long log is followed
/// by a long pause.
const SHARE: u32 = 50;

pub(crate) async fn watch(args: &WatchArgs) -> Outcome {
    let mut config = deepfix_standalone::load(args.config.as_deref())?;
    let named = [Some(&args.path), args.params.as_ref(), args.layer_stats.as_ref()];
    config.gateway.allowed_roots.extend(named.into_iter().flatten().filter_map(|path| folder_of(path)));
    let period = |text: &str, flag: &str| deepfix_gateway::parse_timeout(text).map_err(|error| Error::field(flag, error));
    let every = period(&args.every, "--every")?;
    let idle = args.idle.as_deref().map(|text| period(text, "--idle")).transpose()?;
    let mut watch = Watch {
        gateway: connect::local(&config)?,
        stop: args.stop_on.map(|f| match f {
            FailOn::Low => Severity::Low,
            FailOn::Medium => Severity::Medium,
            FailOn::High => Severity::High,
        }),
        told: Told::default(),
        followed: None,
        pause: Duration::ZERO,
        looked: Instant::now(),
        unseen: false,
        beside: false,
        seen: 0,
    };
    let (mut before, mut changed) = (Vec::new(), Instant::now());
    let mut interrupt = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        let files = args.files();
        let now = sizes(&files);
        if now != before {
            // What is not read on is looked at whenever it changes.
            let beside =
                |sizes: &Sizes| sizes.iter().filter(|(kind, ..)| *kind != ArtifactKind::Metrics).cloned().collect::<Vec<_>>();
            watch.beside |= beside(&now) != beside(&before);
            (before, changed) = (now, Instant::now());
            watch.unseen = true;
        }
        let (ends, quiet) = (idle.is_some_and(|idle| changed.elapsed() >= idle), changed.elapsed() >= every * QUIET);
        if watch.catch_up(&files, quiet, ends).await? {
            return Ok(1);
        }
        if ends {
            status::leave();
            return Ok(0);
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            _ = &mut interrupt => {
                status::leave();
                return Ok(0);
            }
        }
    }
}

impl WatchArgs {
    /// The files of the run: those named, or what its folder holds by now.
    fn files(&self) -> Vec<(ArtifactKind, PathBuf)> {
        let mut out: Vec<(ArtifactKind, PathBuf)> = Vec::new();
        let found = if self.path.is_dir() {
            let found = deepfix_gateway::run_dir::find(&self.path).unwrap_or_default();
            let file = |artifact: Artifact| match &artifact.source {
                ArtifactSource::Uri(uri) => Some((artifact.kind, PathBuf::from(uri.strip_prefix("file://")?))),
                ArtifactSource::Inline(_) => None,
            };
            found.into_iter().filter_map(file).collect()
        } else {
            vec![(ArtifactKind::Metrics, self.path.clone())]
        };
        let named = [(ArtifactKind::Params, &self.params), (ArtifactKind::LayerStats, &self.layer_stats)];
        let named = named.into_iter().filter_map(|(kind, path)| Some((kind, path.clone()?)));
        for (kind, path) in found.into_iter().chain(named) {
            let wanted = matches!(kind, ArtifactKind::Metrics | ArtifactKind::Params | ArtifactKind::LayerStats);
            if wanted && out.iter().all(|(known, _)| *known != kind) {
                out.push((kind, path));
            }
        }
        out
    }
}

/// The folder that a file lies in, or will.
fn folder_of(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    if path.is_dir() { Some(path) } else { path.parent().filter(|folder| folder.is_dir()).map(Path::to_owned) }
}

/// Sizes and times of what is followed.
type Sizes = Vec<(ArtifactKind, PathBuf, u64, Option<SystemTime>)>;

fn sizes(files: &[(ArtifactKind, PathBuf)]) -> Sizes {
    let size = |(kind, path): &(ArtifactKind, PathBuf)| {
        let meta = std::fs::metadata(path).ok()?;
        Some((*kind, path.clone(), meta.len(), meta.modified().ok()))
    };
    files.iter().filter_map(size).collect()
}

/// A log that is read as it grows.
struct Followed {
    tail: Tail,
    follower: Follower,
    run: RunHistory,
    cadence: Cadence,
}

impl Followed {
    fn new(path: &Path) -> Self {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        Self { tail: Tail::new(path), follower: Follower::new(&name), run: RunHistory::default(), cadence: Cadence::default() }
    }
}

/// What reading a log on came to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Read {
    /// All of it is taken.
    On,
    /// The run is to be stopped.
    Stop,
    /// It is none that can be read on.
    Whole,
}

struct Watch {
    gateway: Gateway,
    stop: Option<Severity>,
    told: Told,
    followed: Option<Followed>,
    /// How long to wait after a look at a log that is read whole.
    pause: Duration,
    looked: Instant,
    /// Something was written since the last look.
    unseen: bool,
    /// Something beside the log was.
    beside: bool,
    /// Values of the log that the last look saw.
    seen: u64,
}

impl Watch {
    /// Takes what was written since, with as many looks as that is worth. Answers whether to stop the run.
    async fn catch_up(&mut self, files: &[(ArtifactKind, PathBuf)], quiet: bool, ends: bool) -> Result<bool, Error> {
        let metrics = files.iter().find(|(kind, _)| *kind == ArtifactKind::Metrics).map(|(_, path)| path.as_path());
        let mut outcome = Read::Whole;
        if let (Some(path), false) = (metrics, ends) {
            let mut followed = match self.followed.take() {
                Some(followed) if followed.tail.path() == path => followed,
                _ => Followed::new(path),
            };
            outcome = self.follow(&mut followed, files).await?;
            if outcome == Read::On && (self.beside || quiet && followed.run.taken() > self.seen) {
                outcome = self.look_at(&followed.run, files).await?;
            }
            self.followed = Some(followed);
        }
        if outcome == Read::Stop {
            return Ok(true);
        }
        if ends || outcome == Read::Whole && self.unseen && self.looked.elapsed() >= self.pause {
            let begun = Instant::now();
            let stop = self.look(read(files, None)?, ends).await?;
            self.pause = begun.elapsed() * SHARE;
            return Ok(stop);
        }
        Ok(false)
    }

    /// Reads the log on, with a look whenever one is due.
    async fn follow(&mut self, followed: &mut Followed, files: &[(ArtifactKind, PathBuf)]) -> Result<Read, Error> {
        loop {
            match followed.tail.more() {
                Ok(More::Anew) => {
                    // What is read again was looked at before.
                    let taken = followed.run.taken();
                    *followed = Followed::new(followed.tail.path());
                    followed.cadence.looked(taken);
                    continue;
                }
                Ok(More::Other) => {
                    *followed = Followed::new(followed.tail.path());
                    self.told = Told::default();
                    continue;
                }
                Ok(More::Bytes(bytes)) if bytes.is_empty() => {
                    // What was taken before may have told that the log has no lines.
                    let step = followed.follower.step(&mut followed.run, &mut followed.cadence);
                    return Ok(if step == Step::Whole { Read::Whole } else { Read::On });
                }
                Ok(More::Bytes(bytes)) => followed.follower.feed(&bytes),
                // It may be written yet.
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Read::Whole),
                Err(error) => return Err(unreadable(followed.tail.path(), &error)),
            }
            loop {
                match followed.follower.step(&mut followed.run, &mut followed.cadence) {
                    Step::Taken => break,
                    Step::Due => {
                        if self.look_at(&followed.run, files).await? == Read::Stop {
                            return Ok(Read::Stop);
                        }
                    }
                    Step::Whole => {
                        self.unseen = true;
                        break;
                    }
                }
            }
        }
    }

    /// A look at a history, with the files beside it.
    async fn look_at(&mut self, run: &RunHistory, files: &[(ArtifactKind, PathBuf)]) -> Result<Read, Error> {
        let stop = self.look(read(files, Some(run))?, false).await?;
        self.seen = run.taken();
        Ok(if stop { Read::Stop } else { Read::On })
    }

    /// A look at a run; says what became certain and answers whether to stop it.
    async fn look(&mut self, artifacts: Vec<Artifact>, ended: bool) -> Result<bool, Error> {
        (self.looked, self.unseen, self.beside) = (Instant::now(), false, false);
        if artifacts.is_empty() {
            return Ok(false);
        }
        let spec = AnalysisSpec {
            artifacts: artifacts.into_iter().map(Into::into).collect(),
            agents: vec!["training".to_owned()],
            ..AnalysisSpec::default()
        };
        let report = ask(self.gateway.clone(), spec, true).await?;
        // A file that is being written may not parse; the next look will tell.
        if ended || report.agents.iter().any(|a| a.status == AgentStatus::Completed) {
            for finding in self.told.tell(&report.findings, ended) {
                say(&report, finding)?;
                if self.stop.is_some_and(|stop| finding.severity >= stop) {
                    return Ok(true);
                }
            }
            status::show(&report);
        }
        Ok(false)
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    Error::field("PATH", format!("cannot read {}: {error}", path.display()))
}

/// The files of the run, with its history in place of the log where that is followed.
fn read(files: &[(ArtifactKind, PathBuf)], run: Option<&RunHistory>) -> Result<Vec<Artifact>, Error> {
    let mut out = Vec::new();
    for (kind, path) in files {
        let file_name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let (format, source) = if let (ArtifactKind::Metrics, Some(run)) = (kind, run) {
            (FORMAT, ArtifactSource::Inline(Bytes::from(run.encode_metrics())))
        } else {
            match source(path) {
                Ok(source) => ("", source),
                // It may be written yet.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(unreadable(path, &error)),
            }
        };
        if !matches!(&source, ArtifactSource::Inline(bytes) if bytes.is_empty()) {
            out.push(Artifact { kind: *kind, format: format.to_owned(), file_name, source });
        }
    }
    Ok(out)
}

/// A file as it is, or where it lies.
fn source(path: &Path) -> std::io::Result<ArtifactSource> {
    if std::fs::metadata(path)?.len() > INLINE {
        return Ok(ArtifactSource::Uri(format!("file://{}", std::path::absolute(path)?.display())));
    }
    Ok(ArtifactSource::Inline(Bytes::from(whole_lines(std::fs::read(path)?, path))))
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
    status::clear();
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
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Error::field("standard output", error.to_string())),
        _ => Ok(()),
    }
}

/// How often files are read on, when nothing else is said.
pub(crate) const EVERY: &str = "5s";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_is_being_written_is_left_out_and_a_period_is_a_period() {
        assert_eq!(whole_lines(b"a,b\n1,2\n3,".to_vec(), Path::new("x.csv")), b"a,b\n1,2\n");
        assert_eq!(whole_lines(b"{\"a\": 1}".to_vec(), Path::new("trainer_state.json")), b"{\"a\": 1}");
        assert_eq!(deepfix_gateway::parse_timeout(EVERY), Ok(Duration::from_secs(5)));
    }
}
