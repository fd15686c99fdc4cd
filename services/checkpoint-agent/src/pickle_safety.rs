//! `unsafe_pickle`: loading the file would import or call something outside the names that tensors
//! are rebuilt with. Every name is an exact fact; how sure one can be that it harms depends on
//! whether it is called and on what it belongs to.

use deepfix_agent::{Analysis, Sink, Stop};
use deepfix_artifact::checkpoint::{Checkpoint, Global};
use deepfix_model::{ArtifactKind, BugType, Checked, Evidence, Finding, Severity};

/// Names that rebuild data and run nothing of the file's choosing: those that PyTorch's
/// `weights_only` loading accepts, NumPy's and the standard library's plain data types.
const ALLOWED: &[&str] = &[
    "_codecs.encode",
    "argparse.Namespace",
    "builtins.bytearray",
    "builtins.complex",
    "builtins.dict",
    "builtins.float",
    "builtins.frozenset",
    "builtins.int",
    "builtins.list",
    "builtins.object",
    "builtins.range",
    "builtins.set",
    "builtins.slice",
    "builtins.str",
    "builtins.tuple",
    "__builtin__.set",
    "collections.Counter",
    "collections.OrderedDict",
    "collections.defaultdict",
    "collections.deque",
    "datetime.date",
    "datetime.datetime",
    "datetime.timedelta",
    "lightning.fabric.utilities.data.AttributeDict",
    "lightning_fabric.utilities.data.AttributeDict",
    "pytorch_lightning.utilities.parsing.AttributeDict",
    "numpy.dtype",
    "numpy.ndarray",
    "numpy.core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray._reconstruct",
    "numpy._core.multiarray.scalar",
    "pathlib.Path",
    "pathlib.PosixPath",
    "pathlib.PurePosixPath",
    "pathlib.WindowsPath",
    "torch.Size",
    "torch.Tensor",
    "torch.device",
    "torch.nn.parameter.Parameter",
    "torch.serialization._get_layout",
    "torch.storage._load_from_bytes",
    "torch.torch_version.TorchVersion",
];

const ALLOWED_TORCH_UTILS: &[&str] = &[
    "_rebuild_parameter",
    "_rebuild_parameter_with_state",
    "_rebuild_qtensor",
    "_rebuild_sparse_tensor",
    "_rebuild_tensor",
    "_rebuild_tensor_v2",
    "_rebuild_tensor_v3",
    "_rebuild_device_tensor_from_numpy",
    "_rebuild_meta_tensor_no_storage",
    "_rebuild_wrapper_subclass",
];

/// Libraries whose classes are models and their parts.
const DATA_CLASSES: [&str; 6] = ["sklearn", "scipy.sparse", "xgboost", "lightgbm", "catboost", "pandas.core"];

/// Modules through which a pickle runs commands, code or reaches files and networks.
const DANGEROUS: &[&str] = &[
    "os",
    "posix",
    "nt",
    "subprocess",
    "sys",
    "builtins",
    "__builtin__",
    "runpy",
    "importlib",
    "shutil",
    "socket",
    "ctypes",
    "pty",
    "webbrowser",
    "code",
    "codeop",
    "operator",
    "functools",
    "pickle",
    "marshal",
    "types",
    "requests",
    "urllib",
    "http",
    "asyncio",
    "multiprocessing",
    "threading",
    "platform",
    "pip",
    "timeit",
    "cProfile",
    "pdb",
    "bdb",
    "trace",
    "torch.hub",
];

fn allowed(path: &str) -> bool {
    if ALLOWED.contains(&path) {
        return true;
    }
    let Some((module, name)) = path.rsplit_once('.') else { return false };
    match module {
        "torch" => {
            name.ends_with("Storage")
                || [
                    "float", "double", "half", "bfloat16", "int", "long", "short", "bool", "uint", "complex", "qint", "quint",
                    "strided", "per_",
                ]
                .iter()
                .any(|kind| name.starts_with(kind))
        }
        "torch.storage" | "torch.cuda" => name.ends_with("Storage"),
        "torch._utils" => ALLOWED_TORCH_UTILS.contains(&name),
        // NumPy's scalar and array types; its modules hold functions that run code.
        "numpy" => name.ends_with(|c: char| c.is_ascii_digit()) || name == "bool_" || name == "str_",
        "numpy.dtypes" => name.ends_with("DType"),
        "numpy.random._pickle" => name.ends_with("_ctor"),
        _ if module.starts_with("numpy.random._") => name.starts_with(|c: char| c.is_ascii_uppercase()),
        "joblib.numpy_pickle" => matches!(name, "NumpyArrayWrapper" | "NDArrayWrapper" | "ZNDArrayWrapper"),
        "copyreg" | "copy_reg" => name == "_reconstructor",
        // Estimators and trees: classes of these libraries hold data. What they are given to call, a pickle
        // has to name, and that name is judged by itself.
        _ if DATA_CLASSES
            .iter()
            .any(|library| module == *library || module.strip_prefix(library).is_some_and(|m| m.starts_with('.'))) =>
        {
            name.starts_with(|c: char| c.is_ascii_uppercase())
                || name.starts_with("__pyx_unpickle_")
                || matches!(name, "csr_matrix" | "csc_matrix" | "coo_matrix" | "csr_array" | "csc_array" | "newObj")
        }
        _ => false,
    }
}

