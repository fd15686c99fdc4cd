//! The files of a model: one, or several shards with the index that names them.

use std::collections::BTreeMap;

use deepfix_agent::Analysis;
use deepfix_artifact::{
    Content,
    checkpoint::{Checkpoint, CheckpointError, Tensor, read_checkpoint},
    parse_json,
};
use deepfix_model::ArtifactKind;

/// Endings of model files in a folder, the best kind first: of a model saved twice, one is read.
const ENDINGS: [&[&str]; 5] =
    [&["safetensors"], &["bin", "pt", "pth", "ckpt"], &["gguf"], &["onnx"], &["keras", "h5", "npz", "npy", "joblib", "pkl"]];

/// The bytes that tensors lie in.
pub(crate) struct Files(Vec<Content>);

impl Files {
    /// A tensor's bytes.
    pub(crate) fn of(&self, tensor: &Tensor) -> &[u8] {
        self.0.get(tensor.file).and_then(|file| file.get(tensor.bytes.clone())).unwrap_or_default()
    }

    /// The first file.
    pub(crate) fn first(&self) -> &[u8] {
        self.0.first().map_or(&[], |file| file)
    }

    /// Bytes of all.
    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(|file| file.len()).sum()
    }
}

/// Reads the checkpoint, whatever number of files it is. `None` when that could not be, which is on record.
pub(crate) fn read(analysis: &mut Analysis<'_>, kind: ArtifactKind) -> Option<(Checkpoint, Files)> {
    let mut parts = analysis.open_parts(kind)?;
    if let [only] = &parts[..]
        && only.name.is_empty()
    {
        let content = parts.swap_remove(0).content;
        return match shards(&content).as_ref().and_then(|map| map.values().next()) {
            Some(shard) => missing(analysis, kind, shard),
            None => whole(analysis, kind, content),
        };
    }
    // A folder: its index says what belongs to the model, otherwise the endings do.
    let index = parts.iter().find(|p| p.name.ends_with(".index.json")).and_then(|p| shards(&p.content));
    let chosen: Vec<(String, Content)> = match &index {
        Some(map) => {
            let named: Vec<&String> = map.values().collect();
            if let Some(absent) = named.iter().find(|name| !parts.iter().any(|p| p.name == ***name)) {
                return missing(analysis, kind, absent);
            }
            parts.into_iter().filter(|p| named.contains(&&p.name)).map(|p| (p.name, p.content)).collect()
        }
        None => {
            let of = |name: &str| {
                let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_lowercase();
                ENDINGS.iter().position(|kind| kind.contains(&ending.as_str()))
            };
            let best = parts.iter().filter_map(|p| of(&p.name)).min();
            parts.into_iter().filter(|p| best.is_some() && of(&p.name) == best).map(|p| (p.name, p.content)).collect()
        }
    };
    if chosen.is_empty() {
        analysis.unreadable(
            kind,
            "unknown_format",
            "the folder holds no model file (safetensors, bin, pt, ckpt, gguf, onnx, keras)",
        );
        return None;
    }
    join(analysis, kind, chosen, index.as_ref())
}

fn whole(analysis: &mut Analysis<'_>, kind: ArtifactKind, content: Content) -> Option<(Checkpoint, Files)> {
    match read_checkpoint(&content) {
        Ok(checkpoint) => Some((checkpoint, Files(vec![content]))),
        Err(error) => {
            analysis.unreadable(kind, code_of(&error), error.to_string());
            None
        }
    }
}

fn code_of(error: &CheckpointError) -> &'static str {
    match error {
        CheckpointError::Corrupt(_) | CheckpointError::Truncated(_) => "corrupt_checkpoint",
        CheckpointError::Unknown(_) => "unknown_format",
    }
}

/// The file of each tensor, when the content is the index of a model in shards.
fn shards(content: &[u8]) -> Option<BTreeMap<String, String>> {
    if content.len() > 256 << 20 || content.trim_ascii_start().first() != Some(&b'{') {
        return None;
    }
    let index = parse_json(content).ok()?;
    let map = index.get("weight_map")?.as_object()?;
    map.iter().map(|(tensor, file)| Some((tensor.clone(), file.as_str()?.to_owned()))).collect()
}

/// A shard that the index names is not there.
fn missing<T>(analysis: &mut Analysis<'_>, kind: ArtifactKind, shard: &str) -> Option<T> {
    let why = format!("the index names the shard {shard}, which was not handed in; hand in the folder that holds them all");
    analysis.unreadable(kind, "corrupt_checkpoint", why);
    None
}

fn join(
    analysis: &mut Analysis<'_>,
    kind: ArtifactKind,
    files: Vec<(String, Content)>,
    index: Option<&BTreeMap<String, String>>,
) -> Option<(Checkpoint, Files)> {
    let mut out: Option<Checkpoint> = None;
    let mut contents = Vec::new();
    let (mut held, mut broken): (BTreeMap<String, String>, Vec<String>) = (BTreeMap::new(), Vec::new());
    for (name, content) in files {
        match read_checkpoint(&content) {
            Ok(shard) => {
                held.extend(shard.tensors.iter().map(|t| (t.name.clone(), name.clone())));
                match &mut out {
                    Some(whole) => whole.join(shard, contents.len(), &name),
                    None => out = Some(shard),
                }
                contents.push(content);
            }
            Err(error) => broken.push(format!("{name}: {error}")),
        }
    }
    let Some(mut out) = out else {
        let first = broken.swap_remove(0);
        analysis.unreadable(kind, "corrupt_checkpoint", first);
        return None;
    };
    out.problems.append(&mut broken);
    for (tensor, file) in index.into_iter().flatten() {
        match held.get(tensor) {
            Some(found) if found == file => {}
            Some(found) => out.problems.push(format!("the index puts tensor {tensor} into {file}, it lies in {found}")),
            None => out.problems.push(format!("the index names tensor {tensor} in {file}, which does not hold it")),
        }
    }
    Some((out, Files(contents)))
}
