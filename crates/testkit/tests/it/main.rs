//! Tests of testkit, against real processes and sockets.

#![expect(clippy::unwrap_used, reason = "what a test stands on may fail it")]

mod eventually;
mod nats;
mod otlp;
mod ports;
mod webhook;
