//! Tests of the runtime with real sockets and signals.

#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

mod admin;
mod clocks;
mod http_guard;
mod serve;
mod stop;
