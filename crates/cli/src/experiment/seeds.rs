//! `seed_variance`: whether the best configuration of an experiment leads by more than seeds alone move a result.
//!
//! Runs that differ in nothing but their seed are repeats of one configuration. From three seeds on, the standard
//! deviation of their final metric is known well enough to be held against the lead of the best configuration over the
//! second best (`knowledge/seed_variance.md`): a deviation as large as the lead makes the winner one of chance, and a
//! lead within Student's t at 5 % (two-sided, pooled deviation) may be.

use std::collections::{BTreeMap, BTreeSet};

use deepfix_standalone::mlflow::Run;
use serde_json::{Value, json};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Fewest seeds of a configuration from which a spread is told.
const SEEDS: usize = 3;

/// A configuration that was run with several seeds.
#[derive(Debug)]
struct Repeated {
    settings: String,
    runs: usize,
    mean: f64,
    /// Sum of squared distances from the mean.
    squares: f64,
}

/// What seeds do in an experiment.
#[derive(Debug)]
pub(super) struct Seeds {
    metric: String,
    repeated: Vec<Repeated>,
    /// Pooled standard deviation of runs that differ in their seed alone.
    deviation: f64,
    /// Lead of the best configuration over the second best, and the lead that chance reaches in one case of twenty.
    lead: Option<(f64, f64)>,
}

fn is_seed(name: &str) -> bool {
    let name = name.to_lowercase();
    let last = name.rsplit(['.', '/']).next().unwrap_or_default();
    last == "seed" || last == "random_state" || last == "seed_everything" || last.ends_with("_seed")
}

/// How well a metric's name says that it measures the result, and whether lower is better; `None` for others.
fn rank(name: &str) -> Option<(u8, bool)> {
    let name = name.to_lowercase();
    let any = |words: &[&str]| words.iter().any(|word| name.contains(word));
    let held_out = any(&["val", "test", "eval", "valid"]);
    let score = any(&["acc", "auc", "f1", "score", "r2", "map", "precision", "recall"]);
    let error = any(&["loss", "error", "rmse", "mae", "mse"]);
    match (held_out, score, error) {
        (true, true, _) => Some((0, false)),
        (true, false, true) => Some((1, true)),
        (false, true, _) => Some((2, false)),
        (false, false, true) => Some((3, true)),
        _ => None,
    }
}

/// What is told of runs; `None` where no configuration was run with three seeds.
pub(super) fn of(runs: &[&Run]) -> Option<Seeds> {
    let mut groups: BTreeMap<String, Vec<&Run>> = BTreeMap::new();
    for run in runs.iter().filter(|run| run.params.keys().any(|name| is_seed(name))) {
        let settings: Vec<String> =
            run.params.iter().filter(|(name, _)| !is_seed(name)).map(|(k, v)| format!("{k}={v}")).collect();
        groups.entry(settings.join(", ")).or_default().push(run);
    }
    let seeds = |runs: &[&Run]| {
        let of = |run: &&Run| run.params.iter().filter(|(name, _)| is_seed(name)).map(|(_, v)| v.clone()).collect::<Vec<_>>();
        runs.iter().map(of).collect::<BTreeSet<_>>().len()
    };
    groups.retain(|_, runs| seeds(runs) >= SEEDS);
    let all: Vec<&Run> = groups.values().flatten().copied().collect();
    let first = all.first()?;
    let shared = first.metrics.keys().filter(|name| all.iter().all(|run| run.metrics.get(*name).is_some_and(|v| v.is_finite())));
    let (metric, lower) =
        shared.filter_map(|name| Some((rank(name)?, name))).min().map(|((_, lower), name)| (name.clone(), lower))?;
    let mut repeated: Vec<Repeated> = groups
        .into_iter()
        .map(|(settings, runs)| {
            let values: Vec<f64> = runs.iter().map(|run| run.metrics[&metric]).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let squares = values.iter().map(|v| (v - mean).powi(2)).sum();
            Repeated { settings, runs: values.len(), mean, squares }
        })
        .collect();
    repeated.sort_by(|a, b| if lower { a.mean.total_cmp(&b.mean) } else { b.mean.total_cmp(&a.mean) });
    let freedom: usize = repeated.iter().map(|one| one.runs - 1).sum();
    let deviation = (repeated.iter().map(|one| one.squares).sum::<f64>() / freedom as f64).sqrt();
    let lead = match &repeated[..] {
        [best, second, ..] => {
            let t = StudentsT::new(0.0, 1.0, freedom as f64).ok()?.inverse_cdf(0.975);
            let by_chance = t * deviation * (1.0 / best.runs as f64 + 1.0 / second.runs as f64).sqrt();
            Some(((best.mean - second.mean).abs(), by_chance))
        }
        _ => None,
    };
    Some(Seeds { metric, repeated, deviation, lead })
}

