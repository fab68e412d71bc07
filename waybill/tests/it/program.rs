//! Runs the program and captures its output.

use std::{
    ffi::OsStr,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

/// The program under test.
pub(crate) const WAYBILL: &str = env!("CARGO_BIN_EXE_waybill");
/// Timeout of a command, including the start of a lab.
const LIMIT: Duration = Duration::from_mins(1);
/// Variables that the user who runs the tests may have set for other labs.
const FOREIGN: [&str; 9] = [
    "WAYBILL_PORT_BASE",
    "WAYBILL_GATEWAY_URL",
    "WAYBILL_CONSOLE_URL",
    "WAYBILL_DATA_DIR",
    "WAYBILL_FRESH",
    "WAYBILL_TRICKLE",
    "WAYBILL_BIND",
    "WAYBILL_PROCESSORS",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
];

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Standard output as one JSON value.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Fails unless the exit code is this one.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }
}

/// The program with these arguments and without inherited settings.
pub(crate) fn command<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(WAYBILL);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    for name in FOREIGN {
        command.env_remove(name);
    }
    // Separate from the last jobs of the user who runs the tests.
    command.env("XDG_STATE_HOME", env!("CARGO_TARGET_TMPDIR"));
    command
}

/// Runs a command to its end.
pub(crate) async fn ended(mut command: Command) -> Ended {
    let output = timeout(LIMIT, command.output()).await;
    let output = output.expect("it ends in time").expect("it can be run");
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("it prints text"),
        stderr: String::from_utf8(output.stderr).expect("it prints text"),
    }
}

/// Runs the program with these arguments, which may be one text with spaces.
pub(crate) async fn run(arguments: &str) -> Ended {
    ended(command(arguments.split_whitespace())).await
}

/// A running program that prints JSON line by line.
pub(crate) struct Running {
    pub(crate) child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it can be run");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        Self { child, lines }
    }

    /// Reads output until this event; panics if the program ends before it.
    pub(crate) async fn event(&mut self, wanted: &str) -> Value {
        let find = async {
            while let Some(line) = self.lines.next_line().await.expect("it prints text") {
                let event: Value = serde_json::from_str(&line).expect("one JSON object a line");
                if event["event"] == wanted {
                    return event;
                }
            }
            let mut said = String::new();
            let mut stderr = self.child.stderr.take().expect("it ends once");
            stderr.read_to_string(&mut said).await.expect("it prints text");
            panic!("it ended before the event `{wanted}`: {said}");
        };
        timeout(LIMIT, find)
            .await
            .unwrap_or_else(|_| panic!("no event `{wanted}` within {LIMIT:?}"))
    }

    /// Waits for its end.
    pub(crate) async fn end(&mut self) -> ExitStatus {
        let ended = timeout(LIMIT, self.child.wait()).await.expect("it ends in time");
        ended.expect("it was not waited for before")
    }
}
