//! The filters of each exporter. Every layer has its own filter: a global one would remove spans, and with them the
//! trace context in headers, from a service that logs only warnings.

use tracing::{Metadata, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    filter::{EnvFilter, FilterExt as _, FilterFn, ParseError, Targets},
    layer::Filter,
};

/// Target of the events of `tracing-loki`.
pub(crate) const LOKI_CLIENT: &str = "tracing_loki";

/// Crates that the exporters use: exporting their events would cause more events.
const EXPORTERS: [&str; 8] =
    ["h2", "hyper", "hyper_util", "opentelemetry", "reqwest", "tonic", "tower", LOKI_CLIENT];

/// Spans of this lab, without events, which are exported as logs.
pub(crate) fn spans<S: Subscriber>() -> impl Filter<S> {
    spans_only().and(without_exporters())
}

/// Events from `info` up, for log stores.
pub(crate) fn logs<S: Subscriber>() -> impl Filter<S> {
    events_only().and(without_exporters())
}

/// Like [`logs`], plus errors of the Loki client, so that its failures are noticed.
pub(crate) fn loki<S: Subscriber>() -> impl Filter<S> {
    events_only().and(without_exporters().with_target(LOKI_CLIENT, LevelFilter::ERROR))
}

/// Events that match `filter`, for standard output. Events of exporters are off unless the filter names them.
pub(crate) fn stdout<S: Subscriber>(filter: &str) -> Result<impl Filter<S> + use<S>, ParseError> {
    let silent = EXPORTERS.map(|exporter| format!("{exporter}=off")).join(",");
    let filter = EnvFilter::builder().parse(format!("{silent},{filter}"))?;
    Ok(events_only().and(filter))
}

type KindFilter = FilterFn<fn(&Metadata<'_>) -> bool>;

fn spans_only() -> KindFilter {
    of_kind(|about: &Metadata<'_>| !about.is_event())
}

fn events_only() -> KindFilter {
    of_kind(|about: &Metadata<'_>| !about.is_span())
}

/// The hint preserves that of the other filter: without a hint, events of every level would be checked.
fn of_kind(kind: fn(&Metadata<'_>) -> bool) -> KindFilter {
    FilterFn::new(kind).with_max_level_hint(LevelFilter::TRACE)
}

fn without_exporters() -> Targets {
    // The NATS client logs each connection at `info`; `bus` logs them too.
    let targets =
        Targets::new().with_default(LevelFilter::INFO).with_target("async_nats", LevelFilter::WARN);
    EXPORTERS
        .iter()
        .fold(targets, |targets, exporter| targets.with_target(*exporter, LevelFilter::OFF))
}
