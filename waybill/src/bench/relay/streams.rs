//! The relay's own streams and bucket.

use anyhow::Context as _;
use async_nats::jetstream::{
    self,
    consumer::{AckPolicy, PullConsumer, pull},
    kv,
    stream::{Config, DiscardPolicy, RetentionPolicy, StorageType},
};
use contract::topology;

/// Streams that a job passes: as many as in the lab.
pub(super) const HOPS: usize = topology::WORK_QUEUES.len();
/// Size limit of each stream, in bytes; a run is short.
const BYTES_MAX: i64 = 256 << 20;

/// Streams and bucket of one run, with a unique name.
pub(super) struct Streams {
    name: String,
}

impl Streams {
    /// Creates them, with the settings of the lab's streams.
    pub(super) async fn make(context: &jetstream::Context) -> anyhow::Result<Self> {
        let made = Self { name: format!("BENCH-{:08x}", rand::random::<u32>()) };
        for hop in 0..HOPS {
            let stream = Config {
                name: made.stream(hop),
                subjects: vec![format!("{}.>", made.stream(hop))],
                retention: RetentionPolicy::WorkQueue,
                discard: DiscardPolicy::New,
                max_bytes: BYTES_MAX,
                duplicate_window: topology::DUPLICATE_WINDOW,
                storage: StorageType::File,
                ..Config::default()
            };
            context.create_stream(stream).await.context("creating a stream of the relay")?;
        }
        let bucket = kv::Config {
            bucket: made.name.clone(),
            history: 1,
            max_bytes: BYTES_MAX,
            storage: StorageType::File,
            ..kv::Config::default()
        };
        context.create_key_value(bucket).await.context("creating the bucket of the relay")?;
        Ok(made)
    }

    /// Deletes them. What cannot be deleted is small, and is deleted with the lab's folder.
    pub(super) async fn remove(&self, context: &jetstream::Context) {
        for hop in 0..HOPS {
            let _left = context.delete_stream(self.stream(hop)).await;
        }
        let _left = context.delete_key_value(&self.name).await;
    }

    /// The subject of the first hop.
    pub(super) fn first(&self) -> String {
        self.stream(0)
    }

    /// The subject of the hop after `hop`, if there is one.
    pub(super) fn next(&self, hop: usize) -> Option<String> {
        (hop + 1 < HOPS).then(|| self.stream(hop + 1))
    }

    /// The consumer of a hop, with the settings of the lab's consumers.
    pub(super) async fn consumer(
        &self,
        context: &jetstream::Context,
        hop: usize,
    ) -> anyhow::Result<PullConsumer> {
        let settings = pull::Config {
            durable_name: Some(format!("hop-{hop}")),
            ack_policy: AckPolicy::Explicit,
            ack_wait: topology::ACK_WAIT,
            max_deliver: -1,
            max_ack_pending: topology::ACK_PENDING_MAX,
            ..pull::Config::default()
        };
        let stream = context.get_stream(self.stream(hop)).await?;
        stream.create_consumer(settings).await.context("creating a consumer of the relay")
    }

    /// The bucket, to which each hop writes once per job.
    pub(super) async fn bucket(&self, context: &jetstream::Context) -> anyhow::Result<kv::Store> {
        context.get_key_value(&self.name).await.context("opening the bucket of the relay")
    }

    fn stream(&self, hop: usize) -> String {
        format!("{}-{hop}", self.name)
    }
}
