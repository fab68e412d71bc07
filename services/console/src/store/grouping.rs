//! Groups spans and series by resource and scope, as OTLP's envelope does.

use std::collections::HashMap;
use std::sync::Arc;

use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, TracesData};

use super::resource_scope::ResourceScope;

/// The items of one resource and scope.
pub(crate) type Group<T> = (Arc<ResourceScope>, Vec<T>);

/// The items by resource and scope; groups are in the order of their first items.
pub(crate) fn grouped<T>(items: impl Iterator<Item = (Arc<ResourceScope>, T)>) -> Vec<Group<T>> {
    let mut groups: Vec<Group<T>> = Vec::new();
    let mut indexes: HashMap<*const ResourceScope, usize> = HashMap::new();
    for (scope, item) in items {
        let index = *indexes.entry(Arc::as_ptr(&scope)).or_insert(groups.len());
        match groups.get_mut(index) {
            Some((_, group)) => group.push(item),
            None => groups.push((scope, vec![item])),
        }
    }
    groups
}

/// The spans as an OTLP message.
pub(crate) fn traces(spans: Vec<(Arc<ResourceScope>, Span)>) -> TracesData {
    let envelope = |(scope, spans): (Arc<ResourceScope>, _)| ResourceSpans {
        resource: scope.resource(),
        scope_spans: vec![ScopeSpans {
            scope: scope.scope(),
            spans,
            schema_url: scope.scope_schema_url.to_string(),
        }],
        schema_url: scope.resource_schema_url.to_string(),
    };
    TracesData { resource_spans: grouped(spans.into_iter()).into_iter().map(envelope).collect() }
}
