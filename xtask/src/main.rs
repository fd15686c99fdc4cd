//! `cargo xtask generate` writes what is derived from the sources; `cargo xtask check` refuses a
//! tree where it is out of date or where a dependency points the wrong way.

mod codegen;
mod layers;

use std::path::PathBuf;

fn main() -> anyhow::Result<()> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    match std::env::args().nth(1).as_deref() {
        Some("generate") => codegen::write(&root),
        Some("check") => {
            codegen::check(&root)?;
            layers::check(&root)
        }
        _ => anyhow::bail!("usage: cargo xtask <generate|check>"),
    }
}
