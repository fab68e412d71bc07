//! What is broken: every kind of fault, and how much of the run it takes.

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

/// How much longer than the ack wait a process is held still.
const PAST_THE_ACK_WAIT: Duration = Duration::from_millis(1_500);

/// One fault, with all that was drawn for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A process aborts at a named boundary, in the middle of a job.
    Crash(Stage, &'static str),
    /// A process is killed at a random moment.
    Kill(Part),
    /// A process is held still for longer than the ack wait, and wakes up.
    Sleep(Part),
    /// The broker is killed; jobs and events from before are sent again.
    BrokerKilled,
    /// The broker is stopped as an operator would, and started again.
    BrokerStopped,
    /// The broker is away for 15 s.
    BrokerAway,
    /// A stream or bucket takes nothing more.
    Full(&'static str),
    /// The way between a service and the broker is bad.
    Network(Network, Stage),
    /// A job that kills every processor it meets.
    Poison,
    /// Where telemetry goes is not well.
    Telemetry(Telemetry),
    /// Where notices go is not well.
    Receiver(Receiver),
    /// Every service is stopped and started again, one after the other.
    Roll,
}

/// What can be wrong with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// It is reset.
    Reset,
    /// Everything takes 150 ms longer.
    Delay,
    /// Nothing comes through any more, and nobody is told.
    HalfOpen,
    /// 32 KiB a second.
    Throttle,
}

/// What can be wrong with the telemetry's target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telemetry {
    /// It is gone, with all it had.
    Down,
    /// It takes connections and never answers.
    Hanging,
    /// It takes 4 KiB a second.
    Slow,
}

/// What can be wrong with the receiver of notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receiver {
    /// It answers 500.
    Failing,
    /// Nobody listens.
    Closed,
}

impl Fault {
    /// How long the fault lasts by itself, in a lab with this ack wait; zero for one that is over at once.
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

    /// How much of the run belongs to the fault and what follows it, before the next one strikes.
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

    /// Why traces of the time may have gaps, if they may.
    pub fn telemetry_gap(&self) -> Option<&'static str> {
        match self {
            Self::Kill(Part::Console) | Self::Telemetry(Telemetry::Down) => {
                Some("the console was restarted and had forgotten its spans")
            }
            Self::Telemetry(_) => {
                Some("the console took no spans, and services dropped and counted")
            }
            _ => None,
        }
    }

    /// The kind, for the list of what was done: `kill`, `network reset`.
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
