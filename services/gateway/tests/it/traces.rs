//! The job's trace: where it starts, what it links to, what travels with it.

use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_sdk::trace::SpanData;
use testkit::eventually;

use crate::rig::{JOB, LIMIT, Rig};

const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const CALLER_TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn attribute(span: &SpanData, key: &str) -> Option<String> {
    span.attributes.iter().find(|one| one.key.as_str() == key).map(|one| one.value.to_string())
}

/// Without its percent signs: which characters get one is the sender's choice.
fn plain(baggage: &str) -> String {
    [("%3D", "="), ("%3B", ";"), ("%3A", ":"), ("%40", "@")]
        .iter()
        .fold(baggage.to_owned(), |text, (code, sign)| text.replace(code, sign))
}

async fn spans(trace_id: &str, count: usize) -> Vec<SpanData> {
    eventually(LIMIT, "the spans are there", async || {
        let spans = Rig::spans_of(trace_id);
        if spans.len() >= count { Ok(spans) } else { Err(spans) }
    })
    .await
}

fn of_kind(spans: &[SpanData], kind: &SpanKind) -> SpanData {
    spans.iter().find(|span| span.span_kind == *kind).unwrap().clone()
}

#[tokio::test]
async fn a_job_starts_a_trace_that_links_to_the_clients_span() {
    let rig = Rig::start().await;
    let sent = rig.post("/v1/jobs", JOB).header("traceparent", CALLER).send().await.unwrap();
    let job: contract::api::JobAccepted = sent.json().await.unwrap();
    assert_ne!(job.trace_id, CALLER_TRACE);
    let spans = spans(&job.trace_id, 2).await;
    let (server, producer) =
        (of_kind(&spans, &SpanKind::Server), of_kind(&spans, &SpanKind::Producer));
    assert_eq!(server.name, "POST /v1/jobs");
    assert_eq!(server.parent_span_id.to_string(), "0000000000000000");
    assert_eq!(server.links.links.len(), 1);
    assert_eq!(server.links.links[0].span_context.trace_id().to_string(), CALLER_TRACE);
    assert_eq!(server.links.links[0].attributes[0].value.to_string(), "caller");
    let expected = [
        ("http.request.method", "POST"),
        ("http.route", "/v1/jobs"),
        ("url.path", "/v1/jobs"),
        ("http.response.status_code", "202"),
        ("waybill.job.id", &job.id.to_string()),
    ];
    for (key, value) in expected {
        assert_eq!(attribute(&server, key).as_deref(), Some(value), "{key}");
    }
    assert_eq!(server.status, Status::Unset);
    assert_eq!(producer.name, "publish jobs.submitted.add");
    assert_eq!(producer.parent_span_id, server.span_context.span_id());
}

#[tokio::test]
async fn a_trusted_clients_trace_is_continued() {
    let rig = Rig::start_with(&["--trust-traceparent"]).await;
    let sent = rig.post("/v1/jobs", JOB).header("traceparent", CALLER).send().await.unwrap();
    let job: contract::api::JobAccepted = sent.json().await.unwrap();
    assert_eq!(job.trace_id, CALLER_TRACE);
    let spans = spans(CALLER_TRACE, 2).await;
    let server = of_kind(&spans, &SpanKind::Server);
    assert_eq!(server.parent_span_id.to_string(), "b7ad6b7169203331");
    assert!(server.links.links.is_empty());
    let twice =
        rig.post("/v1/jobs", JOB).header("traceparent", CALLER).header("traceparent", CALLER);
    let job: contract::api::JobAccepted = twice.send().await.unwrap().json().await.unwrap();
    assert_ne!(job.trace_id, CALLER_TRACE);
}

#[tokio::test]
async fn only_server_errors_are_errors_of_the_span() {
    let mut rig = Rig::start().await;
    let refused = rig.post("/v1/jobs", "{}").send().await.unwrap();
    let trace_id = crate::rig::problem(refused, 400).await.trace_id.unwrap();
    let server = spans(&trace_id, 1).await.remove(0);
    assert_eq!((server.status.clone(), attribute(&server, "error.type")), (Status::Unset, None));
    assert_eq!(attribute(&server, "http.response.status_code").as_deref(), Some("400"));
    rig.nats.kill().await;
    let failed = rig.post("/v1/jobs", JOB).send().await.unwrap();
    let trace_id = crate::rig::problem(failed, 503).await.trace_id.unwrap();
    let server = of_kind(&spans(&trace_id, 2).await, &SpanKind::Server);
    assert!(matches!(server.status, Status::Error { .. }));
    assert_eq!(attribute(&server, "error.type").as_deref(), Some("503"));
}

