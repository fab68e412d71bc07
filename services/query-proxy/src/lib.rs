//! Passes queries on to the backends of the full lab, and nothing that changes one.
//!
//! Prometheus, Loki and Tempo check neither where a request comes from nor whether it changes something: whoever
//! reaches their ports can end Loki by an image's address, delete lines, or write samples. Here only queries
//! pass, and none that a web page of another origin sends.
//!
//! - `rules`: which requests are queries
//! - `forward`: sends one on and its answer back
//! - `start`: the listeners, one for each backend

mod config;
mod forward;
mod rules;
mod start;

pub use config::Config;
pub use start::{Running, run, start};
