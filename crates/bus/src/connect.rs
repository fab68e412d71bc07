//! Reaching the broker: one connection a process, retried, with a limit.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context as _;
use async_nats::{Client, ConnectOptions, Event, jetstream};
use contract::{Stage, topology};
use settings::Switch;
use tokio::time::{Instant, sleep};

use crate::{
    broker_time::BrokerTime, health_page, health_page::HealthPage, payloads::Payloads,
    readiness::Readiness, records::Records, redelivered::Suspects, results::Results,
    service_context::ServiceContext, staleness::Reconnected,
};

/// Time one request to the broker may take. A publish in flight when the broker dies fails only then.
pub(crate) const REQUEST_LIMIT: Duration = Duration::from_secs(2);
/// Pause between two signs of life of the connection. After the third that is not answered it is given up and
/// made anew: a way that went silent without an end is noticed within an ack wait, not after minutes.
const PING_PAUSE: Duration = Duration::from_secs(3);
/// Longest pause between two tries to connect.
const RECONNECT_PAUSE_MAX: Duration = Duration::from_secs(1);
/// Pause between two looks for the topology.
const TOPOLOGY_PAUSE: Duration = Duration::from_millis(100);
/// Publishes that may wait for their ack at once; more wait for a place.
const ACKS_IN_FLIGHT_MAX: usize = 20_000;

/// How a service reaches the broker.
#[derive(Debug, Clone, clap::Args)]
pub struct BusConfig {
    /// Address of the broker.
    #[arg(long, env = "WAYBILL_NATS_URL", value_name = "URL", value_parser = settings::broker_url, default_value = "nats://127.0.0.1:4222")]
    pub nats_url: String,
    /// User at the broker, where it asks for one.
    #[arg(long, env = "WAYBILL_NATS_USER", value_parser = settings::trimmed, requires = "nats_secret")]
    pub nats_user: Option<String>,
    /// Password at the broker.
    #[arg(long, env = "WAYBILL_NATS_PASSWORD", hide_env_values = true, value_parser = settings::trimmed, group = "nats_secret")]
    pub nats_password: Option<String>,
    /// File with the password at the broker, such as a mounted secret; white space around it is dropped.
    #[arg(long, env = "WAYBILL_NATS_PASSWORD_FILE", value_name = "FILE", group = "nats_secret")]
    pub nats_password_file: Option<PathBuf>,
    /// Health page of the broker, or a file with a copy of it (file:///…), by which a service tells a full disk from a broker that is away.
    #[arg(long, env = "WAYBILL_NATS_HEALTH_URL", value_name = "URL", hide_env_values = true, value_parser = health_page::address)]
    pub nats_health_url: Option<String>,
    /// Seconds to wait at start for the broker and its streams before giving up.
    #[arg(long, env = "WAYBILL_BROKER_WAIT_SECONDS", value_name = "S", default_value_t = 600, value_parser = settings::seconds(0..=86_400))]
    pub broker_wait_seconds: u64,
    /// How a consumer's span relates to its producer's: as a child, by a link, or both.
    #[arg(long, env = "WAYBILL_TRACE_CONTEXT", value_name = "both|parent|link", default_value = "both", value_parser = settings::word::<TraceContext>)]
    pub trace_context: TraceContext,
    /// Whether injected faults may act.
    #[arg(long, env = "WAYBILL_FAULTS", value_name = "on|off", default_value = "off")]
    pub faults: Switch,
}

/// How a consumer's span relates to its producer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum TraceContext {
    /// Child and link.
    Both,
    /// Child only.
    Parent,
    /// Link only: each stage starts a trace of its own.
    Link,
}

/// The connection to the broker, and what travels with it. Clones share it.
#[derive(Clone)]
pub struct Bus {
    /// The stage this process is.
    pub stage: Stage,
    /// Clock, metrics and spans of this process.
    pub service: ServiceContext,
    /// JetStream, for what this crate does not wrap.
    pub jetstream: jetstream::Context,
    /// Time as the broker tells it.
    pub time: BrokerTime,
    /// The job records.
    pub records: Records,
    /// Results and tiles.
    pub results: Results,
    /// What jobs ask for, for those who hold no message.
    pub payloads: Payloads,
    /// Whether injected faults may act.
    pub faults_on: bool,
    pub(crate) trace_context: TraceContext,
    pub(crate) reconnected: Reconnected,
    pub(crate) suspects: Suspects,
    pub(crate) health: Option<HealthPage>,
}

impl Bus {
    /// How long a record that was written at `written_at_ns` (broker time, Unix nanoseconds) has not been written,
    /// as a take-over counts it: while the broker was away no worker could have written it.
    pub fn unwritten_for(&self, written_at_ns: i128) -> Duration {
        crate::staleness::unwritten_for(written_at_ns, &self.time, &self.reconnected)
    }

    /// Connects and waits for the topology, for as long as `config` allows.
    ///
    /// `readiness` says what is being waited for; afterwards it checks connection and consumer.
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
            .timeout(REQUEST_LIMIT)
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
            suspects: Suspects::default(),
            health,
        }))
    }
}

/// Looks again and again for everything the topology step makes, as long as the settings allow.
async fn wait_for_topology(
    config: &BusConfig,
    client: &Client,
    jetstream: &jetstream::Context,
) -> anyhow::Result<(Records, Results, BrokerTime)> {
    let address = without_secrets(&config.nats_url);
    let limit = Duration::from_secs(config.broker_wait_seconds);
    let give_up = Instant::now() + limit;
    let limit_seconds = limit.as_secs();
    tracing::info!(address, limit_seconds, "waiting for the broker and its streams");
    loop {
        match stores(client, jetstream).await {
            Ok(stores) => return Ok(stores),
            Err(error) if Instant::now() < give_up => {
                tracing::debug!(%error, "not there yet");
                sleep(TOPOLOGY_PAUSE).await;
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

/// The address as it may be logged: a user and password in it stay out.
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
        .request_timeout(Some(REQUEST_LIMIT))
        .ping_interval(PING_PAUSE)
        .reconnect_delay_callback(|tries| {
            let tries = u32::try_from(tries.min(8)).unwrap_or(8);
            (Duration::from_millis(20) * 2_u32.pow(tries)).min(RECONNECT_PAUSE_MAX)
        })
        .event_callback(move |event| {
            report(&event, &reconnected);
            std::future::ready(())
        });
    if let (Some(user), Some(password)) = (&config.nats_user, password(config)?) {
        options = options.user_and_password(user.clone(), password);
    }
    options.connect(&config.nats_url).await.with_context(|| {
        format!("the broker's address {} is of no use", without_secrets(&config.nats_url))
    })
}

fn password(config: &BusConfig) -> anyhow::Result<Option<String>> {
    let Some(file) = &config.nats_password_file else {
        return Ok(config.nats_password.clone());
    };
    let text = std::fs::read_to_string(file).with_context(|| {
        format!("no password in {} (--nats-password-file): can this user read it?", file.display())
    })?;
    Ok(Some(text.trim().to_owned()))
}

fn report(event: &Event, reconnected: &Reconnected) {
    match event {
        Event::Connected => {
            reconnected.connected();
            tracing::info!("broker connection is up");
        }
        Event::Disconnected => {
            reconnected.lost();
            tracing::warn!("broker connection is down; trying again");
        }
        Event::ServerError(error) => tracing::warn!(%error, "the broker refused something"),
        Event::ClientError(error) => tracing::debug!(%error, "broker client error"),
        other => tracing::debug!(event = %other, "broker connection event"),
    }
}
