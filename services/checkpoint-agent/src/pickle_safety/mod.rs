//! `unsafe_pickle`: loading the file would import or call something outside the names that tensors
//! are rebuilt with. Every name is an exact fact; how sure one can be that it harms depends on
//! whether it is called and on what it belongs to.

mod allowed;

use allowed::allowed;
use deepfix_agent::{Analysis, Sink, Stop};
use deepfix_artifact::checkpoint::{Checkpoint, Global, is_dangerous};
use deepfix_model::{ArtifactKind, BugType, Checked, Evidence, Finding, Severity};

/// Whether a name belongs to what runs code: by its module, by an attribute it leads through, or by a call
/// whose argument cannot be judged.
fn dangerous(global: &Global) -> bool {
    is_dangerous(&global.module)
        || global.unread
        // An attribute of another module: `sklearn.base` with `np.f2py.subprocess.Popen`.
        || global.name.split('.').rev().skip(1).any(|part| is_dangerous(part) || part == "f2py")
        || allowed::FOREIGN.contains(&global.name.rsplit('.').next().unwrap_or_default())
}

pub(crate) fn detect(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, checkpoint: &Checkpoint) -> Result<(), Stop> {
    let strange: Vec<&Global> = checkpoint.globals.iter().filter(|g| g.unread || !allowed(g)).collect();
    analysis.checked(Checked::done("unsafe_pickle", checkpoint.globals.len(), strange.len()));
    if strange.is_empty() {
        return Ok(());
    }
    let harmful: Vec<&&Global> = strange.iter().filter(|g| dangerous(g)).collect();
    let called = strange.iter().any(|g| g.called);
    let severity = if !harmful.is_empty() { Severity::High } else { Severity::Medium };
    let confidence = match (harmful.is_empty(), called) {
        (false, true) => 0.99,
        (false, false) => 0.93,
        // A class of the project's own: loading runs the project's code, which may be meant.
        (true, _) => (0.6 + 0.02 * strange.len() as f64).min(0.8),
    };
    let shown = harmful.first().map_or(strange[0], |g| **g);
    let mut finding = Finding::new(
        "unsafe_pickle",
        ArtifactKind::Checkpoint,
        "artifact:checkpoint",
        severity,
        (confidence * 100.0_f64).round() / 100.0,
    )
    .title(if harmful.is_empty() {
        format!("loading the checkpoint imports code of its own, such as `{}`", shown.path())
    } else {
        format!("loading the checkpoint would run `{}`", shown.path())
    })
    .bug(BugType::Performance);
    for global in strange.iter().take(20) {
        finding = finding.evidence(
            Evidence::new("imported_name", "artifact:checkpoint", global.path())
                .method("pickle opcodes read, nothing executed; names outside the allow-list of tensor rebuilding")
                .source(format!(
                    "opcode at byte {} of the pickle, {}",
                    global.position,
                    match (global.called, global.unread) {
                        (true, true) => "called with what cannot be read here",
                        (true, false) => "called",
                        _ => "not called",
                    }
                )),
        );
    }
    sink.finding(
        finding
            .evidence(
                Evidence::new("names_outside_allow_list", "artifact:checkpoint", strange.len())
                    .versus(">", 0.0)
                    .method("distinct names"),
            )
            .fix(
                if harmful.is_empty() {
                    "save the weights alone, as safetensors"
                } else {
                    "do not load this file; find out where it comes from"
                },
                "a pickle is a program: whoever writes the file chooses what runs where it is loaded",
            )
            .step("safetensors.torch.save_file(model.state_dict(), \"model.safetensors\")")
            .step("load foreign files with torch.load(path, weights_only=True)"),
    )
}
