//! Runs that are under way: the history of each metric in bounded memory, when it is worth another
//! look, and which of the things seen may be told before the end.

mod cadence;
mod history;
mod run;
mod told;
mod wire;

pub use cadence::Cadence;
pub use history::{Epoch, History, Point, Room};
pub use run::{FORMAT, MOST_METRICS, RunHistory};
pub use told::Told;
