//! The state of jobs on the pages: their workers, silent workers, and every attempt.

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Value, json};

use crate::gateway::console_beside;
use crate::telemetry::{attribute, export, failed, span, text, trace_hex, with};
use crate::under_test::Console;

/// A running job of trace 1 with this lease.
fn running(silent_ms: u64, takeover_in_ms: Option<u64>) -> Value {
    json!({
        "id": "j-1", "name": "nap", "state": "running", "trace_id": trace_hex(1), "operations": 2,
        "attempts": 1, "attempts_max": 4, "worker": "processor-7",
        "progress": {"operation": 1, "kind": "wait", "part": 0.4},
        "lease": {
            "worker": "processor-7", "run": 1, "running_since": "", "written_at": "",
            "silent_ms": silent_ms, "ack_wait_ms": 10_000, "takeover_in_ms": takeover_in_ms,
        },
    })
}

/// A console with a gateway that has this job, and with the `spans` of trace 1.
async fn console_with(job: Value, spans: Vec<Span>) -> Console {
    let console = console_beside(json!({"jobs": [job]})).await;
    let root = with(span(1, 1, 0, "POST /v1/jobs"), [text("waybill.job.id", "j-1")]);
    console.send(export("gateway", vec![root])).await;
    console.send(export("processor", spans)).await;
    console
}

async fn trace_page(console: &Console) -> String {
    console.page(&format!("/traces/{}", trace_hex(1))).await
}

#[tokio::test]
async fn a_running_job_shows_its_worker_and_progress_and_no_orphans() {
    let started = span(1, 3, 0x99, "started");
    let console = console_with(running(900, None), vec![started.clone()]).await;
    let page = trace_page(&console).await;
    for text in
        ["running on <span class=\"mono\">processor-7</span>", "operation 2 of 2 (wait), 40 %"]
    {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(page.contains("parent still open") && !page.contains("orphan"), "{page}");
    assert!(page.contains("<title>nap · Waybill</title>"), "{page}");
    assert!(!console.page("/").await.contains("standstill"), "no warning");

    let ended = json!({"id": "j-1", "name": "nap", "state": "failed", "trace_id": trace_hex(1),
        "attempts": 2, "attempts_max": 4, "interruptions": 2,
        "failure": {"reason": "operation_failed", "detail": "<b>division</b> by zero"}});
    let console = console_with(ended, vec![started]).await;
    let page = trace_page(&console).await;
    assert!(page.contains("pill orphan") && !page.contains("still open"), "{page}");
    let why = "operation_failed: &lt;b&gt;division&lt;/b&gt; by zero";
    assert!(page.contains(why) && page.contains("attempt 2 of 4 · 2 interruptions"), "{page}");
}

#[tokio::test]
async fn a_silent_worker_is_shown_on_the_first_page_in_the_list_and_on_the_trace() {
    let console = console_with(running(4_300, Some(5_700)), Vec::new()).await;
    let lease = "worker processor-7 silent for 4 s, take-over in 6 s";
    let first = console.page("/").await;
    assert!(first.contains("data-refresh=\"/parts/workers\""), "{first}");
    for page in [first, console.page("/parts/workers").await, trace_page(&console).await] {
        assert!(page.contains(lease), "{page}");
    }
    assert!(console.page("/parts/workers").await.contains(">nap</a>"));
    assert!(console.page("/parts/jobs").await.contains("worker silent"));
}

#[tokio::test]
async fn jobs_that_no_processor_pulls_are_shown_on_the_first_page() {
    let waits = |reason: &str, due_in_ms: u64| {
        json!({"id": "j-1", "state": "queued", "trace_id": trace_hex(1),
            "waiting": {"reason": reason, "due_in_ms": due_in_ms, "behind": 3}})
    };
    let console = console_with(waits("no_worker", 0), Vec::new()).await;
    assert!(console.page("/").await.contains("No processor pulls jobs"));
    assert!(console.page("/parts/jobs").await.contains("no worker"));
    let page = trace_page(&console).await;
    assert!(page.contains("no processor asks for work, behind 3 older"), "{page}");
    let console = console_with(waits("retry_delay", 2_500), Vec::new()).await;
    assert!(console.page("/parts/jobs").await.contains("in 3 s"));
    assert!(!console.page("/").await.contains("standstill"));
    let console = console_with(waits("of a later version", 0), Vec::new()).await;
    assert!(console.page("/parts/jobs").await.contains("queued"));
}

/// The texts of the attempts above the waterfall.
fn attempts(page: &str) -> Vec<String> {
    let list = page
        .split("<ol class=\"journey\"")
        .nth(1)
        .expect("a list of attempts")
        .split("</ol>")
        .next();
    let plain = |item: &str| {
        let texts = item.split('<').filter_map(|part| part.split_once('>').map(|(_, text)| text));
        texts.collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
    };
    list.unwrap().split("<li>").skip(1).map(plain).collect()
}

#[tokio::test]
async fn every_attempt_is_listed_once_and_a_repeated_number_shows_its_run() {
    let number = |key: &str, value| attribute(key, Any::IntValue(value));
    let attempt = |id: u64, verdict: &str, more: Vec<_>| {
        let what =
            with(span(1, id, 1, "process jobs.todo.wait"), [text("waybill.verdict", verdict)]);
        with(what, more)
    };
    let first = || number("waybill.job.attempt", 1);
    let lost = failed(attempt(2, "lost", vec![first()]), "the worker was lost");
    let mut operation = with(
        span(1, 3, 2, "operation wait"),
        [text("waybill.verdict", "lost"), text("waybill.operation.kind", "wait")],
    );
    operation.kind = 1;
    let without_lease = attempt(4, "retry", vec![text("waybill.reason", "owned_elsewhere")]);
    let second_run = attempt(5, "retry", vec![first()]);
    let second = attempt(6, "dead", vec![number("waybill.job.attempt", 2)]);
    let after_redrive = attempt(7, "done", vec![first(), number("waybill.job.round", 1)]);
    let job = json!({"id": "j-1", "state": "succeeded", "trace_id": trace_hex(1)});
    let spans = vec![lost, operation, without_lease, second_run, second, after_redrive];
    let page = trace_page(&console_with(job, spans).await).await;
    let expected = [
        "processor #1 lost",
        "processor #1 · run 2 retry",
        "processor #2 dead",
        "processor r1 #1 done",
    ];
    assert_eq!(attempts(&page), expected);
}