impl Seeds {
    /// Whether the winner is one of chance.
    fn is_fault(&self) -> bool {
        self.lead.is_some_and(|(lead, _)| self.deviation >= lead)
    }

    pub(super) fn json(&self) -> Value {
        let configurations: Vec<Value> = self
            .repeated
            .iter()
            .map(|one| {
                let deviation = (one.squares / (one.runs - 1) as f64).sqrt();
                json!({ "settings": one.settings, "seeds": one.runs, "mean": one.mean, "standard_deviation": deviation })
            })
            .collect();
        json!({
            "code": "seed_variance", "found": self.is_fault(), "metric": self.metric, "standard_deviation": self.deviation,
            "lead": self.lead.map(|l| l.0), "lead_by_chance": self.lead.map(|l| l.1), "configurations": configurations,
        })
    }

    /// The verdict in a line.
    pub(super) fn line(&self) -> String {
        let (metric, deviation) = (&self.metric, self.deviation);
        match self.lead {
            Some((lead, _)) if self.is_fault() => format!(
                "seed_variance: {metric} moves by {deviation:.4} (standard deviation) with the seed alone, and the best configuration leads by {lead:.4}: its win is one of chance; run more seeds (deepfix explain seed_variance)"
            ),
            Some((lead, by_chance)) if lead < by_chance => format!(
                "the best configuration leads by {lead:.4} in {metric}, within the {by_chance:.4} that seeds reach by chance in one case of twenty; run more seeds before it is adopted"
            ),
            Some((lead, by_chance)) => {
                format!(
                    "the best configuration leads by {lead:.4} in {metric}, beyond the {by_chance:.4} that seeds reach by chance"
                )
            }
            None => format!("{metric} moves by {deviation:.4} (standard deviation) with the seed alone"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(lr: &str, seed: usize, accuracy: f64) -> Run {
        Run {
            id: format!("{lr}-{seed}"),
            params: [("lr".to_owned(), lr.to_owned()), ("seed".to_owned(), seed.to_string())].into(),
            metrics: [("val_acc".to_owned(), accuracy), ("fit_seconds".to_owned(), 3.0)].into(),
            ..Run::default()
        }
    }

    #[test]
    fn a_lead_is_held_against_what_seeds_do() {
        let spread = [-0.02, 0.0, 0.02];
        let of_lead = |lead: f64| -> Vec<Run> {
            let both = spread.iter().enumerate().flat_map(|(i, d)| [run("0.1", i, 0.80 + d), run("0.01", i, 0.80 + lead + d)]);
            both.collect()
        };
        let told = |runs: &[Run]| of(&runs.iter().collect::<Vec<_>>());
        let close = told(&of_lead(0.01)).expect("repeats");
        assert!(close.is_fault() && close.metric == "val_acc" && (close.deviation - 0.02).abs() < 1e-12, "{close:?}");
        // Between the deviation and what chance reaches: t(4) = 2.776, times 0.02 sqrt(2/3).
        let open = told(&of_lead(0.03)).expect("repeats");
        let (lead, by_chance) = open.lead.expect("two configurations");
        assert!(!open.is_fault() && lead < by_chance && (by_chance - 2.776_445 * 0.02 * (2.0_f64 / 3.0).sqrt()).abs() < 1e-6);
        assert!(open.line().contains("run more seeds") && !told(&of_lead(0.2)).expect("repeats").line().contains("more seeds"));
        // Two seeds give no usable spread.
        assert!(told(&of_lead(0.01)[..4]).is_none());
    }
}
