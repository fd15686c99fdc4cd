//! Per-layer statistics over training: one row per layer and sampled epoch.

use std::collections::{BTreeMap, HashMap};

use crate::log::number;

/// One row.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) epoch: f64,
    pub(crate) layer: String,
    pub(crate) kind: String,
    cells: Vec<Option<f64>>,
}

/// The table, with its rows found by layer and by epoch.
#[derive(Debug, Default)]
pub(crate) struct LayerStats {
    columns: HashMap<String, usize>,
    pub(crate) rows: Vec<Row>,
    /// Rows of weights by layer, layers in their order.
    layers: Vec<(String, Vec<usize>)>,
    by_layer: HashMap<String, usize>,
    /// Rows of weights by epoch.
    by_epoch: BTreeMap<u64, Vec<usize>>,
}

impl LayerStats {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        let text = deepfix_artifact::decode_text(bytes);
        let mut reader = ::csv::ReaderBuilder::new().flexible(true).from_reader(&*text.text);
        let header: Vec<String> = reader.headers().map_err(|e| e.to_string())?.iter().map(|h| h.trim().to_owned()).collect();
        let find = |name: &str| header.iter().position(|c| c == name);
        let (Some(layer), Some(kind)) = (find("layer"), find("kind")) else {
            return Err(format!(
                "needs the columns layer and kind, has: {}",
                header.iter().take(12).cloned().collect::<Vec<_>>().join(", ")
            ));
        };
        let epoch = find("epoch").or_else(|| find("step"));
        let mut out =
            Self { columns: header.iter().cloned().enumerate().map(|(i, name)| (name, i)).collect(), ..Self::default() };
        for record in reader.records() {
            let record = record.map_err(|error| error.to_string())?;
            let text = |i: usize| record.get(i).unwrap_or_default().trim().to_owned();
            out.push(Row {
                epoch: epoch.and_then(|i| record.get(i)).and_then(number).filter(|e| e.is_finite()).unwrap_or(0.0),
                layer: text(layer),
                kind: text(kind),
                cells: record.iter().map(number).collect(),
            });
        }
        if out.rows.is_empty() { Err("has a header and no row".to_owned()) } else { Ok(out) }
    }

    fn push(&mut self, row: Row) {
        let index = self.rows.len();
        let name = row.layer.to_lowercase();
        if row.kind == "param" && (name.contains("weight") || name.contains("kernel")) {
            let place = *self.by_layer.entry(row.layer.clone()).or_insert_with(|| {
                self.layers.push((row.layer.clone(), Vec::new()));
                self.layers.len() - 1
            });
            self.layers[place].1.push(index);
            self.by_epoch.entry(row.epoch.to_bits()).or_default().push(index);
        }
        self.rows.push(row);
    }

    /// A cell of a row by column name.
    pub(crate) fn cell(&self, row: &Row, column: &str) -> Option<f64> {
        row.cells.get(*self.columns.get(column)?).copied().flatten()
    }

    /// Rows of weights: parameters named weight or kernel.
    pub(crate) fn weights(&self) -> impl Iterator<Item = &Row> {
        self.layers.iter().flat_map(|(_, rows)| rows).map(|&i| &self.rows[i])
    }

    /// Names of the layers that have weights, in their order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.layers.iter().map(|(name, _)| name.as_str())
    }

    /// Rows of one layer's weights.
    pub(crate) fn weights_of(&self, layer: &str) -> impl Iterator<Item = &Row> {
        let rows = self.by_layer.get(layer).map_or(&[][..], |&place| &self.layers[place].1);
        rows.iter().map(|&i| &self.rows[i])
    }

    /// Rows of all weights at an epoch.
    pub(crate) fn weights_at(&self, epoch: f64) -> impl Iterator<Item = &Row> {
        self.by_epoch.get(&epoch.to_bits()).into_iter().flatten().map(|&i| &self.rows[i])
    }

    /// Names of weight layers in their order, without normalisation and embeddings, whose gradients
    /// are of another kind.
    pub(crate) fn weight_layers(&self) -> Vec<&str> {
        self.names().filter(|name| !is_norm(name) && !name.to_lowercase().contains("embed")).collect()
    }

    /// Relative distance that weights went: mean update ratio of an epoch times the epochs, median over
    /// layers.
    pub(crate) fn travel(&self, epochs: usize) -> Option<f64> {
        let distances: Vec<f64> = self
            .weight_layers()
            .into_iter()
            .filter_map(|layer| {
                let ratios: Vec<f64> =
                    self.weights_of(layer).filter_map(|row| self.cell(row, "update_ratio")).filter(|v| v.is_finite()).collect();
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
