//! Tests of the lab: real processes, real signals, a real nats-server.
//!
//! `lab-rig` stands in for the `waybill` binary; `fake` makes programs that play nats-server, Go
//! and pip.

#![expect(clippy::unwrap_used, reason = "what a test stands on may fail it")]

mod embedded;
mod fake;
mod fetch_online;
mod finder;
mod flags;
mod guard;
mod ports;
mod processes;
mod supervisor;
mod time_server;
