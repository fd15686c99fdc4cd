//! Cards of tensors between their own form and the wire's.

use deepfix_api::report as w;

use crate::{LayerCard, Num};

impl From<LayerCard> for w::LayerCard {
    fn from(c: LayerCard) -> Self {
        Self {
            name: c.name,
            dtype: c.dtype,
            shape: c.shape,
            norm: c.norm.0,
            mean: c.mean.0,
            std: c.std.0,
            largest: c.largest.0,
            zeros: c.zeros,
            not_finite: c.not_finite,
            change: c.change.map(|change| change.0),
            spectral: c.spectral.map(|norm| norm.0),
        }
    }
}

impl From<w::LayerCard> for LayerCard {
    fn from(c: w::LayerCard) -> Self {
        Self {
            name: c.name,
            dtype: c.dtype,
            shape: c.shape,
            norm: Num(c.norm),
            mean: Num(c.mean),
            std: Num(c.std),
            largest: Num(c.largest),
            zeros: c.zeros,
            not_finite: c.not_finite,
            change: c.change.map(Num),
            spectral: c.spectral.map(Num),
        }
    }
}
