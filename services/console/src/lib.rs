//! The console: takes the lab's telemetry, keeps the latest of it in memory, and shows it.
//!
//! - [`Config`]: addresses and limits
//! - [`run()`], [`start()`]: three listeners that live and end together
//! - `receive`: OTLP over gRPC and over HTTP
//! - `store`: spans by trace, log lines, the latest metric points; all bounded
//! - `api`: the same as JSON
//! - `page`: the same for people

mod api;
mod config;
mod export;
mod gateway;
mod listen;
mod page;
mod receive;
mod start;
mod store;

pub use config::Config;
pub use start::{Running, run, start};
