//! A worker takes only what it has room for.

use std::time::Duration;

use async_nats::jetstream::consumer::pull;
use contract::topology::PROCESSOR;
use testkit::eventually;

use crate::{
    rig::{Rig, nothing_runs, step},
    stage::{Answer, SLOTS},
};

const LIMIT: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_pulls_as_many_messages_as_it_has_free_slots() {
    let mut rig = Rig::start().await;
    let mut worker = rig.worker("worker-1");
    for _ in 0..SLOTS + 2 {
        rig.queued().await;
    }
    let mut running = Vec::new();
    for _ in 0..SLOTS {
        running.push(step(&mut worker).await);
    }
    assert!(nothing_runs(&mut worker, Duration::from_millis(200)).await);
    let (stage, stream) = (PROCESSOR.stage.name(), PROCESSOR.stream.name);
    let queue =
        rig.stage.jetstream.get_consumer_from_stream::<pull::Config, _, _>(stage, stream).await;
    let mut queue = queue.unwrap();
    let info = queue.info().await.unwrap();
    assert_eq!((info.num_ack_pending, info.num_pending), (SLOTS, 2));
    running.pop().unwrap().answer(Answer::Succeed);
    running.push(step(&mut worker).await);
    eventually(LIMIT, "one message is left", async || {
        let left = queue.info().await.unwrap().num_pending;
        if left == 1 { Ok(()) } else { Err(left) }
    })
    .await;
}
