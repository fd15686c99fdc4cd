//! Real checkpoints: those of the corpus and of Lightning, and what happens when they are cut.

use std::path::{Path, PathBuf};

use deepfix_artifact::checkpoint::{CheckpointError, read_checkpoint};

fn testdata() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata")
}

fn files(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).expect("a folder").map(|e| e.expect("an entry").path()) {
        if entry.is_dir() {
            files(&entry, out);
        } else if entry.extension().is_some_and(|e| e == "ckpt" || e == "safetensors" || e == "pt") {
            out.push(entry);
        }
    }
}

#[test]
fn every_real_checkpoint_reads_with_all_its_tensors() {
    let mut found = Vec::new();
    files(&testdata(), &mut found);
    assert!(found.len() > 50, "{} checkpoints", found.len());
    for path in found {
        let bytes = std::fs::read(&path).expect("reads");
        let checkpoint = read_checkpoint(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(checkpoint.tensors.len() >= 2, "{}: {} tensors", path.display(), checkpoint.tensors.len());
        assert!(checkpoint.problems.is_empty(), "{}: {:?}", path.display(), checkpoint.problems);
        for tensor in &checkpoint.tensors {
            assert_eq!(tensor.bytes.len(), tensor.elements() * tensor.dtype.size(), "{} {}", path.display(), tensor.name);
        }
        if path.extension().is_some_and(|e| e != "pt") {
            assert!(checkpoint.metadata.contains_key("epoch"), "{}: {:?}", path.display(), checkpoint.metadata);
        }
    }
}

#[test]
fn a_cut_or_garbled_file_is_an_error_and_never_a_panic() {
    let mut found = Vec::new();
    files(&testdata(), &mut found);
    for path in found.iter().filter(|p| p.extension().is_some_and(|e| e == "ckpt" || e == "safetensors")).step_by(10) {
        let bytes = std::fs::read(path).expect("reads");
        for part in [9, bytes.len() / 3, bytes.len() / 2, bytes.len() - 1] {
            assert!(read_checkpoint(&bytes[..part]).is_err(), "{} cut at {part}", path.display());
        }
        for at in (0..bytes.len()).step_by(97) {
            let mut garbled = bytes.clone();
            garbled[at] ^= 0xff;
            let _ = read_checkpoint(&garbled);
        }
    }
    assert!(matches!(read_checkpoint(b"GGUF\x03\0\0\0"), Err(CheckpointError::Truncated(_))));
    assert!(matches!(read_checkpoint(b"GGUF\x09\0\0\0"), Err(CheckpointError::Unknown(_))));
    // Every other format, cut and garbled at every place: whatever it is called, it is called something.
    for path in std::fs::read_dir(testdata().join("checkpoints")).expect("a folder").map(|e| e.expect("an entry").path()) {
        let bytes = std::fs::read(&path).expect("reads");
        for part in (0..bytes.len()).step_by(7) {
            let _ = read_checkpoint(&bytes[..part]);
        }
        for at in (0..bytes.len()).step_by(1 + bytes.len() / 3000) {
            for flip in [0xff, 0x80, 0x01] {
                let mut garbled = bytes.clone();
                garbled[at] ^= flip;
                if let Ok(checkpoint) = read_checkpoint(&garbled) {
                    assert!(checkpoint.tensors.iter().all(|t| t.bytes.end <= garbled.len()), "{}", path.display());
                }
            }
        }
    }
    // A header that claims 2^60 bytes.
    let mut huge = (1_u64 << 60).to_le_bytes().to_vec();
    huge.extend_from_slice(b"{}");
    assert!(matches!(read_checkpoint(&huge), Err(CheckpointError::Corrupt(_) | CheckpointError::Truncated(_))));
}

/// `testdata/checkpoints/make_old_torch.py`: the layout of `torch.save` before PyTorch 1.6.
#[test]
fn tensors_of_the_layout_before_archives_are_located() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/checkpoints/honest_old_layout.pt");
    let bytes = std::fs::read(path).expect("committed");
    let found = read_checkpoint(&bytes).expect("reads");
    assert_eq!(
        (found.format, found.metadata["epoch"].as_str(), found.problems.len()),
        ("pytorch", "3", 0),
        "{:?}",
        found.problems
    );
    let shapes: Vec<(&str, &[usize])> = found.tensors.iter().map(|t| (t.name.as_str(), &t.shape[..])).collect();
    assert_eq!(shapes, [("layer.bias", &[8][..]), ("layer.weight", &[8, 8][..]), ("norm.steps", &[1][..])]);
    let value = |tensor: usize, i: usize| {
        let at = found.tensors[tensor].bytes.start + 4 * i;
        f32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
    };
    let sine = |i: u8| (0.37 * f64::from(i)).sin() * 0.1;
    assert!((f64::from(value(1, 63)) - sine(63)).abs() < 1e-7 && (f64::from(value(0, 2)) - sine(66)).abs() < 1e-7);
    // Cut anywhere, it is said to be cut, and never read beyond its end.
    for length in (0..bytes.len()).step_by(7) {
        if let Ok(cut) = read_checkpoint(&bytes[..length]) {
            assert!(!cut.problems.is_empty(), "cut to {length}");
            assert!(cut.tensors.iter().all(|t| t.bytes.end <= length));
        }
    }
}

/// `testdata/checkpoints/make_xgboost.py`: one model in both forms.
#[test]
fn a_boosted_model_says_the_same_in_either_form() {
    let read = |end: &str| std::fs::read(testdata().join(format!("checkpoints/honest_boosted.{end}"))).expect("committed");
    let (binary, json) = (read("ubj"), read("json"));
    let found = read_checkpoint(&binary).expect("reads");
    assert_eq!((found.format, found.problems.len()), ("xgboost", 0), "{:?}", found.problems);
    assert_eq!(found.metadata, read_checkpoint(&json).expect("reads").metadata);
    assert_eq!((found.metadata["trees"].as_str(), found.metadata["features"].as_str()), ("12", "5"));
    for bytes in [&binary, &json] {
        let cut = read_checkpoint(&bytes[..bytes.len() / 2]).expect("is what it is");
        assert_eq!(cut.problems.len(), 1, "{:?}", cut.problems);
    }
}
