//! Numbers as the report writes them: whole numbers without a fraction, `NaN` and the infinities
//! as strings, because JSON has no token for them.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A number that may be NaN or infinite.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Num(pub f64);

impl From<f64> for Num {
    fn from(value: f64) -> Self {
        Self(value)
    }
}

/// Largest magnitude below which every whole number is exact in a double.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl Serialize for Num {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let v = self.0;
        if v.is_nan() {
            serializer.serialize_str("NaN")
        } else if v.is_infinite() {
            serializer.serialize_str(if v > 0.0 { "Infinity" } else { "-Infinity" })
        } else if v.fract() == 0.0 && v.abs() < EXACT {
            #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
            serializer.serialize_i64(v as i64)
        } else {
            serializer.serialize_f64(v)
        }
    }
}

fn special(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

struct ScalarVisitor;

impl de::Visitor<'_> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, a string or a boolean")
    }

    fn visit_bool<E>(self, v: bool) -> Result<Scalar, E> {
        Ok(Scalar::Flag(v))
    }

    fn visit_f64<E>(self, v: f64) -> Result<Scalar, E> {
        Ok(Scalar::Number(v))
    }

    #[expect(clippy::cast_precision_loss, reason = "report numbers are doubles")]
    fn visit_i64<E>(self, v: i64) -> Result<Scalar, E> {
        Ok(Scalar::Number(v as f64))
    }

    #[expect(clippy::cast_precision_loss, reason = "report numbers are doubles")]
    fn visit_u64<E>(self, v: u64) -> Result<Scalar, E> {
        Ok(Scalar::Number(v as f64))
    }

    fn visit_str<E>(self, v: &str) -> Result<Scalar, E> {
        Ok(special(v).map_or_else(|| Scalar::Text(v.to_owned()), Scalar::Number))
    }
}

impl<'de> Deserialize<'de> for Num {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_any(ScalarVisitor)? {
            Scalar::Number(v) => Ok(Self(v)),
            Scalar::Text(_) | Scalar::Flag(_) => Err(de::Error::custom("expected a number")),
        }
    }
}

impl JsonSchema for Num {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Number".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number; not finite ones are strings.",
            "anyOf": [{ "type": "number" }, { "enum": ["NaN", "Infinity", "-Infinity"] }]
        })
    }
}

/// A measured value.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// A number; may be NaN or infinite.
    Number(f64),
    /// A word, such as a category.
    Text(String),
    /// Yes or no.
    Flag(bool),
}

impl Scalar {
    /// The number, when it is one.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(v) => Some(*v),
            Self::Text(_) | Self::Flag(_) => None,
        }
    }
}

impl From<f64> for Scalar {
    fn from(v: f64) -> Self {
        Self::Number(v)
    }
}

impl From<usize> for Scalar {
    #[expect(clippy::cast_precision_loss, reason = "counts of rows and columns stay below 2^53")]
    fn from(v: usize) -> Self {
        Self::Number(v as f64)
    }
}

impl From<u64> for Scalar {
    #[expect(clippy::cast_precision_loss, reason = "counts of rows and bytes stay below 2^53")]
    fn from(v: u64) -> Self {
        Self::Number(v as f64)
    }
}

impl From<&str> for Scalar {
    fn from(v: &str) -> Self {
        Self::Text(v.to_owned())
    }
}

impl From<String> for Scalar {
    fn from(v: String) -> Self {
        Self::Text(v)
    }
}

impl From<bool> for Scalar {
    fn from(v: bool) -> Self {
        Self::Flag(v)
    }
}

impl Serialize for Scalar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(v) => Num(*v).serialize(serializer),
            Self::Text(v) => serializer.serialize_str(v),
            Self::Flag(v) => serializer.serialize_bool(*v),
        }
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

impl JsonSchema for Scalar {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Scalar".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A measured value; numbers that are not finite are strings.",
            "type": ["number", "string", "boolean"]
        })
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(v) => f.write_str(&fmt_number(*v)),
            Self::Text(v) => f.write_str(v),
            Self::Flag(v) => write!(f, "{v}"),
        }
    }
}

/// A number for people: whole numbers in full with thin grouping, others to four significant digits.
#[must_use]
pub fn fmt_number(v: f64) -> String {
    if v.is_nan() {
        return "NaN".into();
    }
    if v.is_infinite() {
        return if v > 0.0 { "Infinity".into() } else { "-Infinity".into() };
    }
    if v.fract() == 0.0 && v.abs() < 1e12 {
        return group(&format!("{v:.0}"));
    }
    let magnitude = v.abs();
    if !(1e-4..1e7).contains(&magnitude) {
        return format!("{v:.2e}");
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between -4 and 7")]
    let decimals = (3 - magnitude.log10().floor() as i32).clamp(0, 7) as usize;
    let text = format!("{v:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { group(&text) }
}

fn group(digits: &str) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) && digits.len() > 4 {
            out.push(',');
        }
        out.push(c);
    }
    format!("{sign}{out}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_meaning_through_json() {
        for (v, text) in [(3.0, "3"), (0.5, "0.5"), (f64::INFINITY, "\"Infinity\""), (-0.25, "-0.25")] {
            let json = serde_json::to_string(&Num(v)).expect("a number serialises");
            assert_eq!(json, text);
            assert_eq!(serde_json::from_str::<Num>(&json).expect("and reads back"), Num(v));
        }
        assert_eq!(serde_json::to_string(&Scalar::Number(f64::NAN)).expect("NaN serialises"), "\"NaN\"");
    }

    #[test]
    fn people_read_four_digits() {
        for (v, text) in [
            (0.97123, "0.9712"),
            (1234.5, "1234"),
            (12345.6, "12,346"),
            (336_776.0, "336,776"),
            (1.5e-9, "1.50e-9"),
            (0.5, "0.5"),
        ] {
            assert_eq!(fmt_number(v), text);
        }
    }
}
