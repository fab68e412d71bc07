//! The parts of every service, over real sockets and with real signals.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod admin;
mod clocks;
mod http_guard;
mod serve;
mod stop;
