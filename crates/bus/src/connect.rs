//! The connection to the broker: one per process, retried with a limit.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context as _;
use async_nats::{Client, ConnectOptions, Event, jetstream};
use contract::{Stage, topology};
use settings::Switch;
use tokio::time::{Instant, sleep};

use crate::{
    broker_time::BrokerTime, health_page, health_page::HealthPage, payloads::Payloads,
    readiness::Readiness, records::Records, redelivered::RedeliveryLock, results::Results,
    service_context::ServiceContext, staleness::Reconnected,
};

/// Timeout of one request to the broker, and so of a publish that is in flight when the broker dies.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
/// Interval of the client's pings. After the third unanswered one the client reconnects, so a half-open connection is
/// noticed within an ack wait.
const PING_INTERVAL: Duration = Duration::from_secs(3);
/// Longest delay between two attempts to connect.
const RECONNECT_DELAY_MAX: Duration = Duration::from_secs(1);
/// Interval at which the topology is checked while it is missing.
const TOPOLOGY_POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Publishes that may wait for their ack at once.
const ACKS_IN_FLIGHT_MAX: usize = 20_000;

/// How a service reaches the broker.
#[derive(Debug, Clone, clap::Args)]
pub struct BusConfig {
    /// Address of the broker.
    #[arg(long, env = "WAYBILL_NATS_URL", value_name = "URL", value_parser = settings::broker_url, default_value = "nats://127.0.0.1:4222")]
    pub nats_url: String,
    /// User name at the broker, if it requires one.
    #[arg(long, env = "WAYBILL_NATS_USER", value_parser = settings::trimmed, requires = "nats_secret")]
    pub nats_user: Option<String>,
    /// Password of that user.
    #[arg(long, env = "WAYBILL_NATS_PASSWORD", hide_env_values = true, value_parser = settings::trimmed, group = "nats_secret")]
    pub nats_password: Option<String>,
    /// File with the password, such as a mounted secret; white space around it is dropped.
    #[arg(long, env = "WAYBILL_NATS_PASSWORD_FILE", value_name = "FILE", group = "nats_secret")]
    pub nats_password_file: Option<PathBuf>,
    /// Health page of the broker (/healthz), or a copy of it (file:///…): shows whether the broker's disk is full.
    #[arg(long, env = "WAYBILL_NATS_HEALTH_URL", value_name = "URL", hide_env_values = true, value_parser = health_page::address)]
    pub nats_health_url: Option<String>,
    /// Seconds to wait at start for the broker and its streams.
    #[arg(long, env = "WAYBILL_BROKER_WAIT_SECONDS", value_name = "S", default_value_t = 600, value_parser = settings::seconds(0..=86_400))]
    pub broker_wait_seconds: u64,
    /// How a consumer span refers to its producer span: as its child, by a link, or both.
    #[arg(long, env = "WAYBILL_TRACE_CONTEXT", value_name = "both|parent|link", default_value = "both", value_parser = settings::word::<TraceContext>)]
    pub trace_context: TraceContext,
    /// Whether injected faults take effect.
    #[arg(long, env = "WAYBILL_FAULTS", value_name = "on|off", default_value = "off")]
    pub faults: Switch,
}

/// How a consumer span refers to its producer span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum TraceContext {
    /// Child and link.
    Both,
    /// Child only.
    Parent,
    /// Link only: each stage starts its own trace.
    Link,
}

/// The connection to the broker, with the stores and clocks that depend on it. Clones share it.
#[derive(Clone)]
pub struct Bus {
    /// The stage of this process.
    pub stage: Stage,
    /// Clock, metrics and spans of this process.
    pub service: ServiceContext,
    /// JetStream, for what this crate does not wrap.
    pub jetstream: jetstream::Context,
    /// The broker's clock.
    pub time: BrokerTime,
    /// The job records.
    pub records: Records,
    /// Results and tiles.
    pub results: Results,
    /// The specs of jobs, for services that hold no message of the job.
    pub payloads: Payloads,
    /// Whether injected faults take effect.
    pub faults_on: bool,
    pub(crate) trace_context: TraceContext,
    pub(crate) reconnected: Reconnected,
    pub(crate) redelivery_lock: RedeliveryLock,
    pub(crate) health: Option<HealthPage>,
}

