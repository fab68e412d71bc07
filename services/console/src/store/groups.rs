//! Groups spans and series by who sent them, as OTLP's envelope does.

use std::collections::HashMap;
use std::sync::Arc;

use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, TracesData};

use super::origin::Origin;

/// What came from one origin.
pub(crate) type Group<T> = (Arc<Origin>, Vec<T>);

/// The items by origin, each group where its first item was.
pub(crate) fn grouped<T>(items: impl Iterator<Item = (Arc<Origin>, T)>) -> Vec<Group<T>> {
    let mut groups: Vec<Group<T>> = Vec::new();
    let mut places: HashMap<*const Origin, usize> = HashMap::new();
    for (origin, item) in items {
        let place = *places.entry(Arc::as_ptr(&origin)).or_insert(groups.len());
        match groups.get_mut(place) {
            Some((_, group)) => group.push(item),
            None => groups.push((origin, vec![item])),
        }
    }
    groups
}

/// The spans as an OTLP message.
pub(crate) fn traces(spans: Vec<(Arc<Origin>, Span)>) -> TracesData {
    let envelope = |(origin, spans): (Arc<Origin>, _)| ResourceSpans {
        resource: origin.resource(),
        scope_spans: vec![ScopeSpans {
            scope: origin.scope(),
            spans,
            schema_url: origin.scope_schema_url.to_string(),
        }],
        schema_url: origin.resource_schema_url.to_string(),
    };
    TracesData { resource_spans: grouped(spans.into_iter()).into_iter().map(envelope).collect() }
}
