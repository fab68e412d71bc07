//! The console from outside: real sockets, real protocols.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod admin;
mod canary;
mod eviction;
mod gateway;
mod hooks;
mod hostile;
mod ingest;
mod links;
mod logs;
mod metrics;
mod metrics_page;
mod navigation;
mod otlp_json;
mod pages;
mod put_off;
mod scrape;
mod search;
mod security;
mod spellings;
mod standing;
mod stopping;
mod telemetry;
mod under_test;
