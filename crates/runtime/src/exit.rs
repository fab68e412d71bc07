//! The exit of a service: one line for the error, and the exit code.

use std::process::ExitCode;

/// The exit code of `outcome`: 0, or 1 with the error and its causes logged on one line. Call it before
/// `Telemetry::stop`, so that the line is exported.
pub fn exit_code(name: &str, outcome: anyhow::Result<()>) -> ExitCode {
    let Err(error) = outcome else {
        tracing::info!(name, "stopped");
        return ExitCode::SUCCESS;
    };
    let error = one_line(&error);
    if tracing::dispatcher::has_been_set() {
        tracing::error!(name, error, "ended with an error");
    } else {
        // Telemetry itself may have failed to start.
        eprintln!("{name}: {error}");
    }
    ExitCode::FAILURE
}

/// An error and its causes without repetition: `cannot do this: that is missing: no such file`.
pub fn one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain().map(ToString::to_string) {
        let cause = cause.lines().map(str::trim).collect::<Vec<_>>().join(" ");
        if line.ends_with(&cause) {
            continue;
        }
        if !line.is_empty() {
            line.push_str(": ");
        }
        line.push_str(&cause);
    }
    line
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn causes_are_on_one_line_and_not_repeated() {
        let inner = std::io::Error::other("no\n  such file");
        let outcome = Err::<(), _>(inner).context("cannot read x: no such file");
        let error = outcome.context("cannot start").unwrap_err();
        assert_eq!(one_line(&error), "cannot start: cannot read x: no such file");
    }
}
