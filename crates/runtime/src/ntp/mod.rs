//! Measures this process's clock against a time server, reports its offset, and corrects timestamps.
//!
//! The clock is measured whenever a server is set, and corrected only with `WAYBILL_CLOCK=ntp`. The offset is that of the
//! clock *before* correction, so it stays visible while the clock is corrected.
//!
//! - [`ClockWatch`]: the polling loop, its metrics and log lines
//! - `sync`: computes the correction after each poll, without I/O
//! - `query`: one SNTP query
//! - [`TimeServer`]: the server's address

mod query;
mod server;
mod sync;
mod watch;

pub use server::{InvalidTimeServer, TimeServer};
pub use watch::{ClockWatch, NtpTiming};
