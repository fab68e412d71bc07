//! What of a webhook stands in its trace and in the log.

use std::{
    io,
    sync::{Arc, LazyLock, Mutex},
};

use opentelemetry::{
    Context, KeyValue, SpanId, TraceFlags, TraceId, Value as Attribute,
    baggage::BaggageExt,
    global,
    propagation::TextMapCompositePropagator,
    trace::{SpanContext, SpanKind, Status, TraceContextExt, TraceState, TracerProvider},
};
use opentelemetry_sdk::{
    propagation::{BaggagePropagator, TraceContextPropagator},
    trace::{InMemorySpanExporter, SdkTracerProvider, SpanData},
};
use tracing::Instrument;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{fmt::MakeWriter, layer::SubscriberExt};

use super::{
    receiver::{Manners, Raw},
    *,
};

/// Every span of this process that ended. One subscriber for all threads: with one a thread, the
/// first test to reach a call site would decide for all whether it is of interest.
static ENDED: LazyLock<InMemorySpanExporter> = LazyLock::new(|| {
    global::set_text_map_propagator(TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(BaggagePropagator::new()),
    ]));
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::set_global_default(subscriber).expect("there is no other");
    exporter
});

/// Records spans from now on; must come before whatever makes some.
pub(super) fn record() {
    LazyLock::force(&ENDED);
}

/// The one span of a request to this receiver in the job's trace. A port that was freed may have served another test.
fn post_to(authority: &str) -> SpanData {
    let port: i64 = authority.rsplit(':').next().unwrap().parse().unwrap();
    let is_it = |span: &SpanData| attribute(span, "server.port") == Some(&port.into());
    let mut posts = ENDED.get_finished_spans().unwrap();
    let job = TraceId::from_hex(TRACE_ID).unwrap();
    posts.retain(|span| span.name == "POST" && is_it(span) && span.span_context.trace_id() == job);
    assert_eq!(posts.len(), 1, "{posts:?}");
    posts.remove(0)
}

/// The context of a job whose message carried state and baggage.
fn job_context() -> Context {
    let job = SpanContext::new(
        TraceId::from_hex(TRACE_ID).unwrap(),
        SpanId::from(7),
        TraceFlags::SAMPLED,
        true,
        TraceState::from_key_value([("lab", "1")]).unwrap(),
    );
    let baggage = [KeyValue::new("waybill.fault", "processor=error@2")];
    Context::new().with_remote_span_context(job).with_baggage(baggage)
}

async fn send_in_job(webhook: &Webhook, url: &str) -> Sent {
    record();
    let attempt = tracing::info_span!("attempt");
    attempt.set_parent(job_context()).unwrap();
    send(webhook, url).instrument(attempt).await
}

fn attribute<'a>(span: &'a SpanData, name: &str) -> Option<&'a Attribute> {
    span.attributes.iter().find(|pair| pair.key.as_str() == name).map(|pair| &pair.value)
}

#[tokio::test]
async fn the_receiver_gets_the_trace_context_but_no_baggage() {
    let mut receiver = Receiver::answering(200, &[]).await;
    let webhook = channel(&config(&receiver.authority()));
    send_in_job(&webhook, &receiver.url("/hook?token=s3cret")).await;
    let (headers, _) = receiver.next().await;
    let post = post_to(&receiver.authority());
    let expected = format!("00-{TRACE_ID}-{}-01", post.span_context.span_id());
    assert_eq!(header(&headers, "traceparent"), Some(expected.as_str()));
    assert_eq!(header(&headers, "tracestate"), Some("lab=1"));
    assert_eq!(header(&headers, "baggage"), None);
}

#[tokio::test]
async fn an_attempt_is_a_client_span_without_path_and_query() {
    let receiver = Receiver::answering(200, &[]).await;
    let webhook = channel(&config(&receiver.authority()));
    send_in_job(&webhook, &receiver.url("/hook?token=s3cret")).await;
    let post = post_to(&receiver.authority());
    assert_eq!(post.span_kind, SpanKind::Client);
    assert_eq!(post.status, Status::Unset);
    assert_eq!(attribute(&post, "http.request.method"), Some(&"POST".into()));
    assert_eq!(attribute(&post, "server.address"), Some(&"127.0.0.1".into()));
    assert_eq!(attribute(&post, "server.port"), Some(&i64::from(receiver.port()).into()));
    assert_eq!(attribute(&post, "http.response.status_code"), Some(&200_i64.into()));
    assert_eq!(attribute(&post, "error.type"), None);
    assert!(!format!("{post:?}").contains("s3cret"));
}

#[tokio::test]
async fn the_span_of_a_failed_attempt_says_what_failed() {
    let server_error = Receiver::answering(503, &[]).await;
    let silent = Raw::with(Manners::Silent).await;
    let hangs_up = Raw::with(Manners::HangsUp).await;
    for (authority, error_type) in [
        (server_error.authority(), "503"),
        (silent.authority(), "timeout"),
        (hangs_up.authority(), "connection"),
        (receiver::free_authority().await, "connect"),
    ] {
        let mut config = config(&authority);
        config.webhook_timeout_ms = 500;
        send_in_job(&channel(&config), &format!("http://{authority}/")).await;
        let post = post_to(&authority);
        assert!(matches!(post.status, Status::Error { .. }), "{error_type}: {:?}", post.status);
        assert_eq!(attribute(&post, "error.type"), Some(&error_type.into()));
    }
}

#[tokio::test]
async fn a_postponed_notification_adds_a_span_event_and_makes_no_request() {
    let away = receiver::free_authority().await;
    let webhook = channel(&config(&away));
    let url = format!("http://{away}/hook?token=s3cret");
    for _ in 0..5 {
        assert!(matches!(send(&webhook, &url).await, Sent::Failed { .. }));
    }
    record();
    let attempt = tracing::info_span!("attempt that is postponed");
    attempt.set_parent(job_context()).unwrap();
    let sent = send(&webhook, &url).instrument(attempt).await;
    let Sent::Postponed { after, why, attempted: false } = sent else { panic!("{sent:?}") };
    assert!(after >= Duration::from_secs(1) && why.starts_with(&away), "{after:?} {why}");
    let spans = ENDED.get_finished_spans().unwrap();
    let port: i64 = away.rsplit(':').next().unwrap().parse().unwrap();
    let posts = spans.iter().filter(|s| attribute(s, "server.port") == Some(&port.into())).count();
    assert_eq!(posts, 5);
    let attempt = spans.iter().find(|span| span.name == "attempt that is postponed").unwrap();
    let events: Vec<_> = attempt.events.iter().map(|event| event.name.as_ref()).collect();
    assert_eq!(events, ["postponed"]);
    assert!(!format!("{attempt:?}").contains("s3cret"));
}

/// A log in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[test]
fn the_log_channel_writes_one_line_with_the_job_id() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().json().with_writer(log.clone()).finish();
    let mut done = done(Outcome::Failed);
    done.failure = Some(JobFailure::new("operation_failed", "division by zero"));
    tracing::subscriber::with_default(subscriber, || {
        log::write(&Notification { done: &done, trace_id: TRACE_ID });
    });
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let line: Value = serde_json::from_str(&text).unwrap();
    let fields = &line["fields"];
    assert_eq!(fields["message"], r#"job "night \"batch\" ⚙" failed"#);
    assert_eq!(fields["job_id"], "019a0000-0000-7000-8000-000000000000");
    assert_eq!(
        (&fields["outcome"], &fields["reason"]),
        (&json!("failed"), &json!("operation_failed"))
    );
}
