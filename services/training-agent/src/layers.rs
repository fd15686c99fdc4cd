//! Per-layer statistics over training: one row per layer and sampled epoch.

use crate::log::number;

/// One row.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) epoch: f64,
    pub(crate) layer: String,
    pub(crate) kind: String,
    cells: Vec<Option<f64>>,
}

/// The table.
#[derive(Debug, Default)]
pub(crate) struct LayerStats {
    columns: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

/// The words of a layer's name, without the numbers at their ends.
pub(crate) fn words(name: &str) -> Vec<String> {
    name.to_lowercase()
        .split(|c: char| !c.is_ascii_alphanumeric())
        .map(|word| word.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned())
        .filter(|word| !word.is_empty())
        .collect()
}

/// Whether a layer normalises, by its name.
pub(crate) fn is_norm(name: &str) -> bool {
    words(name).iter().any(|word| word.contains("norm") || matches!(word.as_str(), "bn" | "ln"))
}

impl LayerStats {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        let text = deepfix_artifact::decode_text(bytes);
        let mut reader = ::csv::ReaderBuilder::new().flexible(true).from_reader(&*text.text);
        let columns: Vec<String> = reader.headers().map_err(|e| e.to_string())?.iter().map(|h| h.trim().to_owned()).collect();
        let find = |name: &str| columns.iter().position(|c| c == name);
        let (Some(layer), Some(kind)) = (find("layer"), find("kind")) else {
            return Err(format!(
                "needs the columns layer and kind, has: {}",
                columns.iter().take(12).cloned().collect::<Vec<_>>().join(", ")
            ));
        };
        let epoch = find("epoch").or_else(|| find("step"));
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| error.to_string())?;
            let text = |i: usize| record.get(i).unwrap_or_default().trim().to_owned();
            rows.push(Row {
                epoch: epoch.and_then(|i| record.get(i)).and_then(number).unwrap_or(0.0),
                layer: text(layer),
                kind: text(kind),
                cells: record.iter().map(number).collect(),
            });
        }
        if rows.is_empty() { Err("has a header and no row".to_owned()) } else { Ok(Self { columns, rows }) }
    }

    /// A cell of a row by column name.
    pub(crate) fn cell(&self, row: &Row, column: &str) -> Option<f64> {
        let index = self.columns.iter().position(|c| c == column)?;
        row.cells.get(index).copied().flatten()
    }

    /// Rows of weights: parameters named weight or kernel.
    pub(crate) fn weights(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| {
            let name = row.layer.to_lowercase();
            row.kind == "param" && (name.contains("weight") || name.contains("kernel"))
        })
    }

    /// Names of weight layers in their order, without normalisation and embeddings, whose gradients
    /// are of another kind.
    pub(crate) fn weight_layers(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for row in self.weights() {
            if !is_norm(&row.layer) && !row.layer.to_lowercase().contains("embed") && !names.contains(&row.layer.as_str()) {
                names.push(&row.layer);
            }
        }
        names
    }

    /// Relative distance that weights went: mean update ratio of an epoch times the epochs, median over
    /// layers.
    pub(crate) fn travel(&self, epochs: usize) -> Option<f64> {
        let distances: Vec<f64> = self
            .weight_layers()
            .into_iter()
            .filter_map(|layer| {
                let ratios: Vec<f64> = self
                    .weights()
                    .filter(|row| row.layer == layer)
                    .filter_map(|row| self.cell(row, "update_ratio"))
                    .filter(|v| v.is_finite())
                    .collect();
                (!ratios.is_empty()).then(|| crate::stats::mean(&ratios) * ratios.len().max(epochs) as f64)
            })
            .collect();
        (!distances.is_empty()).then(|| crate::stats::median(&distances))
    }

    pub(crate) fn last_epoch(&self) -> f64 {
        self.rows.iter().map(|r| r.epoch).fold(f64::NEG_INFINITY, f64::max)
    }

    /// Epochs, ascending, once each.
    pub(crate) fn epochs(&self) -> Vec<f64> {
        let mut epochs: Vec<f64> = self.rows.iter().map(|r| r.epoch).collect();
        epochs.sort_by(f64::total_cmp);
        epochs.dedup();
        epochs
    }
}
