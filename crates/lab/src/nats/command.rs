//! A command that must end in time, and the end of its output when it fails.

use std::{io, process::Stdio, time::Duration};

use tokio::{process::Command, time::timeout};

use crate::log_file::last_lines;

/// How long a program may take to say its version: a cold disk, a busy machine.
pub(super) const ASK_LIMIT: Duration = Duration::from_secs(20);

/// Why a command gave no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    /// It could not be started.
    #[error("{0}")]
    Start(#[from] io::Error),
    /// It took too long and was killed.
    #[error("no answer within {} s", .0.as_secs())]
    Late(Duration),
    /// It failed; the end of what it said.
    #[error("{status}: {said}")]
    Failed {
        /// How it ended.
        status: std::process::ExitStatus,
        /// The last lines of its errors.
        said: String,
    },
}

/// Runs it and returns what it printed.
pub(super) async fn output(mut command: Command, limit: Duration) -> Result<String, CommandError> {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output =
        timeout(limit, command.output()).await.map_err(|_| CommandError::Late(limit))??;
    if !output.status.success() {
        return Err(CommandError::Failed {
            status: output.status,
            said: last_lines(&output.stderr),
        });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
