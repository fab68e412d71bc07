//! EmbeddedOptions of an embedded lab.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    time::Duration,
};

use contract::topology::ACK_WAITS;
use runtime::{clock::TimeSource, stop::GRACE_SECONDS_MAX};
use settings::Switch;

use crate::{LabEventSink, Part, PortArgs, Ports, nats::FinderArgs, silent};

/// Maximum number of processors one lab starts.
pub const PROCESSORS_MAX: u16 = 16;
/// Time for a part to flush telemetry after its grace period.
pub const FLUSH_LIMIT: Duration = Duration::from_secs(5);
/// Default grace period.
const GRACE_SECONDS: u64 = 10;

/// The flags of `waybill up` that say where and how the lab runs.
#[derive(Debug, Clone, clap::Args)]
pub struct UpArgs {
    /// Where everything listens.
    #[command(flatten)]
    pub ports: PortArgs,
    /// Where the lab keeps its jobs and logs
    #[arg(long, env = "WAYBILL_DATA_DIR", value_name = "DIR", default_value = ".waybill")]
    pub data_dir: PathBuf,
    /// Start with no jobs: delete the data of an earlier lab in the data folder
    #[arg(long, env = "WAYBILL_FRESH", value_parser = settings::switched_on)]
    pub fresh: bool,
    /// Address on which gateway and console listen; on a non-loopback address, faults are off unless --faults on
    #[arg(long, env = "WAYBILL_BIND", value_name = "IP", value_parser = settings::ip_address, default_value_t = IpAddr::from(Ipv4Addr::LOCALHOST))]
    pub bind: IpAddr,
    /// Number of processors
    #[arg(
        long,
        env = "WAYBILL_PROCESSORS",
        value_name = "N",
        default_value_t = 1,
        value_parser = settings::whole(1..=PROCESSORS_MAX)
    )]
    pub processors: u16,
    /// Grace period of each part at the stop, in seconds
    #[arg(
        long,
        env = "WAYBILL_GRACE_SECONDS",
        value_name = "S",
        default_value_t = GRACE_SECONDS,
        value_parser = settings::seconds(0..=GRACE_SECONDS_MAX)
    )]
    pub grace_seconds: u64,
    /// Send telemetry to this OTLP endpoint [default: the lab's console]
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL", value_parser = settings::otlp_endpoint)]
    pub otlp_endpoint: Option<String>,
    /// Interval between canary jobs, in seconds; 0 disables [default: 60, or 0 with --trickle 0 or if traces are not sent
    /// to the console]. For each, the console checks that its trace, logs and metrics arrive
    #[arg(long = "canary", env = "WAYBILL_CANARY_SECONDS", value_name = "S", value_parser = settings::seconds(0..=86_400))]
    pub canary_seconds: Option<u64>,
    /// Clock for timestamps: `system`: the machine's clock; `ntp`: that clock plus the offset measured by NTP
    #[arg(long, env = "WAYBILL_CLOCK", value_name = "system|ntp", default_value = "ntp", value_parser = settings::word::<TimeSource>)]
    pub clock: TimeSource,
    /// Whether injected faults take effect [default: on, or off if the lab is bound to a non-loopback address]
    #[arg(long, env = "WAYBILL_FAULTS", value_name = "on|off")]
    pub faults: Option<Switch>,
    /// Ack wait: how long a lost worker's jobs wait for a take-over, such as 2s for a demo: 1s to 5m [default: 10s]
    #[arg(long, env = "WAYBILL_ACK_WAIT", value_name = "DURATION", value_parser = settings::duration(ACK_WAITS))]
    pub ack_wait: Option<Duration>,
    /// Which nats-server.
    #[command(flatten)]
    pub finder: FinderArgs,
}

impl UpArgs {
    /// The options for these flags. `waybill` is the executable of every service.
    pub fn options(self, waybill: PathBuf, report: LabEventSink) -> EmbeddedOptions {
        EmbeddedOptions {
            ports: self.ports.ports(),
            public: self.bind,
            data_dir: self.data_dir,
            fresh: self.fresh,
            processors: self.processors,
            grace: Duration::from_secs(self.grace_seconds),
            finder: self.finder,
            otlp_endpoint: self.otlp_endpoint,
            canary_seconds: self.canary_seconds.unwrap_or(0),
            clock: self.clock,
            faults: self.faults,
            ack_wait: self.ack_wait,
            report,
            ..EmbeddedOptions::new(waybill)
        }
    }
}

/// The options of an embedded lab.
#[derive(Clone)]
pub struct EmbeddedOptions {
    /// Executable of every service.
    pub waybill: PathBuf,
    /// Ports of all parts.
    pub ports: Ports,
    /// Listen address of the gateway and the console; everything else listens on 127.0.0.1.
    pub public: IpAddr,
    /// Data folder.
    pub data_dir: PathBuf,
    /// Delete the data of an earlier lab first.
    pub fresh: bool,
    /// Number of processors, at most [`PROCESSORS_MAX`].
    pub processors: u16,
    /// Grace period of each part, in whole seconds. A part that still runs [`FLUSH_LIMIT`] later is killed.
    pub grace: Duration,
    /// How to find nats-server.
    pub finder: FinderArgs,
    /// OTLP endpoint instead of the lab's console.
    pub otlp_endpoint: Option<String>,
    /// Seconds between two canary jobs of the console; 0 is off.
    pub canary_seconds: u64,
    /// Clock for the services' timestamps. It is measured against the lab's time server either way.
    pub clock: TimeSource,
    /// Whether injected faults take effect; `None`: only if the lab listens on a loopback address.
    pub faults: Option<Switch>,
    /// Ack wait; the topology's default if `None`.
    pub ack_wait: Option<Duration>,
    /// Environment variables of the user, which override the lab's own settings.
    pub user: Vec<(String, String)>,
    /// Variables for the topology step, the services and the console; override everything above.
    pub env: Vec<(String, String)>,
    /// Variables for single parts, which override `env`: part, name, value.
    pub part_env: Vec<(Part, String, String)>,
    /// Receives the events of the lab.
    pub report: LabEventSink,
}

impl EmbeddedOptions {
    /// The default options: default ports, data in `.waybill`.
    pub fn new(waybill: PathBuf) -> Self {
        Self {
            waybill,
            ports: Ports::default(),
            public: Ipv4Addr::LOCALHOST.into(),
            data_dir: ".waybill".into(),
            fresh: false,
            processors: 1,
            grace: Duration::from_secs(GRACE_SECONDS),
            finder: FinderArgs::default(),
            otlp_endpoint: None,
            canary_seconds: 0,
            clock: TimeSource::Ntp,
            faults: None,
            ack_wait: None,
            user: Vec::new(),
            env: Vec::new(),
            part_env: Vec::new(),
            report: silent(),
        }
    }
}
