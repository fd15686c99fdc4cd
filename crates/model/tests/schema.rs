//! `docs/report.schema.json` is the schema of the report type. `DEEPFIX_BLESS=1` writes it anew.

use std::path::PathBuf;

#[test]
fn the_published_schema_is_the_type() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/report.schema.json");
    let schema = serde_json::to_string_pretty(&schemars::schema_for!(deepfix_model::Report)).expect("a schema serialises") + "\n";
    if std::env::var_os("DEEPFIX_BLESS").is_some() {
        std::fs::write(&path, &schema).expect("the schema can be written");
    }
    let published = std::fs::read_to_string(&path).expect("the schema is published");
    assert!(
        published == schema,
        "docs/report.schema.json is out of date: DEEPFIX_BLESS=1 cargo test -p deepfix-model --test schema"
    );
}
