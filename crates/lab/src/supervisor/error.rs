//! The errors of starting and controlling a part.

use std::{io, path::PathBuf, process::ExitStatus, time::Duration};

use crate::Part;

/// Why a part did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The part's log cannot be written.
    #[error("cannot write {}: {cause}", path.display())]
    Log {
        /// The file.
        path: PathBuf,
        /// The system's error.
        cause: io::Error,
    },
    /// The part cannot be run.
    #[error("cannot run {part}: {cause}")]
    Spawn {
        /// The part.
        part: Part,
        /// The system's error.
        cause: io::Error,
    },
    /// The part ended before it was ready.
    #[error("{part} ended before it was ready ({status}); the end of {}:\n{output}", log.display())]
    Ended {
        /// The part.
        part: Part,
        /// Exit status.
        status: ExitStatus,
        /// The part's log file.
        log: PathBuf,
        /// The last lines of `log`.
        output: String,
    },
    /// The part did not get ready in time.
    #[error("{part} was not ready within {} s; the end of {}:\n{output}", limit.as_secs(), log.display())]
    Late {
        /// The part.
        part: Part,
        /// The time limit.
        limit: Duration,
        /// The part's log file.
        log: PathBuf,
        /// The last lines of `log`.
        output: String,
    },
    /// The lab is stopping.
    #[error("the lab is stopping")]
    Stopping,
}

/// Why a part cannot be controlled.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// This lab has no such part.
    #[error("this lab has no {0}")]
    Absent(Part),
    /// The part did not start.
    #[error(transparent)]
    Start(#[from] StartError),
}
