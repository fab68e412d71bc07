//! How a command ends: the exit codes that scripts may rely on, and the one line for an error.

use std::process::ExitCode;

use crate::{
    client::ClientError,
    terminal::{BAD, clean_lines, print_error, styled},
};

/// The exit codes, as they stand in the help.
pub(crate) const HELP: &str = "\
Exit codes:
  0  it worked; for `job submit --wait`: the job succeeded
  1  it failed, or the gateway refused; standard error says why
  2  the command line is wrong
  3  the job did not succeed: failed, dead or cancelled
  4  no lab answers there
  5  it was not done when the time was up
  130  it was interrupted; what it has is printed";

/// How a command ended, beside the error it may return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It worked.
    Done,
    /// It failed, and has said why.
    Failed,
    /// The command line is wrong in a way that only the command itself could see.
    Usage,
    /// The job failed, is dead, or was cancelled.
    JobNotSucceeded,
    /// No lab answers there.
    Unreachable,
    /// It was not done when the time was up.
    TimeUp,
    /// A signal ended it early.
    Interrupted,
}

/// A command line that is wrong in a way that only the command itself could see.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(pub(crate) String);

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::JobNotSucceeded => 3,
            Exit::Unreachable => 4,
            Exit::TimeUp => 5,
            Exit::Interrupted => 130,
        })
    }
}

/// Says which variable is wrong and ends the process, as a wrong command line does.
pub(crate) fn wrong_setting(said: &str) -> ! {
    tell(said);
    std::process::exit(2)
}

/// The exit code of a command. This is the edge that handles its error: told once, on standard error.
pub(crate) fn code(outcome: anyhow::Result<Exit>) -> ExitCode {
    match outcome {
        Ok(exit) => exit.into(),
        Err(error) => {
            tell(&format!("{error:#}"));
            of(&error).into()
        }
    }
}

fn tell(said: &str) {
    print_error(&format!("{} {}\n", styled(BAD, "waybill:"), clean_lines(said)));
}

fn of(error: &anyhow::Error) -> Exit {
    if error.is::<UsageError>() {
        return Exit::Usage;
    }
    match error.downcast_ref::<ClientError>() {
        Some(ClientError::Unreachable { .. }) => Exit::Unreachable,
        _ => Exit::Failed,
    }
}
