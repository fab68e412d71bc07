//! The exit codes that scripts may rely on, and how errors are printed.

use std::process::ExitCode;

use client::ClientError;

use crate::terminal::{BAD, clean_lines, print_error, styled};

/// The exit codes, for the help.
pub(crate) const HELP: &str = "\
Exit codes:
  0  success; with --wait: the job succeeded
  1  failure, or refused by the gateway; standard error says why
  2  invalid command line
  3  the job failed, died or was cancelled
  4  no lab is reachable
  5  timeout
  130  interrupted; the results so far are printed";

/// How a command ended, beside the error it may return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Success,
    /// Failure; the command has printed why.
    Failed,
    /// Invalid arguments, detected by the command itself.
    Usage,
    /// The job failed, is dead, or was cancelled.
    JobNotSucceeded,
    /// No lab is reachable.
    Unreachable,
    Timeout,
    /// Interrupted by a signal.
    Interrupted,
}

/// Invalid arguments, detected by the command itself.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(pub(crate) String);

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::JobNotSucceeded => 3,
            Exit::Unreachable => 4,
            Exit::Timeout => 5,
            Exit::Interrupted => 130,
        })
    }
}

/// Prints which variable is invalid and exits, as for an invalid command line.
pub(crate) fn exit_with_invalid_setting(message: &str) -> ! {
    print_message(message);
    std::process::exit(2)
}

/// The exit code of a command. Prints its error, on standard error.
pub(crate) fn code(outcome: anyhow::Result<Exit>) -> ExitCode {
    match outcome {
        Ok(exit) => exit.into(),
        Err(error) => {
            print_message(&format!("{error:#}"));
            of(&error).into()
        }
    }
}

fn print_message(message: &str) {
    print_error(&format!("{} {}\n", styled(BAD, "waybill:"), clean_lines(message)));
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
