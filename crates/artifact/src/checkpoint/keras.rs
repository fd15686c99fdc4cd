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
    // Operations of TensorFlow by name, some of which read, write or run Python.
    let operation = config
        .and_then(|c| c.get("function").or_else(|| c.pointer("/node_def/op")).or_else(|| c.get("node_def")))
        .and_then(Value::as_str)
        .unwrap_or_default();
    let reaching = [
        "io.",
        "py_function",
        "numpy_function",
        "raw_ops.",
        "load_library",
        "load_op_library",
        "saved_model.",
        "WriteFile",
        "ReadFile",
        "PyFunc",
        "EagerPyFunc",
    ];
    if matches!(class, "TFOpLambda" | "SlicingOpLambda" | "TensorFlowOpLayer")
        && reaching
            .iter()
            .any(|r| operation.starts_with(r) || operation.contains(&format!(".{r}")) || operation.contains(&format!("\"{r}\"")))
    {
        list(found, format!("{} calls {operation}", what()), true);
    }
    // A vocabulary may be the address of a file, which is read when the layer is made.
    for key in ["vocabulary", "idf_weights", "proto", "vocabulary_file", "merges"] {
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
                    "exit",
                    "quit",
                    "delattr",
                    "print",
                    "help",
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
    let (mut any, mut at, mut failures) = (false, 0, 0);
    while let Some(from) = bytes[at..].iter().position(|b| *b == b'{').map(|i| at + i) {
        at = from + 1;
        let rest = &bytes[from..];
        // A key follows, and the first thousand characters name a class or a module.
        if rest[1..].trim_ascii_start().first() != Some(&b'"') || !names(&rest[..rest.len().min(1024)]) {
            continue;
        }
        let mut stream = serde_json::Deserializer::from_slice(rest).into_iter::<Value>();
        match stream.next() {
            Some(Ok(value)) => {
                walk(&value, 0, &mut out.operators);
                any |= value.get("class_name").is_some();
                at = from + stream.byte_offset().max(1);
            }
            // Python's JSON is laxer (NaN, lone surrogates): what it names can still be read.
            _ => {
                failures += 1;
                let end = rest.iter().take(4 << 20).position(|b| *b == 0).unwrap_or(rest.len().min(4 << 20));
                let plain = String::from_utf8_lossy(&rest[..end]);
                for name in GRAVE.iter().filter(|name| plain.contains(&format!("\"{name}\""))) {
                    list(&mut out.operators, (*name).to_owned(), true);
                }
                any = true;
                at = from + end.max(1);
            }
        }
        if out.operators.len() >= LISTED || failures > 64 {
            break;
        }
    }
    any
}

fn names(head: &[u8]) -> bool {
    [&b"class_name"[..], b"\"module\""].iter().any(|needle| head.windows(needle.len()).any(|w| w == *needle))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_do_not_lead_beyond_the_file() {
        // Each byte that is no UTF-8 takes three when it is replaced.
        let bytes = [b"{\"class_name\": ".as_slice(), &[0xff; 300]].concat();
        assert!(configs_within(&bytes, &mut Checkpoint::default()));
        let broken = b"\0\0{\"class_name\": \"Lambda\", \"x\": NaN}\0 more".as_slice();
        let mut out = Checkpoint::default();
        configs_within(broken, &mut out);
        assert_eq!(out.operators.len(), 1);
    }
}
