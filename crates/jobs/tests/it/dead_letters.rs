//! Messages that no retry can help.

use bus::Failure;
use contract::{
    Stage, dead_header,
    event::{EventHead, EventType},
    record::JobRecord,
    signals::reason,
    state::JobState,
    topology::{DEAD, DONE, Hop, TODO},
};

use crate::{
    rig::{Rig, failed, step},
    stage::Answer,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_message_is_dead_lettered_immediately_with_its_data_and_reason() {
    let mut rig = Rig::start().await;
    let mut worker = rig.worker("worker-1");
    let job = rig.queued().await;
    let refused = Failure::reject(reason::MALFORMED, anyhow::anyhow!("no such operation"));
    step(&mut worker).await.answer(Answer::Outcome(Err(refused)));
    let record = rig.ended(&job, JobState::Dead).await;
    assert_eq!(record.attempts.processor, 0);
    let letters = rig.stage.messages(DEAD).await;
    let [letter] = letters.as_slice() else { panic!("{} dead letters", letters.len()) };
    let header = |name| letter.headers.get(name).map(async_nats::HeaderValue::as_str);
    assert_eq!(header(dead_header::REASON), Some(reason::MALFORMED));
    assert_eq!(header(dead_header::STAGE), Some("processor"));
    assert_eq!(header(dead_header::DETAIL), Some("no such operation"));
    assert_eq!(letter.payload, job.to_json().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_cannot_be_read_ends_the_job_that_its_headers_name() {
    let mut rig = Rig::start().await;
    let job = rig.job();
    let mut record = JobRecord::accepted(&job, "0af7651916cd43dd8448eb211c80319c".to_owned());
    record.state = JobState::Queued;
    rig.stage.put_record(&record).await;
    let head = EventHead {
        id: "1".to_owned(),
        source: format!("/waybill/{}", Stage::Ingester),
        kind: EventType::Todo.name().to_owned(),
        subject: Some(job.id.to_string()),
        time: None,
    };
    let subject = contract::topology::todo(job.spec.kind());
    rig.stage.publish(subject, &head, b"{\"operations\": 7}".to_vec()).await;
    let _worker = rig.worker("worker-1");
    let record = rig.ended(&job, JobState::Dead).await;
    assert_eq!(record.failure.unwrap().reason, reason::MALFORMED);
    assert_eq!(rig.stage.messages(DEAD).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_without_a_record_is_a_dead_letter_and_its_submitter_is_notified() {
    let mut rig = Rig::start().await;
    let job = rig.job();
    rig.stage.publish_job(Hop::Todo, &job).await;
    let _worker = rig.worker("worker-1");
    rig.stage.acked(TODO).await;
    assert_eq!(rig.stage.messages(DEAD).await.len(), 1);
    assert_eq!(rig.stage.messages(DONE).await.len(), 1);
    assert_eq!(rig.stage.record(job.id).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_cancel_was_accepted_ends_as_cancelled_and_not_as_a_dead_letter() {
    let mut rig = Rig::start().await;
    let mut worker = rig.worker("worker-1");
    let job = rig.queued().await;
    step(&mut worker).await.answer(Answer::Outcome(failed()));
    let last = step(&mut worker).await;
    let mut record = rig.stage.record(job.id).await.unwrap();
    record.cancel_requested = true;
    rig.stage.put_record(&record).await;
    last.answer(Answer::Outcome(failed()));
    rig.ended(&job, JobState::Cancelled).await;
    assert_eq!(rig.stage.messages(DEAD).await.len(), 0);
    assert_eq!(rig.stage.messages(DONE).await.len(), 1);
}
