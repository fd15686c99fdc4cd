//! `deepfix analyze --mlflow-experiment NAME`: every run of an experiment, the most troubled first, and
//! which of their settings go with trouble, and whether the best leads by more than seeds move a result.

mod differ;
mod seeds;

use std::{collections::BTreeMap, io::Write};

use deepfix_api::analysis::AnalysisSpec;
use deepfix_errors::Error;
use deepfix_model::{Report, Severity};
use deepfix_render::Format;
use deepfix_standalone::mlflow::{Credentials, Mlflow, Run};
use differ::{Difference, FEWEST, differences};
use futures::{StreamExt, stream};
use serde_json::{Value, json};

use crate::{analyze::ask, args::AnalyzeArgs, connect::Gateway};

/// Runs analysed at once.
const AT_ONCE: usize = 2;

/// A run and what was found in it.
struct Judged {
    run: Run,
    outcome: Result<Report, Error>,
}

impl Judged {
    fn count(&self, severity: Severity) -> usize {
        self.outcome.as_ref().map_or(0, |report| report.findings.iter().filter(|f| f.severity == severity).count())
    }

    /// High findings, medium ones, and how sure they are together.
    fn trouble(&self) -> (usize, usize, f64) {
        let sure = self.outcome.as_ref().map_or(0.0, |report| report.findings.iter().map(|f| f.confidence).sum());
        (self.count(Severity::High), self.count(Severity::Medium), sure)
    }

    fn codes(&self) -> Vec<&str> {
        let mut codes: Vec<&str> = Vec::new();
        let findings = self.outcome.iter().flat_map(|report| &report.findings);
        for finding in findings.filter(|f| f.severity > Severity::Low) {
            if !codes.contains(&finding.code.as_str()) {
                codes.push(&finding.code);
            }
        }
        codes
    }

    fn json(&self) -> Value {
        let reason = self.outcome.as_ref().err().map(ToString::to_string);
        let report = self.outcome.as_ref().ok();
        json!({
            "run_id": self.run.id, "name": self.run.name, "status": self.run.status,
            "high": self.count(Severity::High), "medium": self.count(Severity::Medium), "low": self.count(Severity::Low),
            "readiness": report.and_then(|r| r.readiness.score), "codes": self.codes(),
            "root_cause": report.and_then(|r| r.root_causes.first()).map(|c| c.code.as_str()), "not_analysed": reason,
        })
    }
}

pub(crate) async fn analyze(args: &AnalyzeArgs, name: &str, gateway: Gateway, spec: AnalysisSpec) -> Result<Vec<Report>, Error> {
    let uri = args.tracking_uri().ok_or_else(|| Error::field("--tracking-uri", "is needed, or MLFLOW_TRACKING_URI"))?;
    let server = Mlflow::new(&uri, Credentials::from_environment())?;
    let runs = server.runs(name, args.runs).await?;
    if runs.is_empty() {
        return Err(Error::field("--mlflow-experiment", format!("{name:?} has no runs")));
    }
    let all = runs.len();
    let mut judged = Vec::new();
    let mut pending = stream::iter(runs)
        .map(|run| {
            let (gateway, mut spec) = (gateway.clone(), spec.clone());
            spec.mlflow_run.clone_from(&run.id);
            async move {
                let outcome = ask(gateway, spec, true).await;
                Judged { run, outcome }
            }
        })
        .buffered(AT_ONCE);
    while let Some(one) = pending.next().await {
        judged.push(one);
        if !args.quiet {
            anstream::eprint!("\r{} of {all} runs", judged.len());
        }
    }
    if !args.quiet {
        anstream::eprintln!();
    }
    judged.sort_by(|a, b| {
        let (x, y) = (a.trouble(), b.trouble());
        (y.0, y.1).cmp(&(x.0, x.1)).then_with(|| y.2.total_cmp(&x.2)).then_with(|| a.run.id.cmp(&b.run.id))
    });
    let told = settings(&judged);
    let seeds = seeds::of(&judged.iter().map(|one| &one.run).collect::<Vec<_>>());
    let document = match args.format {
        Format::Json => {
            let different: Vec<Value> = told.different.iter().map(|d| json!({
                "setting": d.name, "bad": d.bad, "good": d.good, "effect": d.effect, "p_adjusted": d.p, "method": d.method,
            })).collect();
            let value = json!({
                "experiment": name, "runs": judged.iter().map(Judged::json).collect::<Vec<_>>(),
                "bad": told.bad, "good": told.good, "differences": different, "note": told.note,
                "seed_variance": seeds.as_ref().map(seeds::Seeds::json),
            });
            format!("{value:#}\n")
        }
        Format::Terminal => page(name, &judged, &told, seeds.as_ref()),
        other => {
            return Err(Error::field("--format", format!("an experiment is shown as terminal or json, not as {}", other.name())));
        }
    };
    match &args.output {
        Some(path) => std::fs::write(path, document)
            .map_err(|error| Error::field("--output", format!("cannot write {}: {error}", path.display())))?,
        // A reader that has seen enough is no error.
        None => drop(std::io::stdout().write_all(document.as_bytes())),
    }
    Ok(judged.into_iter().filter_map(|one| one.outcome.ok()).collect())
}

