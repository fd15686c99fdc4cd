//! The names that honest checkpoints need. Whatever else a pickle names is reported, so every entry here
//! is a promise that the name, called with anything, only makes data: types of the standard library, of
//! NumPy, pandas and SciPy, the classes of estimators and layers, and the functions that rebuild tensors.

use deepfix_artifact::checkpoint::Global;

/// Modules and names that rebuild data and run nothing of the file's choosing.
const NAMES: &[(&str, &[&str])] = &[
    ("argparse", &["Namespace"]),
    ("array", &["_array_reconstructor", "array"]),
    ("re", &["_compile"]),
    ("pytz", &["_UTC", "_p"]),
    ("sklearn.cluster._kmeans", &["_kmeans_single_elkan", "_kmeans_single_lloyd"]),
    (
        "builtins",
        &[
            "bool",
            "bytearray",
            "bytes",
            "complex",
            "dict",
            "float",
            "frozenset",
            "getattr",
            "int",
            "list",
            "object",
            "range",
            "set",
            "slice",
            "str",
            "tuple",
            "Ellipsis",
            "NotImplemented",
        ],
    ),
    ("collections", &["ChainMap", "Counter", "OrderedDict", "defaultdict", "deque"]),
    ("copyreg", &["_reconstructor"]),
    ("copy_reg", &["_reconstructor"]),
    ("datetime", &["date", "datetime", "time", "timedelta", "timezone"]),
    ("decimal", &["Decimal"]),
    ("fractions", &["Fraction"]),
    ("ipaddress", &["IPv4Address", "IPv6Address"]),
    ("joblib.numpy_pickle", &["NumpyArrayWrapper", "NDArrayWrapper", "ZNDArrayWrapper"]),
    ("pathlib", &["Path", "PosixPath", "PurePath", "PurePosixPath", "PureWindowsPath", "WindowsPath"]),
    ("pathlib._local", &["Path", "PosixPath", "PurePath", "PurePosixPath", "PureWindowsPath", "WindowsPath"]),
    ("random", &["Random"]),
    ("types", &["SimpleNamespace"]),
    ("typing", &["Any", "Dict", "List", "Optional", "Tuple", "Union"]),
    ("uuid", &["UUID", "SafeUUID"]),
    ("zoneinfo", &["ZoneInfo"]),
    // Lightning
    ("lightning.fabric.utilities.data", &["AttributeDict"]),
    ("lightning_fabric.utilities.data", &["AttributeDict"]),
    ("pytorch_lightning.utilities.parsing", &["AttributeDict"]),
    // NumPy: arrays and their scalars.
    (
        "numpy",
        &[
            "bool",
            "bool_",
            "bytes_",
            "datetime64",
            "dtype",
            "longdouble",
            "longlong",
            "matrix",
            "ndarray",
            "object_",
            "poly1d",
            "recarray",
            "record",
            "str_",
            "timedelta64",
            "ulonglong",
            "void",
        ],
    ),
    ("numpy.core.multiarray", &["_reconstruct", "scalar"]),
    ("numpy._core.multiarray", &["_reconstruct", "scalar"]),
    ("numpy.core.numeric", &["_frombuffer"]),
    ("numpy._core.numeric", &["_frombuffer"]),
    ("numpy.core._internal", &["_convert_to_stringdtype_kwargs"]),
    ("numpy._core._internal", &["_convert_to_stringdtype_kwargs"]),
    ("numpy.ma", &["MaskedArray"]),
    ("numpy.ma.core", &["MaskedArray", "_mareconstruct", "MaskedConstant"]),
    ("numpy.random.bit_generator", &["SeedSequence", "__pyx_unpickle_SeedSequence", "SeedlessSeedSequence"]),
    ("numpy.random.mtrand", &["RandomState"]),
    ("numpy.polynomial.polynomial", &["Polynomial"]),
    // pandas and Arrow
    ("pandas._libs.arrays", &["__pyx_unpickle_NDArrayBacked"]),
    ("pandas._libs.internals", &["_unpickle_block"]),
    ("pandas._libs.tslibs.nattype", &["_nat_unpickle", "__nat_unpickle"]),
    ("pandas._libs.tslibs.timestamps", &["_unpickle_timestamp"]),
    ("pandas._libs.tslibs.timedeltas", &["_timedelta_unpickle"]),
    ("pandas._libs.tslibs.period", &["Period"]),
    ("pandas._libs.missing", &["NAType"]),
    ("pandas.core.indexes.base", &["_new_Index"]),
    ("pandas.core.indexes.datetimes", &["_new_DatetimeIndex"]),
    ("pandas.core.indexes.interval", &["_new_IntervalIndex"]),
    ("pandas.core.indexes.period", &["_new_PeriodIndex"]),
    ("pandas.core.internals.managers", &["BlockManager", "SingleBlockManager", "_unpickle_block"]),
    ("pyarrow.lib", &["_restore_array", "py_buffer", "type_for_alias"]),
    // PyTorch: what its `weights_only` loading accepts.
    ("torch", &["Generator", "Size", "Tensor", "device", "dtype"]),
    ("torch._tensor", &["Tensor", "_rebuild_from_type_v2"]),
    (
        "torch._utils",
        &[
            "_rebuild_device_tensor_from_cpu_tensor",
            "_rebuild_device_tensor_from_numpy",
            "_rebuild_meta_tensor_no_storage",
            "_rebuild_nested_tensor",
            "_rebuild_parameter",
            "_rebuild_parameter_with_state",
            "_rebuild_qtensor",
            "_rebuild_sparse_csr_tensor",
            "_rebuild_sparse_tensor",
            "_rebuild_tensor",
            "_rebuild_tensor_v2",
            "_rebuild_tensor_v3",
            "_rebuild_wrapper_subclass",
        ],
    ),
    (
        "torch.jit._pickle",
        &["build_boollist", "build_doublelist", "build_intlist", "build_tensor_from_id", "build_tensorlist", "restore_type_tag"],
    ),
    ("torch.nn.parameter", &["Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter"]),
    ("torch.serialization", &["_get_layout"]),
    ("torch.torch_version", &["TorchVersion"]),
    (
        "torch.nn.functional",
        &[
            "celu",
            "elu",
            "gelu",
            "glu",
            "hardsigmoid",
            "hardswish",
            "hardtanh",
            "leaky_relu",
            "log_softmax",
            "logsigmoid",
            "mish",
            "relu",
            "relu6",
            "selu",
            "sigmoid",
            "silu",
            "softmax",
            "softmin",
            "softplus",
            "softsign",
            "tanh",
            "tanhshrink",
        ],
    ),
    // SciPy
    ("scipy._lib.array_api_compat.numpy._aliases", &["asarray"]),
    ("scipy.special._ufuncs", &["expit", "logit", "boxcox", "inv_boxcox"]),
];

