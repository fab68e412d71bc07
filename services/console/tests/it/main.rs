//! The console as a black box: real sockets, real protocols.

#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod admin;
mod canary;
mod encodings;
mod eviction;
mod gateway;
mod hooks;
mod hostile;
mod ingest;
mod job_state;
mod links;
mod logs;
mod metrics;
mod metrics_page;
mod navigation;
mod otlp_json;
mod overload;
mod pages;
mod scrape;
mod search;
mod security;
mod stopping;
mod telemetry;
mod under_test;
mod unusual_values;
