//! One job is one trace, as the console returns it in OTLP JSON.

use std::{collections::HashSet, time::Duration};

use contract::state::JobState;
use lab::Part;
use lab_tests::{Client, TraceUnderTest, waybill};
use serde_json::json;
use testkit::{LabUnderTest, WebhookReceiver};
use trace::{Span, SpanKind, Trace};

const LIMIT: Duration = Duration::from_secs(20);
/// Short, so that a killed worker's job is taken over within the test.
const ACK_WAIT_SECONDS: &str = "2";

async fn lab_with_webhooks_to(catcher: &WebhookReceiver) -> LabUnderTest {
    LabUnderTest::start_with(&waybill(), |options| {
        options.env.push(("WAYBILL_WEBHOOK_ALLOW".into(), catcher.authority()));
        options.env.push(("WAYBILL_ACK_WAIT_SECONDS".into(), ACK_WAIT_SECONDS.into()));
    })
    .await
}

/// The spans of a job: each is the child of the one before.
const CHAIN: [(&str, SpanKind, &str); 7] = [
    ("POST /v1/jobs", SpanKind::Server, "gateway"),
    ("publish jobs.submitted.mixed", SpanKind::Producer, "gateway"),
    ("process jobs.submitted.mixed", SpanKind::Consumer, "ingester"),
    ("publish jobs.todo.mixed", SpanKind::Producer, "ingester"),
    ("process jobs.todo.mixed", SpanKind::Consumer, "processor"),
    ("publish jobs.done.succeeded", SpanKind::Producer, "processor"),
    ("process jobs.done.succeeded", SpanKind::Consumer, "notifier"),
];

