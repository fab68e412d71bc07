//! The console from outside: real sockets, real protocols.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod eviction;
mod gateway;
mod ingest;
mod logs;
mod metrics;
mod otlp_json;
mod pages;
mod search;
mod security;
mod stopping;
mod telemetry;
mod under_test;
