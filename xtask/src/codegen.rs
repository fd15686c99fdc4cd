//! Rust messages and the descriptor set from `proto/`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use prost::Message;

const GENERATED: &str = "crates/api/src/gen";

/// Writes every generated file.
pub(crate) fn write(root: &Path) -> anyhow::Result<()> {
    let out = root.join(GENERATED);
    if out.exists() {
        fs::remove_dir_all(&out)?;
    }
    fs::create_dir_all(&out)?;
    messages(root, &out)
}

/// Generates into a scratch folder and compares with what is committed.
pub(crate) fn check(root: &Path) -> anyhow::Result<()> {
    let scratch = std::env::temp_dir().join(format!("deepfix-codegen-{}", std::process::id()));
    fs::create_dir_all(&scratch)?;
    let compared = messages(root, &scratch).and_then(|()| compare(root, &scratch));
    fs::remove_dir_all(&scratch)?;
    compared
}

fn compare(root: &Path, scratch: &Path) -> anyhow::Result<()> {
    let names = |dir: &Path| -> anyhow::Result<Vec<String>> {
        let mut names: Vec<String> =
            fs::read_dir(dir)?.filter_map(Result::ok).map(|e| e.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        Ok(names)
    };
    let committed = root.join(GENERATED);
    ensure!(names(&committed)? == names(scratch)?, "{GENERATED} has other files than proto/ gives; run cargo xtask generate");
    for name in names(scratch)? {
        ensure!(
            fs::read(committed.join(&name))? == fs::read(scratch.join(&name))?,
            "{GENERATED}/{name} is out of date; run cargo xtask generate"
        );
    }
    Ok(())
}

fn messages(root: &Path, out: &Path) -> anyhow::Result<()> {
    let proto = root.join("proto");
    let mut files = Vec::new();
    collect(&proto, &mut files)?;
    files.sort();
    let descriptors = protox::compile(&files, [&proto]).context("compiling proto/")?;
    fs::write(out.join("deepfix.fds"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        .bytes(".deepfix.artifact.v1.Artifact.inline")
        .bytes(".deepfix.analysis.v1.UploadArtifactRequest.chunk")
        .btree_map(".")
        .emit_rerun_if_changed(false)
        .out_dir(out)
        .compile_fds(descriptors)?;
    Ok(())
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|e| e == "proto") {
            files.push(path);
        }
    }
    Ok(())
}
