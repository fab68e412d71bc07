//! The broker away, late or full: the client gets an error, and a 202 only for what is stored.

use contract::{
    Stage,
    topology::{JOBS_BUCKET, QUEUE_BYTES_MAX},
};
use reqwest::StatusCode;
use serde_json::json;
use testkit::eventually;

use crate::rig::{JOB, LIMIT, Rig, problem};

#[tokio::test]
async fn the_gateway_answers_before_its_broker_is_ready() {
    let rig = Rig::start_bare(&[]).await;
    let (status, text) = rig.ready().await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(text.contains("waiting") && text.contains("index"), "{text}");
    for request in [rig.post("/v1/jobs", JOB), rig.get("/v1/jobs"), rig.get("/v1/dead-letters")] {
        let answer = request.send().await.unwrap();
        assert!(answer.headers().contains_key("retry-after"));
        let problem = problem(answer, 503).await;
        assert!(problem.kind.ends_with("/broker-away"), "{}", problem.kind);
    }
    // What is wrong with a request needs no broker.
    problem(rig.post("/v1/jobs", "{}").send().await.unwrap(), 400).await;
    rig.apply_topology(QUEUE_BYTES_MAX).await;
    rig.becomes_ready().await;
    rig.holds_nothing().await;
    rig.submit(JOB).await;
}

#[tokio::test]
async fn a_broker_that_goes_away_is_a_503_until_it_is_back() {
    let mut rig = Rig::start().await;
    rig.submit(JOB).await;
    rig.nats.kill().await;
    let answer = rig.post("/v1/jobs", JOB).send().await.unwrap();
    assert!(answer.headers().contains_key("retry-after"));
    let unknown = problem(answer, 503).await;
    assert!(unknown.kind.ends_with("/unconfirmed"), "{}", unknown.kind);
    assert!(
        unknown.detail.contains("unknown") && unknown.detail.contains("Idempotency-Key"),
        "{}",
        unknown.detail
    );
    assert!(unknown.trace_id.is_some());
    let keyed = rig.post("/v1/jobs", JOB).header("idempotency-key", "k").send().await.unwrap();
    problem(keyed, 503).await;
    assert_eq!(rig.ready().await.0, StatusCode::SERVICE_UNAVAILABLE);
    rig.nats.restart().await;
    rig.becomes_ready().await;
    // The key may have been kept: then it is not long until it stands for a job.
    let job = eventually(LIMIT, "the repeat is taken", async || {
        let repeat = rig.post("/v1/jobs", JOB).header("idempotency-key", "k").send().await.unwrap();
        match repeat.status() {
            StatusCode::ACCEPTED => Ok(repeat),
            other => Err(other),
        }
    })
    .await;
    let job: contract::api::JobAccepted = job.json().await.unwrap();
    assert_eq!(rig.job(job.id).await.id, job.id);
}

#[tokio::test]
async fn a_broker_that_hangs_is_a_503_within_a_few_seconds() {
    let rig = Rig::start().await;
    rig.nats.pause().await;
    let started = std::time::Instant::now();
    let answer = rig.post("/v1/jobs", JOB).send().await.unwrap();
    rig.nats.resume();
    assert!(started.elapsed() < std::time::Duration::from_secs(8));
    problem(answer, 503).await;
    let listed = rig.get("/v1/jobs").send().await.unwrap();
    assert_eq!(listed.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_full_queue_is_a_503_and_the_refused_job_is_nowhere() {
    let rig = Rig::start_on(100 * 1024, &[]).await;
    let text = "x".repeat(20 * 1024);
    let body = json!({"name": "big", "operations": [{"kind": "hash", "text": text, "rounds": 1}]});
    let body = body.to_string();
    for _ in 0..4 {
        rig.submit(&body).await;
    }
    let keyed = || rig.post("/v1/jobs", body.clone()).header("idempotency-key", "k");
    let answer = keyed().send().await.unwrap();
    assert!(answer.headers().contains_key("retry-after"));
    let full = problem(answer, 503).await;
    assert!(full.kind.ends_with("/full") && full.detail.contains("nothing was stored"), "{full:?}");
    assert_eq!((rig.submitted().await.messages, rig.messages_in(JOBS_BUCKET).await), (4, 4));
    let event = json!({"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data": text});
    problem(rig.post("/v1/events", event.to_string()).send().await.unwrap(), 503).await;
    // Once there is room, the same key can be used immediately: it was released.
    rig.jetstream.get_stream("SUBMITTED").await.unwrap().purge().await.unwrap();
    assert_eq!(keyed().send().await.unwrap().status(), StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_job_store_that_is_nearly_full_takes_no_more_jobs() {
    let rig = Rig::start().await;
    rig.submit(JOB).await;
    let stream = rig.jetstream.get_stream(format!("KV_{JOBS_BUCKET}")).await.unwrap();
    let info = stream.get_info().await.unwrap();
    let roomy = info.config.clone();
    let mut tight = info.config;
    tight.max_bytes = i64::try_from(info.state.bytes).unwrap() * 6 / 5;
    rig.jetstream.update_stream(&tight).await.unwrap();
    let refused = eventually(LIMIT, "jobs are refused", async || {
        let answer = rig.post("/v1/jobs", "{}").send().await.unwrap();
        assert_eq!(answer.status(), 400);
        let messages = rig.messages_in(JOBS_BUCKET).await;
        assert_eq!(messages, 1);
        // A probe that stores nothing when it is taken: the same key.
        let probe = rig.post("/v1/events", "{}").send().await.unwrap();
        assert_eq!(probe.status(), 400);
        let answer =
            rig.post("/v1/jobs", JOB).header("idempotency-key", "probe").send().await.unwrap();
        if answer.status() == 503 { Some(answer) } else { None }
    })
    .await;
    let problem = problem(refused, 503).await;
    assert!(problem.detail.contains("job store"), "{}", problem.detail);
    rig.jetstream.update_stream(&roomy).await.unwrap();
    eventually(LIMIT, "jobs are taken again", async || {
        rig.post("/v1/jobs", JOB).send().await.unwrap().status() == 202
    })
    .await;
}

#[tokio::test]
async fn applying_the_topology_again_keeps_what_is_stored() {
    let rig = Rig::start().await;
    let job = rig.queued(JOB).await;
    let dead_letter = rig.dead_letter(Stage::Processor, "jobs.todo.add", &[], b"x".to_vec()).await;
    let stored = async || {
        let mut all = Vec::new();
        for stream in ["SUBMITTED", "PAYLOADS", "DEAD"] {
            all.extend(
                rig.messages(stream).await.into_iter().map(|one| (one.subject, one.payload)),
            );
        }
        (all, rig.dead_letters().await, rig.record(job.id).await)
    };
    let before = stored().await;
    assert_eq!((before.0.len(), before.1.as_slice()), (3, &[dead_letter][..]));
    rig.apply_topology(QUEUE_BYTES_MAX).await;
    assert_eq!(stored().await, before);
}
