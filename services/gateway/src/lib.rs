//! Takes jobs over HTTP and shows how they fare.
//!
//! Writes `jobs.submitted.{kind}` and creates the job's record; a client gets its 202 only after the
//! broker's ack. Shows records, results, queues and dead letters, and takes its clients' orders: cancel,
//! retry, redrive. It runs no jobs.
//!
//! - `routes`: which call is answered by which handler
//! - `submit`, `events`, `idempotency`: what is taken
//! - `jobs`, `dead_letters`, `queues`: what is shown, and what may be done with it
//! - `openapi`: what the API says of itself
//! - `index`: which jobs there are, and who follows them

mod accepted;
mod app;
mod body;
mod broker;
mod broker_truth;
mod capacity;
mod config;
mod dead_letters;
mod error;
mod events;
mod fault_point;
mod idempotency;
mod inbound_context;
mod index;
mod jobs;
mod leases;
mod measure;
mod openapi;
mod query;
mod queues;
mod reaper;
mod routes;
mod server_span;
mod start;
mod submit;
mod trace_context;
mod webhook_policy;

pub use config::Config;
use contract::Stage;
pub use start::{Running, run, start};

/// The stage this service is.
pub const STAGE: Stage = Stage::Gateway;
