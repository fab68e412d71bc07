//! Runs a command with a timeout and returns its output.

use std::{io, process::Stdio, time::Duration};

use tokio::{process::Command, time::timeout};

use crate::log_file::last_lines;

/// Timeout for printing a version; long, for a slow disk or a busy machine.
pub(super) const VERSION_LIMIT: Duration = Duration::from_secs(20);

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    /// The command could not be started.
    #[error("{0}")]
    Start(#[from] io::Error),
    /// The command took too long and was killed.
    #[error("the command timed out after {} s", .0.as_secs())]
    Late(Duration),
    /// The command exited with an error.
    #[error("{status}: {printed}")]
    Failed {
        /// Exit status.
        status: std::process::ExitStatus,
        /// The last lines of standard error.
        printed: String,
    },
}

/// Runs the command and returns its standard output.
pub(super) async fn output(mut command: Command, limit: Duration) -> Result<String, CommandError> {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output =
        timeout(limit, command.output()).await.map_err(|_| CommandError::Late(limit))??;
    if !output.status.success() {
        return Err(CommandError::Failed {
            status: output.status,
            printed: last_lines(&output.stderr),
        });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
