//! PyTorch files: the zip archive of `torch.save` since 1.6, and bare pickles before it.

use std::{
    collections::BTreeMap,
    io::{Cursor, Read},
    ops::Range,
};

use zip::{CompressionMethod, ZipArchive};

use super::{
    Checkpoint, CheckpointError, Dtype, Operator, Tensor, numpy,
    pickle::{self, Id, Node, Pickle},
};

/// Largest `data.pkl`; those of models with 100,000 tensors stay under 50 MiB.
const MAX_PICKLE: u64 = 256 << 20;
const MAX_ENTRIES: usize = 1_000_000;
/// Deepest dictionary looked into for tensors: state → module → name.
const MAX_DEPTH: usize = 6;

pub(super) fn read(bytes: &[u8]) -> Result<Checkpoint, CheckpointError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| {
        CheckpointError::Truncated(format!("the archive's directory at its end cannot be read ({error}): the file was cut short or overwritten; copy or save it again"))
    })?;
    if archive.len() > MAX_ENTRIES {
        return Err(CheckpointError::Corrupt(format!("the archive claims {} entries", archive.len())));
    }
    let (mut storages, mut main): (BTreeMap<String, Range<usize>>, Option<Vec<u8>>) = (BTreeMap::new(), None);
    let mut problems = Vec::new();
    for index in 0..archive.len() {
        let mut file = archive
            .by_index(index)
            .map_err(|error| CheckpointError::Corrupt(format!("entry {index} of the archive cannot be read: {error}")))?;
        let Ok(name) = file.name().map(|name| name.into_owned()) else { continue };
        if name.ends_with("/data.pkl") || name == "data.pkl" {
            let mut pickle = Vec::new();
            let read = file.by_ref().take(MAX_PICKLE + 1).read_to_end(&mut pickle);
            if let Err(error) = read {
                return Err(CheckpointError::Corrupt(format!("{name} cannot be read: {error}")));
            }
            if pickle.len() as u64 > MAX_PICKLE {
                return Err(CheckpointError::Corrupt(format!("{name} is over {MAX_PICKLE} bytes")));
            }
            main = Some(pickle);
        } else if let Some((_, key)) = name.rsplit_once("/data/").or_else(|| name.strip_prefix("data/").map(|k| ("", k))) {
            let range = file.data_start().and_then(|start| {
                let start = usize::try_from(start).ok()?;
                let end = start.checked_add(usize::try_from(file.size()).ok()?)?;
                (end <= bytes.len()).then_some(start..end)
            });
            match range {
                Some(range) if file.compression() == CompressionMethod::Stored => {
                    storages.insert(key.to_owned(), range);
                }
                Some(_) => problems.push(format!("storage {key} is compressed, which torch.save never does")),
                None => problems.push(format!("storage {key} reaches beyond the end of the file")),
            }
        }
    }
    let Some(main) = main else {
        let names: Vec<String> = archive.file_names().filter_map(Result::ok).map(std::borrow::Cow::into_owned).collect();
        if !names.is_empty() && names.iter().all(|name| name.ends_with(".npy")) {
            return Ok(numpy::read_archive(bytes, &mut archive));
        }
        if names.iter().any(|name| name == "config.json")
            && names.iter().any(|name| name == "metadata.json" || name == "model.weights.h5")
        {
            return keras(&mut archive);
        }
        return Err(CheckpointError::Unknown(
            "is a zip archive without data.pkl, so no PyTorch checkpoint; hand in what torch.save wrote".to_owned(),
        ));
    };
    match pickle::read(&main) {
        Ok(pickle) => Ok(collect(&pickle, &storages, problems)),
        Err(reason) => {
            // What it would import before it breaks still counts.
            let globals = pickle::globals_of(&main);
            if globals.is_empty() {
                return Err(CheckpointError::Corrupt(format!("data.pkl: {reason}")));
            }
            problems.push(format!("data.pkl: {reason}"));
            Ok(Checkpoint { format: "pytorch", globals, problems, ..Checkpoint::default() })
        }
    }
}

/// A Keras archive: its weights are HDF5 and not read; its configuration says whether layers carry code.
fn keras(archive: &mut ZipArchive<Cursor<&[u8]>>) -> Result<Checkpoint, CheckpointError> {
    let mut text = Vec::new();
    let mut entry = archive
        .by_name("config.json")
        .map_err(|error| CheckpointError::Corrupt(format!("config.json cannot be read: {error}")))?;
    entry
        .by_ref()
        .take(MAX_PICKLE)
        .read_to_end(&mut text)
        .map_err(|error| CheckpointError::Corrupt(format!("config.json cannot be read: {error}")))?;
    let config = crate::parse_json(&text).map_err(|error| CheckpointError::Corrupt(format!("config.json {error}")))?;
    let mut out = Checkpoint { format: "keras", ..Checkpoint::default() };
    code_in(&config, 0, &mut out.operators);
    Ok(out)
}

