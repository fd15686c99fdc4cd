//! `--run-dir`: the artifacts of a run's folder, told by their content. Names only decide between
//! files that are alike (which table is test, which checkpoint is best).

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use deepfix_errors::Error;
use deepfix_model::{Artifact, ArtifactKind, ArtifactSource};
use serde_json::Value;

const MAX_FILES: usize = 2000;
const MAX_DEPTH: usize = 6;
/// Beginning of a file that is looked at.
const HEAD: u64 = 64 << 10;
/// Largest JSON that is parsed to be told.
const MAX_JSON: u64 = 64 << 20;

/// What the project's own labels are called; they would give answers away.
const NEVER: [&str; 2] = ["labels.json", "index.json"];

/// The artifacts of a folder, one of each kind.
///
/// # Errors
/// When it is no folder, or cannot be read.
pub fn find(dir: &Path) -> Result<Vec<Artifact>, Error> {
    if !dir.is_dir() {
        return Err(Error::field("--run-dir", format!("{} is no folder", dir.display())));
    }
    let mut files = Vec::new();
    walk(dir, 0, &mut files).map_err(|error| Error::field("--run-dir", format!("cannot read {}: {error}", dir.display())))?;
    files.sort();
    let mut found: Vec<(ArtifactKind, PathBuf)> = Vec::new();
    for file in &files {
        if let Some(kind) = kind_of(file) {
            found.push((kind, file.clone()));
        }
    }
    let mut out = Vec::new();
    for kind in ArtifactKind::ALL {
        let mut of_kind: Vec<&PathBuf> = found.iter().filter(|(k, _)| *k == kind).map(|(_, p)| p).collect();
        // Some preferences read the file's beginning.
        of_kind.sort_by_cached_key(|path| preference(kind, path));
        if let Some(best) = of_kind.first()
            && let Ok(artifact) = crate::artifact_of_file(kind, best)
        {
            out.push(artifact);
        }
    }
    if !out.iter().any(|a| a.kind == ArtifactKind::Metrics) {
        let folders = files.iter().filter_map(|f| f.parent()).filter(|p| p.ends_with("metrics"));
        out.extend(folders.take(1).filter_map(mlflow_metrics));
    }
    Ok(out)
}

fn walk(dir: &Path, depth: usize, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries: Vec<PathBuf> = fs::read_dir(dir)?.filter_map(Result::ok).map(|e| e.path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with('.') || NEVER.contains(&name.as_str()) || files.len() >= MAX_FILES {
            continue;
        }
        let linked = path.is_symlink();
        if path.is_dir() {
            // Linked folders lead in circles or elsewhere.
            if depth < MAX_DEPTH && !linked {
                walk(&path, depth + 1, files)?;
            }
        } else if path.is_file() && !(linked && path.canonicalize().is_ok_and(|real| NEVER.contains(&name_of(&real).as_str()))) {
            files.push(path);
        }
    }
    Ok(())
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default()
}

/// The one to take among files of a kind: smaller is better.
fn preference(kind: ArtifactKind, path: &Path) -> (usize, usize, String) {
    let name = name_of(path);
    let depth = path.components().count();
    let rank = match kind {
        // A log without a loss (times, one score) stands behind one that a run can be judged by.
        ArtifactKind::Metrics => usize::from(!mentions_loss(path)),
        // The SDK's form holds every suite; Deepchecks' own holds one.
        ArtifactKind::Deepchecks => usize::from(name.contains("suite")),
        ArtifactKind::Checkpoint => {
            // Pickles and exports of a run stand behind the checkpoint that training wrote.
            let native = [".ckpt", ".pt", ".pth", ".safetensors"].iter().any(|e| name.ends_with(e));
            // An index stands for its shards.
            if name.ends_with(".index.json") {
                return (0, depth, name);
            }
            let of_name = if name.contains("best") {
                0
            } else if name.contains("last") {
                2
            } else {
                1
            };
            of_name + if native { 0 } else { 3 }
        }
        _ => 0,
    };
    (rank, depth, name)
}

fn mentions_loss(path: &Path) -> bool {
    let mut head = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(1 << 20).read_to_end(&mut head));
    read.is_ok() && head.to_ascii_lowercase().windows(4).any(|word| word == b"loss")
}

