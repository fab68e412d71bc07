//! Decodes OTLP from protobuf and from JSON, by one table of its messages.
//!
//! - [`descriptor`]: the field table: every message with its fields and their limits
//! - [`Export`]: the envelope of an export request, read in place
//! - [`json`]: conversion from JSON to protobuf, and from protobuf to JSON
//! - [`canonical()`]: the canonical encoding of a message, validated and within the limits
//! - [`MetricMessage`]: a metric, split into its head and its data points
//! - [`wire`]: the fields of an encoded protobuf message
//!
//! An invalid item is refused alone; the other items of the request are kept. Output is never longer than the input, is
//! valid for any protobuf library, and respects the limits of [`limits`] and of the table.

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
pub use export::{Export, ResourceItems, ScopeItems};
pub use flaw::Flaw;
pub use metric::{MetricHead, MetricMessage};
pub use schema::{Cardinality, Enum, Field, FieldKind, Message};

/// A telemetry signal.
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
    /// The export request message of this signal.
    pub fn export(self) -> &'static Message {
        match self {
            Self::Traces => &descriptor::EXPORT_TRACES,
            Self::Logs => &descriptor::EXPORT_LOGS,
            Self::Metrics => &descriptor::EXPORT_METRICS,
        }
    }
}
