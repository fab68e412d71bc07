//! A job's events as they happen.

use std::time::Duration;

use contract::{
    JobId, operation::OperationKind, propagation::TraceParent, record::Progress, state::JobState,
};
use reqwest::Response;
use serde_json::Value;
use tokio::time::timeout;

use crate::rig::{JOB, LIMIT, Rig, problem};

/// One event: its name, id and data.
type ReceivedEvent = (String, u64, Value);

/// Reads a stream event by event.
struct Reader {
    answer: Response,
    text: String,
}

impl Reader {
    async fn open(rig: &Rig, job: JobId) -> Self {
        let answer = rig.get(&format!("/v1/jobs/{job}/events")).send().await.unwrap();
        let answer = answer.error_for_status().unwrap();
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        assert_eq!(answer.headers()["cache-control"], "no-cache");
        Self { answer, text: String::new() }
    }

    /// The next event; `None` once the stream has ended.
    async fn next(&mut self) -> Option<ReceivedEvent> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name| {
                    event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                };
                let received = field("event").map(|event| {
                    let data = serde_json::from_str(field("data").unwrap()).unwrap();
                    (event.to_owned(), field("id").unwrap().parse().unwrap(), data)
                });
                self.text = String::from(rest);
                if received.is_some() {
                    return received;
                }
                continue;
            }
            let chunk = timeout(LIMIT, self.answer.chunk()).await.expect("it goes on or ends");
            self.text.push_str(str::from_utf8(&chunk.unwrap()?).unwrap());
        }
    }
}

fn progress(part: f32) -> Progress {
    let span = TraceParent { trace_id: 1, span_id: 1, sampled: true };
    Progress {
        operation: 0,
        kind: OperationKind::Wait,
        part,
        span,
        started_at_ns: 0,
        child_at_ns: 0,
    }
}

#[tokio::test]
async fn states_and_progress_come_in_order_and_the_end_ends_the_stream() {
    let rig = Rig::start().await;
    let job = rig.submit(JOB).await.id;
    let mut events = Reader::open(&rig, job).await;
    let (name, first, data) = events.next().await.unwrap();
    assert_eq!((name.as_str(), &data["state"]), ("state", &"accepted".into()));
    rig.change(job, |record| record.state = JobState::Running).await;
    rig.change(job, |record| record.progress = Some(progress(0.5))).await;
    rig.change(job, |record| record.progress = Some(progress(0.5))).await;
    rig.change(job, |record| {
        (record.state, record.progress) = (JobState::Succeeded, None);
    })
    .await;
    let mut last = first;
    let mut received = Vec::new();
    while let Some((name, id, data)) = events.next().await {
        assert!(id > last, "ids rise");
        last = id;
        received.push((name, data["state"].as_str().map(str::to_owned), data["part"].as_f64()));
    }
    let state = |name: &str| ("state".to_owned(), Some(name.to_owned()), None);
    let half = ("progress".to_owned(), None, Some(0.5));
    assert_eq!(received, [state("running"), half, state("succeeded")]);

    let mut again = Reader::open(&rig, job).await;
    assert_eq!(again.next().await.unwrap().2["state"], "succeeded");
    assert_eq!(again.next().await, None);
    let seen = rig.get(&format!("/v1/jobs/{job}/events")).header("last-event-id", last.to_string());
    assert_eq!(seen.send().await.unwrap().status(), 204, "a browser need not reconnect");
    let unknown = rig.get("/v1/jobs/019a0000-0000-7000-8000-000000000000/events");
    problem(unknown.send().await.unwrap(), 404).await;
}

#[tokio::test]
async fn streams_end_when_the_gateway_drains() {
    let mut rig = Rig::start().await;
    let job = rig.submit(JOB).await.id;
    let mut events = Reader::open(&rig, job).await;
    assert!(events.next().await.is_some());
    rig.stop.trigger_soft();
    assert_eq!(events.next().await, None);
    timeout(Duration::from_secs(5), &mut rig.ended).await.expect("it drains").unwrap().unwrap();
}

#[tokio::test]
async fn the_number_of_streams_is_limited_and_a_closed_one_frees_a_slot() {
    let rig = Rig::start().await;
    let job = rig.submit(JOB).await.id;
    let mut open = Vec::new();
    for _ in 0..256 {
        open.push(Reader::open(&rig, job).await);
    }
    let refused = rig.get(&format!("/v1/jobs/{job}/events")).send().await.unwrap();
    assert!(refused.headers().contains_key("retry-after"));
    assert!(problem(refused, 503).await.kind.ends_with("/too-many-streams"));
    open.clear();
    testkit::eventually(LIMIT, "a place is free", async || {
        // A change makes the gateway notice who has gone.
        rig.change(job, |record| record.attempts.ingester += 1).await;
        rig.get(&format!("/v1/jobs/{job}/events")).send().await.unwrap().status() == 200
    })
    .await;
}

#[tokio::test]
async fn an_event_stream_continues_after_a_broker_outage() {
    let mut rig = Rig::start().await;
    let job = rig.submit(JOB).await.id;
    let mut events = Reader::open(&rig, job).await;
    assert!(events.next().await.is_some());
    rig.nats.kill().await;
    rig.nats.restart().await;
    rig.becomes_ready().await;
    rig.change(job, |record| record.state = JobState::Failed).await;
    assert_eq!(events.next().await.unwrap().2["state"], "failed");
    assert_eq!(events.next().await, None);
}
