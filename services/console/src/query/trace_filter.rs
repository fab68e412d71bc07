//! The search for traces, which pages and API have in common.

use super::parameters::{BadQuery, QueryParameters};
use crate::store::TraceFilter;

/// Reads the parameters of a search for traces; other parameters stay unread.
pub(crate) fn trace_filter(parameters: &mut QueryParameters) -> Result<TraceFilter, BadQuery> {
    let status = |text: &str| match text {
        "error" => Some(true),
        "ok" => Some(false),
        _ => None,
    };
    let duration = |text: &str| text.parse().ok().filter(|least: &f64| *least >= 0.0);
    let attribute = |text: &str| {
        let (key, value) = text.split_once('=')?;
        (!key.is_empty()).then(|| (key.to_owned(), value.to_owned()))
    };
    Ok(TraceFilter {
        service: parameters.text("service")?,
        name: parameters.text("name")?,
        failed: parameters.read("status", "error or ok", status)?,
        min_duration_ms: parameters.read("min_duration_ms", "a number, 0 or more", duration)?,
        job: parameters.text("job")?,
        attribute: parameters.read("attribute", "of the form key=value", attribute)?,
        limit: parameters.limit()?,
    })
}
