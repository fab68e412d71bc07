//! The connection to the broker: one per process, retried with a limit.

use std::time::Duration;

use anyhow::Context as _;
use async_nats::{
    Client, ConnectOptions, Event,
    jetstream::{
        self,
        consumer::{PullConsumer, pull},
    },
};
use contract::{
    Stage,
    topology::{self, Consumer},
};
use tokio::time::{Instant, sleep};

use crate::{
    BrokerTime, NatsConfig, Readiness, StorageProblem,
    health_page::HealthPage,
    reconnected::{Reconnected, unwritten_for},
    storage,
};

/// Timeout of one request to the broker, and so of a publish that is in flight when the broker dies.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
/// Interval of the client's pings. After the third unanswered one the client reconnects, so a half-open connection is
/// noticed within an ack wait.
const PING_INTERVAL: Duration = Duration::from_secs(3);
/// Longest delay between two attempts to connect.
const RECONNECT_DELAY_MAX: Duration = Duration::from_secs(1);
/// Interval at which the topology is checked while it is missing.
const TOPOLOGY_POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Maximum number of publishes that wait for their ack.
const ACKS_IN_FLIGHT_MAX: usize = 20_000;
/// The connection of a process to the broker, whose streams exist. Clones share it.
#[derive(Clone)]
pub struct Connection {
    /// JetStream.
    pub jetstream: jetstream::Context,
    /// The broker's clock.
    pub time: BrokerTime,
    reconnected: Reconnected,
    health: Option<HealthPage>,
}

impl Connection {
    /// Connects and waits for the topology, for as long as `config` allows.
    ///
    /// Until then `readiness` reports what is missing; afterwards it checks connection and consumer.
    pub async fn open(
        stage: Stage,
        config: &NatsConfig,
        readiness: &Readiness,
    ) -> anyhow::Result<Self> {
        let reconnected = Reconnected::default();
        let client = open_watched(stage, config, reconnected.clone()).await?;
        let health = HealthPage::at(config.nats_health_url.as_deref())?;
        let jetstream = jetstream::ContextBuilder::new()
            .timeout(REQUEST_TIMEOUT)
            .max_ack_inflight(ACKS_IN_FLIGHT_MAX)
            .build(client.clone());
        readiness.waiting("for the broker and its streams");
        let time = wait_for_topology(config, &client, &jetstream).await?;
        readiness.connected(client, jetstream.clone(), stage, health.clone());
        tracing::info!(address = config.public_url(), "connected to the broker");
        Ok(Self { jetstream, time, reconnected, health })
    }

    /// Opens a consumer, which the topology step must have created.
    pub async fn consumer(&self, consumer: Consumer) -> anyhow::Result<PullConsumer> {
        let (name, stream) = (consumer.stage.name(), consumer.stream.name);
        let found = self.jetstream.get_consumer_from_stream::<pull::Config, _, _>(name, stream);
        found.await.with_context(|| format!("opening consumer {name} of {stream}"))
    }

    /// The ack wait of a consumer, as the broker has it now.
    pub async fn ack_wait(&self, consumer: Consumer) -> anyhow::Result<Duration> {
        Ok(self.consumer(consumer).await?.cached_info().config.ack_wait)
    }

    /// Time since a record was written at `written_at_ns` (broker time, Unix nanoseconds), as a take-over counts it:
    /// without the time during which the broker was unreachable.
    pub fn unwritten_for(&self, written_at_ns: i128) -> Duration {
        unwritten_for(written_at_ns, &self.time, &self.reconnected)
    }

    /// Why the broker failed a request; `None` if it is disconnected, or seems healthy.
    ///
    /// `unanswered` says that a message was sent and not acked in time.
    pub async fn storage_problem(&self, unanswered: bool) -> Option<StorageProblem> {
        storage::problem(&self.jetstream, self.health.as_ref(), unanswered).await
    }
}

/// Waits until all required streams exist, for as long as the settings allow.
async fn wait_for_topology(
    config: &NatsConfig,
    client: &Client,
    jetstream: &jetstream::Context,
) -> anyhow::Result<BrokerTime> {
    let address = config.public_url();
    let timeout = Duration::from_secs(config.broker_wait_seconds);
    let give_up = Instant::now() + timeout;
    let timeout_seconds = timeout.as_secs();
    tracing::info!(address, timeout_seconds, "waiting for the broker and its streams");
    loop {
        match check_topology(client, jetstream).await {
            Ok(time) => return Ok(time),
            Err(error) if Instant::now() < give_up => {
                tracing::debug!(%error, "topology not ready");
                sleep(TOPOLOGY_POLL_INTERVAL).await;
            }
            Err(error) => {
                let advice = "is the broker running, and was `waybill topology apply` run?";
                return Err(error).with_context(|| format!("no topology at {address}: {advice}"));
            }
        }
    }
}

async fn check_topology(
    client: &Client,
    jetstream: &jetstream::Context,
) -> anyhow::Result<BrokerTime> {
    for stream in topology::REQUIRED_STREAMS {
        jetstream.get_stream_no_info(stream).await?.get_info().await?;
    }
    BrokerTime::start(client.clone()).await
}

/// Opens a connection that keeps trying, in the background, until the process ends.
pub async fn open(stage: impl std::fmt::Display, config: &NatsConfig) -> anyhow::Result<Client> {
    open_watched(stage, config, Reconnected::default()).await
}

async fn open_watched(
    stage: impl std::fmt::Display,
    config: &NatsConfig,
    reconnected: Reconnected,
) -> anyhow::Result<Client> {
    let mut options = ConnectOptions::new()
        .name(format!("waybill-{stage}"))
        .custom_inbox_prefix(format!("_INBOX_{stage}"))
        .retry_on_initial_connect()
        .max_reconnects(None)
        .request_timeout(Some(REQUEST_TIMEOUT))
        .ping_interval(PING_INTERVAL)
        .reconnect_delay_callback(|tries| {
            let tries = u32::try_from(tries.min(8)).unwrap_or(8);
            (Duration::from_millis(20) * 2_u32.pow(tries)).min(RECONNECT_DELAY_MAX)
        })
        .event_callback(move |event| {
            report(&event, &reconnected);
            std::future::ready(())
        });
    if let (Some(user), Some(password)) = (&config.nats_user, config.password()?) {
        options = options.user_and_password(user.clone(), password);
    }
    options
        .connect(&config.nats_url)
        .await
        .with_context(|| format!("cannot use broker address {} (--nats-url)", config.public_url()))
}

fn report(event: &Event, reconnected: &Reconnected) {
    match event {
        Event::Connected => {
            reconnected.connected();
            tracing::info!("broker connection established");
        }
        Event::Disconnected => {
            reconnected.lost();
            tracing::warn!("broker connection lost; reconnecting");
        }
        Event::ServerError(error) => tracing::warn!(%error, "broker reported an error"),
        Event::ClientError(error) => tracing::debug!(%error, "broker client error"),
        other => tracing::debug!(event = %other, "broker connection event"),
    }
}
