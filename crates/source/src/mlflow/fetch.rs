//! A run brought into a folder: its histories as one log, its parameters, and those of its files that
//! an analysis can read.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use deepfix_artifact::parse_yaml;
use deepfix_errors::{Error, ErrorCode};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Map, Value};

use super::{Entry, Mlflow, Place, Point, Run, run::is_plain};

/// Histories and files asked for at once.
const AT_ONCE: usize = 6;
/// Metrics of a run that are read.
const MAX_METRICS: usize = 2000;
/// Files that are brought over, model files apart.
const MAX_FILES: usize = 100;

/// How much of a run is brought over.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Bytes of one file.
    pub file: u64,
    /// Bytes of all files.
    pub total: u64,
    /// Points of all metrics.
    pub points: usize,
}

/// A run in a folder.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The run.
    pub run: Run,
    /// What was left on the server, and why.
    pub left_out: Vec<String>,
    /// The SDK's description of a model, where the run holds one and no model file.
    pub model: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Tables, logs, settings, results.
    Content,
    Model,
}

/// Files of MLflow's own beside a model, which say nothing about it.
const PACKAGING: [&str; 9] = [
    "MLmodel",
    "conda.yaml",
    "python_env.yaml",
    "requirements.txt",
    "input_example.json",
    "serving_input_example.json",
    "registered_model_meta",
    "model.code-workspace",
    "estimator.html",
];

fn role(path: &str) -> Option<Role> {
    let name = path.rsplit('/').next().unwrap_or_default();
    if PACKAGING.contains(&name) || path.starts_with("deepfix/") {
        return None;
    }
    if name.ends_with(".index.json") {
        return Some(Role::Model);
    }
    let lower = name.to_lowercase();
    let plain = lower.strip_suffix(".gz").or_else(|| lower.strip_suffix(".zst")).unwrap_or(&lower);
    let ends = |ends: &[&str]| ends.iter().any(|end| plain.ends_with(end));
    if ends(&[
        ".safetensors",
        ".ckpt",
        ".pt",
        ".pth",
        ".bin",
        ".onnx",
        ".gguf",
        ".keras",
        ".h5",
        ".pkl",
        ".joblib",
        ".npz",
        ".ubj",
    ]) {
        return Some(Role::Model);
    }
    let content = ends(&[".csv", ".tsv", ".parquet", ".json", ".jsonl", ".ndjson", ".yaml", ".yml", ".arrow", ".feather"])
        || plain.contains("tfevents");
    content.then_some(Role::Content)
}

/// The model that a file is of: files of one model in shards, and their index, have the same.
fn model_of(path: &str) -> String {
    let whole = path.strip_suffix(".index.json").unwrap_or(path);
    let Some((stem, end)) = whole.rsplit_once('.') else { return whole.to_owned() };
    let number = |text: &str| text.len() == 5 && text.bytes().all(|b| b.is_ascii_digit());
    let shard = stem.rsplit_once("-of-").filter(|(_, of)| number(of)).and_then(|(left, _)| left.rsplit_once('-'));
    match shard {
        Some((name, k)) if number(k) => format!("{name}.{end}"),
        _ => whole.to_owned(),
    }
}

/// The one to take among model files: smaller is better.
fn preference(path: &str) -> (u8, u8, usize, String) {
    let name = path.to_lowercase();
    let kept = if name.contains("best") {
        0
    } else if name.contains("last") {
        2
    } else {
        1
    };
    let pickled = [".pkl", ".joblib", ".bin"].iter().any(|end| name.ends_with(end));
    (u8::from(pickled), kept, name.matches('/').count(), name)
}

fn unwritten(error: std::io::Error) -> Error {
    tracing::error!(%error, "a run cannot be kept");
    Error::new(ErrorCode::Unavailable, "the run cannot be kept here")
}

