//! Operations in a child process, for a job that was interrupted before: if it is what kills its worker, it kills only
//! the child. The worker keeps the lease, the record and the spans.
//!
//! - `protocol`: the messages between worker and child, one JSON document per line
//! - `worker`: the worker's side: starts the child, stores its tiles, detects its exit
//! - [`child`]: the child's side

pub mod child;

mod protocol;
mod worker;

pub(crate) use protocol::Request;
pub(crate) use worker::run;

/// The command of the program that runs [`child::run`].
pub const CHILD_COMMAND: &str = "isolated-operation";
