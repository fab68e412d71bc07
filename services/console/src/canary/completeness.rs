//! Whether the trace of a job that has ended is complete, and if not, what is missing and where.

use opentelemetry_proto::tonic::trace::v1::TracesData;
use serde_json::json;
use trace::{Completeness, Trace};

/// The first thing that is missing; `Ok` if the trace is complete.
pub(super) fn is_complete(trace: &TracesData) -> Result<(), String> {
    let found = Completeness::of(&Trace::from_otlp(&json!(trace)));
    if found.is_complete() { Ok(()) } else { Err(missing(&found)) }
}

fn missing(found: &Completeness) -> String {
    if found.spans == 0 {
        return "no span of the trace found".to_owned();
    }
    if !found.missing_services.is_empty() {
        return format!("no span of {} found", found.missing_services.join(", "));
    }
    match found.roots.as_slice() {
        [] => return "the gateway's SERVER span is missing".to_owned(),
        [_] if found.begins_at_gateway => {}
        [root] => {
            let (name, service) = (&root.name, &root.service);
            return format!("the root span is `{name}` of {service}, not the gateway's");
        }
        several => return format!("the trace has {} root spans", several.len()),
    }
    if !found.reached_notifier {
        return "the notifier's CONSUMER span is missing".to_owned();
    }
    match found.missing_parents.first() {
        Some(span) => format!("the parent of `{}` of {} is missing", span.name, span.service),
        None => found.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
    use opentelemetry_proto::tonic::resource::v1::Resource;
    use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, span::SpanKind};

    use super::*;

    /// Service, kind, id, parent.
    type Given = (&'static str, SpanKind, u8, u8);

    const WHOLE: [Given; 7] = [
        ("gateway", SpanKind::Server, 1, 0),
        ("gateway", SpanKind::Producer, 2, 1),
        ("ingester", SpanKind::Consumer, 3, 2),
        ("ingester", SpanKind::Producer, 4, 3),
        ("processor", SpanKind::Consumer, 5, 4),
        ("processor", SpanKind::Producer, 6, 5),
        ("notifier", SpanKind::Consumer, 7, 6),
    ];

    fn trace(spans: &[Given]) -> TracesData {
        let sender = |(service, kind, id, parent): &Given| {
            let name = Some(AnyValue { value: Some(Value::StringValue((*service).to_owned())) });
            let name = KeyValue { key: "service.name".into(), value: name, key_strindex: 0 };
            let span = Span {
                span_id: vec![*id; 8],
                parent_span_id: if *parent == 0 { Vec::new() } else { vec![*parent; 8] },
                kind: *kind as i32,
                name: format!("span {id}"),
                ..Span::default()
            };
            ResourceSpans {
                resource: Some(Resource { attributes: vec![name], ..Resource::default() }),
                scope_spans: vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }],
                ..ResourceSpans::default()
            }
        };
        TracesData { resource_spans: spans.iter().map(sender).collect() }
    }

    #[test]
    fn a_trace_with_any_span_missing_is_incomplete() {
        assert_eq!(is_complete(&trace(&WHOLE)), Ok(()));
        for missing in 0..WHOLE.len() {
            let mut spans = WHOLE.to_vec();
            spans.remove(missing);
            assert!(is_complete(&trace(&spans)).is_err(), "without span {missing}");
        }
    }

    #[test]
    fn an_incomplete_trace_names_the_missing_service_or_parent() {
        let said = |spans: &[Given]| is_complete(&trace(spans)).unwrap_err();
        assert_eq!(said(&[]), "no span of the trace found");
        assert_eq!(said(&WHOLE[..4]), "no span of processor, notifier found");
        let mut spans = WHOLE.to_vec();
        spans.remove(3);
        assert_eq!(said(&spans), "the parent of `span 5` of processor is missing");
    }
}
