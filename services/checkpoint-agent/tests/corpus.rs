//! The agent on every checkpoint of the corpus: it finds what the labels say and nothing else.

use std::path::PathBuf;

use deepfix_agent::{Options, Reader, run_local};
use deepfix_artifact::checkpoint::read_checkpoint;
use deepfix_checkpoint_agent::CheckpointAgent;
use deepfix_model::{Artifact, ArtifactKind, ArtifactSource};
use serde_json::Value;

fn codes(bytes: Vec<u8>) -> Vec<String> {
    let artifact = Artifact {
        kind: ArtifactKind::Checkpoint,
        format: String::new(),
        file_name: String::new(),
        source: ArtifactSource::Inline(bytes.into()),
    };
    let local = run_local(&CheckpointAgent, &Reader::new(&Default::default()), vec![artifact], Options::default()).expect("runs");
    local.codes().into_iter().map(str::to_owned).collect()
}

#[test]
fn the_corpus_checkpoints_show_what_their_labels_say() {
    let corpus = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/runs/corpus");
    let (mut looked, mut wrong) = (0, Vec::new());
    for run in std::fs::read_dir(corpus).expect("a folder").map(|e| e.expect("an entry").path()).filter(|p| p.is_dir()) {
        let Some(file) = std::fs::read_dir(&run)
            .expect("a folder")
            .map(|e| e.expect("an entry").path())
            .find(|p| p.extension().is_some_and(|e| e == "ckpt" || e == "safetensors"))
        else {
            continue;
        };
        looked += 1;
        let labels: Value =
            deepfix_artifact::parse_json(&std::fs::read(run.join("labels.json")).expect("labelled")).expect("JSON");
        let said = |key: &str, code: &str| labels[key].as_array().is_some_and(|codes| codes.iter().any(|c| c == code));
        let found = codes(std::fs::read(file).expect("reads"));
        for code in ["nan_weights", "symmetric_weights"] {
            let has = found.iter().any(|c| c == code);
            if has != said("faults", code) && !said("ambiguous", code) {
                wrong.push(format!("{} {code}: found {has}", run.display()));
            }
        }
        let other: Vec<&String> = found.iter().filter(|c| !["nan_weights", "symmetric_weights"].contains(&c.as_str())).collect();
        if !other.is_empty() && labels["faults"].as_array().is_some_and(Vec::is_empty) {
            wrong.push(format!("{} healthy, yet {other:?}", run.display()));
        }
    }
    assert!(looked > 40, "{looked} checkpoints");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A safetensors file of one matrix.
fn matrix(rows: usize, columns: usize, value: impl Fn(usize, usize) -> f32) -> Vec<u8> {
    let data: Vec<u8> =
        (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))).flat_map(|(r, c)| value(r, c).to_le_bytes()).collect();
    let header =
        format!("{{\"fc.weight\":{{\"dtype\":\"F32\",\"shape\":[{rows},{columns}],\"data_offsets\":[0,{}]}}}}", data.len());
    let mut out = (header.len() as u64).to_le_bytes().to_vec();
    out.extend_from_slice(header.as_bytes());
    out.extend(data);
    out
}

#[test]
fn faults_of_weights_are_told_apart() {
    let varied = |r: usize, c: usize| ((r * 31 + c * 17) % 101) as f32 / 101.0 - 0.4;
    assert!(codes(matrix(20, 10, varied)).is_empty());
    assert_eq!(codes(matrix(20, 10, |r, c| if r < 8 { 0.0 } else { varied(r, c) })), ["dead_units"]);
    assert_eq!(codes(matrix(20, 10, |r, c| if c < 3 { 0.0 } else { varied(r, c) })), ["dead_units"]);
    assert_eq!(codes(matrix(20, 10, |_, c| varied(3, c))), ["symmetric_weights"]);
    assert_eq!(codes(matrix(20, 10, |r, c| if (r, c) == (7, 7) { f32::NAN } else { varied(r, c) })), ["nan_weights"]);
    assert_eq!(codes(matrix(20, 10, |r, c| if (r, c) == (7, 7) { f32::INFINITY } else { varied(r, c) })), ["nan_weights"]);
    let whole = matrix(20, 10, varied);
    assert_eq!(codes(whole[..whole.len() - 4].to_vec()), ["corrupt_checkpoint"]);
}