struct Told {
    bad: usize,
    good: usize,
    different: Vec<Difference>,
    note: Option<String>,
}

/// What parameters and tags of the runs with a high finding differ in from those without a medium one.
fn settings(judged: &[Judged]) -> Told {
    let of = |run: &Run| -> BTreeMap<String, String> {
        let tags = run.tags.iter().filter(|(key, _)| !key.starts_with("mlflow.") && !key.starts_with("deepfix."));
        let mut all: BTreeMap<String, String> = tags.map(|(k, v)| (format!("tag {k}"), v.clone())).collect();
        all.extend(run.params.clone());
        all.extend(run.datasets.iter().map(|(name, role)| (format!("dataset {role}"), name.clone())));
        all
    };
    let (mut bad, mut good) = (Vec::new(), Vec::new());
    for one in judged.iter().filter(|one| one.outcome.is_ok()) {
        match one.trouble() {
            (0, 0, _) => good.push(of(&one.run)),
            (0, ..) => {}
            _ => bad.push(of(&one.run)),
        }
    }
    let different = differences(&bad.iter().collect::<Vec<_>>(), &good.iter().collect::<Vec<_>>());
    let note = (bad.len() < FEWEST || good.len() < FEWEST).then(|| {
        format!(
            "{} runs with a high finding and {} without a medium one: from fewer than {FEWEST} of each nothing can be told",
            bad.len(),
            good.len()
        )
    });
    Told { bad: bad.len(), good: good.len(), different, note }
}

fn page(name: &str, judged: &[Judged], told: &Told, seeds: Option<&seeds::Seeds>) -> String {
    let mut lines = vec![format!("experiment {name}: {} runs, the most troubled first", judged.len()), String::new()];
    lines.push("  high  medium  low  ready  run".to_owned());
    for one in judged {
        let shown = if one.run.name.is_empty() { String::new() } else { format!("{}  ", one.run.name) };
        let ready = one.outcome.as_ref().ok().and_then(|r| r.readiness.score).map_or("–".to_owned(), |s| format!("{s:.1}"));
        lines.push(format!(
            "  {:>4}  {:>6}  {:>3}  {ready:>5}  {shown}{}",
            one.count(Severity::High),
            one.count(Severity::Medium),
            one.count(Severity::Low),
            one.run.id
        ));
        match &one.outcome {
            Ok(_) if one.codes().is_empty() => {}
            Ok(_) => lines.push(format!("        {}", one.codes().join(", "))),
            Err(error) => lines.push(format!("        not analysed: {}", error.message)),
        }
    }
    lines.push(String::new());
    if let Some(note) = &told.note {
        lines.push(note.clone());
    } else if told.different.is_empty() {
        lines.push(format!("no setting tells the {} bad runs from the {} good ones beyond chance", told.bad, told.good));
    } else {
        lines.push(format!("what the {} bad runs have in common, beside the {} good ones:", told.bad, told.good));
        for d in &told.different {
            lines.push(format!("  {}: bad {}; good {} (p {:.2}, {})", d.name, d.bad, d.good, d.p.max(0.005), d.method));
        }
    }
    lines.extend(seeds.map(seeds::Seeds::line));
    lines.push(String::new());
    lines.join("\n")
}
