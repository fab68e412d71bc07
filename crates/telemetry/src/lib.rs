//! Traces, logs and metrics with exemplars. Telemetry never blocks a job.
//!
//! Telemetry that cannot be sent is dropped and counted in `waybill_telemetry_dropped_total`. No job waits for a
//! telemetry target, and every queue has a limit. Names are in `contract::signals`.
//!
//! - [`init`], [`Telemetry`]: start-up and the flush at the end
//! - [`TelemetryConfig`], [`Identity`]: settings, and the identity of the process
//! - [`Metrics`], [`openmetrics`]: counters, gauges, histograms with exemplars, and their text form
//! - [`SpanSink`], [`FinishedSpan`]: spans exported after the fact, such as lost attempts and queue waits
//! - [`ClockOffset`]: the offset of timestamps
//! - [`context`]: conversion between OpenTelemetry's span contexts and the contract's `TraceParent`

pub mod context;
pub mod openmetrics;

mod config;
mod exemplars;
mod filters;
mod in_flight;
mod log_queue;
#[cfg_attr(not(feature = "loki"), path = "loki/absent.rs")]
mod loki;
mod metrics;
mod offset;
mod otel;
mod otel_variables;
mod pipelines;
mod resource;
mod span_journal;
mod span_queue;
mod span_sink;
mod start;
mod stdout;

pub use config::TelemetryConfig;
pub use context::current_span_ref;
pub use metrics::Metrics;
pub use offset::ClockOffset;
pub use resource::Identity;
pub use span_sink::{FinishedSpan, SpanSink};
pub use start::{Telemetry, TelemetryError, init};
