//! Column cards to and from the wire.

use deepfix_api::report as w;

use super::{doubles, map, nums};
use crate::{ColumnCard, ColumnMeasure, ColumnSide, Num};

impl From<ColumnSide> for w::ColumnSide {
    fn from(s: ColumnSide) -> Self {
        Self {
            rows: s.rows,
            missing: s.missing,
            distinct: s.distinct,
            min: s.min.map(|n| n.0),
            median: s.median.map(|n| n.0),
            max: s.max.map(|n| n.0),
            top: s.top.unwrap_or_default(),
            top_count: s.top_count,
            bins: doubles(s.bins),
        }
    }
}

impl From<w::ColumnSide> for ColumnSide {
    fn from(s: w::ColumnSide) -> Self {
        Self {
            rows: s.rows,
            missing: s.missing,
            distinct: s.distinct,
            min: s.min.map(Num),
            median: s.median.map(Num),
            max: s.max.map(Num),
            top: (s.top_count > 0).then_some(s.top),
            top_count: s.top_count,
            bins: nums(s.bins),
        }
    }
}

impl From<ColumnMeasure> for w::ColumnMeasure {
    fn from(m: ColumnMeasure) -> Self {
        Self { name: m.name, value: m.value.0, beyond_chance: m.beyond_chance.0, threshold: m.threshold.0 }
    }
}

impl From<w::ColumnMeasure> for ColumnMeasure {
    fn from(m: w::ColumnMeasure) -> Self {
        Self { name: m.name, value: Num(m.value), beyond_chance: Num(m.beyond_chance), threshold: Num(m.threshold) }
    }
}

impl From<ColumnCard> for w::ColumnCard {
    fn from(c: ColumnCard) -> Self {
        Self {
            name: c.name,
            kind: c.kind,
            train: c.train.map(Into::into),
            test: c.test.map(Into::into),
            labels: c.labels,
            measures: map(c.measures),
        }
    }
}

impl From<w::ColumnCard> for ColumnCard {
    fn from(c: w::ColumnCard) -> Self {
        Self {
            name: c.name,
            kind: c.kind,
            train: c.train.map(Into::into),
            test: c.test.map(Into::into),
            labels: c.labels,
            measures: map(c.measures),
        }
    }
}
