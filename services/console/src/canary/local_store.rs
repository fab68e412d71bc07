//! Looks in the console's own store.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use contract::signals::CANARY_DURATION;

use super::completeness::is_complete;
use crate::store::{LogFilter, SeenExemplar, Store, TraceId};

/// Spans of the canary's trace that are looked at; it has a dozen.
const SPANS_MAX: usize = 500;

/// Whether the trace is whole.
pub(super) fn trace(store: &Store, id: TraceId) -> Result<(), String> {
    match store.trace_as_otlp(id, SPANS_MAX) {
        Some(trace) => is_complete(&trace),
        None => Err("no span of the trace found".to_owned()),
    }
}

/// Whether a log line of the trace is there.
pub(super) fn log(store: &Store, id: TraceId) -> Result<(), String> {
    let filter = LogFilter { trace: Some(id), limit: 1, ..LogFilter::default() };
    if store.logs(filter).lines.is_empty() {
        return Err("no log line with the trace id found".to_owned());
    }
    Ok(())
}

/// Whether an exemplar leads to a trace: one of the canary's own, or of what came after its end and took
/// the place of its own. `Ok` says how in the latter case.
pub(super) fn exemplar(
    store: &Store,
    id: TraceId,
    ended: SystemTime,
) -> Result<Option<String>, String> {
    let dots = store.exemplars(id, unix_nanos(ended), CANARY_DURATION.name);
    if dots.iter().any(|dot| dot.trace == id) {
        return Ok(None);
    }
    let leads = |dot: &&SeenExemplar| store.has(dot.trace, dot.span);
    match dots.iter().rev().take(TRIES).find(leads) {
        Some(dot) => Ok(Some(super::by_newer(&dot.trace.to_string()))),
        None if dots.is_empty() => Err("no exemplar of this job or a newer one found".to_owned()),
        None => Err("newer exemplars found, but not their traces".to_owned()),
    }
}

/// Newer exemplars that are followed at each look.
const TRIES: usize = 8;

fn unix_nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
