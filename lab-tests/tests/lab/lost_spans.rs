//! The trace of an interrupted job: the span of a lost run ends no earlier than its child spans.

use std::time::Duration;

use contract::state::JobState;
use lab::Part;
use lab_tests::{Client, waybill};
use serde_json::{Value, json};
use testkit::{LabUnderTest, eventually};
use trace::{Span, Trace};

const LIMIT: Duration = Duration::from_mins(1);

/// Jobs with one long operation, many short ones, and both.
fn jobs() -> [Value; 3] {
    let wait = |seconds: f64| json!({"kind": "wait", "seconds": seconds});
    let short = vec![wait(0.2); 40];
    [
        json!({"name": "long", "operations": [wait(8.0)]}),
        json!({"name": "short", "operations": short}),
        json!({"name": "mixed", "operations": [wait(0.3), wait(7.0), wait(0.1)]}),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_run_does_not_end_before_its_children() {
    let lab = LabUnderTest::start_with(&waybill(), |options| {
        options.env.push(("WAYBILL_ACK_WAIT_SECONDS".into(), "3".into()));
    })
    .await;
    let client = Client::of(&lab);
    let mut accepted = Vec::new();
    for job in jobs() {
        accepted.push(client.submit(&job).await);
    }
    let long = accepted[0].id;
    eventually(LIMIT, "the long job has shown progress", async || {
        client.job(long).await?.progress.filter(|at| at.part > 0.3)
    })
    .await;
    lab.kill(Part::Processor(1)).await.expect("it runs");
    for job in &accepted {
        let ended = client.ended(job.id, LIMIT).await;
        assert_eq!((ended.state, ended.interruptions), (JobState::Succeeded, 1));
        let verdicts = |trace: &Trace| {
            let runs = runs(trace).filter_map(|span| span.attribute("waybill.verdict"));
            let runs: Vec<String> = runs.collect();
            if runs == ["lost", "done"] { Ok(()) } else { Err(runs) }
        };
        let (trace, ()) = client.whole_trace_where(&job.trace_id, LIMIT, verdicts).await;
        for lost in trace.spans.iter().filter(|span| is_lost(span)) {
            for child in trace.spans.iter().filter(|child| child.is_child_of(lost)) {
                assert!(child.end_ns <= lost.end_ns, "{} in {}: {trace}", child.name, lost.name);
            }
        }
    }
}

/// The processor's runs of the job.
fn runs(trace: &Trace) -> impl Iterator<Item = &Span> {
    trace.spans.iter().filter(|span| span.name.starts_with("process jobs.todo."))
}

/// Whether the span was exported by the worker that took over.
fn is_lost(span: &Span) -> bool {
    span.attribute("waybill.verdict").as_deref() == Some("lost")
}
