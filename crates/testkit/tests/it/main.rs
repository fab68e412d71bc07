//! Tests of testkit, against real processes and sockets.

#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

mod eventually;
mod nats;
mod otlp;
mod ports;
mod webhook;
