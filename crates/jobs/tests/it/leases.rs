//! Leases: renewed, taken over, fenced.

use std::time::{Duration, Instant};

use contract::{
    propagation::TraceParent,
    record::{JobRecord, Lease},
    state::JobState,
    topology::{DONE, TODO},
    verdict::Verdict,
};
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    rig::{ACK_WAIT, Rig, failed, nothing_runs, step},
    stage::Answer,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_renewed_for_as_long_as_the_job_runs_and_is_not_taken_over() {
    let mut rig = Rig::start().await;
    let mut worker = rig.worker("worker-1");
    let job = rig.queued().await;
    let running = step(&mut worker).await;
    let mut other = rig.worker("worker-2");
    assert!(nothing_runs(&mut other, ACK_WAIT * 3).await, "the other worker runs it, too");
    running.answer(Answer::Succeed);
    let record = rig.ended(&job, JobState::Succeeded).await;
    assert_eq!(record.interruptions.total, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_job_of_a_killed_worker_is_taken_over_after_one_ack_wait_and_not_before() {
    let mut rig = Rig::start().await;
    let mut first = rig.worker("worker-1");
    let job = rig.queued().await;
    let running = step(&mut first).await;
    first.kill();
    drop(running);
    let last_written_ns = rig.stage.record_written_ns(job.id).await;
    let mut second = rig.worker("worker-2");
    let taken_over = step(&mut second).await;
    let silent_ns = rig.stage.record_written_ns(job.id).await - last_written_ns;
    // The worker estimates the broker's time.
    assert!(silent_ns >= (ACK_WAIT * 9 / 10).as_nanos().cast_signed(), "after {silent_ns} ns");
    assert_eq!((taken_over.lease.worker.as_str(), taken_over.lease.run), ("worker-2", 1));
    taken_over.answer(Answer::Succeed);
    let record = rig.ended(&job, JobState::Succeeded).await;
    assert_eq!((record.interruptions.total, record.attempts.processor), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_record_another_worker_has_just_written_is_not_taken_over() {
    let mut rig = Rig::start().await;
    let job = rig.job();
    let mut record = JobRecord::accepted(&job, "0af7651916cd43dd8448eb211c80319c".to_owned());
    (record.state, record.lease) = (JobState::Running, Some(lease_of("worker-1")));
    let mut worker = rig.worker("worker-2");
    rig.queue(&job, &record).await;
    let written = Instant::now();
    let taken_over = step(&mut worker).await;
    assert!(written.elapsed() >= ACK_WAIT * 9 / 10, "after {:?}", written.elapsed());
    assert_eq!((taken_over.lease.worker.as_str(), taken_over.lease.run), ("worker-2", 1));
    taken_over.answer(Answer::Succeed);
    rig.ended(&job, JobState::Succeeded).await;
}

fn lease_of(worker: &str) -> Lease {
    let span: TraceParent =
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse().unwrap();
    Lease {
        round: 0,
        attempt: 1,
        run: 0,
        worker: worker.to_owned(),
        stream_seq: 1,
        span,
        parent: span,
        started_at_ns: 0,
        isolated: false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_lease_another_one_holds_changes_nothing_and_leaves_the_message() {
    let mut rig = Rig::start().await;
    let mut worker = rig.worker("worker-1");
    let job = rig.queued().await;
    let running = step(&mut worker).await;
    let mut theirs = rig.stage.record(job.id).await.unwrap();
    let lease = theirs.lease.as_mut().unwrap();
    (lease.worker, lease.run) = ("worker-2".to_owned(), 7);
    rig.stage.put_record(&theirs).await;
    running.answer(Answer::Succeed);
    worker.ended_with(Verdict::Fenced).await;
    worker.kill();
    assert_eq!(rig.stage.record(job.id).await.unwrap(), theirs);
    assert_eq!(rig.stage.messages(TODO).await.len(), 1, "it acked a message of another worker");
    assert_eq!(rig.stage.messages(DONE).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_is_settled_although_its_lease_was_being_renewed_when_its_work_failed() {
    let mut rig = Rig::start().await;
    let mut worker = rig.worker("worker-1");
    let job = rig.queued().await;
    let running = step(&mut worker).await;
    let broker = Pid::from_raw(rig.stage.nats.pid().unwrap().cast_signed()).unwrap();
    kill_process(broker, Signal::STOP).unwrap();
    // A third of the ack wait passes: the renewal waits for the stopped broker, and holds the lock of the record.
    tokio::time::sleep(ACK_WAIT / 2).await;
    // The work needs no lock to fail, so it is over while the renewal still waits.
    running.answer(Answer::Outcome(failed()));
    tokio::time::sleep(Duration::from_millis(50)).await;
    kill_process(broker, Signal::CONT).unwrap();
    let again = step(&mut worker).await;
    assert_eq!(again.lease.attempt, 2);
    again.answer(Answer::Succeed);
    rig.ended(&job, JobState::Succeeded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_cancel_reaches_the_running_job() {
    let mut rig = Rig::start().await;
    let mut worker = rig.worker("worker-1");
    let job = rig.queued().await;
    let running = step(&mut worker).await;
    let mut record = rig.stage.record(job.id).await.unwrap();
    record.cancel_requested = true;
    rig.stage.put_record(&record).await;
    running.run.cancelled.cancelled().await;
    running.answer(Answer::Succeed);
    let record = rig.ended(&job, JobState::Cancelled).await;
    assert!(record.run.is_some(), "its results are kept");
}
