//! Jobs from the gateway.

use std::time::Duration;

use contract::{
    job::{ATTEMPTS_DEFAULT, Notify},
    signals::reason,
    state::JobState,
    topology::{DEAD, DONE},
};

use crate::rig::Rig;

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_job_is_queued_once_with_its_defaults_and_its_record_says_so() {
    let rig = Rig::start().await;
    let (job, record) = Rig::accepted();
    rig.stage.put_record(&record).await;
    rig.submit(&job).await;
    let queued = rig.queued().await;
    assert_eq!(queued.len(), 1);
    assert_eq!(queued[0].id, job.id);
    assert_eq!(queued[0].spec.attempts_max, Some(ATTEMPTS_DEFAULT));
    assert_eq!(queued[0].spec.notify, Some(Notify::Log));
    let record = rig.stage.record(job.id).await.unwrap();
    assert_eq!(record.state, JobState::Queued);
    assert_eq!(record.deadline_at_ms, queued[0].deadline_at_ms);
    assert!(record.deadline_at_ms.is_some() && record.inline_spec.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_gateway_died_before_it_wrote_the_record_gets_one() {
    let rig = Rig::start().await;
    let (job, _) = Rig::accepted();
    rig.submit(&job).await;
    assert_eq!(rig.queued().await.len(), 1);
    assert_eq!(rig.stage.record(job.id).await.unwrap().state, JobState::Queued);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_a_job_that_is_queued_already_publishes_it_again() {
    let rig = Rig::start().await;
    let (job, mut record) = Rig::accepted();
    record.state = JobState::Queued;
    rig.stage.put_record(&record).await;
    rig.submit(&job).await;
    assert_eq!(
        rig.queued().await.len(),
        1,
        "the ingester before may have died before it published"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_an_earlier_round_is_dropped() {
    let rig = Rig::start().await;
    let (job, mut record) = Rig::accepted();
    record.round = 1;
    rig.stage.put_record(&record).await;
    rig.submit(&job).await;
    assert_eq!(rig.queued().await, []);
    assert_eq!(rig.stage.record(job.id).await.unwrap(), record);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_deadline_passes_before_it_is_queued_fails() {
    let mut rig = Rig::without_ingester().await;
    let (mut job, record) = Rig::accepted();
    job.spec.deadline_seconds = Some(1);
    rig.stage.put_record(&record).await;
    rig.submit(&job).await;
    // The deadline counts from when the broker stored the message.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    rig.start_ingester();
    assert_eq!(rig.queued().await, []);
    let record = rig.stage.record(job.id).await.unwrap();
    assert_eq!(
        (record.state, record.failure.unwrap().reason),
        (JobState::Failed, reason::DEADLINE_PASSED.into())
    );
    assert_eq!(rig.stage.messages(DONE).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_cancel_was_accepted_ends_as_cancelled_and_is_not_queued() {
    let rig = Rig::start().await;
    let (job, mut record) = Rig::accepted();
    record.cancel_requested = true;
    rig.stage.put_record(&record).await;
    rig.submit(&job).await;
    assert_eq!(rig.queued().await, []);
    assert_eq!(rig.stage.record(job.id).await.unwrap().state, JobState::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_breaks_a_limit_is_a_dead_letter_and_its_submitter_is_notified() {
    let rig = Rig::start().await;
    let (mut job, record) = Rig::accepted();
    job.spec.name = "x".repeat(10_000);
    rig.stage.put_record(&record).await;
    rig.submit(&job).await;
    assert_eq!(rig.queued().await, []);
    let record = rig.stage.record(job.id).await.unwrap();
    assert_eq!((record.state, record.dead_letter), (JobState::Dead, Some(1)));
    assert_eq!(record.failure.unwrap().reason, reason::MALFORMED);
    let (dead, done) = (rig.stage.messages(DEAD).await, rig.stage.messages(DONE).await);
    assert_eq!((dead.len(), done.len()), (1, 1));
}