#[test]
fn hostile_and_broken_files_become_findings() {
    // An archive whose pickle calls os.system, as an attacker would write it.
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    archive.start_file("archive/data.pkl", stored).expect("in memory");
    std::io::Write::write_all(&mut archive, b"cposix\nsystem\n(S'touch /tmp/owned'\ntR.").expect("in memory");
    let hostile = archive.finish().expect("in memory").into_inner();
    assert_eq!(codes(hostile.clone()), ["unsafe_pickle"]);
    assert_eq!(codes(hostile[..hostile.len() - 10].to_vec()), ["corrupt_checkpoint"]);
    assert_eq!(codes(b"not a model at all, just text".to_vec()), ["unknown_format"]);
    assert_eq!(codes(b"cos\nsystem\n(S'id'\ntR.".to_vec()), ["unsafe_pickle"]);
    assert_eq!(codes(b"\x80\x02cos\nsystem\n(S'id'\ntR.".to_vec()), ["unsafe_pickle"]);
}

/// xorshift64* (Vigna 2016), as numbers in [-1, 1).
struct Random(u64);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as f32) / (1_u32 << 23) as f32 - 1.0
    }

    /// Sum of four uniforms: no initialiser's distribution.
    fn trained(&mut self, n: usize, size: f32) -> Vec<f32> {
        (0..n).map(|_| size * (0..4).map(|_| self.next()).sum::<f32>()).collect()
    }
}