fn dangerous(path: &str) -> bool {
    let module = path.rsplit_once('.').map_or(path, |(module, _)| module);
    DANGEROUS.iter().any(|known| module == *known || module.strip_prefix(known).is_some_and(|rest| rest.starts_with('.')))
}

pub(crate) fn detect(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, checkpoint: &Checkpoint) -> Result<(), Stop> {
    let strange: Vec<&Global> = checkpoint.globals.iter().filter(|g| !allowed(&g.path)).collect();
    analysis.checked(Checked::done("unsafe_pickle", checkpoint.globals.len(), strange.len()));
    if strange.is_empty() {
        return Ok(());
    }
    let harmful: Vec<&&Global> = strange.iter().filter(|g| dangerous(&g.path)).collect();
    let called = strange.iter().any(|g| g.called);
    let severity = if !harmful.is_empty() { Severity::High } else { Severity::Medium };
    let confidence = match (harmful.is_empty(), called) {
        (false, true) => 0.99,
        (false, false) => 0.93,
        // A class of the project's own: loading runs the project's code, which may be meant.
        (true, _) => (0.6 + 0.02 * strange.len() as f64).min(0.8),
    };
    let shown = harmful.first().map_or(strange[0], |g| **g);
    let mut finding = Finding::new(
        "unsafe_pickle",
        ArtifactKind::Checkpoint,
        "artifact:checkpoint",
        severity,
        (confidence * 100.0_f64).round() / 100.0,
    )
    .title(if harmful.is_empty() {
        format!("loading the checkpoint imports `{}` and other code of its own", shown.path)
    } else {
        format!("loading the checkpoint would run `{}`", shown.path)
    })
    .bug(BugType::Performance);
    for global in strange.iter().take(20) {
        finding = finding.evidence(
            Evidence::new("imported_name", "artifact:checkpoint", global.path.as_str())
                .method("pickle opcodes read, nothing executed; names outside the allow-list of tensor rebuilding")
                .source(format!(
                    "opcode at byte {} of the pickle, {}",
                    global.position,
                    if global.called { "called" } else { "not called" }
                )),
        );
    }
    sink.finding(
        finding
            .evidence(
                Evidence::new("names_outside_allow_list", "artifact:checkpoint", strange.len())
                    .versus(">", 0.0)
                    .method("distinct names"),
            )
            .fix(
                if harmful.is_empty() {
                    "save the weights alone, as safetensors"
                } else {
                    "do not load this file; find out where it comes from"
                },
                "a pickle is a program: whoever writes the file chooses what runs where it is loaded",
            )
            .step("safetensors.torch.save_file(model.state_dict(), \"model.safetensors\")")
            .step("load foreign files with torch.load(path, weights_only=True)"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensor_rebuilding_is_allowed_and_code_is_not() {
        for path in [
            "torch._utils._rebuild_tensor_v2",
            "torch.FloatStorage",
            "torch.bfloat16",
            "numpy.float64",
            "collections.OrderedDict",
        ] {
            assert!(allowed(path), "{path}");
        }
        for path in [
            "os.system",
            "builtins.eval",
            "torch.load",
            "torch.hub.load",
            "numpy.load",
            "builtins.getattr",
            "torch._utils.eval",
            "?.?",
        ] {
            assert!(!allowed(path), "{path}");
        }
        assert!(dangerous("os.system") && dangerous("subprocess.Popen") && dangerous("urllib.request.urlopen"));
        assert!(!dangerous("my_project.model.Net"));
    }
}
