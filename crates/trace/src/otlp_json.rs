//! Parses OTLP JSON leniently: that of the console, of collector files, and of Tempo.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{Span, SpanKind, SpanLink, Trace};

/// The service name of spans whose resource has none, as in the SDKs.
const NO_SERVICE: &str = "unknown_service";

/// Unix nanoseconds from 1973 to 2262: smaller values are in another unit, larger ones a marker for "none".
const PLAUSIBLE_NS: std::ops::Range<u64> = 100_000_000_000_000_000..i64::MAX.cast_unsigned();

impl Trace {
    /// Parses `{"resourceSpans": […]}` (or Tempo's `batches`). Entries that are no spans are counted and
    /// skipped; of two spans with one id, the one that its own process reported counts.
    pub fn from_otlp(otlp: &Value) -> Self {
        let mut trace = Self::default();
        let mut places: HashMap<String, usize> = HashMap::new();
        for batch in list(otlp, "resourceSpans").iter().chain(list(otlp, "batches")) {
            let service = service(batch);
            for scope in list(batch, "scopeSpans") {
                for span in list(scope, "spans") {
                    match read(span, &service) {
                        Some(span) => trace.add(span, &mut places),
                        None => trace.unreadable += 1,
                    }
                }
            }
        }
        trace.settle_times();
        trace.spans.sort_by(|a, b| (a.start_ns, &a.id).cmp(&(b.start_ns, &b.id)));
        trace
    }

    /// A span without times, or with times in another unit, must not stretch the trace: it gets plausible times of
    /// its own or of other spans.
    fn settle_times(&mut self) {
        let known = |ns: u64| Some(ns).filter(|ns| PLAUSIBLE_NS.contains(ns));
        let times = |span: &Span| [known(span.start_ns), known(span.end_ns)];
        let Some(start) = self.spans.iter().flat_map(times).flatten().min() else { return };
        for span in &mut self.spans {
            if let [first, last] = times(span)
                && (first.is_none() || last.is_none())
            {
                span.has_times = false;
                span.start_ns = first.or(last).unwrap_or(start);
                span.end_ns = last.unwrap_or(span.start_ns);
            }
        }
    }

