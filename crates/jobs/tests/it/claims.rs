//! Who may run a job.

use contract::{
    state::JobState,
    topology::{DONE, TODO},
};

use crate::{
    rig::{Rig, step},
    stage::Answer,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_queued_job_is_run_once_and_its_end_is_in_the_record_before_the_message_is_acked() {
    let mut rig = Rig::start().await;
    let mut worker = rig.worker("worker-1");
    let job = rig.queued().await;
    let running = step(&mut worker).await;
    let record = rig.stage.record(job.id).await.unwrap();
    assert_eq!(record.state, JobState::Running);
    assert_eq!(record.lease.as_ref(), Some(&running.lease));
    assert_eq!(running.lease.worker, "worker-1");
    assert!(!running.lease.isolated);
    assert_eq!(rig.stage.messages(TODO).await.len(), 1, "it is not acked before its end");
    running.answer(Answer::Succeed);
    let record = rig.ended(&job, JobState::Succeeded).await;
    assert_eq!((record.attempts.processor, record.interruptions.total), (0, 0));
    assert!(record.run.is_some());
    assert_eq!(rig.stage.messages(DONE).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_an_earlier_round_is_dropped() {
    let mut rig = Rig::start().await;
    let job = rig.job();
    let mut record =
        contract::record::JobRecord::accepted(&job, "0af7651916cd43dd8448eb211c80319c".to_owned());
    (record.state, record.round) = (JobState::Queued, 1);
    rig.queue(&job, &record).await;
    let _worker = rig.worker("worker-1");
    rig.stage.acked(TODO).await;
    assert_eq!(rig.stage.record(job.id).await.unwrap(), record, "nothing was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_an_ended_job_publishes_its_completion_again_and_changes_nothing() {
    let mut rig = Rig::start().await;
    let job = rig.job();
    let mut record =
        contract::record::JobRecord::accepted(&job, "0af7651916cd43dd8448eb211c80319c".to_owned());
    (record.state, record.times.finished_ms) = (JobState::Succeeded, Some(1));
    rig.queue(&job, &record).await;
    let _worker = rig.worker("worker-1");
    rig.stage.acked(TODO).await;
    assert_eq!(rig.stage.messages(DONE).await.len(), 1);
    assert_eq!(rig.stage.record(job.id).await.unwrap(), record);
}
