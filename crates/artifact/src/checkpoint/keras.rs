//! Keras: its weights are HDF5; its configuration says which classes are made when it is loaded, and from
//! which modules. Loading imports a module that is named, and some members of Keras itself run code, load
//! other models or read files.

use serde_json::Value;

use super::{Checkpoint, Operator};

/// Parts listed.
const LISTED: usize = 100;
/// Modules of Keras whose classes only compute, as the first name behind `keras.` or `keras.src.`.
const PARTS: &[&str] = &[
    "activations",
    "applications",
    "backend",
    "constraints",
    "distribution",
    "dtype_policies",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "quantizers",
    "random",
    "regularizers",
];
/// Packages of the Keras family.
const FAMILY: &[&str] =
    &["keras", "tf_keras", "keras_hub", "keras_nlp", "keras_cv", "tensorflow.keras", "tensorflow.python.keras"];
/// Members that run code of the file's choosing, load other models or open files.
const GRAVE: &[&str] = &[
    "FlaxLayer",
    "JaxLayer",
    "Lambda",
    "TFSMLayer",
    "TorchModuleWrapper",
    "__lambda__",
    "clone_model",
    "enable_unsafe_deserialization",
    "get_file",
    "load_model",
    "load_weights",
    "model_from_json",
    "save_model",
];

/// Looks through a configuration.
pub(super) fn config(text: &[u8], out: &mut Checkpoint) -> Result<(), String> {
    match crate::parse_json(text) {
        Ok(value) => {
            walk(&value, 0, &mut out.operators);
            Ok(())
        }
        // Deeper than a parser goes, or broken: what it names can still be read.
        Err(error) => {
            let shown = String::from_utf8_lossy(text);
            let found: Vec<&str> = GRAVE.iter().copied().filter(|name| shown.contains(&format!("\"{name}\""))).collect();
            if found.is_empty() {
                return Err(format!("config.json {error}"));
            }
            found.into_iter().for_each(|name| list(&mut out.operators, name.to_owned(), true));
            out.problems.push(format!("config.json {error}"));
            Ok(())
        }
    }
}

fn list(found: &mut Vec<Operator>, what: String, grave: bool) {
    if found.len() < LISTED && !found.iter().any(|o| o.what == what) {
        found.push(Operator { what, grave });
    }
}

fn walk(value: &Value, depth: usize, found: &mut Vec<Operator>) {
    if depth > 512 {
        return;
    }
    match value {
        Value::Object(map) => {
            if let Some(class) = map.get("class_name").and_then(Value::as_str) {
                member(map, class, found);
            }
            map.values().for_each(|inner| walk(inner, depth + 1, found));
        }
        Value::Array(items) => items.iter().for_each(|inner| walk(inner, depth + 1, found)),
        _ => {}
    }
}

/// One serialized object: `{"module", "class_name", "config", "registered_name"}`; a function has its name
/// as `config`.
fn member(map: &serde_json::Map<String, Value>, class: &str, found: &mut Vec<Operator>) {
    let config = map.get("config");
    let named = |key: &str| map.get(key).and_then(Value::as_str).unwrap_or_default();
    let (module, registered) = (named("module"), named("registered_name"));
    let name = match config {
        Some(Value::String(function)) if class == "function" => function.as_str(),
        _ => class,
    };
    let shown = config.and_then(|c| c.get("name")).and_then(Value::as_str);
    let what = || shown.map_or_else(|| name.to_owned(), |shown| format!("{name}:{shown}"));
    if [name, registered, class].iter().any(|n| GRAVE.contains(n)) {
        return list(found, what(), true);
    }
    // A vocabulary may be the address of a file, which is read when the layer is made.
    for key in ["vocabulary", "idf_weights"] {
        if let Some(Value::String(path)) = config.and_then(|c| c.get(key)) {
            list(found, format!("{} reads {path}", what()), true);
        }
    }
    if module.is_empty() {
        return;
    }
    match family(module) {
        Some(rest) => {
            let rest = rest.strip_prefix("src.").unwrap_or(rest);
            let part = rest.split('.').next().unwrap_or_default();
            // `keras` itself re-exports the classes of models and variables.
            let plain =
                PARTS.contains(&part) || (part.is_empty() || part == "src") && name.starts_with(|c: char| c.is_uppercase());
            if !plain {
                list(found, format!("{module}.{name}"), true);
            }
        }
        None if module == "builtins" => {
            // Types and slices; and the functions of configurations that name no module.
            let data = [
                "slice", "Ellipsis", "ellipsis", "dtype", "NoneType", "tuple", "list", "dict", "set", "bytes", "int", "float",
                "str", "bool", "complex",
            ];
            let function = class == "function"
                && ![
                    "eval",
                    "exec",
                    "compile",
                    "__import__",
                    "open",
                    "getattr",
                    "setattr",
                    "input",
                    "breakpoint",
                    "globals",
                    "vars",
                ]
                .contains(&name);
            if !data.contains(&class) && !function {
                list(found, format!("builtins.{name}"), true);
            }
        }
        None if module == "numpy" && matches!(class, "ndarray" | "dtype") => {}
        // A package of its own is imported, which runs it; a function or a module of the standard library
        // has no place in a model.
        None => {
            let own =
                class != "function" && !crate::checkpoint::is_dangerous(module) && name.starts_with(|c: char| c.is_uppercase());
            list(found, format!("{module}.{name}"), !own);
        }
    }
}

/// What follows the family's name in a module.
fn family(module: &str) -> Option<&str> {
    FAMILY.iter().find_map(|package| {
        let rest = module.strip_prefix(package)?;
        if rest.is_empty() { Some("") } else { rest.strip_prefix('.') }
    })
}

/// Configurations in a file that holds them as text among other things, such as HDF5.
pub(super) fn configs_within(bytes: &[u8], out: &mut Checkpoint) -> bool {
    let mut any = false;
    let mut at = 0;
    while let Some(from) = find(&bytes[at..], b"{\"").map(|i| at + i) {
        let mut stream = serde_json::Deserializer::from_slice(&bytes[from..]).into_iter::<Value>();
        match stream.next() {
            Some(Ok(value)) => {
                walk(&value, 0, &mut out.operators);
                any |= value.get("class_name").is_some();
                at = from + stream.byte_offset().max(2);
            }
            _ => at = from + 2,
        }
        if out.operators.len() >= LISTED {
            break;
        }
    }
    any
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}
