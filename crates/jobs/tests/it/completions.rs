//! The completion event.

use contract::{
    completion::CompletionEvent,
    state::{JobState, Outcome},
    topology::DONE,
};

use crate::{
    rig::{Rig, step},
    stage::Answer,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_completion_event_holds_the_job_and_the_run_that_counts() {
    let mut rig = Rig::start().await;
    let mut worker = rig.worker("worker-1");
    let job = rig.queued().await;
    step(&mut worker).await.answer(Answer::Succeed);
    let record = rig.ended(&job, JobState::Succeeded).await;
    let events = rig.stage.messages(DONE).await;
    let [event] = events.as_slice() else { panic!("{} events", events.len()) };
    assert_eq!(event.subject.as_str(), "jobs.done.succeeded");
    let done: CompletionEvent = serde_json::from_slice(&event.payload).unwrap();
    assert_eq!((done.job.id, done.outcome, done.run), (job.id, Outcome::Succeeded, record.run));
}
