//! What is known of a part from outside.

use std::process::ExitStatus;

use crate::Part;

/// A part at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartStatus {
    /// Which one.
    pub part: Part,
    /// What it is up to.
    pub state: PartState,
    /// Its process, while there is one.
    pub pid: Option<u32>,
    /// How often it was started again after it ended unasked.
    pub restarts: u32,
    /// How its last process ended, if one did.
    pub last_end: Option<(u32, ExitStatus)>,
}

/// What a part is up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartState {
    /// It has a process that runs.
    Running,
    /// Its process is held still.
    Paused,
    /// It ended unasked and is started again in a moment.
    Waiting,
    /// It is not meant to run.
    Stopped,
}
