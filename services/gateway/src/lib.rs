//! The HTTP API of the lab: accepts jobs and shows their state.
//!
//! Publishes `jobs.submitted.{kind}` and creates the job's record; a client gets its 202 only after the
//! broker's ack. Shows records, results, queues and dead letters, and cancels, retries and redrives jobs.
//! It runs no jobs.
//!
//! - `routes`: the handler of each endpoint
//! - `submit`, `events`, `idempotency`: submission
//! - `job_endpoints`, `dead_letters`, `queues`: reading and changing what was submitted
//! - `openapi`: the description of the API
//! - `index`: all jobs in memory, and the clients that follow them

mod accepted;
mod app;
mod body;
mod broker;
mod capacity;
mod config;
mod dead_letters;
mod error;
mod events;
mod fault_point;
mod idempotency;
mod inbound_context;
mod index;
mod job_endpoints;
mod leases;
mod measure;
mod openapi;
mod query;
mod queues;
mod reaper;
mod routes;
mod server_span;
mod start;
mod storage_problem;
mod stream_watch;
mod submit;
mod trace_context;
mod webhook_policy;

pub use config::Config;
use contract::Stage;
pub use start::{RunningGateway, run, start};

/// The stage of this service.
pub const STAGE: Stage = Stage::Gateway;
