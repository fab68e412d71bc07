//! A broker that is connected but does not store: the refusal names the cause and says what was stored.

use contract::{
    api::{JobAccepted, Problem},
    topology::QUEUE_BYTES_MAX,
};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::json;
use testkit::eventually;

use crate::rig::{JOB, LIMIT, Rig, problem};

/// The refusal of a request, which must say when to try again.
async fn refused(request: RequestBuilder) -> Problem {
    let answer = request.send().await.unwrap();
    let again: Option<u32> =
        answer.headers().get("retry-after").and_then(|after| after.to_str().ok()?.parse().ok());
    let problem = problem(answer, 503).await;
    assert!(again >= Some(10), "somebody has to do something first: {again:?} {problem:?}");
    assert!(problem.trace_id.is_some(), "{problem:?}");
    problem
}

fn keyed(rig: &Rig, key: &str) -> RequestBuilder {
    rig.post("/v1/jobs", JOB).header("idempotency-key", key)
}

fn event(rig: &Rig) -> RequestBuilder {
    let event = json!({"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data": {}});
    rig.post("/v1/events", event.to_string())
}

/// Sends it until it is taken; any other refusal than a 503 or a key in use is a failure.
async fn taken(request: impl Fn() -> RequestBuilder) -> reqwest::Response {
    eventually(LIMIT, "the request is taken", async || {
        let answer = request().send().await.unwrap();
        match answer.status() {
            StatusCode::ACCEPTED => Ok(answer),
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::CONFLICT => Err(answer.text().await),
            other => panic!("{other}: {:?}", answer.text().await),
        }
    })
    .await
}

#[tokio::test]
async fn a_missing_stream_is_named_and_nothing_was_stored() {
    let rig = Rig::start().await;
    rig.jetstream.delete_stream("SUBMITTED").await.unwrap();
    for request in [rig.post("/v1/jobs", JOB), keyed(&rig, "k"), event(&rig)] {
        let refusal = refused(request).await;
        assert!(refusal.kind.ends_with("/no-stream"), "{refusal:?}");
        for words in ["SUBMITTED", "Nothing was stored", "waybill topology apply"] {
            assert!(refusal.detail.contains(words), "{words} in {refusal:?}");
        }
    }
    rig.apply_topology(QUEUE_BYTES_MAX).await;
    // The key was released, so it can be used immediately.
    assert_eq!(keyed(&rig, "k").send().await.unwrap().status(), StatusCode::ACCEPTED);
    assert_eq!(rig.submitted().await.messages, 1);
}

#[tokio::test]
async fn a_missing_bucket_of_keys_is_named_and_other_jobs_are_accepted() {
    let rig = Rig::start().await;
    rig.jetstream.delete_stream("KV_KEYS").await.unwrap();
    let refusal = refused(keyed(&rig, "k")).await;
    assert!(
        refusal.kind.ends_with("/no-stream") && refusal.detail.contains("KV_KEYS"),
        "{refusal:?}"
    );
    assert!(refusal.detail.contains("Nothing was stored"), "{refusal:?}");
    rig.submit(JOB).await;
    assert_eq!(rig.submitted().await.messages, 1);
}

#[tokio::test]
async fn a_retry_with_a_missing_work_queue_names_the_stream() {
    let rig = Rig::start().await;
    let job = rig.queued(JOB).await;
    let cancelled = rig.post(&format!("/v1/jobs/{}/cancel", job.id), "").send().await.unwrap();
    assert_eq!(cancelled.status(), StatusCode::ACCEPTED);
    rig.jetstream.delete_stream("TODO").await.unwrap();
    let refusal = refused(rig.post(&format!("/v1/jobs/{}/retry", job.id), "")).await;
    assert!(refusal.kind.ends_with("/no-stream") && refusal.detail.contains("TODO"), "{refusal:?}");
}

/// The disk of a rig's broker: what it writes fails while it has no room.
struct Disk(u32);

impl Disk {
    fn of(rig: &Rig) -> Self {
        Self(rig.nats.pid().expect("it runs"))
    }

    /// A limit on the size of files acts like a disk that fails, and needs no rights.
    fn limit(&self, bytes: &str) {
        let limit = std::process::Command::new("prlimit")
            .args(["--pid", &self.0.to_string(), &format!("--fsize={bytes}:")])
            .status();
        assert!(limit.is_ok_and(|status| status.success()), "util-linux has prlimit");
    }

    fn fails(&self) {
        self.limit("1");
    }

    fn works(&self) {
        self.limit("unlimited");
    }
}

fn says_cannot_store(refusal: &Problem) {
    assert!(refusal.kind.ends_with("/broker-cannot-store"), "{refusal:?}");
    assert!(refusal.detail.contains("disk"), "{refusal:?}");
}

#[tokio::test]
async fn a_failing_disk_is_named_and_the_response_says_what_was_stored() {
    let mut rig = Rig::start_with_health().await;
    let before = rig.submit(JOB).await;
    let disk = Disk::of(&rig);
    disk.fails();
    let refusal = refused(rig.post("/v1/jobs", JOB)).await;
    says_cannot_store(&refusal);
    assert!(
        refusal.detail.contains("unknown") && refusal.detail.contains("may run"),
        "{refusal:?}"
    );
    // The key comes first: without it nothing was sent.
    let refusal = refused(keyed(&rig, "k")).await;
    says_cannot_store(&refusal);
    assert!(refusal.detail.contains("Nothing was stored"), "{refusal:?}");
    assert!(refusal.detail.contains("Repeat with the same Idempotency-Key"), "{refusal:?}");
    says_cannot_store(&refused(event(&rig)).await);
    let cancel = rig.post(&format!("/v1/jobs/{}/cancel", before.id), "");
    let refusal = refused(cancel).await;
    says_cannot_store(&refusal);
    assert!(refusal.detail.contains("unknown"), "{refusal:?}");
    // What is stored is still to be seen.
    assert_eq!(rig.job(before.id).await.id, before.id);
    let (status, text) = rig.ready().await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(text.contains("storage") && text.contains("cannot write"), "{text}");

    disk.works();
    // A stream that could not be written takes nothing until the broker starts again.
    rig.nats.stop_gracefully().await;
    rig.nats.restart().await;
    rig.becomes_ready().await;
    let job: JobAccepted = taken(|| keyed(&rig, "k")).await.json().await.unwrap();
    assert_eq!(rig.job(job.id).await.id, job.id);
    taken(|| event(&rig)).await;
}

#[tokio::test]
async fn without_a_health_endpoint_a_full_disk_is_reported_as_cannot_store_and_a_hung_broker_as_unconfirmed()
 {
    let rig = Rig::start().await;
    rig.submit(JOB).await;
    Disk::of(&rig).fails();
    let refusal = refused(rig.post("/v1/jobs", JOB)).await;
    says_cannot_store(&refusal);
    assert!(refusal.detail.contains("unknown"), "{refusal:?}");
    rig.nats.pause().await;
    let answer = rig.post("/v1/jobs", JOB).send().await.unwrap();
    rig.nats.resume();
    let refusal = problem(answer, 503).await;
    assert!(refusal.kind.ends_with("/unconfirmed"), "it hangs, and nothing is known: {refusal:?}");
}