    fn add(&mut self, span: Span, places: &mut HashMap<String, usize>) {
        match places.get(&span.id) {
            None => {
                places.insert(span.id.clone(), self.spans.len());
                self.spans.push(span);
            }
            Some(&place) => {
                self.repeated += 1;
                if self.spans[place].is_lost() && !span.is_lost() {
                    self.spans[place] = span;
                }
            }
        }
    }
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text(value: &Value, field: &str) -> String {
    value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn service(batch: &Value) -> String {
    let resource = batch.get("resource").map(attributes).unwrap_or_default();
    let name = resource.get("service.name").and_then(Value::as_str);
    name.unwrap_or(NO_SERVICE).to_owned()
}

fn read(span: &Value, service: &str) -> Option<Span> {
    let id = Some(text(span, "spanId")).filter(|id| !is_no_id(id))?;
    Some(Span {
        trace_id: text(span, "traceId"),
        id,
        parent: Some(text(span, "parentSpanId")).filter(|id| !is_no_id(id)),
        service: service.to_owned(),
        name: text(span, "name"),
        kind: kind(span.get("kind")),
        start_ns: nanoseconds(span.get("startTimeUnixNano")),
        end_ns: nanoseconds(span.get("endTimeUnixNano")),
        has_times: true,
        error: error(span.get("status")),
        links: list(span, "links").iter().map(link).collect(),
        events: list(span, "events").iter().map(|event| text(event, "name")).collect(),
        attributes: attributes(span),
    })
}

fn link(link: &Value) -> SpanLink {
    SpanLink { trace_id: text(link, "traceId"), span_id: text(link, "spanId") }
}

/// Empty, or eight zero bytes in hex or base64.
fn is_no_id(id: &str) -> bool {
    id.bytes().all(|byte| byte == b'0') || id == "AAAAAAAAAAA="
}

fn kind(value: Option<&Value>) -> SpanKind {
    let number = value.and_then(Value::as_u64);
    match (number, value.and_then(Value::as_str)) {
        (Some(2), _) | (_, Some("SPAN_KIND_SERVER")) => SpanKind::Server,
        (Some(3), _) | (_, Some("SPAN_KIND_CLIENT")) => SpanKind::Client,
        (Some(4), _) | (_, Some("SPAN_KIND_PRODUCER")) => SpanKind::Producer,
        (Some(5), _) | (_, Some("SPAN_KIND_CONSUMER")) => SpanKind::Consumer,
        _ => SpanKind::Internal,
    }
}

/// Protobuf JSON writes 64-bit numbers as strings; some writers use numbers.
fn nanoseconds(value: Option<&Value>) -> u64 {
    match value {
        Some(Value::String(text)) => text.parse().unwrap_or(0),
        Some(number) => number.as_u64().unwrap_or(0),
        None => 0,
    }
}

fn error(status: Option<&Value>) -> Option<String> {
    let status = status?;
    let code = status.get("code")?;
    let is_error = code.as_u64() == Some(2) || code.as_str() == Some("STATUS_CODE_ERROR");
    is_error.then(|| text(status, "message"))
}

fn attributes(holder: &Value) -> Map<String, Value> {
    let pairs = list(holder, "attributes").iter();
    pairs.filter_map(|pair| Some((text(pair, "key"), plain(pair.get("value")?)?))).collect()
}

fn plain(value: &Value) -> Option<Value> {
    let (kind, value) = value.as_object()?.iter().next()?;
    match kind.as_str() {
        "stringValue" | "boolValue" | "doubleValue" => Some(value.clone()),
        "intValue" => match value.as_str() {
            Some(text) => text.parse::<i64>().ok().map(Value::from),
            None => Some(value.clone()),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_span_without_times_does_not_stretch_its_trace() {
        let at = 1_795_816_000_000_000_000_u64;
        let span = |id: u64, start: u64, end: u64| {
            json!({"spanId": format!("{id:016x}"), "name": id.to_string(),
                "startTimeUnixNano": start.to_string(), "endTimeUnixNano": end.to_string()})
        };
        let odd = [
            (0, 0),
            (u64::MAX, u64::MAX),
            (0, at + 5),
            (at + 5, 0),
            (at / 1_000_000, at / 1_000_000),
            (at / 1_000_000_000, at),
        ];
        for (start, end) in odd {
            let spans = [span(1, at, at + 10), span(2, start, end)];
            let trace =
                Trace::from_otlp(&json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}));
            assert_eq!((trace.start_ns(), trace.duration_ns()), (at, 10), "{start} {end}");
            let odd = trace.spans.iter().filter(|span| !span.has_times);
            assert_eq!(odd.map(|span| span.name.as_str()).collect::<Vec<_>>(), ["2"]);
        }
    }

    #[test]
    fn a_span_of_an_exporter_is_parsed() {
        let otlp = json!({"resourceSpans": [{
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "processor"}}]},
            "scopeSpans": [{"spans": [{
                "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331",
                "parentSpanId": "00f067aa0ba902b7", "name": "process jobs.todo.add", "kind": 5,
                "startTimeUnixNano": "1795000000000000000", "endTimeUnixNano": 1_795_000_000_001_000_000_u64,
                "attributes": [
                    {"key": "waybill.job.attempt", "value": {"intValue": "2"}},
                    {"key": "waybill.queue.wait_ms", "value": {"intValue": 7}},
                    {"key": "waybill.verdict", "value": {"stringValue": "retry"}}],
                "links": [{"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "00f067aa0ba902b7"}],
                "events": [{"name": "validated"}],
                "status": {"code": 2, "message": "injected"}}]}]}]});
        let trace = Trace::from_otlp(&otlp);
        let span = &trace.spans[0];
        assert_eq!(
            (span.service.as_str(), span.kind, &span.events[..]),
            ("processor", SpanKind::Consumer, &["validated".to_owned()][..])
        );
        let producer = Span { trace_id: span.trace_id.clone(), ..Span::named("00f067aa0ba902b7") };
        assert!(span.links_to(&producer) && span.is_child_of(&producer) && !span.links_to(span));
        assert!(!span.links_to(&Span::named("00f067aa0ba902b7")), "of another trace");
        assert_eq!(span.attribute("waybill.job.attempt").as_deref(), Some("2"));
        assert_eq!((span.attempt(), span.verdict()), (Some(2), Some("retry")));
        assert_eq!((span.queue_wait_ns(), span.duration_ns()), (Some(7_000_000), 1_000_000));
        assert_eq!(span.error.as_deref(), Some("injected"));
    }

    #[test]
    fn json_of_other_writers_is_parsed() {
        let otlp = json!({"batches": [{"scopeSpans": [{"spans": [{
            "spanId": "t61rcWkgMzE=", "parentSpanId": "AAAAAAAAAAA=", "kind": "SPAN_KIND_SERVER",
            "status": {"code": "STATUS_CODE_ERROR"}}]}]}]});
        let trace = Trace::from_otlp(&otlp);
        let span = &trace.spans[0];
        assert_eq!((span.kind, span.parent.as_ref()), (SpanKind::Server, None));
        assert_eq!((span.service.as_str(), span.error.as_deref()), (NO_SERVICE, Some("")));
    }

    #[test]
    fn of_two_spans_with_one_id_the_one_reported_by_its_own_process_stays() {
        let lost = json!({"spanId": "01", "name": "lost",
            "attributes": [{"key": "waybill.lost", "value": {"boolValue": true}}]});
        let own = json!({"spanId": "01", "name": "own"});
        for spans in [json!([lost, own]), json!([own, lost])] {
            let otlp = json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]});
            let trace = Trace::from_otlp(&otlp);
            assert_eq!((trace.spans.len(), trace.repeated), (1, 1));
            assert_eq!(trace.spans[0].name, "own");
        }
    }

    #[test]
    fn entries_that_are_no_spans_are_counted() {
        let spans =
            json!([{}, 5, null, {"spanId": "0000000000000000"}, {"spanId": 3}, {"spanId": "1"}]);
        let otlp =
            json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}, "x", {"scopeSpans": 1}]});
        let trace = Trace::from_otlp(&otlp);
        assert_eq!((trace.spans.len(), trace.unreadable), (1, 5));
        assert_eq!(Trace::from_otlp(&Value::Null), Trace::default());
    }
}
