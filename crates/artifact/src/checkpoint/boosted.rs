//! Boosted trees as their libraries save them: XGBoost (JSON, UBJSON), LightGBM (text), CatBoost. They hold
//! no tensors; what they say of themselves is kept.

use serde_json::Value;

use super::{Checkpoint, ubjson::Reader};

/// Longest JSON that is parsed.
const MAX_JSON: usize = 256 << 20;

pub(super) fn read(bytes: &[u8]) -> Option<Checkpoint> {
    let mut out = Checkpoint::default();
    let mut say = |key: &str, value: String| drop(out.metadata.insert(key.to_owned(), value));
    out.format = if bytes.starts_with(b"CBM1") && bytes.len() > 12 {
        "catboost"
    } else if bytes.starts_with(b"tree\nversion=v") {
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(1 << 20)]);
        for line in text.lines().take(100) {
            if let Some((key @ ("objective" | "num_class" | "max_feature_idx"), value)) = line.split_once('=') {
                say(key, value.to_owned());
            }
        }
        say("trees", bytes.windows(6).filter(|w| w == b"\nTree=").count().to_string());
        "lightgbm"
    } else if is_ubjson(bytes) || is_json(bytes) {
        let model = if bytes.len() > MAX_JSON {
            Ok(Value::Null)
        } else if is_ubjson(bytes) {
            Reader::read(bytes)
        } else {
            crate::parse_json(bytes).map_err(|error| error.to_string())
        };
        if let Err(why) = &model {
            out.problems.push(format!("the model cannot be read to its end; {why}"));
        }
        let mut say = |key: &str, value: String| drop(out.metadata.insert(key.to_owned(), value));
        if let Ok(model) = model {
            let at = |path: &str| model.pointer(path).map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned));
            for (key, path) in [
                ("objective", "/learner/objective/name"),
                ("trees", "/learner/gradient_booster/model/gbtree_model_param/num_trees"),
                ("features", "/learner/learner_model_param/num_feature"),
                ("best_iteration", "/learner/attributes/best_iteration"),
                ("best_score", "/learner/attributes/best_score"),
            ] {
                if let Some(value) = at(path) {
                    say(key, value);
                }
            }
        }
        "xgboost"
    } else {
        return None;
    };
    Some(out)
}

/// An object whose first key is `learner` or `version`, with a length of eight bytes before it.
fn is_ubjson(bytes: &[u8]) -> bool {
    let Some(b"{L") = bytes.get(..2) else { return false };
    matches!(bytes.get(10..17), Some(b"learner" | b"version"))
}

fn is_json(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(256)];
    let text: String = String::from_utf8_lossy(head).chars().filter(|c| !c.is_whitespace()).collect();
    text.starts_with("{\"learner\":{") || text.starts_with("{\"version\":[") && text.contains("\"learner\"")
}
