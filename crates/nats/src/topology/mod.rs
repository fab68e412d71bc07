//! Creates streams, consumers and buckets: one idempotent step, separate from the services.

use std::time::Duration;

use anyhow::Context as _;
use async_nats::jetstream::{
    self,
    consumer::{AckPolicy, pull},
    stream::{DiscardPolicy, RetentionPolicy, StorageType},
};
use contract::topology::{self as names, Consumer, Stream};

mod buckets;

/// Options of the topology.
#[derive(Debug, Clone, clap::Args)]
pub struct TopologyConfig {
    /// Ack wait: how long the broker waits for a worker's ack or progress before it redelivers a job, 1s to 5m
    /// [default: 10s].
    #[arg(long, env = "WAYBILL_ACK_WAIT", value_name = "DURATION", value_parser = settings::duration(names::ACK_WAITS))]
    pub ack_wait: Option<Duration>,
    /// The older name of `--ack-wait`, which takes precedence.
    #[arg(long, env = "WAYBILL_ACK_WAIT_SECONDS", value_name = "SECONDS", hide = true, value_parser = settings::duration(names::ACK_WAITS))]
    pub ack_wait_seconds: Option<Duration>,
    /// Replicas of every stream. 3 needs a cluster of three brokers.
    #[arg(long, env = "WAYBILL_REPLICAS", default_value_t = 1, value_parser = settings::whole(1_u8..=5))]
    pub replicas: u8,
    /// Size limit of each work queue, in bytes; a full queue refuses messages.
    #[arg(long, env = "WAYBILL_QUEUE_BYTES_MAX", value_name = "BYTES", default_value_t = names::QUEUE_BYTES_MAX, value_parser = settings::whole(1..=i64::MAX))]
    pub queue_bytes_max: i64,
}

impl TopologyConfig {
    /// The ack wait of every consumer.
    pub fn ack_wait(&self) -> Duration {
        self.ack_wait.or(self.ack_wait_seconds).unwrap_or(names::ACK_WAIT)
    }
}

/// What was created, or was already up to date.
pub type Applied = Vec<String>;

/// Creates the whole topology, or updates it. Idempotent.
pub async fn apply(
    jetstream: &jetstream::Context,
    config: &TopologyConfig,
) -> anyhow::Result<Applied> {
    let mut applied = Vec::new();
    for stream in names::WORK_QUEUES {
        make_stream(jetstream, work_queue(stream, config)).await?;
        applied.push(format!("stream {}", stream.name));
    }
    make_stream(jetstream, dead_letters(config)).await?;
    applied.push(format!("stream {}", names::DEAD.name));
    make_stream(jetstream, payloads(config)).await?;
    applied.push(format!("stream {}", names::PAYLOADS.name));
    for consumer in names::CONSUMERS {
        make_consumer(jetstream, consumer, config).await?;
        applied.push(format!("consumer {} of {}", consumer.stage, consumer.stream.name));
    }
    for bucket in buckets::all(config) {
        let stream = bucket.name.clone();
        make_stream(jetstream, bucket).await?;
        // The bucket's own name, without the prefix of its stream.
        let name = stream.split_once('_').map_or(stream.as_str(), |(_, name)| name);
        applied.push(format!("bucket {name}"));
    }
    Ok(applied)
}

async fn make_stream(
    jetstream: &jetstream::Context,
    config: jetstream::stream::Config,
) -> anyhow::Result<()> {
    let name = config.name.clone();
    jetstream
        .create_or_update_stream(config)
        .await
        .with_context(|| format!("creating stream {name}"))?;
    Ok(())
}

fn work_queue(stream: Stream, config: &TopologyConfig) -> jetstream::stream::Config {
    jetstream::stream::Config {
        name: stream.name.to_owned(),
        description: Some(stream.description.to_owned()),
        subjects: vec![stream.subjects.to_owned()],
        retention: RetentionPolicy::WorkQueue,
        discard: DiscardPolicy::New,
        max_bytes: config.queue_bytes_max,
        max_message_size: names::MESSAGE_BYTES_MAX,
        duplicate_window: names::DUPLICATE_WINDOW,
        storage: StorageType::File,
        num_replicas: usize::from(config.replicas),
        ..Default::default()
    }
}

fn dead_letters(config: &TopologyConfig) -> jetstream::stream::Config {
    jetstream::stream::Config {
        name: names::DEAD.name.to_owned(),
        description: Some(names::DEAD.description.to_owned()),
        subjects: vec![names::DEAD.subjects.to_owned()],
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::Old,
        max_age: names::DEAD_AGE_MAX,
        max_bytes: names::DEAD_BYTES_MAX,
        // A dead letter carries the original headers beside its own.
        max_message_size: 2 * names::MESSAGE_BYTES_MAX,
        duplicate_window: names::DUPLICATE_WINDOW,
        storage: StorageType::File,
        num_replicas: usize::from(config.replicas),
        allow_direct: true,
        ..Default::default()
    }
}

/// One message per job. A full stream drops the oldest and never refuses, so it cannot block a job.
fn payloads(config: &TopologyConfig) -> jetstream::stream::Config {
    jetstream::stream::Config {
        name: names::PAYLOADS.name.to_owned(),
        description: Some(names::PAYLOADS.description.to_owned()),
        subjects: vec![names::PAYLOADS.subjects.to_owned()],
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::Old,
        max_messages_per_subject: 1,
        max_age: names::PAYLOAD_AGE_MAX,
        max_bytes: names::BUCKET_BYTES_MAX,
        max_message_size: names::MESSAGE_BYTES_MAX,
        storage: StorageType::File,
        num_replicas: usize::from(config.replicas),
        allow_direct: true,
        ..Default::default()
    }
}

async fn make_consumer(
    jetstream: &jetstream::Context,
    consumer: Consumer,
    config: &TopologyConfig,
) -> anyhow::Result<()> {
    let settings = pull::Config {
        durable_name: Some(consumer.stage.name().to_owned()),
        description: Some(consumer.description.to_owned()),
        ack_policy: AckPolicy::Explicit,
        ack_wait: config.ack_wait(),
        // Giving up is the worker's own act, with a dead letter; the broker never does.
        max_deliver: -1,
        max_ack_pending: names::ACK_PENDING_MAX,
        ..Default::default()
    };
    let stream = jetstream.get_stream(consumer.stream.name).await?;
    let made = stream.create_consumer(settings).await;
    made.with_context(|| {
        format!("making consumer {} of {}", consumer.stage, consumer.stream.name)
    })?;
    Ok(())
}
