//! Reads the two splits of an analysis within the memory allowed to both.

use deepfix_agent::{Analysis, Part};
use deepfix_model::{ArtifactKind, Note};

use crate::table::{Reading, Table, TableError, Unpacked};

const KINDS: [ArtifactKind; 2] = [ArtifactKind::Train, ArtifactKind::Test];
/// A split this small is read whole whatever the other one weighs: leaving rows of it out would save
/// little and cost precision.
const SMALL: u64 = 64 << 20;

/// Train and test, each `None` when there is none or it cannot be read, which is then on record.
pub(crate) fn read(analysis: &mut Analysis<'_>) -> (Option<Table>, Option<Table>) {
    let limits = analysis.limits();
    let label = analysis.options.label.clone();
    let cancel = analysis.cancel();
    let opened: Vec<Option<(Vec<Part>, String)>> = KINDS
        .iter()
        .map(|&kind| {
            let format = analysis.artifact(kind)?.format.clone();
            Some((analysis.open_parts(kind)?, format))
        })
        .collect();
    // Files are decompressed once, weighed, and read when both weights are known.
    let mut unpacked: Vec<Option<(Unpacked<'_>, u64)>> = Vec::new();
    for (kind, opened) in KINDS.into_iter().zip(&opened) {
        let weighed = opened.as_ref().map(|(parts, format)| {
            let unpacked = Unpacked::new(parts, format, limits)?.until(cancel.clone());
            let weight = unpacked.weight()?;
            Ok::<_, TableError>((unpacked, weight))
        });
        unpacked.push(weighed.and_then(|weighed| kept(analysis, kind, weighed)));
    }
    let total: u64 = unpacked.iter().flatten().map(|(_, weight)| weight).sum();
    let share = if total <= limits.max_memory { 1.0 } else { limits.max_memory as f64 / total as f64 };
    let mut tables = KINDS.into_iter().zip(unpacked).map(|(kind, unpacked)| {
        let (unpacked, weight) = unpacked?;
        let share = if weight <= SMALL.min(limits.max_memory / 4) { 1.0 } else { share };
        let table = kept(analysis, kind, unpacked.read(Reading { share, label: &label }))?;
        analysis.set_rows(kind, usize::try_from(table.sampled_from.unwrap_or(table.rows() as u64)).unwrap_or(usize::MAX));
        for remark in &table.remarks {
            analysis.note(Note::new("artifact_unreadable", format!("artifact:{kind}"), format!("{kind}: {remark}")));
        }
        if let Some(rows) = table.sampled_from {
            analysis.note(Note::new(
                "sampled",
                format!("artifact:{kind}"),
                sampled(kind, rows, table.rows(), weight, limits.max_memory),
            ));
        }
        Some(table)
    });
    (tables.next().flatten(), tables.next().flatten())
}

fn kept<T>(analysis: &mut Analysis<'_>, kind: ArtifactKind, read: Result<T, TableError>) -> Option<T> {
    match read {
        Ok(value) => Some(value),
        Err(error) => {
            analysis.unreadable(kind, error.code(), error.to_string());
            None
        }
    }
}

/// What a sample means for the figures: the error of a share is that of a binomial, at most at one half.
fn sampled(kind: ArtifactKind, rows: u64, sample: usize, weight: u64, limit: u64) -> String {
    let error = 1.96 * 0.5 / (sample as f64).sqrt();
    format!(
        "{kind}: {rows} rows would take about {:.1} GiB, over the limit of {:.1} GiB (limits.max_memory); \
         {sample} of them were looked at, chosen by the hash of their content so that equal rows stay together: \
         a share measured on them is within {:.2} points of the whole (95 %), and what occurs a few times only may be missed",
        weight as f64 / (1_u64 << 30) as f64,
        limit as f64 / (1_u64 << 30) as f64,
        error * 100.0
    )
}
