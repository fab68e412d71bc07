//! The drawing as a whole: its width, its content, and robustness against any trace.

use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::json;
use trace::{SpanKind, SpanLink};

use super::*;

fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

fn span(id: &str, parent: &str, service: &str, ms: (u64, u64)) -> Span {
    Span {
        parent: (!parent.is_empty()).then(|| parent.to_owned()),
        service: service.to_owned(),
        start_ns: 1_795_000_000_000_000_000 + ms.0 * 1_000_000,
        end_ns: 1_795_000_000_000_000_000 + ms.1 * 1_000_000,
        ..Span::named(id)
    }
}

fn retried() -> Trace {
    let attempt = |mut span: Span, attempt: u64, verdict: &str, wait: f64| {
        span.kind = SpanKind::Consumer;
        let link = SpanLink { trace_id: String::new(), span_id: String::new() };
        span.links = vec![link; usize::try_from(attempt).unwrap()];
        span.attributes.insert("waybill.job.attempt".into(), attempt.into());
        span.attributes.insert("waybill.verdict".into(), verdict.into());
        span.attributes.insert("waybill.queue.wait_ms".into(), wait.into());
        span
    };
    let mut first =
        attempt(span("process jobs.todo.add", "publish", "processor", (40, 60)), 1, "retry", 30.0);
    first.error = Some("injected \u{1b}[31mfault".to_owned());
    let mut again = attempt(span("c", "publish", "processor", (300, 380)), 2, "done", 5.0);
    "process jobs.todo.add".clone_into(&mut again.name);
    let spans = vec![
        span("POST /v1/jobs", "", "gateway", (0, 10)),
        span("publish", "POST /v1/jobs", "gateway", (9, 10)),
        first,
        again,
        span("operation add", "c", "processor", (320, 320)),
        span("late", "nowhere", "notifier", (390, 400)),
    ];
    Trace { spans, ..Trace::default() }
}

#[test]
fn a_retried_job_shows_attempts_verdicts_errors_and_waits() {
    let text = plain(&draw("0af7", &retried(), 100));
    let line =
        |start: &str| text.lines().find(|line| line.contains(start)).unwrap_or_default().to_owned();
    let first = line("├ process jobs.todo.add");
    assert!(first.contains("┈┈") && first.ends_with("20.0 ms #1 retry ERROR ↗1"), "{text}");
    assert!(line("└ process jobs.todo.add").ends_with("80.0 ms #2 done ↗2"), "{text}");
    assert!(line("late   ").ends_with("ORPHAN"), "{text}");
    assert!(
        text.contains("✗ processor process jobs.todo.add #1: injected \u{FFFD}[31mfault"),
        "{text}"
    );
    assert!(
        text.starts_with("trace 0af7  6 spans · 3 services · 400 ms · 1 ERROR\nincomplete"),
        "{text}"
    );
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for columns in [60, 80, 100, 132, 160, 240] {
        for line in plain(&draw("0af7", &retried(), columns)).lines().skip(2) {
            assert!(terminal::width(line) <= columns, "{columns}: {line}");
        }
    }
}

#[test]
fn empty_and_huge_traces_are_drawn() {
    assert!(plain(&draw("00", &Trace::default(), 80)).contains("0 spans"));
    let mut otlp = json!([]);
    for n in 0..10_000 {
        let parent = if n == 0 { String::new() } else { format!("{n:x}") };
        otlp.as_array_mut()
            .unwrap()
            .push(json!({"spanId": format!("{:x}", n + 1), "parentSpanId": parent}));
    }
    let trace = Trace::from_otlp(&json!({"resourceSpans": [{"scopeSpans": [{"spans": otlp}]}]}));
    let text = plain(&draw("00", &trace, 80));
    assert!(text.lines().count() < 1_020 && text.contains("… 9000 more spans"), "{}", &text[..400]);
}

#[test]
fn disagreeing_clocks_are_reported() {
    let mut early = span("b", "a", "ingester", (0, 0));
    (early.kind, early.end_ns) = (SpanKind::Consumer, 5);
    let trace = Trace { spans: vec![early, span("a", "", "gateway", (7, 9))], ..Trace::default() };
    let text = plain(&draw("00", &trace, 80));
    assert!(text.contains("clocks disagree") && text.contains("drawn as points"), "{text}");
}

proptest! {
    #[test]
    fn any_trace_can_be_drawn(
        spans in proptest::collection::vec(
            (0u8..20, proptest::option::of(0u8..22), any::<[u64; 2]>(), any::<String>(), any::<f64>()), 0..20),
        columns in 0usize..300,
    ) {
        let spans: Vec<_> = spans.into_iter().map(|(id, parent, times, text, number)| json!({
            "spanId": format!("{:x}", id + 1),
            "parentSpanId": parent.map(|id| format!("{:x}", id + 1)),
            "startTimeUnixNano": times[0].to_string(), "endTimeUnixNano": times[1],
            "name": text, "kind": 5, "status": {"code": 2, "message": text}, "links": [1],
            "attributes": [
                {"key": "waybill.queue.wait_ms", "value": {"doubleValue": number}},
                {"key": "waybill.verdict", "value": {"stringValue": text}},
                {"key": "waybill.job.attempt", "value": {"intValue": times[0]}}],
        })).collect();
        let trace = Trace::from_otlp(&json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}));
        let text = plain(&draw("00", &trace, columns));
        let mut dump = String::new();
        for line in text.lines() {
            let _ = writeln!(dump, "{line}");
            prop_assert!(!line.chars().any(char::is_control), "{}", dump);
        }
    }
}
