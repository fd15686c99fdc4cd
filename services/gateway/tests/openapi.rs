//! `docs/openapi.json` is the description the gateway serves. `DEEPFIX_BLESS=1` writes it anew.

use std::path::PathBuf;

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
