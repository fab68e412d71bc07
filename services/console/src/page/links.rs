//! Links between pages.

use crate::store::{SpanId, TraceId};

/// Longest job id in a path.
const ID_LENGTH_MAX: usize = 64;

/// The page of a trace.
pub(super) fn trace(id: TraceId) -> String {
    format!("/traces/{id}")
}

/// A span on the page of its trace.
pub(super) fn span(trace: TraceId, span: SpanId) -> String {
    format!("/traces/{trace}#s-{span}")
}

/// The address that redirects to the trace of a job; `None` for an id that would need escaping.
pub(super) fn job(id: &str) -> Option<String> {
    is_path_segment(id).then(|| format!("/jobs/{id}"))
}

/// Whether the id can be part of a path without escaping.
pub(super) fn is_path_segment(id: &str) -> bool {
    let fits = (1..=ID_LENGTH_MAX).contains(&id.len());
    fits && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
