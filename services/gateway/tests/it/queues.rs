//! How the queues fare, over HTTP and in the metrics.

use contract::{
    api::{QueueList, WhenFull},
    topology::{QUEUE_BYTES_MAX, STORES},
};
use testkit::eventually;

use crate::rig::{JOB, LIMIT, Rig, problem};

#[tokio::test]
async fn every_queue_and_store_shows_how_full_it_is() {
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
    assert_eq!(
        (submitted.depth, submitted.store.messages, submitted.ack_pending),
        (Some(3), Some(3), Some(0))
    );
    assert!(submitted.oldest_age_seconds > Some(0.0) && submitted.store.bytes > Some(300));
    assert_eq!(submitted.store.bytes_max, Some(1 << 20));
    let full = submitted.store.bytes.unwrap() as f64 / f64::from(1 << 20);
    assert_eq!(submitted.store.full, Some(full));
    assert_eq!(submitted.store.when_full, Some(WhenFull::Refuses));
    assert_eq!(list.queues[3].store.when_full, Some(WhenFull::Forgets));
    let stores: Vec<_> = list.stores.iter().map(|store| store.stream.as_str()).collect();
    assert_eq!(stores, ["KV_JOBS", "KV_RESULTS", "KV_KEYS", "OBJ_TILES", "PAYLOADS"]);
    assert_eq!(list.stores[0].messages, Some(3));
    eventually(LIMIT, "the gauges follow", async || {
        let gauge = |name| rig.metric(&format!(r#"waybill_stream_{name}{{stream="SUBMITTED"}}"#));
        let (bytes, limit) = (gauge("bytes"), gauge("bytes_limit"));
        if bytes > Some(300.0) && limit == Some(1_048_576.0) { Ok(()) } else { Err((bytes, limit)) }
    })
    .await;
}

#[tokio::test]
async fn without_a_broker_the_queues_are_a_503() {
    let mut rig = Rig::start().await;
    rig.nats.kill().await;
    let answer = rig.get("/v1/queues").send().await.unwrap();
    assert!(answer.headers().contains_key("retry-after"));
    problem(answer, 503).await;
}

#[tokio::test]
async fn a_missing_consumer_or_stream_is_the_error_of_its_own_queue_only() {
    let rig = Rig::start().await;
    rig.submit(JOB).await;
    let stream = rig.jetstream.get_stream("SUBMITTED").await.unwrap();
    stream.delete_consumer("ingester").await.unwrap();
    rig.jetstream.delete_stream("TODO").await.unwrap();
    rig.jetstream.delete_stream("KV_RESULTS").await.unwrap();

    let answer = rig.get("/v1/queues").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let list: QueueList = answer.json().await.unwrap();
    let [submitted, todo, done, dead] = &list.queues[..] else { panic!("four queues: {list:?}") };
    let error = submitted.store.error.as_deref().unwrap();
    assert!(error.starts_with("consumer ingester of SUBMITTED is missing"), "{error}");
    assert!(error.contains("waybill topology apply"), "{error}");
    assert_eq!((submitted.depth, submitted.store.messages), (Some(1), Some(1)));
    let error = todo.store.error.as_deref().unwrap();
    assert!(error.starts_with("stream TODO is missing"), "{error}");
    assert_eq!(
        (todo.consumer.as_deref(), todo.depth, todo.store.bytes),
        (Some("processor"), None, None)
    );
    for well in [done, dead] {
        assert_eq!((well.store.error.as_deref(), well.depth), (None, Some(0)), "{well:?}");
    }
    let broken: Vec<_> = list
        .stores
        .iter()
        .filter(|store| store.error.is_some())
        .map(|store| &store.stream)
        .collect();
    assert_eq!(broken, ["KV_RESULTS"]);

    rig.apply_topology(QUEUE_BYTES_MAX).await;
    eventually(LIMIT, "every queue is seen again", async || {
        let list: QueueList = rig.get("/v1/queues").send().await.unwrap().json().await.unwrap();
        let errors = list.queues.iter().filter(|queue| queue.store.error.is_some()).count();
        if errors == 0 { Ok(()) } else { Err(list) }
    })
    .await;
}

#[tokio::test]
async fn a_lab_without_any_stream_says_so_of_each() {
    let rig = Rig::start().await;
    let names = ["SUBMITTED", "TODO", "DONE", "DEAD"];
    for name in names.iter().chain(&STORES) {
        rig.jetstream.delete_stream(name).await.unwrap();
    }
    let answer = rig.get("/v1/queues").send().await.unwrap();
    let list: QueueList = answer.error_for_status().unwrap().json().await.unwrap();
    let stores = list.queues.iter().map(|queue| &queue.store).chain(&list.stores);
    for store in stores {
        let error = store.error.as_deref().unwrap();
        assert!(error.contains(&store.stream) && error.contains("topology apply"), "{error}");
    }
}
