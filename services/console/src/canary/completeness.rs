//! Whether the trace of a job that has ended is whole, and if not, what is missing and where.

use std::collections::HashSet;

use contract::Stage;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::{Span, TracesData};

use crate::store::attribute;

/// Says what is missing; `Ok` when the gateway's SERVER span is the one root, every stage has spans, the
/// notifier took the job's end, and no span's parent is missing.
pub(super) fn is_complete(trace: &TracesData) -> Result<(), String> {
    let spans = spans(trace);
    if spans.is_empty() {
        return Err("no span of the trace found".to_owned());
    }
    let ids: HashSet<&[u8]> = spans.iter().map(|(_, span)| &*span.span_id).collect();
    let has = |stage: Stage, kind: Option<SpanKind>| {
        spans.iter().any(|(service, span)| {
            service == stage.name() && kind.is_none_or(|kind| span.kind == kind as i32)
        })
    };
    let silent: Vec<_> =
        Stage::ALL.into_iter().filter(|stage| !has(*stage, None)).map(Stage::name).collect();
    if !silent.is_empty() {
        return Err(format!("no span of {} found", silent.join(", ")));
    }
    let roots: Vec<_> = spans.iter().filter(|(_, span)| span.parent_span_id.is_empty()).collect();
    match roots.as_slice() {
        [(service, root)]
            if service == Stage::Gateway.name() && root.kind == SpanKind::Server as i32 => {}
        [] => return Err("the gateway's SERVER span is missing".to_owned()),
        [(service, root)] => {
            return Err(format!(
                "the root span is `{}` of {service}, not the gateway's",
                root.name
            ));
        }
        several => return Err(format!("the trace has {} root spans", several.len())),
    }
    if !has(Stage::Notifier, Some(SpanKind::Consumer)) {
        return Err("the notifier's CONSUMER span is missing".to_owned());
    }
    let is_orphan =
        |span: &Span| !span.parent_span_id.is_empty() && !ids.contains(&*span.parent_span_id);
    match spans.iter().find(|(_, span)| is_orphan(span)) {
        Some((service, span)) => {
            Err(format!("the parent of `{}` of {service} is missing", span.name))
        }
        None => Ok(()),
    }
}

/// Every span with its service.
fn spans(trace: &TracesData) -> Vec<(String, &Span)> {
    let mut all = Vec::new();
    for sender in &trace.resource_spans {
        let resource = sender.resource.as_ref();
        let name = resource.and_then(|from| attribute::find(&from.attributes, "service.name"));
        let service = name.map(attribute::text).unwrap_or_default();
        for span in sender.scope_spans.iter().flat_map(|scope| &scope.spans) {
            all.push((service.clone(), span));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
    use opentelemetry_proto::tonic::resource::v1::Resource;
    use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};

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
    fn a_whole_trace_is_whole_and_without_any_one_span_it_is_not() {
        assert_eq!(is_complete(&trace(&WHOLE)), Ok(()));
        for missing in 0..WHOLE.len() {
            let mut spans = WHOLE.to_vec();
            spans.remove(missing);
            assert!(is_complete(&trace(&spans)).is_err(), "without span {missing}");
        }
    }

    #[test]
    fn what_is_missing_is_named_with_its_service() {
        let said = |spans: &[Given]| is_complete(&trace(spans)).unwrap_err();
        assert_eq!(said(&[]), "no span of the trace found");
        assert_eq!(said(&WHOLE[..4]), "no span of processor, notifier found");
        let mut spans = WHOLE.to_vec();
        spans.remove(3);
        assert_eq!(said(&spans), "the parent of `span 5` of processor is missing");
    }
}
