//! Statistics, exact: every formula names its source.

pub(crate) mod drift;
pub(crate) mod power;
pub(crate) mod rates;
