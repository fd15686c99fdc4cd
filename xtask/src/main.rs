//! `cargo xtask generate` writes what is derived from the sources; `cargo xtask check` refuses a
//! tree where it is out of date or where a dependency points the wrong way.

mod codegen;
mod layers;
mod messages;
// The same file as the catalogue's, which must be readable before anything generated is.
#[path = "../../crates/language/src/said.rs"]
mod said;

use std::path::PathBuf;

fn main() -> anyhow::Result<()> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    match std::env::args().nth(1).as_deref() {
        Some("generate") => {
            codegen::write(&root)?;
            messages::write(&root)
        }
        Some("check") => {
            codegen::check(&root)?;
            messages::check(&root)?;
            layers::check(&root)
        }
        _ => anyhow::bail!("usage: cargo xtask <generate|check>"),
    }
}
