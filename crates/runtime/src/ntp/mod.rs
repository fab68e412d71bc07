//! Asks a time server how wrong this process's clock is, says so, and corrects what is stamped.
//!
//! Measuring happens whenever a server is set, correcting only with `WAYBILL_CLOCK=ntp`. What is measured
//! is the clock *before* any correction, so a clock that is corrected still shows how wrong it is.
//!
//! - [`Watch`]: the loop, its metrics and its log lines
//! - `follower`: what to do about an answer or its absence; no I/O
//! - `query`: one question to the server
//! - [`TimeServer`]: where the server is

mod follower;
mod query;
mod server;
mod watch;

pub use server::{NoTimeServer, TimeServer};
pub use watch::{Pace, Watch};
