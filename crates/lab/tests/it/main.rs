//! Tests of the lab: real processes, real signals, a real nats-server.
//!
//! `lab-rig` is a fake `waybill` binary; `fake` creates programs that act as nats-server, Go and pip.

#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

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