/// Libraries whose classes hold data: models, their parts, tables, configurations. What such an object is
/// given to call, a pickle has to name, and that name is judged by itself.
const CLASSES: &[&str] = &[
    "__torch__",
    "accelerate.state",
    "accelerate.utils.dataclasses",
    "catboost.core",
    "imblearn",
    "lightgbm",
    "numpy.random",
    "numpy.polynomial",
    "omegaconf",
    "pandas",
    "peft.utils.peft_types",
    "polars",
    "scipy.interpolate",
    "scipy.sparse",
    "scipy.spatial",
    "scipy.stats",
    "sklearn",
    "statsmodels",
    "torch.nn.modules",
    "torch.distributions",
    "torch.nn.parallel.data_parallel",
    "torch.nn.utils.prune",
    "torch.nn.utils.spectral_norm",
    "torch.nn.utils.weight_norm",
    "torch.optim",
    "torch.utils.data.dataset",
    "transformers.integrations.deepspeed",
    "transformers.models",
    "transformers.configuration_utils",
    "transformers.generation.configuration_utils",
    "transformers.trainer_pt_utils",
    "transformers.trainer_utils",
    "transformers.training_args",
    "xgboost",
];

/// Parts of those libraries that evaluate expressions or start processes.
const NOT: &[&str] = &[
    "omegaconf.grammar",
    "pandas.api",
    "pandas.core.computation",
    "pandas.io",
    "pandas.testing",
    "pandas.util",
    "polars._cpu_check",
    "polars.catalog",
    "polars.io",
    "polars.lazyframe",
    "polars.sql",
    "sklearn.callback",
    "sklearn.datasets",
    "sklearn.externals",
    "sklearn.utils._testing",
    "sklearn.utils.discovery",
    "xgboost._data_utils",
    "xgboost.collective",
    "xgboost.federated",
    "xgboost.tracker",
];