impl Bus {
    /// Time since a record was written at `written_at_ns` (broker time, Unix nanoseconds), as a take-over counts it:
    /// without the time during which the broker was unreachable.
    pub fn unwritten_for(&self, written_at_ns: i128) -> Duration {
        crate::staleness::unwritten_for(written_at_ns, &self.time, &self.reconnected)
    }

    /// Connects and waits for the topology, for as long as `config` allows.
    ///
    /// Until then `readiness` reports what is missing; afterwards it checks connection and consumer.
    pub async fn connect(
        stage: Stage,
        config: &BusConfig,
        service: ServiceContext,
        readiness: &Readiness,
    ) -> anyhow::Result<Arc<Self>> {
        let reconnected = Reconnected::default();
        let client = open_watched(stage, config, reconnected.clone()).await?;
        let health = HealthPage::at(config.nats_health_url.as_deref())?;
        let jetstream = jetstream::ContextBuilder::new()
            .timeout(REQUEST_TIMEOUT)
            .max_ack_inflight(ACKS_IN_FLIGHT_MAX)
            .build(client.clone());
        readiness.waiting("for the broker and its streams");
        let (records, results, time) = wait_for_topology(config, &client, &jetstream).await?;
        readiness.connected(client.clone(), jetstream.clone(), stage, health.clone());
        tracing::info!(address = without_secrets(&config.nats_url), "connected to the broker");
        let payloads = Payloads::open(&jetstream).await?;
        let faults_on = config.faults.is_on();
        let trace_context = config.trace_context;
        Ok(Arc::new(Self {
            stage,
            service,
            jetstream,
            time,
            records,
            results,
            payloads,
            faults_on,
            trace_context,
            reconnected,
            redelivery_lock: RedeliveryLock::default(),
            health,
        }))
    }
}

/// Waits until all streams and buckets of the topology exist, for as long as the settings allow.
async fn wait_for_topology(
    config: &BusConfig,
    client: &Client,
    jetstream: &jetstream::Context,
) -> anyhow::Result<(Records, Results, BrokerTime)> {
    let address = without_secrets(&config.nats_url);
    let timeout = Duration::from_secs(config.broker_wait_seconds);
    let give_up = Instant::now() + timeout;
    let timeout_seconds = timeout.as_secs();
    tracing::info!(address, timeout_seconds, "waiting for the broker and its streams");
    loop {
        match stores(client, jetstream).await {
            Ok(stores) => return Ok(stores),
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

async fn stores(
    client: &Client,
    jetstream: &jetstream::Context,
) -> anyhow::Result<(Records, Results, BrokerTime)> {
    for stream in [topology::SUBMITTED, topology::TODO, topology::DONE, topology::DEAD] {
        jetstream.get_stream_no_info(stream.name).await?.get_info().await?;
    }
    let time = BrokerTime::start(client.clone()).await?;
    Ok((Records::open(jetstream).await?, Results::open(jetstream).await?, time))
}

/// The address without user and password, fit for the log.
fn without_secrets(address: &str) -> &str {
    address.rsplit('@').next().unwrap_or_default()
}

/// Opens a connection that keeps trying, in the background, until the process ends.
pub async fn open(stage: impl std::fmt::Display, config: &BusConfig) -> anyhow::Result<Client> {
    open_watched(stage, config, Reconnected::default()).await
}

async fn open_watched(
    stage: impl std::fmt::Display,
    config: &BusConfig,
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
    if let (Some(user), Some(password)) = (&config.nats_user, password(config)?) {
        options = options.user_and_password(user.clone(), password);
    }
    options.connect(&config.nats_url).await.with_context(|| {
        format!("cannot use broker address {} (--nats-url)", without_secrets(&config.nats_url))
    })
}

fn password(config: &BusConfig) -> anyhow::Result<Option<String>> {
    let Some(file) = &config.nats_password_file else {
        return Ok(config.nats_password.clone());
    };
    let text = std::fs::read_to_string(file).with_context(|| {
        format!(
            "cannot read {} (--nats-password-file): does it exist, and may this user read it?",
            file.display()
        )
    })?;
    Ok(Some(text.trim().to_owned()))
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
