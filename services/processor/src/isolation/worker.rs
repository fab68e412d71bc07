//! The worker's side: one child process for one request.

use std::{
    io,
    process::{ExitStatus, Stdio},
};

use anyhow::Context as _;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use operations::run::{OperationContext, OperationError};
use serde::Serialize;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use super::{
    CHILD_COMMAND,
    protocol::{LINE_BYTES_MAX, Reply, Request, TileReply},
};

/// Runs `request` in a child process and returns its value.
///
/// A child that dies is [`OperationError::ChildLost`]; one that cannot be started, [`OperationError::Unavailable`].
/// Dropping the future kills the child, and so does the end of this process: the child reads its end of input.
pub(crate) async fn run(
    request: &Request,
    context: &OperationContext,
) -> Result<Value, OperationError> {
    let mut conversation = Conversation::start()
        .context("cannot start a child process")
        .map_err(OperationError::Unavailable)?;
    tokio::select! {
        biased;
        () = context.cancelled() => Err(OperationError::Cancelled),
        done = conversation.hold(request, context) => done,
    }
}

/// A child process and the two pipes to it.
struct Conversation {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Conversation {
    fn start() -> io::Result<Self> {
        let mut child = program()?
            .arg(CHILD_COMMAND)
            // The child needs no secrets and no settings of the worker.
            .env_clear()
            // A signal to the worker's process group, such as Ctrl-C, must reach only the worker.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let pipes = (child.stdin.take(), child.stdout.take());
        let (Some(input), Some(output)) = pipes else {
            return Err(io::Error::other("the child process has no pipes"));
        };
        Ok(Self { child, input, output: BufReader::new(output) })
    }

    async fn hold(
        &mut self,
        request: &Request,
        context: &OperationContext,
    ) -> Result<Value, OperationError> {
        if self.send(request).await.is_err() {
            return Err(self.lost().await);
        }
        loop {
            let Ok(reply) = self.reply().await else { return Err(self.lost().await) };
            match reply {
                Reply::Progress(part) => context.progress(part),
                Reply::Tile(png) => self.store(&png, context).await?,
                Reply::Value(value) => return Ok(value),
                Reply::Failed(error) => return Err(OperationError::Failed(error)),
                Reply::Broken(error) => {
                    return Err(OperationError::Broken(anyhow::Error::msg(error)));
                }
            }
        }
    }

    async fn reply(&mut self) -> io::Result<Reply> {
        let mut line = Vec::new();
        (&mut self.output).take(LINE_BYTES_MAX).read_until(b'\n', &mut line).await?;
        Ok(serde_json::from_slice(&line)?)
    }

    async fn store(&mut self, png: &str, context: &OperationContext) -> Result<(), OperationError> {
        let Ok(png) = BASE64_STANDARD.decode(png) else { return Err(self.lost().await) };
        let name = context.put_tile(png).await?;
        match self.send(&TileReply { name }).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.lost().await),
        }
    }

    async fn send(&mut self, document: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(document)?;
        line.push(b'\n');
        self.input.write_all(&line).await
    }

    /// The child has exited, or has sent an invalid reply and is killed.
    async fn lost(&mut self) -> OperationError {
        let _ = self.child.start_kill();
        OperationError::ChildLost(match self.child.wait().await {
            Ok(status) => how(status),
            Err(error) => error.to_string(),
        })
    }
}

/// This executable. On Linux by a path that stays valid if the file on disk is replaced.
fn program() -> io::Result<Command> {
    let path =
        if cfg!(target_os = "linux") { "/proc/self/exe".into() } else { std::env::current_exe()? };
    let mut command = Command::new(path);
    command.arg0("waybill");
    Ok(command)
}

fn how(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("signal {signal}"),
        (None, Some(code)) => format!("exit code {code}"),
        (None, None) => status.to_string(),
    }
}
