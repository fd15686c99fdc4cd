//! Which way dependencies point: a crate may only name the layers below it.

use std::{fs, path::Path};

use anyhow::{Context, ensure};

/// Each package folder and the packages of ours it may depend on outside tests.
const LAYERS: &[(&str, &[&str])] = &[
    ("crates/errors", &[]),
    ("crates/api", &[]),
    ("crates/artifact", &[]),
    ("crates/agent", &["api", "artifact", "errors", "model", "rpc", "source"]),
    ("crates/live", &["api", "errors", "model"]),
    ("crates/model", &["api", "errors"]),
    ("crates/rpc", &["errors"]),
    ("crates/runtime", &["rpc", "errors", "settings"]),
    ("crates/settings", &[]),
    ("crates/source", &["artifact", "errors", "model", "settings"]),
    ("crates/language", &["model"]),
    ("crates/render", &["language", "model"]),
    ("services/dataset-agent", AGENT),
    ("services/training-agent", AGENT),
    ("services/checks-agent", AGENT),
    ("services/checkpoint-agent", AGENT),
    ("services/kb", &["api", "artifact", "errors", "rpc", "settings"]),
    ("services/reasoning", &["api", "errors", "language", "model", "rpc", "settings"]),
    ("services/gateway", &["api", "artifact", "errors", "language", "live", "model", "render", "rpc", "settings", "source"]),
];
const AGENT: &[&str] = &["agent", "api", "artifact", "errors", "live", "model", "rpc", "source"];

/// Refuses a dependency that is not in the table.
pub(crate) fn check(root: &Path) -> anyhow::Result<()> {
    for (folder, allowed) in LAYERS {
        let manifest = fs::read_to_string(root.join(folder).join("Cargo.toml")).with_context(|| format!("reading {folder}"))?;
        let normal = manifest.split("[dev-dependencies]").next().unwrap_or_default();
        for line in normal.lines().filter_map(|l| l.trim().strip_prefix("deepfix-")) {
            let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
            ensure!(allowed.contains(&name), "{folder} must not depend on deepfix-{name}; see xtask/src/layers.rs");
        }
    }
    Ok(())
}
