//! Tests of the span journal with a killed process.

use std::{os::unix::process::ExitStatusExt as _, time::Duration};

use contract::signals::attr;
use opentelemetry_proto::tonic::trace::v1::{span::SpanKind, status::StatusCode};
use testkit::{OtlpSink, eventually};

use crate::probe::{ProbeOrder, command, probe};

/// What `abort` ends a process with.
const SIGABRT: i32 = 6;
const ARRIVAL_TIME_MAX: Duration = Duration::from_secs(5);

#[tokio::test]
async fn unexported_spans_of_a_killed_process_are_exported_by_the_next_one() {
    let (sink, folder) = (OtlpSink::start().await, tempfile::tempdir().unwrap());
    let (endpoint, file) = (sink.endpoint(), folder.path().join("spans"));
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("WAYBILL_SPAN_JOURNAL", file.to_str().unwrap()),
    ];
    let mut first = command(ProbeOrder::Aborted, &variables);
    let killed = first.env("PROBE_REPORT", "none").status().await.unwrap();
    assert_eq!(killed.signal(), Some(SIGABRT), "{killed:?}");
    assert!(sink.spans().is_empty(), "nothing was sent before the end");

    // The story has three spans; the next process has none to add.
    probe(ProbeOrder::Story, &variables).await;
    probe(ProbeOrder::Story, &variables).await;
    let spans = eventually(ARRIVAL_TIME_MAX, "all spans arrive", async || {
        let all = sink.spans();
        if all.len() == 8 { Ok(all) } else { Err(all) }
    })
    .await;
    let named = |name| spans.iter().find(|span| span.name() == name).unwrap();
    let (outer, inner) = (named("unfinished"), named("finished"));
    assert_eq!(inner.parent_id(), outer.span_id());
    assert_eq!(outer.span.kind(), SpanKind::Consumer);
    assert_eq!(inner.span.kind(), SpanKind::Producer);
    for span in [outer, inner] {
        assert!(span.attribute(attr::LOST).is_some(), "{span:?}");
        assert_eq!(span.span.status.as_ref().unwrap().code(), StatusCode::Error);
        assert_eq!(span.span.start_time_unix_nano, span.span.end_time_unix_nano);
    }
}

#[tokio::test]
async fn an_unusable_journal_is_reported_once_and_spans_are_still_exported() {
    let sink = OtlpSink::start().await;
    let endpoint = sink.endpoint();
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("WAYBILL_SPAN_JOURNAL", "/proc/no-process/spans"),
        ("RUST_LOG", "warn"),
    ];
    let outcome = probe(ProbeOrder::Story, &variables).await;
    assert_eq!(outcome.lines.len(), 1, "{:?}", outcome.lines);
    assert!(outcome.lines[0].to_string().contains("WAYBILL_SPAN_JOURNAL"));
    assert!(sink.spans().iter().any(|span| span.name() == "outer"));
}
