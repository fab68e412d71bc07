//! `waybill guard`: becomes a command that ends with the process that started it. Used by the lab.

use std::ffi::OsString;

use anyhow::Context as _;

use crate::exit::Exit;

/// Run a command that ends when its parent does
#[derive(Debug, clap::Args)]
pub(crate) struct GuardCommand {
    /// The parent process
    #[arg(long, value_name = "PID")]
    parent: u32,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl GuardCommand {
    /// Returns only on error. Must be called before any thread is started.
    pub(crate) fn run(&self) -> anyhow::Result<Exit> {
        let never = lab::guard::exec(self.parent, &self.command);
        match never.with_context(|| format!("cannot run {}", self.command[0].display()))? {}
    }
}
