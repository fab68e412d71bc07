//! Query parameters of pages, API and webhooks.

mod parameters;
mod trace_filter;

pub(crate) use parameters::{BadQuery, QueryParameters};
pub(crate) use trace_filter::trace_filter;
