//! PyTorch: tensors are found in the pickle of a state dictionary, and lie in the storages beside it.

use std::{collections::BTreeMap, ops::Range};

use super::{
    Checkpoint, CheckpointError, Dtype, Look, Tensor,
    pickle::{self, Id, Node, Pickle},
};

/// Most tensors of a file.
const MAX_TENSORS: usize = 1_000_000;
/// Deepest dictionary looked into for tensors: state → module → name.
const MAX_DEPTH: usize = 6;

/// Pickles without an archive: what they would import is listed, and the tensors of PyTorch's layout before 1.6
/// are located.
pub(super) fn read_bare_pickle(bytes: &[u8], look: &Look<'_>) -> Result<Checkpoint, CheckpointError> {
    let found = pickle::scan(bytes, look.within);
    let mut out = Checkpoint { format: "pickle", ..Checkpoint::default() };
    out.problems.extend(found.broken.clone());
    let whole = found.broken.is_none();
    out.absorb_names(found, true);
    if out.globals.is_empty() && !whole {
        return Err(CheckpointError::Corrupt(out.problems.remove(0)));
    }
    // PyTorch's old layout begins with its magic number, which names nothing.
    if out.globals.iter().any(|g| g.module == "torch" || g.module.starts_with("torch.")) {
        out.format = "pytorch";
    }
    if bytes.get(..16).is_some_and(|head| head.windows(pickle::OLD_TORCH.len()).any(|w| w == pickle::OLD_TORCH)) {
        out.format = "pytorch";
        match old_layout(bytes) {
            Ok((pickle, storages)) => collect(&pickle, &storages, &mut out),
            Err(problem) => out.problems.push(problem),
        }
    }
    Ok(out)
}

/// The object and where its storages lie, in the layout of `torch.save` before 1.6 (`_legacy_save`): pickles of a magic
/// number, the protocol, the system and the object, one of the storages' keys in order, then for each storage its
/// number of elements in eight bytes and the elements.
fn old_layout(bytes: &[u8]) -> Result<(Pickle, BTreeMap<String, Range<usize>>), String> {
    let mut at = 0;
    let mut next = |what: &str| -> Result<(Pickle, usize), String> {
        let pickle = pickle::read(bytes.get(at..).unwrap_or_default()).map_err(|why| format!("{what}: {why}"))?;
        at += pickle.length;
        Ok((pickle, at))
    };
    for what in ["the magic number", "the protocol", "the system's description"] {
        next(what)?;
    }
    let (object, _) = next("the object")?;
    let (keys, mut at) = next("the list of storages")?;
    // How large an element is stands where the object names the storage.
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    for node in &object.nodes {
        let Node::Persistent(storage) = node else { continue };
        if let Some([_, kind, key, ..]) = object.items(*storage)
            && let Some(key) = object.text(*key)
        {
            sizes.insert(key, dtype(&object.global(*kind).unwrap_or_default()).size());
        }
    }
    let mut storages = BTreeMap::new();
    for key in keys.items(keys.root).unwrap_or_default() {
        let key = keys.text(*key).ok_or("a storage's key is no text")?;
        let cut = || format!("the file ends within storage {key}; copy or save it again");
        let head: [u8; 8] = bytes.get(at..at + 8).and_then(|head| head.try_into().ok()).ok_or_else(cut)?;
        let size = sizes
            .get(key)
            .copied()
            .filter(|size| *size > 0)
            .ok_or_else(|| format!("storage {key} has elements of an unknown size"))?;
        let begin = at + 8;
        let length = usize::try_from(i64::from_le_bytes(head)).ok().and_then(|n| n.checked_mul(size));
        let end = length.and_then(|n| begin.checked_add(n)).filter(|end| *end <= bytes.len()).ok_or_else(cut)?;
        storages.insert(key.to_owned(), begin..end);
        at = end;
    }
    Ok((object, storages))
}

struct Collector<'a> {
    pickle: &'a Pickle,
    storages: &'a BTreeMap<String, Range<usize>>,
    out: &'a mut Checkpoint,
}

