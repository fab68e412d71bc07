//! Why an embedded lab did not come up.

use std::{io, process::ExitStatus, time::Duration};

use super::{DataDirError, Refused};
use crate::{
    PortsTaken,
    nats::FindError,
    supervisor::{PartError, StartError},
};

/// Why an embedded lab did not come up. Its text says what to do; nothing is left running.
#[derive(Debug, thiserror::Error)]
pub enum UpError {
    /// Variables of the user cannot hold for a whole lab.
    #[error(transparent)]
    Environment(#[from] Refused),
    /// The data folder cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// Something else listens where the lab wants to.
    #[error(transparent)]
    Ports(#[from] PortsTaken),
    /// The time server could not be started.
    #[error(
        "the lab's time server cannot listen on port {port} (UDP): {cause}; move the lab with --port-base"
    )]
    Time {
        /// Where it wanted to listen.
        port: u16,
        /// Why it cannot.
        cause: io::Error,
    },
    /// No nats-server was found or fetched.
    #[error(transparent)]
    Nats(#[from] FindError),
    /// A part did not get going.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A part does not exist or cannot be controlled.
    #[error(transparent)]
    Part(#[from] PartError),
    /// The waybill executable cannot be run.
    #[error("cannot run the waybill executable: {0}")]
    Waybill(io::Error),
    /// Streams, consumers and buckets could not be made.
    #[error(
        "preparing the broker failed ({status}):\n{said}\nif its streams are from another version, start with --fresh"
    )]
    Topology {
        /// How the step ended.
        status: ExitStatus,
        /// The end of its output.
        said: String,
    },
    /// The same, without an end.
    #[error("preparing the broker took more than {} s; start with --fresh", .0.as_secs())]
    TopologyLate(Duration),
    /// It was stopped before it was up.
    #[error("stopped before the lab was up")]
    Stopped,
}
