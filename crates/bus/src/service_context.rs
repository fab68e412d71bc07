//! What every part of a service's process shares.

use runtime::clock::Clock;
use telemetry::{Metrics, SpanSink};

/// Clock, metrics and spans of one process. Clones share them.
#[derive(Clone)]
pub struct ServiceContext {
    /// The name of this process among its replicas.
    pub instance: String,
    /// The clock of displayed times and telemetry; it may be skewed.
    pub clock: Clock,
    /// The metrics that `/metrics` shows.
    pub metrics: Metrics,
    /// Exports spans that are made after the fact.
    pub spans: SpanSink,
}