/// Puts the tensors of a state dictionary into the checkpoint.
pub(super) fn collect(pickle: &Pickle, storages: &BTreeMap<String, Range<usize>>, out: &mut Checkpoint) {
    let mut collector = Collector { pickle, storages, out };
    // A Lightning or training-loop checkpoint holds the weights under a key; a bare state
    // dictionary is the weights. Optimizer state is no part of the model.
    let root = pickle.root;
    let weights = collector
        .entry(root, "state_dict")
        .or_else(|| collector.entry(root, "model_state_dict"))
        .or_else(|| collector.entry(root, "model"));
    for key in ["epoch", "global_step", "step", "pytorch-lightning_version"] {
        if let Some(shown) = collector.entry(root, key).and_then(|id| collector.scalar(id)) {
            collector.out.metadata.insert(key.to_owned(), shown);
        }
    }
    if weights.is_some() {
        collector.training(root);
    }
    collector.walk(weights.unwrap_or(root), &mut String::new(), 0);
}

/// Metadata of a training checkpoint.
pub const OPTIMIZER_ENTRIES: &str = "optimizer.state_entries";
/// Keys of such a file, separated by commas.
pub const KEYS: &str = "training.keys";
/// Hyper-parameters kept of a file.
const MAX_PARAMETERS: usize = 200;

impl Collector<'_> {
    /// What a training loop saved beside the weights: which parts, the optimizer's settings and how many
    /// parameters it has state for, hyper-parameters.
    fn training(&mut self, root: Id) {
        let Node::Dict(items) = self.pickle.node(root) else { return };
        let keys: Vec<&str> = items.iter().filter_map(|(k, _)| self.pickle.text(*k)).take(100).collect();
        self.out.metadata.insert(KEYS.to_owned(), keys.join(","));
        let optimizer = ["optimizer_states", "optimizer_state_dict", "optimizer", "optimizer_state"]
            .iter()
            .find_map(|key| self.entry(root, key))
            .map(|id| self.pickle.items(id).and_then(|list| list.first().copied()).unwrap_or(id));
        if let Some(optimizer) = optimizer {
            if let Some(Node::Dict(state)) = self.entry(optimizer, "state").map(|id| self.pickle.node(id)) {
                self.out.metadata.insert(OPTIMIZER_ENTRIES.to_owned(), state.len().to_string());
            }
            let group =
                self.entry(optimizer, "param_groups").and_then(|id| self.pickle.items(id)).and_then(|g| g.first().copied());
            if let Some(group) = group {
                self.scalars(group, "optimizer");
            }
        }
        for key in ["hyper_parameters", "hparams", "config", "args"] {
            if let Some(id) = self.entry(root, key) {
                self.scalars(id, "hyper_parameters");
            }
        }
    }

    /// Numbers and texts of a dictionary.
    fn scalars(&mut self, id: Id, prefix: &str) {
        let Node::Dict(items) = self.pickle.node(id) else { return };
        for (key, value) in items.iter().take(MAX_PARAMETERS) {
            if let (Some(key), Some(value)) = (self.pickle.text(*key), self.scalar(*value)) {
                self.out.metadata.insert(format!("{prefix}.{key}"), value);
            }
        }
    }

    fn scalar(&self, id: Id) -> Option<String> {
        match self.pickle.node(id) {
            Node::Int(v) => Some(v.to_string()),
            Node::Float(v) => Some(v.to_string()),
            Node::Text(v) => Some(v.chars().take(200).collect()),
            Node::Items(items) if items.len() <= 4 => {
                let parts: Option<Vec<String>> = items
                    .iter()
                    .map(|id| if matches!(self.pickle.node(*id), Node::Items(_)) { None } else { self.scalar(*id) })
                    .collect();
                parts.filter(|p| !p.is_empty()).map(|p| p.join(", "))
            }
            _ => None,
        }
    }

    fn entry(&self, id: Id, key: &str) -> Option<Id> {
        match self.pickle.node(id) {
            Node::Dict(items) => items.iter().find(|(k, _)| self.pickle.text(*k) == Some(key)).map(|(_, v)| *v),
            _ => None,
        }
    }

    fn walk(&mut self, id: Id, name: &mut String, depth: usize) {
        if depth > MAX_DEPTH || self.out.tensors.len() > MAX_TENSORS {
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
        let dtype = dtype(&pickle.global(*kind).unwrap_or_default());
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
        Ok(Some(Tensor { name: name.to_owned(), dtype, shape, bytes: start..end.max(start), file: 0 }))
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