impl Mlflow {
    /// Brings a run into an empty folder.
    ///
    /// # Errors
    /// When there is no such run, the server does not answer, or the folder cannot be written. A file
    /// that does not arrive is left out and named.
    pub async fn fetch(&self, id: &str, folder: &Path, room: Room) -> Result<Fetched, Error> {
        let run = self.run(id).await?;
        let mut left_out = Vec::new();
        self.histories(&run, folder, room, &mut left_out).await?;
        if !run.params.is_empty() {
            let params: Map<String, Value> = run.params.iter().map(|(key, value)| (key.clone(), typed(value))).collect();
            let text = Value::Object(params).to_string();
            tokio::fs::write(folder.join("params.json"), text).await.map_err(unwritten)?;
        }
        let models = run.models.iter().cloned().map(Place::Model);
        let mut files: Vec<(Place, Entry)> = Vec::new();
        for place in std::iter::once(Place::Run(id.to_owned())).chain(models) {
            match self.entries(&place).await {
                Ok(entries) => files.extend(entries.into_iter().map(|entry| (place.clone(), entry))),
                Err(error) if matches!(place, Place::Run(_)) => return Err(error),
                Err(error) => left_out.push(format!("a logged model: {}", error.message)),
            }
        }
        let chosen = choose(files, room, &mut left_out);
        let arrived: Vec<Result<PathBuf, String>> = stream::iter(chosen)
            .map(|(place, entry)| async move {
                let below = match &place {
                    Place::Run(_) => PathBuf::from(&entry.path),
                    Place::Model(model) => Path::new("models").join(model).join(&entry.path),
                };
                let to = folder.join("artifacts").join(below);
                let fetched = async {
                    if let Some(parent) = to.parent() {
                        tokio::fs::create_dir_all(parent).await.map_err(unwritten)?;
                    }
                    self.download(&place, &entry.path, &to, room.file).await
                };
                match fetched.await {
                    Ok(_) => Ok(to),
                    Err(error) => {
                        // Half a file would be called broken.
                        let _ = tokio::fs::remove_file(&to).await;
                        Err(format!("{}: {}", entry.path, error.message))
                    }
                }
            })
            .buffered(AT_ONCE)
            .collect()
            .await;
        let mut model = None;
        for file in arrived {
            match file {
                Ok(path) => model = described(&path).await?.or(model),
                Err(why) => left_out.push(why),
            }
        }
        Ok(Fetched { run, left_out, model })
    }

    /// The histories of all metrics as one long table.
    async fn histories(&self, run: &Run, folder: &Path, room: Room, left_out: &mut Vec<String>) -> Result<(), Error> {
        // The machine's load, and what reports have left.
        let told = |key: &&String| !key.starts_with("system/") && !key.starts_with("deepfix.");
        let keys: Vec<String> = run.metrics.keys().filter(told).cloned().collect();
        if keys.is_empty() {
            return Ok(());
        }
        if keys.len() > MAX_METRICS {
            left_out.push(format!(
                "{} of {} metrics, beyond the first {MAX_METRICS} by name",
                keys.len() - MAX_METRICS,
                keys.len()
            ));
        }
        let most = room.points / keys.len().min(MAX_METRICS);
        let histories: Vec<(String, Vec<Point>)> = stream::iter(keys.into_iter().take(MAX_METRICS))
            .map(|key| async move { self.history(&run.id, &key, most).await.map(|points| (key, points)) })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let mut table = String::from("key,value,timestamp,step\n");
        for (key, points) in histories {
            if points.len() == most {
                left_out.push(format!("points of metric {key:?} beyond the first {most}"));
            }
            let key = if key.contains([',', '"', '\n', '\r']) { format!("\"{}\"", key.replace('"', "\"\"")) } else { key };
            for point in points {
                let value = match point.value {
                    value if value.is_nan() => "NaN".to_owned(),
                    value if value.is_infinite() => (if value > 0.0 { "Infinity" } else { "-Infinity" }).to_owned(),
                    value => value.to_string(),
                };
                // Writing to a string cannot fail.
                let _ = writeln!(table, "{key},{value},{},{}", point.timestamp, point.step);
            }
        }
        tokio::fs::write(folder.join("metrics.csv"), table).await.map_err(unwritten)
    }
}

/// A parameter as the number or word it stands for; the server keeps texts alone.
fn typed(value: &str) -> Value {
    match value {
        "True" | "true" => Value::Bool(true),
        "False" | "false" => Value::Bool(false),
        "None" | "null" => Value::Null,
        _ => value
            .parse::<i64>()
            .map(Value::from)
            .or_else(|_| value.parse::<f64>().map(Value::from))
            .unwrap_or_else(|_| Value::String(value.to_owned())),
    }
}