/// Classes of the standard library that a module may carry along under its own name.
pub(super) const FOREIGN: &[&str] = &[
    "Bdb",
    "BytesIO",
    "CDLL",
    "CodeType",
    "Expr",
    "FTP",
    "FileHandler",
    "FileIO",
    "FunctionType",
    "HTTPConnection",
    "HTTPSConnection",
    "InteractiveConsole",
    "InteractiveInterpreter",
    "LambdaType",
    "LibraryLoader",
    "MethodType",
    "ModuleType",
    "NamedTemporaryFile",
    "Parallel",
    "Pdb",
    "Pickler",
    "Pool",
    "Popen",
    "Process",
    "ProcessPoolExecutor",
    "PyDLL",
    "PythonExpr",
    "SMTP",
    "StringIO",
    "TemporaryDirectory",
    "TemporaryFile",
    "Thread",
    "ThreadPool",
    "ThreadPoolExecutor",
    "Timer",
    "Trace",
    "Unpickler",
    "WatchedFileHandler",
    "ZipFile",
];

/// Classes of the libraries that are made with arguments: enumerations, extension types, dtypes. Any other is
/// made empty and given its state, for arguments may name a file to open or a model to load.
fn takes_arguments(module: &str, name: &str) -> bool {
    name == "newObj"
        || name.starts_with("__pyx_unpickle_")
        || name.ends_with("Dtype")
        || in_library(
            module,
            &["pandas._libs", "sklearn._loss._loss", "sklearn.linear_model._sgd_fast", "accelerate.utils.dataclasses"],
        )
        || module.starts_with("statsmodels.tsa.statespace._")
        || matches!(module, "transformers.trainer_utils" | "transformers.training_args") && name != "TrainingArguments"
        || matches!(
            (module, name),
            ("pandas", "Interval" | "Period" | "Timestamp" | "Timedelta" | "NaT")
                | ("sklearn.tree._tree", "Tree")
                | ("sklearn.impute._iterative", "_ImputerTriplet")
                | ("scipy.spatial._ckdtree", "cKDTree")
        )
}

/// Functions of NumPy that are fine to name and not to call: some of them call a method of their argument.
const UNCALLED: &[&str] = &[
    "abs",
    "absolute",
    "add",
    "arctan",
    "cbrt",
    "ceil",
    "clip",
    "cos",
    "divide",
    "exp",
    "exp2",
    "expm1",
    "floor",
    "log",
    "log10",
    "log1p",
    "log2",
    "max",
    "maximum",
    "mean",
    "median",
    "min",
    "minimum",
    "multiply",
    "nan_to_num",
    "negative",
    "power",
    "reciprocal",
    "rint",
    "round",
    "sign",
    "sin",
    "sqrt",
    "square",
    "std",
    "subtract",
    "sum",
    "tan",
    "tanh",
    "var",
    "vectorize",
];