/// Layers and functions that hold marshalled code.
fn code_in(value: &serde_json::Value, depth: usize, found: &mut Vec<Operator>) {
    if depth > 64 || found.len() >= 100 {
        return;
    }
    match value {
        serde_json::Value::Object(map) => {
            let class = map.get("class_name").and_then(|c| c.as_str());
            if let Some(class) = class.filter(|c| matches!(*c, "Lambda" | "__lambda__" | "TFOpLambda")) {
                let name = map.get("config").and_then(|c| c.get("name")).and_then(|n| n.as_str()).unwrap_or(class);
                found.push(Operator { what: format!("{class}:{name}"), grave: true });
            }
            map.values().for_each(|inner| code_in(inner, depth + 1, found));
        }
        serde_json::Value::Array(list) => list.iter().for_each(|inner| code_in(inner, depth + 1, found)),
        _ => {}
    }
}

/// A pickle behind zlib, as joblib compresses it.
pub(super) fn read_compressed_pickle(bytes: &[u8]) -> Result<Checkpoint, CheckpointError> {
    let mut plain = Vec::new();
    flate2::read::ZlibDecoder::new(bytes)
        .take(MAX_PICKLE + 1)
        .read_to_end(&mut plain)
        .map_err(|error| CheckpointError::Corrupt(format!("the zlib stream is damaged: {error}")))?;
    if plain.len() as u64 > MAX_PICKLE {
        return Err(CheckpointError::Corrupt(format!("unpacks to more than {MAX_PICKLE} bytes; save it without compression")));
    }
    if plain.first() != Some(&0x80) {
        return Err(CheckpointError::Unknown("is a zlib stream of no pickle".to_owned()));
    }
    read_bare_pickle(&plain)
}

/// Pickles without an archive: what they would import is listed. Tensors of such files follow in a
/// layout of their own (before PyTorch 1.6) and are not read.
pub(super) fn read_bare_pickle(bytes: &[u8]) -> Result<Checkpoint, CheckpointError> {
    let (mut at, mut globals, mut problems) = (0, Vec::<pickle::Global>::new(), Vec::new());
    // The old layout is a sequence: magic number, protocol, system, object, storage keys.
    for _ in 0..5 {
        match pickle::read(&bytes[at..]) {
            Ok(pickle) => {
                globals.extend(pickle.globals.iter().cloned().map(|g| pickle::Global { position: g.position + at, ..g }));
                at += pickle.length;
            }
            Err(reason) => {
                if at == 0 {
                    globals.extend(pickle::globals_of(bytes));
                    problems.push(reason);
                }
                break;
            }
        }
        if !matches!(bytes.get(at), Some(0x80)) {
            break;
        }
    }
    if globals.is_empty() && !problems.is_empty() {
        return Err(CheckpointError::Corrupt(problems.remove(0)));
    }
    // PyTorch's old layout begins with its magic number, which names nothing.
    let format = if globals.iter().any(|g| g.path.starts_with("torch.")) { "pytorch" } else { "pickle" };
    Ok(Checkpoint { format, globals, problems, ..Checkpoint::default() })
}

struct Collector<'a> {
    pickle: &'a Pickle,
    storages: &'a BTreeMap<String, Range<usize>>,
    out: Checkpoint,
}

fn collect(pickle: &Pickle, storages: &BTreeMap<String, Range<usize>>, problems: Vec<String>) -> Checkpoint {
    let out = Checkpoint { format: "pytorch", globals: pickle.globals.clone(), problems, ..Checkpoint::default() };
    let mut collector = Collector { pickle, storages, out };
    // A Lightning or training-loop checkpoint holds the weights under a key; a bare state
    // dictionary is the weights. Optimizer state is no part of the model.
    let root = pickle.root;
    let weights = collector
        .entry(root, "state_dict")
        .or_else(|| collector.entry(root, "model_state_dict"))
        .or_else(|| collector.entry(root, "model"));
    for key in ["epoch", "global_step", "step", "pytorch-lightning_version"] {
        let shown = collector.entry(root, key).and_then(|id| match pickle.node(id) {
            Node::Int(v) => Some(v.to_string()),
            Node::Text(v) => Some(v.clone()),
            _ => None,
        });
        if let Some(shown) = shown {
            collector.out.metadata.insert(key.to_owned(), shown);
        }
    }
    collector.walk(weights.unwrap_or(root), &mut String::new(), 0);
    collector.out
}

