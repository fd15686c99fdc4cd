//! YAML within bounds: no aliases (they expand without limit), tags ignored, nesting bounded.

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

use crate::ReadError;

const MAX_DEPTH: usize = 64;
const MAX_NODES: usize = 200_000;

/// The first document as JSON values.
///
/// # Errors
/// With line and column of the first fault; for aliases; when nested deeper than 64 levels.
pub fn parse_yaml(text: &str) -> Result<Value, ReadError> {
    let syntax = |reason: String| ReadError::Syntax { format: "YAML", reason };
    let mut stack: Vec<(Value, Option<String>)> = Vec::new();
    let mut nodes = 0_usize;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| syntax(error.to_string()))?;
        let here = || format!("line {}", span.start.line());
        let done = match event {
            Event::Alias(_) => return Err(syntax(format!("{}: aliases (*name) are not read; write the value out", here()))),
            Event::MappingStart(..) => {
                stack.push((Value::Object(Map::new()), None));
                None
            }
            Event::SequenceStart(..) => {
                stack.push((Value::Array(Vec::new()), None));
                None
            }
            Event::Scalar(text, style, ..) => Some(scalar(&text, style)),
            Event::MappingEnd | Event::SequenceEnd => stack.pop().map(|(value, _)| value),
            Event::DocumentEnd => break,
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => None,
        };
        nodes += 1;
        if stack.len() > MAX_DEPTH || nodes > MAX_NODES {
            return Err(syntax(format!("{}: nested deeper than {MAX_DEPTH} levels or over {MAX_NODES} values", here())));
        }
        if let Some(value) = done {
            match stack.last_mut() {
                None => return Ok(value),
                Some((Value::Array(items), _)) => items.push(value),
                Some((Value::Object(map), key)) => match key.take() {
                    None => *key = Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
                    Some(name) => {
                        map.insert(name, value);
                    }
                },
                Some(_) => return Err(syntax(here())),
            }
        }
    }
    Err(ReadError::Empty)
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    if !matches!(style, ScalarStyle::Plain) {
        return Value::String(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => text
            .parse::<i64>()
            .map(Value::from)
            .or_else(|_| {
                text.replace('_', "").parse::<f64>().map_err(drop).and_then(|v| {
                    if text.contains(|c: char| c.is_ascii_digit()) && v.is_finite() { Ok(Value::from(v)) } else { Err(()) }
                })
            })
            .unwrap_or_else(|()| Value::String(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hyper_parameters_read_as_their_types() {
        let value = parse_yaml("lr: 1e-3\nmodel:\n  layers: [32, 16]\n  act: relu\nstop: null\nx: !!python/tuple\n- 1\n- 2\n")
            .expect("valid");
        assert_eq!(value["lr"], 0.001);
        assert_eq!(value["model"]["layers"][1], 16);
        assert_eq!(value["stop"], Value::Null);
        assert_eq!(value["x"][1], 2);
    }

    #[test]
    fn aliases_and_depth_are_refused() {
        assert!(parse_yaml("a: &x [1]\nb: *x\n").expect_err("alias").to_string().contains("alias"));
        assert!(parse_yaml(&"[".repeat(5000)).is_err());
    }
}
