//! Records on a real broker: too large, unreadable, written by another version.

use contract::{
    record::{JobFailure, RECORD_BYTES_MAX},
    state::JobState,
};
use serde_json::{Value, json};
use testkit::NatsServer;

use super::*;
use nats::topology::{TopologyConfig, apply};

const ID: &str = "019a0000-0000-7000-8000-000000000000";

/// The empty bucket of a broker of its own, which stops when it is dropped.
pub(crate) async fn empty_records() -> (Records, NatsServer) {
    let nats = NatsServer::start().await;
    let jetstream = jetstream::new(async_nats::connect(nats.url()).await.unwrap());
    let config = TopologyConfig {
        ack_wait: None,
        ack_wait_seconds: None,
        replicas: 1,
        queue_bytes_max: 1 << 20,
    };
    apply(&jetstream, &config).await.unwrap();
    (Records::open(&jetstream).await.unwrap(), nats)
}

struct Bucket {
    records: Records,
    _nats: NatsServer,
}

impl Bucket {
    async fn start() -> Self {
        let (records, nats) = empty_records().await;
        Self { records, _nats: nats }
    }

    async fn put(&self, record: &Value) -> u64 {
        let text = serde_json::to_vec(record).unwrap();
        self.records.bucket().put(ID, text.into()).await.unwrap()
    }

    async fn stored(&self) -> Value {
        serde_json::from_slice(&self.records.bucket().get(ID).await.unwrap().unwrap()).unwrap()
    }

    async fn load(&self) -> Result<Option<Entry>, RecordError> {
        self.records.load(ID.parse().unwrap()).await
    }
}

/// A queued job with an unknown field of `bytes` bytes.
fn queued(bytes: usize) -> Value {
    json!({
        "id": ID, "name": "n", "kind": "add", "state": "queued", "round": 0, "operations": 1, "attempts_max": 4,
        "trace_id": "0af7651916cd43dd8448eb211c80319c", "times": {"accepted_ms": 1}, "newer": "x".repeat(bytes),
    })
}

#[tokio::test]
async fn a_record_is_refused_when_it_grows_too_large_and_the_largest_is_accepted() {
    let bucket = Bucket::start().await;
    for state in [JobState::Running, JobState::Failed] {
        bucket.put(&queued(0)).await;
        let entry = bucket.load().await.unwrap().unwrap();
        let mut record = entry.record.clone();
        record.state = state;
        let limit = record.bytes_max();
        let written = record.to_json().unwrap().len();
        for (too_much, bytes) in [(false, limit), (true, limit + 1)] {
            let revision = bucket.put(&queued(bytes - written)).await;
            let mut record = bucket.load().await.unwrap().unwrap().record;
            record.state = state;
            assert_eq!(record.to_json().unwrap().len(), bytes);
            match bucket.records.write(record, revision).await {
                Err(RecordError::TooLarge { bytes, bytes_max, .. }) => {
                    assert!(too_much);
                    assert_eq!((bytes, bytes_max), (limit + 1, limit));
                    assert_eq!(bucket.stored().await["state"], "queued", "nothing was written");
                }
                other => assert!(!too_much && other.is_ok(), "{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_new_record_has_the_same_limit() {
    let bucket = Bucket::start().await;
    let id = ID.parse().unwrap();
    let large = JobRecord::from_json(id, queued(RECORD_BYTES_MAX - 400).to_string().as_bytes());
    let error = bucket.records.create(large.unwrap()).await.unwrap_err();
    assert!(error.to_string().contains("bytes, more than its limit of 2816"), "{error}");
    assert_eq!(bucket.load().await.unwrap(), None);
}

#[tokio::test]
async fn unknown_fields_survive_the_writes_of_an_older_service() {
    let bucket = Bucket::start().await;
    let mut stored = queued(3);
    stored["times"]["newer"] = json!([1, {"x": null}]);
    bucket.put(&stored).await;
    let mut entry = bucket.load().await.unwrap().unwrap();
    for change in [
        (|record: &mut JobRecord| record.move_to(JobState::Running).unwrap()) as fn(&mut JobRecord),
        |record| record.times.started_ms = Some(3),
        |record| record.move_to(JobState::Retrying).unwrap(),
        |record| {
            record.move_to(JobState::Failed).unwrap();
            record.failure = Some(JobFailure::new("work_failed", "it did"));
        },
        |record| record.start_again(7).unwrap(),
    ] {
        let mut record = entry.record.clone();
        change(&mut record);
        entry = bucket.records.write(record, entry.revision).await.unwrap();
        let now = bucket.stored().await;
        assert_eq!(
            (&now["newer"], &now["times"]["newer"]),
            (&stored["newer"], &stored["times"]["newer"])
        );
        assert_eq!(now["state"], entry.record.state.name());
    }
}

#[tokio::test]
async fn a_damaged_record_is_reported_and_deleted_only_at_its_revision() {
    let bucket = Bucket::start().await;
    let id = ID.parse().unwrap();
    let revision = bucket.put(&json!("not a record")).await;
    match bucket.load().await {
        Err(RecordError::Unreadable { job, cause: Unreadable::Damaged(_), revision: found }) => {
            assert_eq!((job, found), (id, revision));
        }
        other => panic!("{other:?}"),
    }
    let stale = bucket.records.remove(id, revision + 1).await;
    assert!(matches!(stale, Err(RecordError::Conflict)), "{stale:?}");
    bucket.records.remove(id, revision).await.unwrap();
    assert_eq!(bucket.load().await.unwrap(), None);
}