fn kind_of(path: &Path) -> Option<ArtifactKind> {
    let size = fs::metadata(path).ok()?.len();
    let mut head = Vec::new();
    fs::File::open(path).ok()?.take(HEAD).read_to_end(&mut head).ok()?;
    let name = name_of(path);
    if head.starts_with(b"PAR1") {
        return Some(table_split(&name));
    }
    if head.starts_with(b"PK\x03\x04") && !name.ends_with(".zip") && !name.ends_with(".npz") {
        return Some(ArtifactKind::Checkpoint);
    }
    if head.get(8) == Some(&b'{') && head.len() > 9 && head[4..8] == [0, 0, 0, 0] {
        return Some(ArtifactKind::Checkpoint);
    }
    if deepfix_artifact::looks_binary(&head) {
        if name.contains("tfevents") {
            return Some(ArtifactKind::Metrics);
        }
        let model =
            [".ckpt", ".pt", ".pth", ".safetensors", ".onnx", ".gguf", ".pkl", ".joblib"].iter().any(|e| name.ends_with(e));
        return model.then_some(ArtifactKind::Checkpoint);
    }
    let text = String::from_utf8_lossy(&head);
    match text.trim_start().chars().next()? {
        '{' if size <= MAX_JSON => json_kind(path, &name),
        '[' | '{' => None,
        _ if name.ends_with(".yaml") || name.ends_with(".yml") => Some(ArtifactKind::Params),
        _ => csv_kind(&text, &name),
    }
}

fn table_split(name: &str) -> ArtifactKind {
    let test = ["test", "current", "valid", "eval", "holdout"].iter().any(|w| name.contains(w));
    if test { ArtifactKind::Test } else { ArtifactKind::Train }
}

fn json_kind(path: &Path, name: &str) -> Option<ArtifactKind> {
    let value = deepfix_artifact::parse_json(&fs::read(path).ok()?).ok()?;
    let object = value.as_object()?;
    if object.contains_key("log_history") || object.contains_key("metrics_values") {
        return Some(ArtifactKind::Metrics);
    }
    if object.contains_key("train_statistics") {
        return Some(ArtifactKind::DatasetStatistics);
    }
    // The index of a model in shards.
    if object.get("weight_map").is_some_and(Value::is_object) {
        return Some(ArtifactKind::Checkpoint);
    }
    let list = |key: &str| object.get(key).is_some_and(Value::is_array);
    let checked = list("metrics") && object.keys().all(|k| matches!(k.as_str(), "metrics" | "tests" | "version" | "timestamp"))
        || list("tests") && object.contains_key("summary")
        || ["run_results", "validation_results", "anomalyInfo", "anomaly_info"].iter().any(|key| object.contains_key(*key))
        || !object.is_empty() && object.keys().all(|k| matches!(k.as_str(), "SCHEMA" | "DATA"));
    if checked
        || object.contains_key("results")
        || matches!(object.get("type").and_then(Value::as_str), Some("SuiteResult" | "CheckResult"))
    {
        return Some(ArtifactKind::Deepchecks);
    }
    let of_series = |v: &Value| {
        v.as_object().is_some_and(|o| {
            !o.is_empty() && o.values().all(|v| v.as_array().is_some_and(|a| a.first().is_some_and(Value::is_number)))
        })
    };
    if !object.is_empty() && object.values().all(of_series) {
        return Some(ArtifactKind::Metrics);
    }
    ["param", "config", "args", "hyper"].iter().any(|w| name.contains(w)).then_some(ArtifactKind::Params)
}

fn csv_kind(text: &str, name: &str) -> Option<ArtifactKind> {
    let header = text.lines().next()?.to_lowercase();
    let columns: Vec<&str> = header.split([',', '\t', ';']).map(str::trim).collect();
    let has = |names: &[&str]| columns.iter().any(|c| names.contains(c));
    if columns.len() < 2 {
        return None;
    }
    if has(&["layer"]) && has(&["kind"]) {
        return Some(ArtifactKind::LayerStats);
    }
    let timed = has(&["epoch", "step", "global_step", "iteration"]);
    let measured = columns.iter().any(|c| c.contains("loss") || c.contains("acc") || c.contains("auc"))
        || (has(&["key", "metric"]) && has(&["value"]));
    if timed && measured {
        return Some(ArtifactKind::Metrics);
    }
    (name.contains(".csv") || name.contains(".tsv")).then(|| table_split(name))
}

/// MLflow's folder of metrics, a file per name with `timestamp value step` per line, as its long
/// table. `None` when the folder is none.
#[must_use]
pub fn mlflow_metrics(dir: &Path) -> Option<Artifact> {
    let mut table = "key,value,timestamp,step\n".to_owned();
    let mut files: Vec<PathBuf> =
        fs::read_dir(dir).ok()?.filter_map(Result::ok).map(|e| e.path()).filter(|p| p.is_file()).collect();
    files.sort();
    for file in files.iter().take(MAX_FILES) {
        let key = name_of(file);
        for line in fs::read_to_string(file).ok()?.lines() {
            let parts: Vec<&str> = line.split_ascii_whitespace().collect();
            let [stamp, value, step] = parts[..] else { return None };
            stamp.parse::<u64>().ok()?;
            table.push_str(&format!("{key},{value},{stamp},{step}\n"));
        }
    }
    (!files.is_empty()).then(|| Artifact {
        kind: ArtifactKind::Metrics,
        format: String::new(),
        file_name: "metrics".to_owned(),
        source: ArtifactSource::Inline(table.into()),
    })
}