/// Whether a name only makes data.
pub(super) fn allowed(global: &Global) -> bool {
    let (module, name) = (global.module.as_str(), global.name.as_str());
    let module = if module == "__builtin__" { "builtins" } else { module };
    match (module, name) {
        // What they do depends on what they are given; uncalled, something else may give it.
        ("torch.storage", "_load_from_bytes") | ("builtins", "getattr") | ("_codecs", "encode") => {
            return global.called && !global.unread;
        }
        ("builtins", "len") | ("sklearn.metrics._scorer", "_passthrough_scorer") => return !global.called,
        ("numpy" | "numpy.core._multiarray_umath" | "numpy._core._multiarray_umath", name) if UNCALLED.contains(&name) => {
            return !global.called || name == "vectorize" && !global.arguments;
        }
        _ => {}
    }
    // A dot leads through the attributes of what is named, to whatever the module has imported.
    if name.contains('.') || !module.is_ascii() || !name.is_ascii() {
        return false;
    }
    if NAMES.iter().any(|(known, names)| *known == module && names.contains(&name)) {
        return true;
    }
    let upper = name.trim_start_matches('_').starts_with(|c: char| c.is_ascii_uppercase());
    match module {
        // Python 2 knew these.
        "builtins" => matches!(name, "long" | "unicode" | "xrange"),
        "torch" => {
            name.ends_with("Storage")
                || [
                    "float",
                    "double",
                    "half",
                    "bfloat16",
                    "int",
                    "long",
                    "short",
                    "bool",
                    "uint",
                    "complex",
                    "qint",
                    "quint",
                    "strided",
                    "per_",
                    "sparse_",
                    "contiguous_format",
                    "preserve_format",
                    "channels_last",
                ]
                .iter()
                .any(|kind| name.starts_with(kind))
        }
        "torch.storage" | "torch.cuda" => name.ends_with("Storage"),
        "numpy" => name.ends_with(|c: char| c.is_ascii_digit()) && name.starts_with(|c: char| c.is_ascii_lowercase()),
        "numpy.dtypes" => name.ends_with("DType"),
        "numpy.random._pickle" => name.ends_with("_ctor"),
        _ if in_library(module, NOT) => false,
        // Measures and tests of a library of pure functions.
        _ if module.starts_with("sklearn.metrics") || module.starts_with("sklearn.feature_selection") => {
            upper && !FOREIGN.contains(&name)
                || name == "newObj"
                || name.starts_with("__pyx_unpickle_")
                || ["_score", "_error", "_loss", "_distances", "_kernel", "_similarity"].iter().any(|end| name.ends_with(end))
                || matches!(
                    name,
                    "f_classif" | "f_regression" | "chi2" | "mutual_info_classif" | "mutual_info_regression" | "r_regression"
                )
        }
        _ if in_library(module, CLASSES) && global.arguments && !takes_arguments(module, name) => false,
        _ if in_library(module, CLASSES) => {
            upper && !FOREIGN.contains(&name)
                || name.starts_with("__pyx_unpickle_")
                || matches!(
                    module,
                    "scipy.stats._distn_infrastructure" | "scipy.stats._continuous_distns" | "scipy.stats._discrete_distns"
                ) && (name.starts_with("rv_") || name.ends_with("_gen"))
                || module == "scipy.spatial._ckdtree" && name == "cKDTree"
                || module == "scipy.stats._kde" && name == "gaussian_kde"
                || module == "scipy.stats._multivariate" && name.ends_with("_frozen")
                || module.starts_with("scipy.sparse") && (name.ends_with("_matrix") || name.ends_with("_array"))
                || module.starts_with("sklearn") && name == "newObj"
                // One state space for each precision: s, d, c and z.
                || module.starts_with("statsmodels.tsa.statespace._") && name.get(1..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
        }
        _ => false,
    }
}

fn in_library(module: &str, libraries: &[&str]) -> bool {
    libraries.iter().any(|library| module == *library || module.strip_prefix(library).is_some_and(|m| m.starts_with('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(module: &str, name: &str, called: bool, arguments: bool) -> Global {
        Global { module: module.to_owned(), name: name.to_owned(), position: 0, called, arguments, unread: false }
    }

    #[test]
    fn tensor_rebuilding_is_allowed_and_code_is_not() {
        for (module, name) in [
            ("torch._utils", "_rebuild_tensor_v2"),
            ("torch", "FloatStorage"),
            ("torch", "bfloat16"),
            ("numpy", "float64"),
            ("collections", "OrderedDict"),
            ("__builtin__", "long"),
        ] {
            assert!(allowed(&named(module, name, true, true)), "{module}.{name}");
        }
        for (module, name) in [
            ("os", "system"),
            ("builtins", "eval"),
            ("torch", "load"),
            ("torch.hub", "load"),
            ("numpy", "load"),
            ("numpy", "f2py"),
            ("torch._utils", "eval"),
            ("?", "?"),
            ("sklearn.base", "np.f2py.subprocess.Popen"),
            ("sklearn.utils", "Popen"),
            ("pandas.core.computation.expr", "Expr"),
            ("torch", "serialization.os.system"),
            ("polars.lazyframe.frame", "LazyFrame"),
        ] {
            assert!(!allowed(&named(module, name, true, false)), "{module}.{name}");
        }
        // An estimator is made empty; what arguments would do is its own business.
        assert!(allowed(&named("sklearn.calibration", "_CalibratedClassifier", true, false)));
        assert!(
            !allowed(&named("xgboost.core", "Booster", true, true)) && allowed(&named("xgboost.core", "Booster", true, false))
        );
        // A function to apply later may be named; calling it while loading is another matter.
        assert!(allowed(&named("numpy", "log1p", false, false)) && !allowed(&named("numpy", "clip", true, true)));
        assert!(!allowed(&named("builtins", "getattr", false, false)), "something else would call it");
    }
}
