//! A checkpoint beside another one, and the table of its tensors.

use deepfix_agent::{Local, Options, Reader, run_local};
use deepfix_checkpoint_agent::CheckpointAgent;
use deepfix_model::{Artifact, ArtifactKind, ArtifactSource};

/// A safetensors file of float32 tensors.
fn safetensors(tensors: &[(&str, &[usize], Vec<f32>)]) -> Vec<u8> {
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for (name, shape, values) in tensors {
        let from = data.len();
        values.iter().for_each(|v| data.extend_from_slice(&v.to_le_bytes()));
        let entry = serde_json::json!({ "dtype": "F32", "shape": shape, "data_offsets": [from, data.len()] });
        header.insert((*name).to_owned(), entry);
    }
    let header = serde_json::Value::Object(header).to_string();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &data].concat()
}

fn wave(n: usize, phase: f32) -> Vec<f32> {
    (0..n).map(|i| (i as f32 * 0.7 + phase).sin() * 0.1).collect()
}

fn look(checkpoint: Vec<u8>, baseline: Option<Vec<u8>>) -> Local {
    let artifact = |kind, bytes: Vec<u8>| Artifact {
        kind,
        format: String::new(),
        file_name: String::new(),
        source: ArtifactSource::Inline(bytes.into()),
    };
    let mut artifacts = vec![artifact(ArtifactKind::Checkpoint, checkpoint)];
    artifacts.extend(baseline.map(|bytes| artifact(ArtifactKind::Baseline, bytes)));
    run_local(&CheckpointAgent, &Reader::new(&Default::default()), artifacts, Options::default()).expect("runs")
}

fn note<'a>(local: &'a Local, code: &str) -> &'a str {
    &local.notes.iter().find(|n| n.code == code).unwrap_or_else(|| panic!("{code}: {:?}", local.notes)).text
}

#[test]
fn what_changed_and_what_never_moved_is_told() {
    let (frozen, head) = (wave(64, 0.0), wave(32, 1.0));
    let moved: Vec<f32> = head.iter().map(|v| v * 1.25).collect();
    let before = safetensors(&[
        ("module.body.weight", &[8, 8], frozen.clone()),
        ("module.head.weight", &[4, 8], head),
        ("old.bias", &[2], wave(2, 0.3)),
    ]);
    let after = safetensors(&[
        ("body.weight", &[8, 8], frozen),
        ("head.weight", &[4, 8], moved),
        ("new.bias", &[2], vec![0.5, f32::NAN]),
    ]);
    let local = look(after, Some(before.clone()));
    assert_eq!(local.codes(), ["nan_weights"], "that layers stand still is no fault");
    let changes = note(&local, "baseline_changes");
    assert!(changes.starts_with("1 of 2 tensors changed") && changes.contains("head.weight by 25 %"), "{changes}");
    assert!(note(&local, "baseline_unmoved").contains("body.weight"));
    let unmatched: Vec<&str> = local.notes.iter().filter(|n| n.code == "baseline_unmatched").map(|n| n.text.as_str()).collect();
    assert_eq!(unmatched, ["only in the checkpoint: new.bias", "only in the baseline: old.bias"]);
    let [body, head, bias] = &local.layers[..] else { panic!("{:?}", local.layers) };
    assert_eq!((body.change.map(|c| c.0), bias.change), (Some(0.0), None));
    assert!((head.change.expect("compared").0 - 0.25).abs() < 1e-6);
    assert_eq!((bias.not_finite, bias.norm.0, bias.mean.0, bias.std.0, bias.largest.0), (1, 0.5, 0.5, 0.0, 0.5));
    assert_eq!((head.shape.as_slice(), head.dtype.as_str(), head.zeros), (&[4, 8][..], "F32", 0.0));
    let expected = wave(32, 1.0).iter().map(|v| f64::from(v * 1.25).powi(2)).sum::<f64>().sqrt();
    assert!((head.norm.0 - expected).abs() < 1e-9);

    let same = look(before.clone(), Some(before.clone()));
    assert!(note(&same, "baseline_identical").contains("all 3 tensors"));
    let other = look(before, Some(safetensors(&[("x.weight", &[16, 16], wave(256, 0.0))])));
    let finding = other.findings.iter().find(|f| f.code == "artifact_mismatch").expect("another model");
    assert_eq!(finding.measured("shared_elements"), Some(0.0));
}

#[test]
fn a_baseline_that_cannot_be_read_is_a_gap_and_the_checkpoint_is_looked_at() {
    let local = look(safetensors(&[("a.weight", &[8, 8], wave(64, 0.0))]), Some(b"not a model".to_vec()));
    assert_eq!(local.layers.len(), 1);
    assert_eq!(local.failures.len(), 1, "{:?}", local.failures);
    assert_eq!(local.failures[0].0, "baseline");
}
