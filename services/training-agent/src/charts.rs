//! Learning curves with the epoch of each finding marked, and weight norms by layer.

use deepfix_model::{Chart, ChartKind, Finding, Mark, Num, Series};

use crate::{log::Curve, run::Run};

/// Most points of a line; longer curves keep every n-th and the last.
const POINTS: usize = 240;

fn line(name: &str, curve: &Curve) -> Series {
    let every = curve.len().div_ceil(POINTS).max(1);
    let keep = |i: &usize| i.is_multiple_of(every) || *i + 1 == curve.len();
    let indices: Vec<usize> = (0..curve.len()).filter(keep).collect();
    Series {
        name: name.to_owned(),
        x: indices.iter().map(|&i| Num(curve.x[i])).collect(),
        y: indices.iter().map(|&i| Num(curve.y[i])).collect(),
    }
}

pub(crate) fn charts(run: &Run, findings: &[Finding]) -> Vec<Chart> {
    let marks: Vec<Mark> = findings
        .iter()
        .filter_map(|f| {
            let x = f.subject.strip_prefix("epoch:")?.replace(',', "").parse().ok()?;
            Some(Mark { x: Num(x), label: f.code.clone() })
        })
        .collect();
    let curve = |subject: &str, title: &str, y_label: &str, lines: Vec<(&str, &Option<Curve>)>| {
        let series: Vec<Series> =
            lines.into_iter().filter_map(|(name, curve)| Some(line(name, curve.as_ref().filter(|c| c.len() >= 2)?))).collect();
        (!series.is_empty()).then(|| Chart {
            kind: ChartKind::Curve,
            subject: subject.to_owned(),
            title: title.to_owned(),
            x_label: "epoch".to_owned(),
            y_label: y_label.to_owned(),
            labels: Vec::new(),
            series,
            marks: marks.clone(),
        })
    };
    let mut out: Vec<Chart> = [
        curve("loss", "loss by epoch", "loss", vec![("train", &run.train_loss), ("validation", &run.val_loss)]),
        curve(
            "accuracy",
            "score by epoch",
            "score",
            vec![
                ("train accuracy", &run.train_accuracy),
                ("validation accuracy", &run.val_accuracy),
                ("validation AUC", &run.val_auc),
            ],
        ),
    ]
    .into_iter()
    .flatten()
    .collect();
    out.extend(norms(run));
    out
}

fn norms(run: &Run) -> Option<Chart> {
    let layers = run.layers.as_ref()?;
    let last = layers.last_epoch();
    let norms: Vec<(String, f64)> = layers
        .rows
        .iter()
        .filter(|r| r.epoch == last && r.kind == "param")
        .filter_map(|r| Some((r.layer.clone(), layers.cell(r, "grad_norm")?)))
        .take(60)
        .collect();
    (!norms.is_empty()).then(|| Chart {
        kind: ChartKind::Bars,
        subject: "gradients".to_owned(),
        title: format!("gradient norm per layer at epoch {}", deepfix_model::fmt_number(last)),
        x_label: "layer".to_owned(),
        y_label: "gradient norm".to_owned(),
        labels: norms.iter().map(|n| n.0.clone()).collect(),
        series: vec![Series { name: "gradient norm".to_owned(), x: Vec::new(), y: norms.iter().map(|n| Num(n.1)).collect() }],
        marks: Vec::new(),
    })
}