#[tokio::test]
async fn faults_and_allowed_baggage_travel_with_the_job_and_nothing_else_does() {
    let rig = Rig::start_with(&["--faults", "on"]).await;
    let sent = rig
        .post("/v1/jobs", JOB)
        .header("waybill-fault", "processor=error@2;ingester=latency:250")
        .header("baggage", "user=alice,waybill.scenario=poison,waybill.fault=notifier%3Derror");
    assert_eq!(sent.send().await.unwrap().status(), 202);
    let message = rig.last_submitted().await;
    let baggage = message.headers.get("baggage").unwrap().as_str();
    let mut members: Vec<String> = baggage.split(',').map(plain).collect();
    members.sort_unstable();
    let fault = "waybill.fault=processor=error@2;ingester=latency:250";
    assert_eq!(members, [fault, "waybill.scenario=poison"]);

    let riding = rig.post("/v1/jobs", JOB).header("baggage", "waybill.fault=notifier%3Derror");
    assert_eq!(riding.send().await.unwrap().status(), 202);
    let message = rig.last_submitted().await;
    let baggage = message.headers.get("baggage").unwrap().as_str();
    assert_eq!(plain(baggage), "waybill.fault=notifier=error");
}

#[tokio::test]
async fn a_long_fault_displaces_other_baggage_and_is_not_cut() {
    let rig = Rig::start_with(&["--faults", "on"]).await;
    let fault = ["processor=latency:100@1"; 8].join(";");
    let other = format!("waybill.scenario={}", "x".repeat(900));
    let sent = rig.post("/v1/jobs", JOB).header("waybill-fault", &fault).header("baggage", other);
    assert_eq!(sent.send().await.unwrap().status(), 202);
    let message = rig.last_submitted().await;
    let baggage = message.headers.get("baggage").unwrap().as_str();
    assert_eq!(plain(baggage), format!("waybill.fault={fault}"));
    assert_eq!(contract::propagation::allowed_baggage(baggage).as_deref(), Some(baggage));
}

#[tokio::test]
async fn baggage_brings_no_faults_where_they_are_off() {
    let rig = Rig::start().await;
    let sent = rig.post("/v1/jobs", JOB).header("baggage", "waybill.fault=processor%3Derror");
    assert_eq!(sent.send().await.unwrap().status(), 202);
    assert!(rig.last_submitted().await.headers.get("baggage").is_none());
}

#[tokio::test]
async fn reading_makes_no_spans_and_every_request_is_measured() {
    let rig = Rig::start().await;
    let job = rig.submit(JOB).await;
    rig.job(job.id).await;
    rig.get("/nowhere").send().await.unwrap();
    rig.http.request("BREW".parse().unwrap(), format!("{}/v1/jobs", rig.api)).send().await.unwrap();
    let spans = spans(&job.trace_id, 2).await;
    let server = of_kind(&spans, &SpanKind::Server);
    let text = rig.metrics.text();
    let count = |method: &str, route: &str, status: &str| {
        let series = format!(
            r#"http_server_request_duration_seconds_count{{http_request_method="{method}",http_response_status_code="{status}",http_route="{route}"}}"#
        );
        rig.metric(&series)
    };
    assert_eq!(count("POST", "/v1/jobs", "202"), Some(1.0));
    assert_eq!(count("GET", "/v1/jobs/{id}", "200"), Some(1.0));
    assert_eq!(count("GET", "unmatched", "404"), Some(1.0));
    assert_eq!(count("_OTHER", "/v1/jobs", "405"), Some(1.0));
    let exemplar =
        format!(r#"# {{trace_id="{}",span_id="{}"}}"#, job.trace_id, server.span_context.span_id());
    let line = text.lines().find(|line| line.contains(&exemplar));
    assert!(
        line.is_some_and(|line| line.contains(r#"http_route="/v1/jobs""#)),
        "{exemplar} in {text}"
    );
}
