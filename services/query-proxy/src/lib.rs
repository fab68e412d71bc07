//! Forwards queries to the backends of the full lab, and refuses all requests that could change one.
//!
//! Prometheus, Loki and Tempo check neither the origin of a request nor whether it changes something: with access to
//! their ports, a web page can stop Loki with an image URL, delete log lines, or write samples. This proxy forwards
//! only queries, and none from a web page of another origin.
//!
//! - `rules`: which requests are queries
//! - `forward`: forwards a query and its response
//! - `start`: the listeners, one per backend

mod config;
mod forward;
mod rules;
mod start;

pub use config::Config;
pub use start::{RunningQueryProxy, run, start};
