//! The status of a part.

use std::process::ExitStatus;

use crate::Part;

/// A part at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartStatus {
    /// Which one.
    pub part: Part,
    /// Its state.
    pub state: PartState,
    /// Its process, while there is one.
    pub pid: Option<u32>,
    /// How often it was restarted after it ended unexpectedly.
    pub restarts: u32,
    /// How its last process ended, if one did.
    pub last_end: Option<(u32, ExitStatus)>,
}

/// The state of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartState {
    /// It has a process that runs.
    Running,
    /// Its process is held still.
    Paused,
    /// It ended unexpectedly and is about to be restarted.
    Waiting,
    /// It is not meant to run.
    Stopped,
}
