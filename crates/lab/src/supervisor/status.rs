//! The status of a part.

use std::process::ExitStatus;

use crate::Part;

/// The current status of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartStatus {
    /// The part.
    pub part: Part,
    /// What it is doing.
    pub state: PartState,
    /// Process id, while there is a process.
    pub pid: Option<u32>,
    /// Number of restarts after unexpected ends.
    pub restarts: u32,
    /// Process id and exit status of its last process that ended.
    pub last_end: Option<(u32, ExitStatus)>,
}

/// The state of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartState {
    /// The part's process runs.
    Running,
    /// The part's process is paused.
    Paused,
    /// The part ended unexpectedly and waits to be restarted.
    Waiting,
    /// The part was stopped, or not started yet.
    Stopped,
}
