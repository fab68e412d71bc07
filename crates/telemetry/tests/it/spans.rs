//! Tests of exported spans.

use std::time::Duration;

use contract::signals::attr;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use testkit::{OtlpSink, ReceivedSpan, eventually};

use crate::probe::{ProbeOrder, ProbeOutcome, probe};

const HOUR_NS: i64 = 3_600_000_000_000;
/// A probe takes no longer than this for its order.
const MINUTE_NS: i64 = 60_000_000_000;
const ARRIVAL_TIME_MAX: Duration = Duration::from_secs(5);

async fn traced(order: ProbeOrder, spans: usize) -> (ProbeOutcome, Vec<ReceivedSpan>) {
    let sink = OtlpSink::start().await;
    let outcome = probe(order, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &sink.endpoint())]).await;
    let trace = eventually(ARRIVAL_TIME_MAX, "all spans arrive", async || {
        let all = sink.spans();
        if all.len() == spans { Ok(all) } else { Err(all) }
    });
    (outcome, trace.await)
}

fn named<'a>(spans: &'a [ReceivedSpan], name: &str) -> &'a ReceivedSpan {
    spans
        .iter()
        .find(|span| span.name() == name)
        .unwrap_or_else(|| panic!("no {name} in {spans:?}"))
}

fn start_ns(span: &ReceivedSpan) -> i64 {
    i64::try_from(span.span.start_time_unix_nano).unwrap()
}

fn end_ns(span: &ReceivedSpan) -> i64 {
    i64::try_from(span.span.end_time_unix_nano).unwrap()
}

#[tokio::test]
async fn all_spans_arrive_in_one_trace() {
    let (outcome, spans) = traced(ProbeOrder::Story, 3).await;
    assert!(spans.iter().all(|span| span.trace_id() == outcome.report.trace_id));
    assert!(spans.iter().all(|span| span.service == "processor"), "{spans:?}");
    let (outer, inner) = (named(&spans, "outer"), named(&spans, "inner"));
    assert_eq!((outer.kind(), outer.parent_id().as_str()), (SpanKind::Server, ""));
    assert_eq!(inner.parent_id(), outer.span_id());
    assert!(outer.events().is_empty(), "log lines are no span events");

    let lost = named(&spans, "process jobs.todo.add");
    assert_eq!((lost.span_id().as_str(), lost.parent_id()), ("000000000000feed", outer.span_id()));
    assert_eq!((lost.kind(), lost.is_error()), (SpanKind::Consumer, true));
    assert_eq!(lost.attribute(attr::VERDICT).as_deref(), Some("lost"));
    assert_eq!((lost.links(), lost.events()), (vec![lost.span_id()], vec!["killed"]));
}

#[tokio::test]
async fn times_have_the_offset_at_the_time_of_their_stamp() {
    let (outcome, spans) = traced(ProbeOrder::Skewed, 4).await;
    let began = outcome.report.began_ns;
    let about = |time: i64, offset: i64| (0..MINUTE_NS).contains(&(time - offset - began));
    let straddling = named(&spans, "straddling");
    assert!(about(start_ns(straddling), 0) && about(end_ns(straddling), HOUR_NS), "{straddling:?}");
    let behind = named(&spans, "behind");
    assert!(about(start_ns(behind), -HOUR_NS) && about(end_ns(behind), -HOUR_NS), "{behind:?}");
    let straight = named(&spans, "straight");
    assert!(about(start_ns(straight), 0) && about(end_ns(straight), 0), "{straight:?}");
    assert!(spans.iter().all(|span| span.attribute("waybill.clock.offset_ns").is_none()));
}

#[tokio::test]
async fn a_broker_timestamp_is_unchanged_and_a_negative_wait_has_length_zero() {
    let (outcome, spans) = traced(ProbeOrder::Skewed, 4).await;
    let queued = named(&spans, "queued");
    assert!((0..MINUTE_NS).contains(&(start_ns(queued) - outcome.report.began_ns)), "{queued:?}");
    assert_eq!(start_ns(queued), end_ns(queued));
    assert_eq!(queued.parent_id(), named(&spans, "behind").span_id());
}
