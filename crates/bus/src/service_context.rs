//! The context that all parts of a service share.

use runtime::clock::Clock;
use telemetry::{Metrics, SpanSink};

/// Clock, metrics and spans of one process. Clones share them.
#[derive(Clone)]
pub struct ServiceContext {
    /// The name of this process among its replicas.
    pub instance: String,
    /// The displayed clock, used for shown times and telemetry; it may be skewed.
    pub clock: Clock,
    /// The metrics of `/metrics`.
    pub metrics: Metrics,
    /// Exports spans after the fact.
    pub spans: SpanSink,
}
