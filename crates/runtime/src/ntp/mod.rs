//! Measures this process's clock against a time server, reports its offset, and corrects timestamps.
//!
//! The clock is measured whenever a server is set, and corrected only with `WAYBILL_CLOCK=ntp`. The offset is that of the
//! clock *before* correction, so it stays visible while the clock is corrected.
//!
//! - [`Watch`]: the polling loop, its metrics and log lines
//! - `follower`: decides what to do after each poll; no I/O
//! - `query`: one SNTP query
//! - [`TimeServer`]: the server's address

mod follower;
mod query;
mod server;
mod watch;

pub use server::{NoTimeServer, TimeServer};
pub use watch::{Pace, Watch};
