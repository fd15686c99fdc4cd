//! Histories of runs that are under way, honest and broken.

use deepfix_agent::{Options, Reader, run_local};
use deepfix_live::{FORMAT, Point, RunHistory};
use deepfix_model::{Artifact, ArtifactKind, ArtifactSource};
use deepfix_training_agent::TrainingAgent;

fn look(bytes: Vec<u8>) -> Vec<String> {
    let artifact = Artifact {
        kind: ArtifactKind::Metrics,
        format: FORMAT.to_owned(),
        file_name: "live".to_owned(),
        source: ArtifactSource::Inline(bytes.into()),
    };
    let local =
        run_local(&TrainingAgent, &Reader::new(&Default::default()), vec![artifact], Options::default()).expect("an answer");
    assert!(local.findings.iter().all(|f| (0.0..=1.0).contains(&f.confidence)));
    local.codes().into_iter().map(str::to_owned).collect()
}

fn run(steps: u32) -> RunHistory {
    let mut run = RunHistory::default();
    for step in 0..steps {
        let epoch = f64::from(step / 20);
        let at = |value: f64| Point::new(Some(f64::from(step)), Some(epoch), Some(f64::from(step) * 0.5), value);
        let wiggle = f64::from(step * 7919 % 101) / 101.0 - 0.5;
        run.push("train_loss", at(1.6 * (-epoch / 40.0).exp() + 0.05 + 0.02 * wiggle)).expect("few metrics");
        run.push("grad_norm", at(1.0 + wiggle)).expect("few metrics");
        if step % 20 == 19 {
            run.push("val_loss", at(0.6 + 0.9 * (-epoch / 15.0).exp() + (epoch - 50.0).max(0.0) * 0.01)).expect("few metrics");
            run.push("val_acc", at(0.8 - (epoch - 50.0).max(0.0) * 0.001)).expect("few metrics");
        }
    }
    run
}

/// Forty thousand steps and two thousand epochs: most of both are thinned.
#[test]
fn a_long_run_is_judged_on_what_is_kept_of_it() {
    let codes = look(run(40_000).encode());
    assert!(codes.contains(&"overfitting".to_owned()), "{codes:?}");
    assert!(!codes.contains(&"nan_loss".to_owned()) && !codes.contains(&"log_restart".to_owned()), "{codes:?}");
}

/// A caller may hand in any bytes as the state of a stream.
#[test]
fn broken_histories_are_refused_or_judged_and_nothing_panics() {
    let good = run(3000).encode();
    let mut seed = 11_u64;
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).expect("31 bits") % below
    };
    let mut read = 0;
    for _ in 0..400 {
        let mut bytes = good.clone();
        for _ in 0..=next(6) {
            let at = next(bytes.len());
            bytes[at] = u8::try_from(next(256)).expect("a byte");
        }
        if let Ok(mut run) = RunHistory::decode(&bytes) {
            read += 1;
            for i in 0..50_u32 {
                let odd = [f64::NAN, f64::INFINITY, -1e300, 0.0][i as usize % 4];
                let _ = run.push("train_loss", Point::new(Some(odd), Some(f64::from(i)), None, f64::from(i)));
            }
            look(run.encode());
        }
    }
    assert!(read > 50, "{read} of 400 could be read");
}
