//! The broker in the background: reached once, then the watchers that live on it.

use std::sync::Arc;

use anyhow::Context as _;
use async_nats::jetstream::{kv, stream::Stream};
use bus::{Bus, BusConfig, Readiness, queue_watch};
use contract::topology;
use runtime::stop::Stop;

use crate::{
    STAGE,
    app::App,
    capacity,
    dead_letters::loss_counter::{self, Forgotten},
    index, leases, reaper,
};

/// The broker and what the gateway reads there beside records and results.
pub(crate) struct Broker {
    pub(crate) bus: Arc<Bus>,
    /// The bucket of idempotency keys.
    pub(crate) keys: kv::Store,
    /// The dead letters.
    pub(crate) dead: Stream<()>,
    /// Which of them were lost.
    pub(crate) forgotten: Forgotten,
}

/// Reaches the broker, then keeps the index up to date and an eye on bucket and queues until the stop.
pub(crate) async fn attend(
    app: Arc<App>,
    config: BusConfig,
    readiness: Readiness,
    stop: Stop,
) -> anyhow::Result<()> {
    let reach = async {
        let bus = Bus::connect(STAGE, &config, app.service.clone(), &readiness).await?;
        Broker::open(bus).await
    };
    let Some(broker) = stop.soft.run_until_cancelled(reach).await else {
        return Ok(());
    };
    let broker = app.reached(broker?);
    let bus = broker.bus.clone();
    tokio::join!(
        index::watch::keep(&app.index, &bus, &stop),
        capacity::watch(&app, &bus, &stop),
        queue_watch::watch(&bus, &stop),
        leases::watch(&app, &bus, &stop),
        loss_counter::watch(broker, &app.service.metrics, &stop),
        reaper::watch(&app, broker, &stop),
    );
    Ok(())
}

impl Broker {
    async fn open(bus: Arc<Bus>) -> anyhow::Result<Self> {
        let keys = bus.jetstream.get_key_value(topology::KEYS_BUCKET).await;
        let keys = keys.context("opening the bucket of keys")?;
        let dead = bus.jetstream.get_stream_no_info(topology::DEAD.name).await;
        let dead = dead.context("opening the dead letters")?;
        Ok(Self { bus, keys, dead, forgotten: Forgotten::default() })
    }
}
