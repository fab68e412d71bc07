//! The bare relay: the capacity of the broker and this machine for message delivery alone.
//!
//! Three hops, message ids, one bucket write per hop, double acks: the same guarantees as the lab, without HTTP,
//! validation, spans, logs and metrics. It runs on the broker of the lab it is compared with, in its own streams,
//! which are deleted afterwards.

mod hop;
mod streams;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use async_nats::{HeaderMap, header::NATS_MESSAGE_ID, jetstream};
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::bytes::Bytes;
use tokio_util::sync::CancellationToken;

use hop::RelayHop;
use lab::embedded::Embedded;
use streams::Streams;

use super::usage::{PartUsage, UsageMeter};

/// Bytes of a message: as many as for a small job of the lab.
const PAYLOAD_BYTES: usize = 512;
/// Timeout for unfinished jobs at the end.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);

/// One run of the relay.
#[derive(Clone, Copy)]
pub(super) struct Relay<'a> {
    /// The lab on whose broker it runs.
    pub(super) lab: &'a Embedded,
    /// Unfinished jobs at any moment.
    pub(super) in_flight: usize,
    /// Warm-up.
    pub(super) warm_up: Duration,
    /// Duration of the measurement.
    pub(super) measured: Duration,
}

impl Relay<'_> {
    /// Runs the relay; returns jobs per second and resource usage. Always deletes its streams.
    pub(super) async fn run(self) -> anyhow::Result<(f64, Vec<PartUsage>)> {
        let context = jetstream::new(connect(self.lab).await?);
        let streams = Streams::make(&context).await?;
        let outcome = self.relay(&context, &streams).await;
        streams.remove(&context).await;
        outcome
    }

    async fn relay(
        self,
        context: &jetstream::Context,
        streams: &Streams,
    ) -> anyhow::Result<(f64, Vec<PartUsage>)> {
        let stop = CancellationToken::new();
        let (permits, done) =
            (Arc::new(Semaphore::new(self.in_flight)), Arc::new(AtomicU64::new(0)));
        let mut hops = JoinSet::new();
        for number in 0..streams::HOPS {
            let context = jetstream::new(connect(self.lab).await?);
            let end = (number + 1 == streams::HOPS).then(|| (permits.clone(), done.clone()));
            let hop = RelayHop::open(&context, streams, number, self.in_flight, end).await?;
            hops.spawn(hop.run(stop.clone()));
        }
        let source = tokio::spawn(submit(context.clone(), streams.first(), permits.clone()));
        let counted = self.count(&done, &mut hops).await;
        source.abort();
        drained(&permits, self.in_flight).await;
        stop.cancel();
        while hops.join_next().await.is_some() {}
        counted
    }

    /// Jobs per second after the warm-up, and resource usage. An error if a hop ends early.
    async fn count(
        self,
        done: &AtomicU64,
        hops: &mut JoinSet<anyhow::Result<()>>,
    ) -> anyhow::Result<(f64, Vec<PartUsage>)> {
        let measured = async {
            tokio::time::sleep(self.warm_up).await;
            let meter = UsageMeter::start(self.lab);
            let (started_at, before) = (Instant::now(), done.load(Relaxed));
            tokio::time::sleep(self.measured).await;
            let rate = rate(done.load(Relaxed) - before, started_at.elapsed());
            (rate, meter.read(rate))
        };
        tokio::select! {
            measured = measured => Ok(measured),
            Some(ended) = hops.join_next() => {
                ended.context("a hop of the relay panicked")??;
                anyhow::bail!("a hop of the relay ended early")
            }
        }
    }
}

/// Keeps as many jobs unfinished as there are permits.
async fn submit(context: jetstream::Context, subject: String, permits: Arc<Semaphore>) {
    let payload = Bytes::from(vec![b'x'; PAYLOAD_BYTES]);
    for number in 0_u64.. {
        let Ok(permit) = permits.acquire().await else { return };
        permit.forget();
        let (context, subject) = (context.clone(), format!("{subject}.{number}"));
        let (payload, permits) = (payload.clone(), permits.clone());
        tokio::spawn(async move {
            let stored = publish(&context, subject, &number.to_string(), 0, payload).await;
            if stored.is_err() {
                // It was not published: release its permit.
                permits.add_permits(1);
            }
        });
    }
}

/// Publishes a job to a hop and waits until the broker has stored it.
async fn publish(
    context: &jetstream::Context,
    subject: String,
    job: &str,
    hop: usize,
    payload: Bytes,
) -> anyhow::Result<()> {
    let mut headers = HeaderMap::new();
    headers.insert(NATS_MESSAGE_ID, format!("{job}:0:{hop}"));
    context.publish_with_headers(subject, headers, payload).await?.await?;
    Ok(())
}

/// Waits, with a timeout, until no job is unfinished.
async fn drained(permits: &Semaphore, in_flight: usize) {
    let all = u32::try_from(in_flight).unwrap_or(u32::MAX);
    let _late = tokio::time::timeout(DRAIN_LIMIT, permits.acquire_many(all)).await;
}

async fn connect(lab: &Embedded) -> anyhow::Result<async_nats::Client> {
    let url = broker(lab);
    async_nats::connect(&url).await.with_context(|| format!("connecting to the broker at {url}"))
}

/// The URL of the lab's broker.
pub(super) fn broker(lab: &Embedded) -> String {
    format!("nats://127.0.0.1:{}", lab.ports().nats)
}

/// Rate per second.
fn rate(count: u64, time: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let count = count as f64;
    count / time.as_secs_f64()
}
