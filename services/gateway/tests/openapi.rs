//! `docs/openapi.json` is the description the gateway serves. `DEEPFIX_BLESS=1` writes it anew.

use std::path::{Path, PathBuf};

use serde_json::Value;

#[test]
fn the_published_description_is_the_served_one() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let text = serde_json::to_string_pretty(&deepfix_gateway::openapi()).expect("JSON") + "\n";
    if std::env::var_os("DEEPFIX_BLESS").is_some() {
        std::fs::write(&path, &text).expect("writes");
    }
    let published = std::fs::read_to_string(&path).expect("published");
    assert!(published == text, "docs/openapi.json is out of date: DEEPFIX_BLESS=1 cargo test -p deepfix-gateway --test openapi");
}

/// What callers of an older description could rely on and of a newer one cannot: paths, methods, answers, properties
/// and values that went, types that changed, and what is required now and was not.
fn breaks(old: &Value, new: &Value, place: &str, out: &mut Vec<String>) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for (key, value) in old {
                // Words for people, and what is looked at below.
                if matches!(key.as_str(), "description" | "summary" | "title" | "version" | "default" | "required") {
                    continue;
                }
                match new.get(key) {
                    Some(found) => breaks(value, found, &format!("{place}/{key}"), out),
                    None => out.push(format!("{place}/{key} is gone")),
                }
            }
            let required = |of: &serde_json::Map<String, Value>| -> Vec<String> {
                let names = of.get("required").and_then(Value::as_array);
                names.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
            };
            // Of what is sent; of what is answered more may be certain than before.
            if !place.contains("/responses/") && !place.contains("/schemas/Report") {
                let before = required(old);
                out.extend(
                    required(new)
                        .into_iter()
                        .filter(|name| !before.contains(name))
                        .map(|name| format!("{place} requires {name}")),
                );
            }
            if old.get("required") == Some(&Value::Bool(false)) && new.get("required") == Some(&Value::Bool(true)) {
                out.push(format!("{place} is required"));
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            // Parameters by name, others by value: the order means nothing.
            for value in old {
                match value.get("name").and_then(Value::as_str) {
                    Some(name) => match new.iter().find(|v| v["name"] == name) {
                        Some(found) => breaks(value, found, &format!("{place}/{name}"), out),
                        None => out.push(format!("{place}/{name} is gone")),
                    },
                    None if !new.contains(value) => out.push(format!("{place} has no {value}")),
                    None => {}
                }
            }
        }
        (old, new) if old != new => out.push(format!("{place} was {old} and is {new}")),
        _ => {}
    }
}

/// `testdata/openapi-0.1.0.json` is what callers were promised. It is written anew with a major version only.
#[test]
fn nothing_that_callers_were_promised_is_gone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |name: &str| -> Value {
        serde_json::from_str(&std::fs::read_to_string(root.join(name)).expect("committed")).expect("JSON")
    };
    let (promised, published) = (read("testdata/openapi-0.1.0.json"), read("docs/openapi.json"));
    let mut out = Vec::new();
    breaks(&promised, &published, "", &mut out);
    assert!(out.is_empty(), "{out:#?}");

    let mut broken = published.clone();
    broken["paths"]["/v1/agents"].as_object_mut().expect("methods").remove("get");
    broken["components"]["schemas"]["SpecJson"]["properties"]["label"]["type"] = serde_json::json!("integer");
    broken["components"]["schemas"]["SpecJson"]["required"] = serde_json::json!(["label"]);
    let mut out = Vec::new();
    breaks(&published, &broken, "", &mut out);
    assert_eq!(out.len(), 3, "{out:#?}");
}
