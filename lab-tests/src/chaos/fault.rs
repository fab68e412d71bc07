//! The kinds of faults, their durations, and the time reserved for each.

use std::{fmt, time::Duration};

use contract::Stage;
use lab::Part;

/// The fault points of a service, as in the `waybill-fault` header.
pub const FAULT_POINTS: [&str; 4] = ["before_work", "after_effect", "after_publish", "before_ack"];

/// Every fault point of every service. The notifier does not publish, so it has no `after_publish`.
pub fn fault_points() -> impl Iterator<Item = (Stage, &'static str)> {
    let all = Stage::ALL.into_iter().flat_map(|stage| FAULT_POINTS.map(|point| (stage, point)));
    all.filter(|at| *at != (Stage::Notifier, "after_publish"))
}

/// A process is suspended for the ack wait plus this.
const BEYOND_ACK_WAIT: Duration = Duration::from_millis(1_500);

/// One fault with its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChaosFault {
    /// A process aborts at a fault point of a job.
    Crash(Stage, &'static str),
    /// A process is killed at a random moment.
    Kill(Part),
    /// A process is suspended for longer than the ack wait, then resumed.
    Suspend(Part),
    /// The broker is killed; the latest jobs and events are submitted again.
    BrokerKilled,
    /// The broker is stopped with SIGTERM and started again.
    BrokerStopped,
    /// The broker is down for 15 s.
    BrokerOutage,
    /// A stream or bucket is full.
    Full(&'static str),
    /// The network between a service and the broker is impaired.
    Network(NetworkFault, Stage),
    /// A job aborts every process that runs it.
    Poison,
    /// The telemetry target fails.
    Telemetry(TelemetryFault),
    /// The webhook receiver fails.
    Receiver(ReceiverFault),
    /// Every service is stopped and started again, one after the other.
    RollingRestart,
}

/// A network fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkFault {
    /// The connection is reset.
    Reset,
    /// 150 ms of added latency.
    Delay,
    /// No bytes arrive, and the connection is not closed.
    HalfOpen,
    /// 32 KiB per second.
    Throttle,
}

/// A fault of the telemetry target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TelemetryFault {
    /// The console is stopped and loses its data.
    Down,
    /// The console is suspended: connections are open, nothing is read.
    Hanging,
    /// 4 KiB per second.
    Slow,
}

/// A fault of the webhook receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiverFault {
    /// 500 to every notification.
    Failing,
    /// The port is closed.
    Closed,
}

impl ChaosFault {
    /// The duration of the fault in a lab with this ack wait; zero if it is instantaneous.
    pub fn duration(&self, ack_wait: Duration) -> Duration {
        Duration::from_millis(match self {
            Self::Crash(..)
            | Self::Kill(_)
            | Self::BrokerKilled
            | Self::RollingRestart
            | Self::Poison
            | Self::Network(NetworkFault::Reset | NetworkFault::HalfOpen, _) => 0,
            Self::BrokerStopped => 1_000,
            Self::Full(_) => 3_000,
            Self::Suspend(_) => return ack_wait + BEYOND_ACK_WAIT,
            Self::Network(..) | Self::Receiver(_) => 4_000,
            Self::Telemetry(_) => 5_000,
            Self::BrokerOutage => 15_000,
        })
    }

    /// The time reserved for the fault and the recovery from it.
    pub fn reserved_time(&self, ack_wait: Duration) -> Duration {
        let (recovery, takeovers) = match self {
            Self::Crash(..) => (2, 1),
            Self::Network(NetworkFault::HalfOpen, _) => (8, 1),
            Self::Poison => (8, 3),
            // Two processors drain, each with long jobs in flight for the whole grace period.
            Self::RollingRestart => (32, 1),
            Self::BrokerOutage => (6, 1),
            Self::Kill(_) | Self::Suspend(_) => (3, 1),
            Self::Full(_) | Self::Telemetry(_) => (5, 0),
            Self::BrokerKilled | Self::BrokerStopped | Self::Network(..) => (4, 1),
            Self::Receiver(_) => (6, 0),
        };
        self.duration(ack_wait) + Duration::from_secs(recovery) + ack_wait * takeovers
    }

    /// The reason why traces during this fault may be incomplete; `None` if they may not.
    pub fn telemetry_gap(&self) -> Option<&'static str> {
        match self {
            Self::Kill(Part::Console) | Self::Telemetry(TelemetryFault::Down) => {
                Some("the console was restarted and lost its spans")
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
            Self::Crash(stage, point) => format!("crash of {stage} {point}"),
            Self::Kill(_) => "kill".to_owned(),
            Self::Suspend(_) => "sleep past the ack wait".to_owned(),
            Self::BrokerKilled => "broker killed".to_owned(),
            Self::BrokerStopped => "broker stopped".to_owned(),
            Self::BrokerOutage => "broker away".to_owned(),
            Self::Full(_) => "full stream".to_owned(),
            Self::Network(how, _) => format!("network {how:?}").to_lowercase(),
            Self::Poison => "poison job".to_owned(),
            Self::Telemetry(how) => format!("telemetry {how:?}").to_lowercase(),
            Self::Receiver(how) => format!("receiver {how:?}").to_lowercase(),
            Self::RollingRestart => "rolling restart".to_owned(),
        }
    }
}

impl fmt::Display for ChaosFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.kind())?;
        match self {
            Self::Kill(part) | Self::Suspend(part) => write!(out, ": {part}"),
            Self::Full(name) => write!(out, ": {name}"),
            Self::Network(_, stage) => write!(out, ": {stage}"),
            _ => Ok(()),
        }
    }
}
