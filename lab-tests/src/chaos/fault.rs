//! Every kind of fault, and the share of the run that it takes.

use std::{fmt, time::Duration};

use contract::Stage;
use lab::Part;

/// Where a service can abort, as written in the header of a job.
pub const BOUNDARIES: [&str; 4] = ["before_work", "after_effect", "after_publish", "before_ack"];

/// Every boundary of every service. The notifier publishes nothing, so it has one less.
pub fn boundaries() -> impl Iterator<Item = (Stage, &'static str)> {
    let all = Stage::ALL.into_iter().flat_map(|stage| BOUNDARIES.map(|boundary| (stage, boundary)));
    all.filter(|at| *at != (Stage::Notifier, "after_publish"))
}

/// How much longer than the ack wait a process is suspended.
const PAST_THE_ACK_WAIT: Duration = Duration::from_millis(1_500);

/// One fault with its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A process aborts at a named boundary, in the middle of a job.
    Crash(Stage, &'static str),
    /// A process is killed at a random moment.
    Kill(Part),
    /// A process is suspended for longer than the ack wait, then resumed.
    Sleep(Part),
    /// The broker is killed; jobs and events from before are sent again.
    BrokerKilled,
    /// The broker is stopped as an operator would, and started again.
    BrokerStopped,
    /// The broker is down for 15 s.
    BrokerAway,
    /// A stream or bucket is full.
    Full(&'static str),
    /// The network between a service and the broker is impaired.
    Network(Network, Stage),
    /// A job that kills every processor that runs it.
    Poison,
    /// The telemetry target fails.
    Telemetry(Telemetry),
    /// The webhook receiver fails.
    Receiver(Receiver),
    /// Every service is stopped and started again, one after the other.
    Roll,
}

/// A network fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// It is reset.
    Reset,
    /// Everything takes 150 ms longer.
    Delay,
    /// Nothing gets through any more, without an error.
    HalfOpen,
    /// 32 KiB per second.
    Throttle,
}

/// A fault of the telemetry target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telemetry {
    /// It is stopped, and loses its data.
    Down,
    /// It accepts connections and never responds.
    Hanging,
    /// It reads 4 KiB per second.
    Slow,
}

/// A fault of the webhook receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receiver {
    /// It responds with 500.
    Failing,
    /// It does not listen.
    Closed,
}

impl Fault {
    /// The duration of the fault, in a lab with this ack wait; zero for an instantaneous one.
    pub fn lasts(&self, ack_wait: Duration) -> Duration {
        Duration::from_millis(match self {
            Self::Crash(..)
            | Self::Kill(_)
            | Self::BrokerKilled
            | Self::Roll
            | Self::Poison
            | Self::Network(Network::Reset | Network::HalfOpen, _) => 0,
            Self::BrokerStopped => 1_000,
            Self::Full(_) => 3_000,
            Self::Sleep(_) => return ack_wait + PAST_THE_ACK_WAIT,
            Self::Network(..) | Self::Receiver(_) => 4_000,
            Self::Telemetry(_) => 5_000,
            Self::BrokerAway => 15_000,
        })
    }

    /// The time reserved for the fault and the recovery from it.
    pub fn share(&self, ack_wait: Duration) -> Duration {
        let (after, takeovers) = match self {
            Self::Crash(..) => (2, 1),
            Self::Network(Network::HalfOpen, _) => (8, 1),
            Self::Poison => (8, 3),
            // Two processors drain, each with long jobs in flight for the whole grace period.
            Self::Roll => (32, 1),
            Self::BrokerAway => (6, 1),
            Self::Kill(_) | Self::Sleep(_) => (3, 1),
            Self::Full(_) | Self::Telemetry(_) => (5, 0),
            Self::BrokerKilled | Self::BrokerStopped | Self::Network(..) => (4, 1),
            Self::Receiver(_) => (6, 0),
        };
        self.lasts(ack_wait) + Duration::from_secs(after) + ack_wait * takeovers
    }

    /// Why traces during this fault may be incomplete, if so.
    pub fn telemetry_gap(&self) -> Option<&'static str> {
        match self {
            Self::Kill(Part::Console) | Self::Telemetry(Telemetry::Down) => {
                Some("the console was restarted and had lost its spans")
            }
            Self::Telemetry(_) => {
                Some("the console accepted no spans, and services dropped some and counted them")
            }
            _ => None,
        }
    }

    /// The kind, for the report: `kill`, `network reset`.
    pub fn kind(&self) -> String {
        match self {
            Self::Crash(stage, boundary) => format!("crash of {stage} {boundary}"),
            Self::Kill(_) => "kill".to_owned(),
            Self::Sleep(_) => "sleep past the ack wait".to_owned(),
            Self::BrokerKilled => "broker killed".to_owned(),
            Self::BrokerStopped => "broker stopped".to_owned(),
            Self::BrokerAway => "broker away".to_owned(),
            Self::Full(_) => "full stream".to_owned(),
            Self::Network(how, _) => format!("network {how:?}").to_lowercase(),
            Self::Poison => "poison job".to_owned(),
            Self::Telemetry(how) => format!("telemetry {how:?}").to_lowercase(),
            Self::Receiver(how) => format!("receiver {how:?}").to_lowercase(),
            Self::Roll => "rolling restart".to_owned(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.kind())?;
        match self {
            Self::Kill(part) | Self::Sleep(part) => write!(out, ": {part}"),
            Self::Full(name) => write!(out, ": {name}"),
            Self::Network(_, stage) => write!(out, ": {stage}"),
            _ => Ok(()),
        }
    }
}