/// A tensor as a file holds it: name, type, shape, bytes.
type Stored = (String, &'static str, Vec<usize>, Vec<u8>);

fn f32s(name: &str, shape: &[usize], values: &[f32]) -> Stored {
    (name.to_owned(), "F32", shape.to_vec(), values.iter().flat_map(|v| v.to_le_bytes()).collect())
}

fn halves(name: &str, shape: &[usize], values: &[f32]) -> Stored {
    (name.to_owned(), "F16", shape.to_vec(), values.iter().flat_map(|v| half::f16::from_f32(*v).to_le_bytes()).collect())
}

fn file(tensors: &[Stored], metadata: &str) -> Vec<u8> {
    let (mut entries, mut data) = (vec![format!("\"__metadata__\":{{\"note\":\"{metadata}\"}}")], Vec::new());
    for (name, dtype, shape, bytes) in tensors {
        let from = data.len();
        data.extend_from_slice(bytes);
        entries
            .push(format!("\"{name}\":{{\"dtype\":\"{dtype}\",\"shape\":{shape:?},\"data_offsets\":[{from},{}]}}", data.len()));
    }
    let header = format!("{{{}}}", entries.join(","));
    let mut out = (header.len() as u64).to_le_bytes().to_vec();
    out.extend_from_slice(header.as_bytes());
    out.extend(data);
    out
}

#[test]
fn faults_between_layers_are_found_and_a_sound_model_is_silent() {
    let mut random = Random(7);
    let layer = |random: &mut Random, i: usize, size: f32| {
        [
            f32s(&format!("layers.{i}.weight"), &[64, 64], &random.trained(4096, size)),
            f32s(&format!("layers.{i}.bias"), &[64], &random.trained(64, 0.01)),
            f32s(&format!("layers.{i}.norm.weight"), &[64], &random.trained(64, 0.3)),
            f32s(&format!("layers.{i}.norm.bias"), &[64], &random.trained(64, 0.1)),
        ]
    };
    let sound: Vec<Stored> = (0..5).flat_map(|i| layer(&mut random, i, 0.08)).collect();
    assert!(codes(file(&sound, "")).is_empty(), "{:?}", codes(file(&sound, "")));
    let with = |change: &mut dyn FnMut(&mut Vec<Stored>)| {
        let mut tensors = sound.clone();
        change(&mut tensors);
        codes(file(&tensors, ""))
    };
    // Every layer has four tensors: weight, bias, norm weight, norm bias.
    assert_eq!(
        with(&mut |t| t[8] = f32s("layers.2.weight", &[64, 64], &Random(9).trained(4096, 8.0))),
        ["exploding_weight_norm"]
    );
    let drawn: Vec<f32> = (0..4096).map(|_| Random::next(&mut random) / 8.0).collect();
    assert_eq!(with(&mut |t| t[8] = f32s("layers.2.weight", &[64, 64], &drawn)), ["untrained_layer"]);
    assert_eq!(
        with(&mut |t| {
            t[10] = f32s("layers.2.norm.weight", &[64], &[1.0; 64]);
            t[11] = f32s("layers.2.norm.bias", &[64], &[0.0; 64]);
        }),
        ["untrained_layer"]
    );
    assert_eq!(with(&mut |t| t[8].3 = t[4].3.clone()), ["duplicated_layers"]);
    let table = random.trained(6400, 0.05);
    assert_eq!(
        with(&mut |t| {
            t.push(f32s("lm_head.weight", &[100, 64], &table));
            t.push(f32s("model.embed_tokens.weight", &[100, 64], &table));
        }),
        ["tied_weights_duplicated"]
    );
    assert_eq!(with(&mut |t| t[8] = halves("layers.2.weight", &[64, 64], &Random(3).trained(4096, 0.08))), ["mixed_dtype"]);
    assert_eq!(with(&mut |t| t[9] = f32s("layers.2.bias", &[60], &[0.5; 60])), ["shape_config_mismatch"]);
    let clamped: Vec<Stored> = (0..3)
        .map(|i| {
            let mut values = Random(i + 20).trained(4096, 0.08);
            values[17] = 65_504.0;
            halves(&format!("layers.{i}.weight"), &[64, 64], &values)
        })
        .collect();
    assert!(codes(file(&clamped, "")).contains(&"precision_loss".to_owned()));
    let widened: Vec<Stored> = (0..3)
        .map(|i| {
            let values: Vec<f32> =
                Random(i + 30).trained(4096, 0.08).into_iter().map(|v| half::bf16::from_f32(v).to_f32()).collect();
            f32s(&format!("layers.{i}.weight"), &[64, 64], &values)
        })
        .collect();
    assert_eq!(codes(file(&widened, "")), ["precision_loss"]);
    assert_eq!(codes(file(&sound, &"x".repeat(2_000_000))), ["oversized_header"]);
    // Two directions are left of sixty-four.
    let (a, b) = (Random(50).trained(64, 0.1), Random(51).trained(64, 0.1));
    let (c, d) = (Random(52).trained(64, 1.0), Random(53).trained(64, 0.5));
    let thin: Vec<f32> = (0..4096).map(|i| c[i / 64] * a[i % 64] + d[i / 64] * b[i % 64]).collect();
    assert_eq!(with(&mut |t| t[8] = f32s("layers.2.weight", &[64, 64], &thin)), ["low_rank_collapse"]);
    // Integers with and without their scales.
    let packed = |i: usize| (format!("q.{i}.weight"), "I8", vec![32, 32], vec![7_u8; 1024]);
    let scales = |i: usize, value: f32| f32s(&format!("q.{i}.weight_scale"), &[32], &[value; 32]);
    assert!(with(&mut |t| t.extend([packed(0), scales(0, 0.01)])).is_empty());
    assert_eq!(with(&mut |t| t.push(packed(0))), ["quantization_mismatch"]);
    assert_eq!(with(&mut |t| t.extend([packed(0), scales(0, 0.0)])), ["quantization_mismatch"]);
}

#[test]
fn files_of_other_libraries_are_told_from_those_with_a_payload() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/checkpoints");
    let (mut honest, mut hostile, mut wrong) = (0, 0, Vec::new());
    for path in std::fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry").path()) {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if !name.starts_with("honest") && !name.starts_with("hostile") {
            continue;
        }
        let found = codes(std::fs::read(&path).expect("reads"));
        if name.starts_with("honest") {
            honest += 1;
            if !found.is_empty() {
                wrong.push(format!("{name}: {found:?}"));
            }
        } else {
            hostile += 1;
            let expected =
                if name.ends_with(".keras") || name.ends_with(".onnx") { "suspicious_operator" } else { "unsafe_pickle" };
            if !found.iter().any(|code| code == expected) {
                wrong.push(format!("{name}: {found:?}"));
            }
        }
    }
    assert!(honest >= 8 && hostile >= 9, "{honest} honest, {hostile} hostile");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A model in shards is its shards together, whether its folder or its index is handed in.
