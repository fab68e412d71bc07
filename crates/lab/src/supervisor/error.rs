//! What can go wrong with a part, in words for the user.

use std::{io, path::PathBuf, process::ExitStatus, time::Duration};

use crate::Part;

/// Why a part did not get going.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its log cannot be written.
    #[error("cannot write {}: {cause}", path.display())]
    Log {
        /// The file.
        path: PathBuf,
        /// Why not.
        cause: io::Error,
    },
    /// It cannot be run at all.
    #[error("cannot run {part}: {cause}")]
    Spawn {
        /// Which one.
        part: Part,
        /// Why not.
        cause: io::Error,
    },
    /// It ended before it was ready.
    #[error("{part} ended before it was ready ({status}); the end of {}:\n{said}", log.display())]
    Ended {
        /// Which one.
        part: Part,
        /// How.
        status: ExitStatus,
        /// Where its output went.
        log: PathBuf,
        /// The last lines of it.
        said: String,
    },
    /// It runs and does not get ready.
    #[error("{part} was not ready within {} s; the end of {}:\n{said}", limit.as_secs(), log.display())]
    Late {
        /// Which one.
        part: Part,
        /// How long it was waited for.
        limit: Duration,
        /// Where its output goes.
        log: PathBuf,
        /// The last lines of it.
        said: String,
    },
    /// The lab is going down.
    #[error("the lab is stopping")]
    Stopping,
}

/// Why a part cannot be controlled.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// This lab has no such part.
    #[error("this lab has no {0}")]
    Absent(Part),
    /// It did not get going.
    #[error(transparent)]
    Start(#[from] StartError),
}
