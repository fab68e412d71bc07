//! Decodes OTLP, from protobuf and from JSON, by one table of its messages.
//!
//! - [`descriptor`]: the table: every message of the protocol, with its fields and their limits
//! - [`Export`]: the envelope of an export, walked without building anything
//! - [`json`]: the JSON form, rewritten as protobuf before anything else reads it, and written
//! - `canonical`: one message in one spelling, checked and within its limits
//! - [`Metric`]: a metric, taken apart into its head and its points
//! - [`wire`]: protobuf's fields as they lie in the bytes
//!
//! A flaw costs the item it is in, never its neighbours. Whatever comes out is as long as what came in or shorter, is
//! valid for any protobuf library, and has at most the number of attributes, events, links and values that
//! [`limits`] and the table allow.

mod canonical;
pub mod descriptor;
mod export;
mod flaw;
pub mod json;
pub mod limits;
mod metric;
mod scalar;
mod schema;
pub mod wire;

pub use canonical::{canonical, canonical_into};
pub use export::{Export, Scope, Sender};
pub use flaw::Flaw;
pub use metric::{Metric, MetricHead};
pub use schema::{Enum, Field, Kind, Label, Message};

/// The three kinds of telemetry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Log records.
    Logs,
    /// Data points.
    Metrics,
}

impl Signal {
    /// The export request of this signal.
    pub fn export(self) -> &'static Message {
        match self {
            Self::Traces => &descriptor::EXPORT_TRACES,
            Self::Logs => &descriptor::EXPORT_LOGS,
            Self::Metrics => &descriptor::EXPORT_METRICS,
        }
    }
}
