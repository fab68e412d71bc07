//! Options of an embedded lab.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    time::Duration,
};

use contract::topology::ACK_WAITS;
use runtime::{clock::TimeSource, stop::GRACE_SECONDS_MAX};
use settings::Switch;

use crate::{Part, PortArgs, Ports, Report, nats::FinderArgs, silent};

/// Most processors one lab starts.
pub const PROCESSORS_MAX: u16 = 16;
/// What a part gets on top of its grace: for its last telemetry.
pub const FLUSH_LIMIT: Duration = Duration::from_secs(5);
/// How long a part may take to finish its work at the end, unless told.
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
    /// Address on which gateway and console listen; on any but a loopback address, faults are off unless --faults on
    #[arg(long, env = "WAYBILL_BIND", value_name = "IP", value_parser = settings::ip_address, default_value_t = IpAddr::from(Ipv4Addr::LOCALHOST))]
    pub bind: IpAddr,
    /// How many processors share the work
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
    /// Send telemetry to this OTLP endpoint instead of the lab's console
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL", value_parser = settings::otlp_endpoint)]
    pub otlp_endpoint: Option<String>,
    /// Seconds between two canary jobs, which the console follows through every signal; 0 is off. Unless told: 60,
    /// and off with --trickle 0 or with telemetry elsewhere
    #[arg(long = "canary", env = "WAYBILL_CANARY_SECONDS", value_name = "S", value_parser = settings::seconds(0..=86_400))]
    pub canary_seconds: Option<u64>,
    /// Clock for timestamps: each service's own clock, or that clock corrected by the lab's time server
    #[arg(long, env = "WAYBILL_CLOCK", value_name = "system|ntp", default_value = "ntp", value_parser = settings::word::<TimeSource>)]
    pub clock: TimeSource,
    /// Whether injected faults take effect [default: on; off for a lab that is open to others]
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
    /// The lab these flags ask for. `waybill` is the executable that every service runs from.
    pub fn options(self, waybill: PathBuf, report: Report) -> Options {
        Options {
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
            ..Options::new(waybill)
        }
    }
}

/// An embedded lab to be.
#[derive(Clone)]
pub struct Options {
    /// The executable that every service runs from.
    pub waybill: PathBuf,
    /// Where everything listens.
    pub ports: Ports,
    /// Where the gateway and the console listen; all else stays on 127.0.0.1.
    pub public: IpAddr,
    /// Where the lab keeps its things.
    pub data_dir: PathBuf,
    /// Delete first what an earlier lab left there.
    pub fresh: bool,
    /// How many processors, at most [`PROCESSORS_MAX`].
    pub processors: u16,
    /// How long a part may take to finish its work at the end, in whole seconds. One that still
    /// runs [`FLUSH_LIMIT`] after that is killed.
    pub grace: Duration,
    /// Which nats-server.
    pub finder: FinderArgs,
    /// OTLP endpoint instead of the lab's console.
    pub otlp_endpoint: Option<String>,
    /// Seconds between two canary jobs of the console; 0 is off.
    pub canary_seconds: u64,
    /// Whose time the services stamp. They are measured against the lab's time server either way.
    pub clock: TimeSource,
    /// Whether injected faults may act; without it they may as long as only this machine reaches the lab.
    pub faults: Option<Switch>,
    /// The ack wait; the topology's default if `None`.
    pub ack_wait: Option<Duration>,
    /// The environment of the user, as far as it is known: his settings win over the lab's own.
    pub user: Vec<(String, String)>,
    /// Set for the topology step, every service and the console, over everything else.
    pub env: Vec<(String, String)>,
    /// Set for single parts, over that: part, name, value.
    pub part_env: Vec<(Part, String, String)>,
    /// Receives progress reports.
    pub report: Report,
}

impl Options {
    /// A lab with every default, on the default ports and in `.waybill`.
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