#[test]
fn shards_are_read_as_one_model_and_checked_against_their_index() {
    let folder = tempfile::tempdir().expect("a folder");
    let names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    let mut random = Random(5);
    let layer = |random: &mut Random, i: usize| f32s(&format!("layers.{i}.weight"), &[64, 64], &random.trained(4096, 0.08));
    let mut broken = layer(&mut random, 3);
    broken.3[400..404].copy_from_slice(&f32::NAN.to_le_bytes());
    let shards = [vec![layer(&mut random, 0), layer(&mut random, 1)], vec![layer(&mut random, 2), broken]];
    let mut map = Vec::new();
    for (name, tensors) in names.iter().zip(&shards) {
        std::fs::write(folder.path().join(name), file(tensors, "")).expect("written");
        map.extend(tensors.iter().map(|t| format!("\"{}\":\"{name}\"", t.0)));
    }
    let index = folder.path().join("model.safetensors.index.json");
    let write = |map: &[String]| std::fs::write(&index, format!("{{\"weight_map\":{{{}}}}}", map.join(","))).expect("written");
    write(&map);
    let look = |path: &std::path::Path| {
        let source = deepfix_source::SourceConfig {
            allowed_roots: vec![folder.path().canonicalize().expect("there")],
            ..deepfix_source::SourceConfig::default()
        };
        let artifact = Artifact {
            kind: ArtifactKind::Checkpoint,
            format: String::new(),
            file_name: String::new(),
            source: ArtifactSource::Uri(format!("file://{}", path.canonicalize().expect("there").display())),
        };
        let local = run_local(&CheckpointAgent, &Reader::new(&source), vec![artifact], Options::default()).expect("runs");
        local.findings.iter().map(|f| format!("{} {}", f.code, f.title)).collect::<Vec<String>>()
    };
    for path in [folder.path(), &index] {
        let found = look(path);
        assert!(matches!(&found[..], [one] if one.starts_with("nan_weights `layers.3.weight`")), "{found:?}");
    }
    // The index names what no shard holds.
    map.push(format!("\"layers.4.weight\":\"{}\"", names[1]));
    write(&map);
    assert!(look(&index).iter().any(|f| f.starts_with("corrupt_checkpoint")), "{:?}", look(&index));
    map.push("\"layers.5.weight\":\"../../etc/passwd\"".to_owned());
    write(&map);
    assert!(look(&index).iter().any(|f| f.starts_with("corrupt_checkpoint")));
}

#[test]
fn a_checkpoint_to_go_on_from_needs_its_optimizer() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/checkpoints");
    assert_eq!(codes(std::fs::read(folder.join("without_optimizer.ckpt")).expect("committed")), ["missing_optimizer_state"]);
    // The whole one is among the honest files; what it says of itself is read without loading it.
    let whole = read_checkpoint(&std::fs::read(folder.join("honest_resumable.ckpt")).expect("committed")).expect("reads");
    let said = |key: &str| whole.metadata.get(key).map(String::as_str);
    assert_eq!((said("optimizer.lr"), said("optimizer.weight_decay")), (Some("0.003"), Some("0.02")));
    assert_eq!((said("optimizer.state_entries"), said("hyper_parameters.batch_size")), (Some("4"), Some("32")));
}
