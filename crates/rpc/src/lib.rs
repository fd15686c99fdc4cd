//! Channels, client and server stacks, and trace context: the same for a service in this process
//! and for one at the other end of a network. Only the maker of a channel knows which it is.

mod client;
mod compute;
mod server;
mod trace;

pub use client::{Client, Deadline, in_process, remote, remote_with_key};
pub use compute::{Cancel, Compute};
pub use server::{Module, serve, serve_in_process};
pub use trace::{inject, server_span};

/// Largest message on the wire. Inline artifacts are part of a message, so this bounds them too;
/// larger artifacts travel as references.
pub const MAX_MESSAGE: usize = 64 << 20;
