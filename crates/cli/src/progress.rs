//! Progress on standard error: a bar per agent on a terminal, plain lines otherwise, from the
//! events of the analysis.

use std::{collections::BTreeMap, io::IsTerminal, time::Duration};

use deepfix_api::analysis::analyze_stream_response::Event;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

enum Kind {
    Bars(MultiProgress, BTreeMap<String, ProgressBar>),
    Lines,
    Nothing,
}

pub(crate) struct Progress(Kind);

impl Progress {
    pub(crate) fn new(quiet: bool) -> Self {
        Self(if quiet {
            Kind::Nothing
        } else if std::io::stderr().is_terminal() {
            Kind::Bars(MultiProgress::new(), BTreeMap::new())
        } else {
            Kind::Lines
        })
    }

    pub(crate) fn event(&mut self, event: &Event) {
        match &mut self.0 {
            Kind::Nothing => {}
            Kind::Lines => {
                let line = match event {
                    Event::AgentStarted(e) => format!("{}: started", e.agent),
                    Event::AgentCompleted(e) => format!("{}: completed, {} findings", e.agent, e.findings),
                    Event::AgentFailed(e) => format!("{}: failed: {}", e.agent, e.reason),
                    _ => return,
                };
                anstream::eprintln!("{line}");
            }
            Kind::Bars(all, bars) => match event {
                Event::AgentStarted(e) => {
                    let bar = all.add(ProgressBar::new(100));
                    if let Ok(style) = ProgressStyle::with_template("{prefix:>10} {bar:24} {msg}") {
                        bar.set_style(style);
                    }
                    bar.set_prefix(e.agent.clone());
                    bar.enable_steady_tick(Duration::from_millis(100));
                    bars.insert(e.agent.clone(), bar);
                }
                Event::AgentProgress(e) => {
                    if let Some(bar) = bars.get(&e.agent) {
                        bar.set_message(e.stage.clone());
                        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share between 0 and 1")]
                        bar.set_position((e.done.unwrap_or(0.0).clamp(0.0, 1.0) * 100.0) as u64);
                    }
                }
                Event::AgentCompleted(e) => {
                    if let Some(bar) = bars.get(&e.agent) {
                        bar.set_position(100);
                        bar.finish_with_message(format!("{} findings", e.findings));
                    }
                }
                Event::AgentFailed(e) => {
                    if let Some(bar) = bars.get(&e.agent) {
                        bar.abandon_with_message(format!("failed: {}", e.reason.chars().take(60).collect::<String>()));
                    }
                }
                _ => {}
            },
        }
    }

    /// Takes the bars away, so that the report stands alone.
    pub(crate) fn finish(&mut self) {
        if let Kind::Bars(all, _) = &self.0 {
            // A terminal that refuses to be cleared keeps its bars; the report is what matters.
            let _ = all.clear();
        }
    }
}
