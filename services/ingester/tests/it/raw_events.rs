//! Events that clients publish by themselves.

use contract::{
    signals::reason,
    state::JobState,
    topology::{DEAD, SUBMITTED},
};

use crate::rig::Rig;

const SPEC: &str = r#"{"name": "raw", "operations": [{"kind": "add", "inputs": [1, 2]}]}"#;

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_an_allowed_source_becomes_a_job_with_a_record() {
    let rig = Rig::start().await;
    rig.raw_event("/demo/load", "1", "raw", SPEC).await;
    let queued = rig.queued().await;
    assert_eq!(queued.len(), 1);
    assert_eq!(queued[0].spec.name, "raw");
    assert_eq!(rig.stage.record(queued[0].id).await.unwrap().state, JobState::Queued);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_event_in_two_messages_is_one_job_and_another_source_is_another_event() {
    let rig = Rig::start().await;
    for (source, event, message) in
        [("/demo/load", "1", "raw"), ("/demo/load", "1", "again"), ("/demo/other", "1", "raw")]
    {
        rig.raw_event(source, event, message, SPEC).await;
    }
    assert_eq!(rig.queued().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_another_source_or_another_stage_is_dropped() {
    let rig = Rig::start().await;
    for source in ["/elsewhere", "/waybill/notifier"] {
        rig.raw_event(source, "1", "raw", SPEC).await;
    }
    assert_eq!(rig.queued().await, []);
    assert_eq!(rig.stage.messages(DEAD).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_whose_data_is_no_job_is_a_dead_letter_with_the_reason() {
    let rig = Rig::start().await;
    rig.raw_event("/demo/load", "1", "raw", r#"{"name": 7}"#).await;
    rig.stage.acked(SUBMITTED).await;
    let letters = rig.stage.messages(DEAD).await;
    assert_eq!(letters.len(), 1);
    let found = letters[0].headers.get(contract::dead_header::REASON).unwrap();
    assert_eq!(found.as_str(), reason::MALFORMED);
}
