//! Connects to the broker in the background, then runs the watchers that read from it.

use std::sync::Arc;

use anyhow::Context as _;
use async_nats::jetstream::{kv, stream::Stream};
use bus::{Bus, BusConfig};
use contract::topology;
use jobs::Jobs;
use nats::{Readiness, streams::StreamMonitor};
use runtime::stop::Stop;

use crate::{
    STAGE, app::App, dead_letters::loss_counter::LossCounter, index, reaper, stream_watch,
};

/// The broker, and what the gateway reads there besides records and results.
pub(crate) struct Broker {
    pub(crate) jobs: Jobs,
    /// The bucket of idempotency keys.
    pub(crate) keys: kv::Store,
    /// The stream of dead letters.
    pub(crate) dead: Stream<()>,
    /// Counts lost dead letters.
    pub(crate) losses: LossCounter,
    /// The state of all streams.
    pub(crate) streams: StreamMonitor,
}

/// Connects to the broker, then runs all watchers until the stop.
pub(crate) async fn run(
    app: Arc<App>,
    config: BusConfig,
    readiness: Readiness,
    stop: Stop,
) -> anyhow::Result<()> {
    let connect = async {
        let bus = Bus::connect(STAGE, &config, app.service.clone(), &readiness).await?;
        Broker::open(Jobs::open(bus, config.faults.is_on()).await?).await
    };
    let Some(broker) = stop.soft.run_until_cancelled(connect).await else {
        return Ok(());
    };
    let broker = app.set_broker(broker?);
    tokio::join!(
        index::watch::keep(&app.index, &broker.jobs, &stop),
        stream_watch::watch(&app, broker, &stop),
        reaper::watch(&app, broker, &stop),
    );
    Ok(())
}

impl Broker {
    async fn open(jobs: Jobs) -> anyhow::Result<Self> {
        let jetstream = &jobs.bus.nats.jetstream;
        let keys = jetstream.get_key_value(topology::KEYS_BUCKET).await;
        let keys = keys.context("cannot open the bucket of idempotency keys")?;
        let dead = jetstream.get_stream_no_info(topology::DEAD.name).await;
        let dead = dead.context("cannot open the stream of dead letters")?;
        let streams = StreamMonitor::new(jobs.bus.nats.clone());
        Ok(Self { jobs, keys, dead, losses: LossCounter::default(), streams })
    }
}
