//! The readers below all others: JSON, YAML, encodings, compression.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = deepfix_artifact::parse_json(bytes);
    let text = deepfix_artifact::decode_text(bytes);
    let _ = deepfix_artifact::parse_yaml(&text.text);
});
