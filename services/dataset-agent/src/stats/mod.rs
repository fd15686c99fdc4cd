//! Statistics, exact: every formula names its source.

pub(crate) mod drift;
pub(crate) mod power;
pub(crate) mod rank;
pub(crate) mod rates;
pub(crate) mod trees;
pub(crate) mod units;
