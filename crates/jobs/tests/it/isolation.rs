//! When a job runs isolated, and when its interruptions are used up.

use async_nats::jetstream::consumer::pull;
use contract::{
    job::Job,
    record::{Interruptions, JobRecord},
    signals::reason,
    state::JobState,
    topology::{DEAD, PROCESSOR},
};
use futures_util::StreamExt as _;
use jobs::claim::{INTERRUPTIONS_MAX, ISOLATED_DEATHS_MAX};

use crate::{
    rig::{Rig, step},
    stage::Answer,
};

/// A queued job that was interrupted before.
async fn interrupted(rig: &mut Rig, total: u32, isolated: u32) -> Job {
    let job = rig.job();
    let mut record = JobRecord::accepted(&job, "0af7651916cd43dd8448eb211c80319c".to_owned());
    record.state = JobState::Queued;
    record.interruptions = Interruptions { total, isolated, ..Interruptions::default() };
    rig.queue(&job, &record).await;
    job
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_interruption_raises_no_suspicion_and_a_second_one_does() {
    for (total, is_isolated) in [(0, false), (1, false), (2, true), (INTERRUPTIONS_MAX - 1, true)] {
        let mut rig = Rig::start().await;
        let mut worker = rig.worker("worker-1");
        let job = interrupted(&mut rig, total, 0).await;
        let running = step(&mut worker).await;
        assert_eq!(running.lease.isolated, is_isolated, "after {total} interruptions");
        running.answer(Answer::Succeed);
        rig.ended(&job, JobState::Succeeded).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_child_process_died_stays_isolated_until_the_last_death_makes_it_a_dead_letter()
{
    let mut rig = Rig::start().await;
    let mut worker = rig.worker("worker-1");
    let job = interrupted(&mut rig, 1, 1).await;
    for _ in 1..ISOLATED_DEATHS_MAX {
        let running = step(&mut worker).await;
        assert!(running.lease.isolated);
        running.answer(Answer::LoseChild);
    }
    let record = rig.ended(&job, JobState::Dead).await;
    assert_eq!(record.failure.unwrap().reason, reason::INTERRUPTIONS_USED_UP);
    assert_eq!(record.interruptions.isolated, ISOLATED_DEATHS_MAX);
    assert_eq!(record.attempts.processor, 0, "an interruption spends no attempt");
    assert_eq!(rig.stage.messages(DEAD).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_was_interrupted_too_often_is_not_run_again() {
    let mut rig = Rig::start().await;
    let _worker = rig.worker("worker-1");
    let job = interrupted(&mut rig, INTERRUPTIONS_MAX, 0).await;
    let record = rig.ended(&job, JobState::Dead).await;
    assert_eq!(record.failure.unwrap().reason, reason::INTERRUPTIONS_USED_UP);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_worker_was_lost_before_it_could_claim_it_runs_isolated() {
    let mut rig = Rig::start().await;
    let job = rig.queued().await;
    let (stage, stream) = (PROCESSOR.stage.name(), PROCESSOR.stream.name);
    let queue =
        rig.stage.jetstream.get_consumer_from_stream::<pull::Config, _, _>(stage, stream).await;
    // Delivered, and never acked.
    let mut lost = queue.unwrap().fetch().max_messages(1).messages().await.unwrap();
    lost.next().await.expect("the message is delivered").unwrap();
    let mut worker = rig.worker("worker-1");
    let running = step(&mut worker).await;
    assert!(running.lease.isolated);
    running.answer(Answer::Succeed);
    rig.ended(&job, JobState::Succeeded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_worker_was_lost_before_its_first_progress_runs_isolated() {
    let mut rig = Rig::start().await;
    let mut first = rig.worker("worker-1");
    let job = rig.queued().await;
    let running = step(&mut first).await;
    assert!(!running.lease.isolated);
    first.kill();
    let mut second = rig.worker("worker-2");
    let taken_over = step(&mut second).await;
    assert!(taken_over.lease.isolated);
    taken_over.answer(Answer::Succeed);
    rig.ended(&job, JobState::Succeeded).await;
}
