//! Takes jobs over HTTP and shows how they fare.
//!
//! Writes `jobs.submitted.{kind}` and creates the job's record; a client gets its 202 only after the
//! broker's ack. Reads records, results and dead letters. It runs no jobs.

mod accepted;
mod app;
mod body;
mod broker;
mod bucket;
mod caller;
mod config;
mod dead_letters;
mod error;
mod events;
mod idempotency;
mod index;
mod jobs;
mod listen;
mod measure;
mod query;
mod routes;
mod server_span;
mod start;
mod submit;
mod targets;

pub use config::Config;
use contract::Stage;
pub use start::{Running, run, start};

/// The stage this service is.
pub const STAGE: Stage = Stage::Gateway;
