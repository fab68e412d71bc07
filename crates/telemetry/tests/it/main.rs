//! Telemetry as others see it: a process of its own for each test, real targets, real variables.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod logs;
mod loki;
mod metrics;
mod outages;
mod probe;
mod span_journal;
mod spans;
mod variables;
