//! How the queues fare, over HTTP and in the metrics.

use contract::api::{QueueList, WhenFull};
use testkit::eventually;

use crate::rig::{JOB, LIMIT, Rig, problem};

#[tokio::test]
async fn every_queue_and_store_tells_how_full_it_is() {
    let rig = Rig::start_on(1 << 20, &[]).await;
    for _ in 0..3 {
        rig.submit(JOB).await;
    }
    let answer = rig.get("/v1/queues").send().await.unwrap();
    let list: QueueList = answer.error_for_status().unwrap().json().await.unwrap();
    let names: Vec<_> = list
        .queues
        .iter()
        .map(|queue| (queue.store.stream.as_str(), queue.consumer.as_deref()))
        .collect();
    let expected = [
        ("SUBMITTED", Some("ingester")),
        ("TODO", Some("processor")),
        ("DONE", Some("notifier")),
        ("DEAD", None),
    ];
    assert_eq!(names, expected);
    let submitted = &list.queues[0];
    assert_eq!((submitted.depth, submitted.store.messages, submitted.ack_pending), (3, 3, 0));
    assert!(submitted.oldest_age_seconds > 0.0 && submitted.store.bytes > 300);
    assert_eq!(submitted.store.bytes_max, Some(1 << 20));
    let full = submitted.store.bytes as f64 / f64::from(1 << 20);
    assert_eq!(submitted.store.full, Some(full));
    assert_eq!(submitted.store.when_full, WhenFull::Refuses);
    assert_eq!(list.queues[3].store.when_full, WhenFull::Forgets);
    let stores: Vec<_> = list.stores.iter().map(|store| store.stream.as_str()).collect();
    assert_eq!(stores, ["KV_JOBS", "KV_RESULTS", "KV_KEYS", "OBJ_TILES", "PAYLOADS"]);
    assert_eq!(list.stores[0].messages, 3);
    eventually(LIMIT, "the gauges follow", async || {
        let gauge = |name| rig.metric(&format!(r#"waybill_stream_{name}{{stream="SUBMITTED"}}"#));
        let (bytes, limit) = (gauge("bytes"), gauge("bytes_limit"));
        if bytes > Some(300.0) && limit == Some(1_048_576.0) { Ok(()) } else { Err((bytes, limit)) }
    })
    .await;
}

#[tokio::test]
async fn without_a_broker_there_is_nothing_to_tell() {
    let mut rig = Rig::start().await;
    rig.nats.kill().await;
    let answer = rig.get("/v1/queues").send().await.unwrap();
    assert!(answer.headers().contains_key("retry-after"));
    problem(answer, 503).await;
}
