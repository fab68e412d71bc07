//! Attempts that fail, and attempts that are postponed.

use std::time::Duration;

use bus::Failure;
use contract::{
    signals::reason,
    state::JobState,
    topology::{DEAD, DONE},
};

use crate::{
    rig::{Rig, failed, step},
    stage::Answer,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_attempt_is_counted_and_the_last_one_makes_the_job_a_dead_letter() {
    let mut rig = Rig::start().await;
    let mut worker = rig.worker("worker-1");
    let job = rig.queued().await;
    step(&mut worker).await.answer(Answer::Outcome(failed()));
    let retrying = rig
        .stage
        .record_when(job.id, "the job is requeued", |record| record.state == JobState::Retrying);
    let retrying = retrying.await;
    assert_eq!(retrying.attempts.processor, 1);
    assert!(retrying.lease.is_none() && retrying.times.retry_ms.is_some());
    assert_eq!(retrying.failure.as_ref().unwrap().reason, reason::WORK_FAILED);
    let second = step(&mut worker).await;
    assert_eq!(second.lease.attempt, 2);
    second.answer(Answer::Outcome(failed()));
    let record = rig.ended(&job, JobState::Dead).await;
    assert_eq!(record.failure.as_ref().unwrap().reason, reason::ATTEMPTS_USED_UP);
    let dead = rig.stage.messages(DEAD).await;
    assert_eq!(dead.iter().map(|letter| letter.sequence).collect::<Vec<_>>(), [1]);
    assert_eq!(record.dead_letter, Some(1));
    assert_eq!(rig.stage.messages(DONE).await.len(), 1, "its submitter is notified");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_a_failed_attempt() {
    let mut rig = Rig::start().await;
    let mut worker = rig.worker("worker-1");
    let job = rig.queued().await;
    step(&mut worker).await.answer(Answer::Panic);
    let second = step(&mut worker).await;
    assert_eq!(second.lease.attempt, 2);
    second.answer(Answer::Succeed);
    rig.ended(&job, JobState::Succeeded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postponed_attempt_spends_nothing() {
    let mut rig = Rig::start().await;
    let mut worker = rig.worker("worker-1");
    let job = rig.queued().await;
    for _ in 0..4 {
        let cause = anyhow::anyhow!("a store is full");
        let after = Duration::from_millis(10);
        let postponed = Failure::Postpone { reason: reason::BROKER_AWAY, cause, after };
        let running = step(&mut worker).await;
        assert_eq!((running.lease.attempt, running.lease.run), (1, 0));
        running.answer(Answer::Outcome(Err(postponed)));
    }
    step(&mut worker).await.answer(Answer::Succeed);
    let record = rig.ended(&job, JobState::Succeeded).await;
    assert_eq!((record.attempts.processor, record.interruptions.total), (0, 0));
}
