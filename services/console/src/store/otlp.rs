//! Puts spans and metrics back into their OTLP envelope, grouped by who sent them.

use std::sync::Arc;

use opentelemetry_proto::tonic::metrics::v1::{Metric, MetricsData, ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, TracesData};

use super::origin::Origin;

/// The spans as an OTLP message.
pub(crate) fn traces(spans: Vec<(Arc<Origin>, Span)>) -> TracesData {
    let envelope = |(origin, spans): (Arc<Origin>, _)| ResourceSpans {
        resource: origin.resource.clone(),
        scope_spans: vec![ScopeSpans {
            scope: origin.scope.clone(),
            spans,
            schema_url: origin.scope_schema_url.clone(),
        }],
        schema_url: origin.resource_schema_url.clone(),
    };
    TracesData { resource_spans: by_origin(spans).into_iter().map(envelope).collect() }
}

/// The metrics as an OTLP message.
pub(crate) fn metrics(metrics: Vec<(Arc<Origin>, Metric)>) -> MetricsData {
    let envelope = |(origin, metrics): (Arc<Origin>, _)| ResourceMetrics {
        resource: origin.resource.clone(),
        scope_metrics: vec![ScopeMetrics {
            scope: origin.scope.clone(),
            metrics,
            schema_url: origin.scope_schema_url.clone(),
        }],
        schema_url: origin.resource_schema_url.clone(),
    };
    MetricsData { resource_metrics: by_origin(metrics).into_iter().map(envelope).collect() }
}

fn by_origin<T>(items: Vec<(Arc<Origin>, T)>) -> Vec<(Arc<Origin>, Vec<T>)> {
    let mut groups: Vec<(Arc<Origin>, Vec<T>)> = Vec::new();
    for (origin, item) in items {
        match groups.iter_mut().find(|(known, _)| Arc::ptr_eq(known, &origin)) {
            Some((_, group)) => group.push(item),
            None => groups.push((origin, vec![item])),
        }
    }
    groups
}
