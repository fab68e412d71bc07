//! Tests of telemetry with a separate process per test, real targets and real variables.

#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

mod logs;
mod loki;
mod metrics;
mod outages;
mod probe;
mod span_journal;
mod spans;
mod variables;