fn whole(trace: &Trace) -> Result<(), String> {
    for name in
        CHAIN.iter().map(|(name, ..)| *name).chain(["operation add", "operation hash", "POST"])
    {
        trace.only(name)?;
    }
    if trace.orphans().is_empty() { Ok(()) } else { Err(format!("orphans {:?}", trace.orphans())) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_one_trace_over_four_services() {
    let catcher = WebhookReceiver::start().await;
    let lab = lab_with_webhooks_to(&catcher).await;
    let client = Client::of(&lab);
    let inbound = "00-11111111111111111111111111111111-2222222222222222-01";
    let job = json!({
        "name": "one trace",
        "operations": [{"kind": "add", "inputs": [1, 2]}, {"kind": "hash", "text": "x", "rounds": 2}],
        "notify": {"channel": "webhook", "url": catcher.url("/done")},
    });
    let accepted = client.submit_with(&job, &[("traceparent", inbound)]).await;
    assert_ne!(accepted.trace_id, "1".repeat(32), "an inbound trace is linked, not continued");
    let (trace, ()) = client.trace_where(&accepted.trace_id, LIMIT, whole).await;

    let [root] = trace.roots()[..] else { panic!("one root\n{trace}") };
    assert_eq!((root.name.as_str(), root.kind, root.service.as_str()), CHAIN[0]);
    assert!(
        root.links.iter().any(|link| link.span_id == "2".repeat(16)),
        "the root links to the inbound context"
    );
    for pair in CHAIN.windows(2) {
        let [parent, child] = [trace.the(pair[0].0), trace.the(pair[1].0)];
        assert!(child.is_child_of(parent), "{} under {}\n{trace}", child.name, parent.name);
        assert_eq!((child.kind, child.service.as_str()), (pair[1].1, pair[1].2), "{}", child.name);
        assert_eq!(
            child.links_to(parent),
            child.kind == SpanKind::Consumer,
            "{} links to its producer",
            child.name
        );
    }
    assert_eq!(trace.services(), ["gateway", "ingester", "processor", "notifier"]);
    the_details_are_there(&trace, &accepted.id.to_string());
    let [hook] = &catcher.received()[..] else { panic!("one notification") };
    assert!(hook.header("traceparent").is_some_and(|header| header.contains(&accepted.trace_id)));
}

fn the_details_are_there(trace: &Trace, job: &str) {
    let attempt = trace.the("process jobs.todo.mixed");
    for (name, value) in [
        ("waybill.job.attempt", "1"),
        ("waybill.job.round", "0"),
        ("waybill.verdict", "done"),
        ("waybill.job.id", job),
    ] {
        assert_eq!(attempt.attribute(name).as_deref(), Some(value), "{name}");
    }
    for operation in ["operation add", "operation hash"] {
        assert!(trace.the(operation).is_child_of(attempt));
    }
    let post = trace.the("POST");
    assert_eq!(post.kind, SpanKind::Client);
    assert!(post.is_child_of(trace.the("process jobs.done.succeeded")));
    let ingested = trace.the("process jobs.submitted.mixed");
    assert_eq!(ingested.events, ["validated", "enriched"]);
    let slow = ["queued", "ack"];
    let fast = trace.spans.iter().filter(|span| !slow.contains(&span.name.as_str())).count();
    assert!(fast <= 11, "the happy path costs at most 11 spans\n{trace}");
    assert!(trace.spans.iter().all(|span| !span.name.contains(job)), "no name holds an id");
    assert!(trace.spans.iter().all(|span| span.end_ns >= span.start_ns && !span.is_error()));
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_attempts_are_siblings_with_numbers_verdicts_and_links() {
    let lab = LabUnderTest::start(&waybill()).await;
    let client = Client::of(&lab);
    let job = json!({"name": "flaky", "operations": [{"kind": "add", "inputs": [1, 2]}]});
    let accepted = client.submit_with(&job, &[("waybill-fault", "processor=error@2")]).await;
    let ended = client.ended(accepted.id, LIMIT).await;
    assert_eq!((ended.state, ended.attempts, ended.interruptions), (JobState::Succeeded, 3, 0));

    let (trace, attempts) = client
        .whole_trace_where(&accepted.trace_id, LIMIT, |trace| {
            trace.only("process jobs.done.succeeded")?;
            let attempts: Vec<Span> = trace.named("process jobs.todo.add").cloned().collect();
            if attempts.len() == 3 {
                Ok(attempts)
            } else {
                Err(format!("{} attempts", attempts.len()))
            }
        })
        .await;
    let producer = trace.the("publish jobs.todo.add");
    let verdicts = ["retry", "retry", "done"];
    for (n, attempt) in attempts.iter().enumerate() {
        assert!(attempt.is_child_of(producer), "attempts are siblings");
        assert_eq!(attempt.attribute("waybill.job.attempt"), Some((n + 1).to_string()));
        assert_eq!(attempt.attribute("waybill.verdict").as_deref(), Some(verdicts[n]));
        assert_eq!(attempt.is_error(), n < 2, "only failed attempts are errors");
        assert!(attempt.links_to(producer));
        if let Some(before) = n.checked_sub(1) {
            assert!(
                attempt.links_to(&attempts[before]),
                "attempt {} links to the one before",
                n + 1
            );
        }
    }
    assert!(attempts[0].attribute("waybill.fault").is_some(), "the fault is on the span");
    assert!(trace.orphans().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_attempt_is_in_the_trace_and_leaves_no_orphan() {
    let catcher = WebhookReceiver::start().await;
    let lab = lab_with_webhooks_to(&catcher).await;
    let client = Client::of(&lab);
    // Long enough for the worker to export the `started` span before the kill.
    let job = json!({"name": "interrupted", "operations": [{"kind": "wait", "seconds": 4}]});
    let accepted = client.submit(&job).await;
    client.trace_where(&accepted.trace_id, LIMIT, |trace| trace.only("started").map(drop)).await;
    lab.kill(Part::Processor(1)).await.expect("the processor runs");

    let ended = client.ended(accepted.id, Duration::from_secs(40)).await;
    assert_eq!((ended.state, ended.attempts, ended.interruptions), (JobState::Succeeded, 1, 1));
    let (trace, ()) = client
        .whole_trace_where(&accepted.trace_id, LIMIT, |trace| {
            trace.only("process jobs.done.succeeded").map(drop)
        })
        .await;
    let attempts: Vec<&Span> = trace
        .named("process jobs.todo.wait")
        .filter(|span| span.attribute("waybill.job.attempt").is_some())
        .collect();
    let verdicts: Vec<_> =
        attempts.iter().map(|span| span.attribute("waybill.verdict").unwrap_or_default()).collect();
    assert_eq!(verdicts, ["lost", "done"], "{trace}");
    assert!(attempts[0].is_error() && attempts[1].links_to(attempts[0]));
    assert_eq!(attempts[0].parent, attempts[1].parent, "attempts are siblings");
    let operations: HashSet<_> =
        trace.named("operation wait").filter_map(|span| span.parent.clone()).collect();
    assert_eq!(
        operations,
        attempts.iter().map(|attempt| attempt.id.clone()).collect(),
        "the lost operation is there too"
    );
}
