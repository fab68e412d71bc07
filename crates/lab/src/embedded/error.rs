//! The errors of starting an embedded lab.

use std::{io, process::ExitStatus, time::Duration};

use super::{DataDirError, RefusedVariables};
use crate::{
    PortsTaken,
    nats::FindError,
    supervisor::{PartError, StartError},
};

/// Why an embedded lab did not start. The text says what to do; no process is left running.
#[derive(Debug, thiserror::Error)]
pub enum UpError {
    /// Variables of the user cannot apply to a whole lab.
    #[error(transparent)]
    Environment(#[from] RefusedVariables),
    /// The data folder cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// Ports of the lab are in use.
    #[error(transparent)]
    Ports(#[from] PortsTaken),
    /// The time server could not be started.
    #[error(
        "the lab's time server cannot listen on port {port} (UDP): {cause}; move the lab with --port-base"
    )]
    Time {
        /// The UDP port.
        port: u16,
        /// The system's error.
        cause: io::Error,
    },
    /// No nats-server was found or fetched.
    #[error(transparent)]
    Nats(#[from] FindError),
    /// A part did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A part does not exist or cannot be controlled.
    #[error(transparent)]
    Part(#[from] PartError),
    /// The waybill executable cannot be run.
    #[error("cannot run the waybill executable: {0}")]
    Waybill(io::Error),
    /// Streams, consumers and buckets could not be created.
    #[error(
        "preparing the broker failed ({status}):\n{output}\nif its streams are from another version, start with --fresh"
    )]
    Topology {
        /// Exit status of the topology step.
        status: ExitStatus,
        /// The last lines of its output.
        output: String,
    },
    /// The topology step took too long.
    #[error("preparing the broker took more than {} s; start with --fresh", .0.as_secs())]
    TopologyLate(Duration),
    /// The lab was stopped before it was ready.
    #[error("the lab was stopped before it was ready")]
    Stopped,
}
