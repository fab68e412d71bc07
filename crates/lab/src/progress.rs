//! Progress reports of the lab. The binary prints them, tests inspect them.

use std::{fmt, process::ExitStatus, sync::Arc, time::Duration};

use crate::Part;

/// Receives progress reports. Called from the lab's tasks, so it must not block.
pub type Report = Arc<dyn Fn(Progress) + Send + Sync>;

/// A receiver that ignores all reports.
pub fn silent() -> Report {
    Arc::new(|_| ())
}

/// Something that happened. Its text is one line for a human.
#[derive(Debug, Clone)]
pub enum Progress {
    /// No nats-server at hand: one is being fetched.
    Fetching {
        /// By which client.
        way: &'static str,
        /// It is given up after this.
        limit: Duration,
    },
    /// A nats-server was fetched into the cache.
    Fetched {
        /// By which client.
        way: &'static str,
        /// How long it took.
        took: Duration,
    },
    /// A way to fetch it did not work; the next is tried.
    FetchFailed {
        /// Which client.
        way: &'static str,
        /// Why not, in one line.
        why: String,
    },
    /// Streams, consumers and buckets are in place.
    Prepared {
        /// How long it took.
        took: Duration,
    },
    /// A part runs and is ready.
    Started {
        /// Which one.
        part: Part,
        /// Its process.
        pid: u32,
        /// From the start of the process until it was ready.
        took: Duration,
    },
    /// A part ended unexpectedly.
    Died {
        /// Which one.
        part: Part,
        /// How.
        status: ExitStatus,
        /// When it is started again.
        again_in: Duration,
    },
    /// A part could not be started again; it is tried once more.
    NotRestarted {
        /// Which one.
        part: Part,
        /// Why not.
        why: String,
        /// When it is tried once more.
        again_in: Duration,
    },
    /// A part that had ended runs again.
    Restarted {
        /// Which one.
        part: Part,
        /// Its new process.
        pid: u32,
        /// How often so far.
        restarts: u32,
    },
    /// A part runs, and does not do what it is there for.
    Unhealthy {
        /// Which one.
        part: Part,
        /// In its own words.
        why: String,
        /// What is done about it, or what to do.
        advice: String,
    },
    /// A part that runs is stopped and started again.
    Restarting {
        /// Which one.
        part: Part,
        /// Why.
        why: &'static str,
    },
    /// A part that was unhealthy is healthy again.
    Healed {
        /// Which one.
        part: Part,
        /// How long it was unhealthy.
        after: Duration,
    },
    /// A part was stopped on request.
    Stopped {
        /// Which one.
        part: Part,
        /// It outlived its grace period and was killed.
        killed: bool,
    },
}

impl fmt::Display for Progress {
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