/// The files to bring over: what can be read, and of the models the most telling one.
fn choose(files: Vec<(Place, Entry)>, room: Room, left_out: &mut Vec<String>) -> Vec<(Place, Entry)> {
    let (mut content, mut models, mut incomplete) = (Vec::new(), Vec::new(), Vec::new());
    for (place, entry) in files {
        let Some(role) = is_plain(&entry.path).then(|| role(&entry.path)).flatten() else { continue };
        if entry.size > room.file {
            left_out.push(format!("{}: {} bytes, over the limit of {} (limits.max_artifact)", entry.path, entry.size, room.file));
            if role == Role::Model {
                incomplete.push(model_of(&entry.path));
            }
            continue;
        }
        match role {
            Role::Content => content.push((place, entry)),
            Role::Model => models.push((place, entry)),
        }
    }
    models.retain(|(_, entry)| !incomplete.contains(&model_of(&entry.path)));
    models.sort_by_key(|(_, entry)| preference(&model_of(&entry.path)));
    let mut chosen: Vec<(Place, Entry)> = Vec::new();
    if let Some((first, entry)) = models.first() {
        let (place, model) = (first.clone(), model_of(&entry.path));
        let (mine, others): (Vec<_>, Vec<_>) = models.into_iter().partition(|(p, e)| *p == place && model_of(&e.path) == model);
        if !others.is_empty() {
            left_out.push(format!("{} more model files; {model} was taken", others.len()));
        }
        // A model without one of its shards would be called broken.
        if mine.iter().fold(0_u64, |sum, (_, entry)| sum.saturating_add(entry.size)) <= room.total {
            chosen = mine;
        } else {
            left_out.push(format!("{model}: its {} files are over {} bytes together", mine.len(), room.total));
        }
    }
    if content.len() > MAX_FILES {
        left_out.push(format!("{} of {} files, beyond the first {MAX_FILES} by name", content.len() - MAX_FILES, content.len()));
    }
    chosen.extend(content.into_iter().take(MAX_FILES));
    let mut total = 0_u64;
    chosen.retain(|(_, entry)| {
        total = total.saturating_add(entry.size);
        let fits = total <= room.total;
        if !fits {
            left_out.push(format!("{}: the run's files are over {} bytes together", entry.path, room.total));
        }
        fits
    });
    chosen
}

/// The SDK writes statistics, results and a model's description as YAML; agents read JSON. Answers the
/// path of a description.
async fn described(path: &Path) -> Result<Option<PathBuf>, Error> {
    const LARGEST: u64 = 64 << 20;
    let is_yaml = path.extension().is_some_and(|end| end == "yaml" || end == "yml");
    let Ok(meta) = tokio::fs::metadata(path).await else { return Ok(None) };
    if !is_yaml || meta.len() > LARGEST {
        return Ok(None);
    }
    let Ok(text) = tokio::fs::read_to_string(path).await else { return Ok(None) };
    let Ok(value) = parse_yaml(&text) else { return Ok(None) };
    let has = |key: &str| value.get(key).is_some();
    let description = has("model_type") && (has("config") || has("hyperparameters"));
    if !(has("train_statistics") || has("results") && has("dataset_name") || description) {
        return Ok(None);
    }
    let json = path.with_extension("json");
    tokio::fs::write(&json, value.to_string()).await.map_err(unwritten)?;
    tokio::fs::remove_file(path).await.map_err(unwritten)?;
    Ok(description.then_some(json))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_model_and_what_can_be_read_is_chosen() {
        let entry = |path: &str, size| (Place::Run("r".to_owned()), Entry { path: path.to_owned(), size });
        let files = vec![
            entry("model/MLmodel", 10),
            entry("model/conda.yaml", 10),
            entry("model/model.pkl", 10),
            entry("checkpoints/last.ckpt", 10),
            entry("checkpoints/best-03.ckpt", 10),
            entry("data/huge.parquet", 1000),
            entry("../../etc/passwd.csv", 1),
            entry("plot.png", 1),
            entry("deepfix/report.json", 1),
            entry("training_artifacts/metrics.csv", 5),
            entry("z.csv", 90),
        ];
        let mut left_out = Vec::new();
        let room = Room { file: 100, total: 100, points: 1 };
        let chosen = choose(files, room, &mut left_out);
        let paths: Vec<&str> = chosen.iter().map(|(_, entry)| entry.path.as_str()).collect();
        assert_eq!(paths, ["checkpoints/best-03.ckpt", "training_artifacts/metrics.csv"]);
        assert_eq!(left_out.len(), 3, "{left_out:?}");

        let mut sharded: Vec<_> = (1..=3).map(|k| entry(&format!("model/model-{k:05}-of-00003.safetensors"), 10)).collect();
        sharded.extend([entry("model/model.safetensors.index.json", 5), entry("model/tokenizer.bin", 1)]);
        let mut left_out = Vec::new();
        let chosen = choose(sharded, room, &mut left_out);
        assert_eq!((chosen.len(), left_out.len()), (4, 1), "{left_out:?}");
        assert_eq!(typed("1e-3"), Value::from(0.001));
        assert_eq!(typed("adam"), Value::from("adam"));
    }
}