impl Collector<'_> {
    fn entry(&self, id: Id, key: &str) -> Option<Id> {
        match self.pickle.node(id) {
            Node::Dict(items) => items.iter().find(|(k, _)| self.pickle.text(*k) == Some(key)).map(|(_, v)| *v),
            _ => None,
        }
    }

    fn walk(&mut self, id: Id, name: &mut String, depth: usize) {
        if depth > MAX_DEPTH || self.out.tensors.len() > MAX_ENTRIES {
            return;
        }
        let pickle = self.pickle;
        match pickle.node(id) {
            Node::Dict(items) => {
                for (key, value) in items {
                    let Some(key) = pickle.text(*key) else { continue };
                    if depth == 0
                        && (key.starts_with("optimizer") || key == "lr_schedulers" || key == "callbacks" || key == "loops")
                    {
                        continue;
                    }
                    let before = name.len();
                    if !name.is_empty() {
                        name.push('.');
                    }
                    name.push_str(key);
                    self.walk(*value, name, depth + 1);
                    name.truncate(before);
                }
            }
            Node::Call(callee, arguments) => {
                let path = pickle.global(*callee).unwrap_or_default();
                let Some(arguments) = pickle.items(*arguments) else { return };
                if path == "torch._utils._rebuild_parameter" {
                    if let Some(&data) = arguments.first() {
                        self.walk(data, name, depth + 1);
                    }
                } else if path == "torch._utils._rebuild_tensor_v2" || path == "torch._utils._rebuild_tensor" {
                    match self.tensor(arguments, name) {
                        Ok(Some(tensor)) => self.out.tensors.push(tensor),
                        Ok(None) => {}
                        Err(problem) => self.out.problems.push(format!("tensor {name}: {problem}")),
                    }
                }
            }
            _ => {}
        }
    }

    /// `(storage, offset, size, stride, …)`; the storage is `('storage', type, key, device, numel)`.
    fn tensor(&self, arguments: &[Id], name: &str) -> Result<Option<Tensor>, String> {
        let pickle = self.pickle;
        let [storage, offset, size, stride, ..] = arguments else { return Err("has too few parts".to_owned()) };
        let Node::Persistent(storage) = pickle.node(*storage) else { return Ok(None) };
        let Some([_, kind, key, ..]) = pickle.items(*storage) else { return Err("names no storage".to_owned()) };
        let dtype = dtype(pickle.global(*kind).unwrap_or_default());
        let key = pickle.text(*key).ok_or("names no storage key")?;
        let number = |id: &Id| pickle.int(*id).and_then(|v| usize::try_from(v).ok());
        let list = |id: &Id| pickle.items(*id).map(|items| items.iter().map(number).collect::<Option<Vec<usize>>>());
        let shape = list(size).flatten().ok_or("has a negative or unreadable shape")?;
        let strides = list(stride).flatten().ok_or("has a negative or unreadable stride")?;
        let offset = number(offset).ok_or("has a negative offset")?;
        let elements = shape.iter().try_fold(1_usize, |a, b| a.checked_mul(*b)).ok_or("claims more elements than can be")?;
        let range = self.storages.get(key).ok_or_else(|| format!("refers to storage {key}, which the file does not hold"))?;
        if dtype.size() == 0 {
            return Ok(None);
        }
        let bytes = |n: usize| n.checked_mul(dtype.size());
        let start = bytes(offset).and_then(|o| range.start.checked_add(o)).ok_or("has an offset beyond the file")?;
        let end = bytes(elements).and_then(|n| start.checked_add(n)).ok_or("claims more bytes than can be")?;
        if elements > 0 && end > range.end {
            return Err(format!("needs bytes up to {end}, its storage ends at {}", range.end));
        }
        if !contiguous(&shape, &strides) {
            // A transposed view has the same elements in another order; order matters to no sum.
            let span: usize =
                shape.iter().zip(&strides).map(|(n, s)| n.saturating_sub(1).saturating_mul(*s)).fold(1, usize::saturating_add);
            if span != elements {
                return Ok(None);
            }
        }
        Ok(Some(Tensor { name: name.to_owned(), dtype, shape, bytes: start..end.max(start) }))
    }
}

fn contiguous(shape: &[usize], strides: &[usize]) -> bool {
    let mut expected = 1;
    shape.iter().zip(strides).rev().all(|(&n, &stride)| {
        let ok = n <= 1 || stride == expected;
        expected = expected.saturating_mul(n.max(1));
        ok
    })
}

fn dtype(storage: &str) -> Dtype {
    match storage.rsplit('.').next().unwrap_or_default() {
        "DoubleStorage" => Dtype::F64,
        "FloatStorage" => Dtype::F32,
        "HalfStorage" => Dtype::F16,
        "BFloat16Storage" => Dtype::Bf16,
        "LongStorage" => Dtype::I64,
        "IntStorage" => Dtype::I32,
        "ShortStorage" => Dtype::I16,
        "CharStorage" => Dtype::I8,
        "ByteStorage" => Dtype::U8,
        "BoolStorage" => Dtype::Bool,
        _ => Dtype::Other,
    }
}
