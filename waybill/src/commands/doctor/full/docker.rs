//! Runs `docker`, with a timeout and a limit on its output.

use std::{
    io,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use serde::de::DeserializeOwned;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::{Child, Command},
    time::timeout,
};

/// Timeout of one call: the engine may be in a suspended virtual machine.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Most bytes read of the output.
const OUTPUT_BYTES_MAX: u64 = 4 << 20;

/// Why a call failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum DockerError {
    /// There is no `docker` program.
    NotInstalled,
    Timeout,
    /// It printed this error.
    Failed(String),
}

impl DockerError {
    /// In a few words.
    pub(super) fn words(&self) -> String {
        match self {
            Self::NotInstalled => "docker is not installed".to_owned(),
            Self::Timeout => format!("no response within {} s", CALL_TIMEOUT.as_secs()),
            Self::Failed(why) => why.clone(),
        }
    }
}

/// What `docker` prints for these arguments.
pub(super) async fn run(arguments: &[&str]) -> Result<String, DockerError> {
    let mut command = Command::new("docker");
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A separate process group, so that a plugin that hangs is killed too.
    command.process_group(0).kill_on_drop(true);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(DockerError::NotInstalled);
        }
        Err(error) => return Err(DockerError::Failed(error.to_string())),
    };
    let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    let Ok(result) = timeout(CALL_TIMEOUT, read_output(&mut child)).await else {
        let _gone = group.map(|group| kill_process_group(group, Signal::KILL));
        return Err(DockerError::Timeout);
    };
    match result {
        Ok((status, output, _)) if status.success() => Ok(output),
        Ok((status, _, why)) => Err(DockerError::Failed(first_words(&why, status))),
        Err(error) => Err(DockerError::Failed(error.to_string())),
    }
}

/// The same for JSON output.
pub(super) async fn run_json<T: DeserializeOwned>(arguments: &[&str]) -> Result<T, DockerError> {
    let output = run(arguments).await?;
    serde_json::from_str(&output)
        .map_err(|error| DockerError::Failed(format!("invalid output: {error}")))
}

/// The same for output of one JSON object per line; older versions print one list.
pub(super) async fn run_lines<T: DeserializeOwned>(
    arguments: &[&str],
) -> Result<Vec<T>, DockerError> {
    let output = run(arguments).await?;
    if let Ok(list) = serde_json::from_str(&output) {
        return Ok(list);
    }
    let lines = output.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()
        .map_err(|error| DockerError::Failed(format!("invalid output: {error}")))
}

async fn read_output(child: &mut Child) -> io::Result<(ExitStatus, String, String)> {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (output, why) = tokio::try_join!(text(stdout), text(stderr))?;
    Ok((child.wait().await?, output, why))
}

async fn text(pipe: Option<impl AsyncRead + Unpin>) -> io::Result<String> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(OUTPUT_BYTES_MAX).read_to_end(&mut bytes).await?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn first_words(why: &str, status: ExitStatus) -> String {
    let first = why.lines().map(str::trim).find(|line| !line.is_empty());
    first.map_or_else(|| format!("it ended with {status}"), str::to_owned)
}
