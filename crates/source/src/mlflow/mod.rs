//! An MLflow tracking server, by its REST API (2.x and 3.x): runs, metric histories, artifacts, logged
//! models; and what a report leaves on its run.

mod back;
mod client;
mod fetch;
mod read;
mod run;
#[cfg(test)]
mod tests;

pub use client::{Credentials, Mlflow};
pub use fetch::{Fetched, Room};
pub use run::{Entry, Place, Point, Run};
