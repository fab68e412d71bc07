//! Who holds the lease of a running job, how long it has been silent, and what a waiting job waits for.

use std::time::Duration;

use async_nats::jetstream::consumer::PullConsumer;
use contract::{
    JobId,
    api::{JobList, JobView, LeaseView, WaitReason},
    propagation::TraceParent,
    record::{JobRecord, Lease},
    state::JobState,
    topology::{PROCESSOR, QUEUE_BYTES_MAX},
};
use nats::topology::{TopologyConfig, apply};
use testkit::eventually;

use crate::rig::{JOB, LIMIT, Rig};

const WORKER: &str = "processor-17";

/// A gateway whose workers must renew within these seconds.
async fn rig(ack_wait_seconds: u64) -> Rig {
    let rig = Rig::start().await;
    let config = TopologyConfig {
        ack_wait: Some(Duration::from_secs(ack_wait_seconds)),
        ack_wait_seconds: None,
        replicas: 1,
        queue_bytes_max: QUEUE_BYTES_MAX,
    };
    apply(&rig.jetstream, &config).await.unwrap();
    rig
}

fn run_it(record: &mut JobRecord) {
    let span = TraceParent { trace_id: 1, span_id: 1, sampled: true };
    record.state = JobState::Running;
    record.interruptions.total = 2;
    record.lease = Some(Lease {
        round: 0,
        attempt: 1,
        run: 2,
        worker: WORKER.to_owned(),
        stream_seq: 1,
        span,
        parent: span,
        started_at_ns: 1_000_000_000,
        isolated: false,
    });
}

/// The job's lease, once it is as `wanted`.
async fn lease_where(rig: &Rig, job: JobId, wanted: impl Fn(&LeaseView) -> bool) -> LeaseView {
    eventually(LIMIT, "the lease", async || match rig.job(job).await.lease {
        Some(lease) if wanted(&lease) => Ok(lease),
        other => Err(other),
    })
    .await
}

async fn waits_for(rig: &Rig, job: JobId, reason: WaitReason) -> JobView {
    eventually(LIMIT, "the reason", async || {
        let job = rig.job(job).await;
        match &job.waiting {
            Some(wait) if wait.reason == reason => Ok(job),
            other => Err(format!("{other:?} of {}", job.state)),
        }
    })
    .await
}

#[tokio::test]
async fn a_running_job_with_a_silent_worker_shows_the_time_until_its_take_over() {
    let rig = rig(3).await;
    let job = rig.submit(JOB).await.id;
    rig.change(job, run_it).await;
    let fresh = lease_where(&rig, job, |lease| lease.ack_wait_ms == 3_000).await;
    assert_eq!((fresh.worker.as_str(), fresh.run), (WORKER, 3));
    assert_eq!(fresh.running_since, "1970-01-01T00:00:01Z");

    let silent = lease_where(&rig, job, LeaseView::is_silent).await;
    assert!(silent.silent_ms > 1_500, "not before a renewal was missed: {silent:?}");
    let sum = silent.silent_ms + silent.takeover_in_ms.unwrap();
    assert!((2_999..=3_001).contains(&sum), "one ack wait in all: {silent:?}");
    assert_eq!(silent.written_at, fresh.written_at);
    let due = lease_where(&rig, job, |lease| lease.takeover_in_ms == Some(0)).await;
    // Both are whole milliseconds, rounded down: less than one may be left.
    assert!(due.silent_ms >= 2_999, "{due:?}");
    eventually(LIMIT, "the gauge", async || rig.metric("waybill_leases_silent") == Some(1.0)).await;
    let listed = rig.get("/v1/jobs?state=running").send().await.unwrap();
    let listed: JobList = listed.error_for_status().unwrap().json().await.unwrap();
    assert!(listed.jobs[0].lease.as_ref().is_some_and(LeaseView::is_silent), "{listed:?}");

    rig.change(job, |record| record.interruptions.total = 2).await;
    let renewed = lease_where(&rig, job, |lease| !lease.is_silent()).await;
    assert!(renewed.written_at > fresh.written_at, "{renewed:?}");
    eventually(LIMIT, "the gauge", async || rig.metric("waybill_leases_silent") == Some(0.0)).await;
    rig.change(job, |record| record.move_to(JobState::Succeeded).unwrap()).await;
    let ended = rig.job(job).await;
    assert!(ended.lease.is_none() && ended.waiting.is_none(), "{ended:?}");
}

#[tokio::test]
async fn a_waiting_job_shows_whether_there_is_a_worker_and_how_many_jobs_go_first() {
    let rig = rig(10).await;
    let first = rig.submit(JOB).await.id;
    let second = rig.submit(JOB).await.id;
    for (job, behind) in [(first, 0), (second, 1)] {
        let waits = waits_for(&rig, job, WaitReason::Ingester).await;
        assert_eq!(waits.waiting.unwrap().behind, Some(behind));
    }
    for job in [first, second] {
        rig.change(job, |record| record.state = JobState::Queued).await;
    }
    let no_worker = waits_for(&rig, second, WaitReason::NoWorker).await;
    assert_eq!(no_worker.waiting.unwrap().behind, Some(1));

    let stream = rig.jetstream.get_stream(PROCESSOR.stream.name).await.unwrap();
    let queue: PullConsumer = stream.get_consumer(PROCESSOR.stage.name()).await.unwrap();
    let asking = tokio::spawn(async move {
        loop {
            // Dropped, it no longer asks.
            let pull = queue.batch().max_messages(1).expires(Duration::from_secs(1)).messages();
            let _asking = pull.await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    waits_for(&rig, second, WaitReason::Slot).await;
    asking.abort();
    waits_for(&rig, second, WaitReason::NoWorker).await;
    // A worker with all of its slots taken does not ask, and yet is there.
    rig.change(first, run_it).await;
    let behind = waits_for(&rig, second, WaitReason::Slot).await.waiting.unwrap().behind;
    assert_eq!(behind, Some(0), "what runs is no longer in line");
}

#[tokio::test]
async fn a_retrying_job_says_when_its_next_attempt_is_due() {
    let rig = rig(10).await;
    let job = rig.submit(JOB).await.id;
    let due_ms = rig.record(job).await.times.accepted_ms + 60_000;
    rig.change(job, |record| {
        record.state = JobState::Retrying;
        record.attempts.processor = 1;
        record.times.retry_ms = Some(due_ms);
    })
    .await;
    let waits = waits_for(&rig, job, WaitReason::RetryDelay).await.waiting.unwrap();
    assert!(waits.due_in_ms.is_some_and(|ms| (30_000..=60_000).contains(&ms)), "{waits:?}");
}
