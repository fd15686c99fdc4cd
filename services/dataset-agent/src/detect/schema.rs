//! `schema_skew`: the splits differ in columns or types. No statistics: a difference is a fact.
//! Renames are told by equal names once case, spaces and punctuation are ignored.

use deepfix_agent::{Analysis, Sink, Stop};
use deepfix_model::{ArtifactKind, BugType, Checked, Evidence, Finding, Note, Severity, Split};

use super::{Data, emit};
use crate::table::{Column, Kind, Values};

fn folded(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

pub(crate) fn detect(analysis: &mut Analysis<'_>, sink: &mut Sink<'_>, data: &Data) -> Result<(), Stop> {
    let Some((train, test)) = data.both() else {
        analysis.checked(Checked::not("schema_skew", "needs a train and a test split"));
        return Ok(());
    };
    let (train_names, test_names) = (train.names(), test.names());
    let in_train: hashbrown::HashSet<&String> = train_names.iter().collect();
    let in_test: hashbrown::HashSet<&String> = test_names.iter().collect();
    let mut extra: Vec<&String> = test_names.iter().filter(|n| !in_train.contains(n)).collect();
    let mut findings = Vec::new();
    // The more rows agree on a header, the less it is a slip of one file.
    let sure = |most: f64| ((most - 0.5 / (1.0 + train.rows().min(test.rows()) as f64).sqrt()).max(0.5) * 100.0).round() / 100.0;
    for name in train_names.iter().filter(|n| !in_test.contains(n)) {
        if let Some(at) = extra.iter().position(|other| folded(other) == folded(name) && !folded(name).is_empty()) {
            let other = extra.remove(at);
            findings.push(finding(
                &[name, other],
                format!("column `{name}` is called `{other}` in test"),
                Evidence::new("column_name", format!("column:{name}"), other.as_str())
                    .versus("==", name.as_str())
                    .method("names compared without case, spaces and punctuation"),
                format!("rename `{other}` to `{name}` in test"),
                sure(0.97),
            ));
        } else if data.label.as_deref() == Some(name) {
            analysis.note(
                Note::new("schema_skew", "label", format!("test has no label column `{name}`; what needs it was left out"))
                    .column(name),
            );
        } else {
            findings.push(finding(
                &[name],
                format!("column `{name}` is missing from test"),
                Evidence::new("present_in_test", format!("column:{name}"), false)
                    .versus("==", true)
                    .method("column names compared"),
                format!("add `{name}` to test, or retrain without it"),
                sure(0.99),
            ));
        }
    }
    for name in extra {
        findings.push(finding(
            &[name],
            format!("column `{name}` is in test only"),
            Evidence::new("present_in_train", format!("column:{name}"), false).versus("==", true).method("column names compared"),
            format!("drop `{name}` from test, or add it to train"),
            sure(0.98),
        ));
    }
    let common = data.common();
    for name in &common {
        let (Some(a), Some(b)) = (train.column(name), test.column(name)) else { continue };
        // A profile does not keep what it has too many values of.
        let unknown = (train.marginal && a.kind == Kind::Other) || (test.marginal && b.kind == Kind::Other);
        if a.present() == 0 || b.present() == 0 || unknown {
            continue;
        }
        if a.kind.agrees(b.kind) {
            // Files that declare types may call numbers text; stray cells would be a fault of their own.
            if train.typed
                && test.typed
                && !a.stored.agrees(b.stored)
                && a.oddities.strays.is_empty()
                && b.oddities.strays.is_empty()
            {
                findings.push(types(name, a.stored, b.stored, "type declared by each file"));
            }
            continue;
        }
        if by_sampling(a, b) || by_sampling(b, a) {
            analysis.note(
                Note::new(
                    "schema_skew",
                    format!("column:{name}"),
                    format!("a few text cells make `{name}` text in one split; the other is too small to show any"),
                )
                .column(name),
            );
            continue;
        }
        findings.push(types(name, a.kind, b.kind, "type inferred from all cells of each split"));
    }
    emit(analysis, sink, "schema_skew", train_names.len() + test_names.len() - common.len(), findings)
}

fn types(name: &String, train: Kind, test: Kind, method: &str) -> Finding {
    finding(
        &[name],
        format!("column `{name}` is {} in train and {} in test", train.name(), test.name()),
        Evidence::new("type_in_test", format!("column:{name}"), test.name()).versus("==", train.name()).method(method),
        format!("read `{name}` with one type in both splits and mend the cells that do not fit it"),
        0.97,
    )
}

/// Whether a column is text in one split only because of cells so few that the other, numeric, split
/// would likely hold none.
fn by_sampling(text: &Column, numbers: &Column) -> bool {
    let Values::Words { codes, words } = &text.values else { return false };
    if numbers.kind != Kind::Number {
        return false;
    }
    let is_text: Vec<bool> = words.iter().map(|word| word.trim().parse::<f64>().is_err()).collect();
    let stray = codes.iter().filter(|code| is_text.get(**code as usize) == Some(&true)).count();
    let share = stray as f64 / text.present() as f64;
    (1.0 - share).powf(numbers.present() as f64) > 0.01
}

fn finding(columns: &[&String], title: String, evidence: Evidence, action: String, confidence: f64) -> Finding {
    Finding::new("schema_skew", ArtifactKind::Test, format!("column:{}", columns[0]), Severity::High, confidence)
        .title(title)
        .columns(columns.iter().map(|c| (*c).clone()).collect())
        .split(Split::Both)
        .bug(BugType::Performance)
        .evidence(evidence.source("headers of train and test"))
        .fix(action, "the model is given other inputs than it was trained on")
        .step("write the schema down (names, types, order) and check it where data enters")
}
