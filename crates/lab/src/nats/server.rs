//! A running nats-server, which can be stopped, killed, paused and restarted on the same store and ports.

use std::{
    io,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};

use tokio::time::timeout;

use super::{ServerOptions, config};
use crate::{Launch, Process, Stopped, log_file};

/// Time for a nats-server to get ready, including recovery of its store.
const READY_LIMIT: Duration = Duration::from_secs(20);

/// A nats-server process. Dropping it kills the process and keeps its store.
#[derive(Debug)]
pub struct Server {
    binary: PathBuf,
    options: ServerOptions,
    process: Option<Process>,
}

/// Why a nats-server does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The server's folder or configuration cannot be written.
    #[error("cannot write the configuration of nats-server in {}: {cause}", folder.display())]
    Files {
        /// The folder.
        folder: PathBuf,
        /// The system's error.
        cause: io::Error,
    },
    /// The server cannot be started.
    #[error("cannot run nats-server: {0}")]
    Spawn(#[from] io::Error),
    /// The server ended before it was ready, for instance because a port is taken.
    #[error("nats-server ended before it was ready ({status}):\n{output}")]
    Ended {
        /// Exit status.
        status: ExitStatus,
        /// The end of its log.
        output: String,
    },
    /// The server did not get ready in time.
    #[error("nats-server was not ready within {} s:\n{output}", limit.as_secs())]
    Late {
        /// The time limit.
        limit: Duration,
        /// The end of its log.
        output: String,
    },
}

impl Server {
    /// Starts `binary` and waits until it is ready.
    pub async fn start(binary: &Path, options: ServerOptions) -> Result<Self, ServerError> {
        let mut server = Self { binary: binary.to_owned(), options, process: None };
        server.restart().await?;
        Ok(server)
    }

    /// Restarts it on the same store and ports; a running process is killed first.
    pub async fn restart(&mut self) -> Result<(), ServerError> {
        self.kill().await;
        let options = &self.options;
        config::write(options)
            .map_err(|cause| ServerError::Files { folder: options.folder.clone(), cause })?;
        let launch = Launch {
            argv: config::argv(&self.binary, options),
            env: Vec::new(),
            log: options.log.clone(),
        };
        let mut process = Process::spawn(&launch).await?;
        self.until_ready(&mut process).await?;
        self.process = Some(process);
        Ok(())
    }

    async fn until_ready(&self, process: &mut Process) -> Result<(), ServerError> {
        let output = || log_file::tail(&self.options.log);
        let ready = self.options.ready();
        tokio::select! {
            // First: a response may come from another server on this port.
            biased;
            status = process.ended() => {
                let status = status?;
                Err(ServerError::Ended { status, output: output() })
            }
            in_time = timeout(READY_LIMIT, ready.reached()) => {
                in_time.map_err(|_| ServerError::Late { limit: READY_LIMIT, output: output() })
            }
        }
    }

    /// Sends SIGTERM, and SIGKILL after `grace`. Does nothing if it does not run.
    pub async fn stop(&mut self, grace: Duration) -> Stopped {
        match self.process.take() {
            Some(mut process) => process.stop(grace).await,
            None => Stopped::Drained,
        }
    }

    /// Sends SIGKILL. Does nothing if it does not run.
    pub async fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().await;
        }
    }

    /// Pauses it (SIGSTOP): connections stay open without responses.
    pub async fn pause(&self) {
        if let Some(process) = &self.process {
            process.pause().await;
        }
    }

    /// Resumes it (SIGCONT).
    pub fn resume(&self) {
        if let Some(process) = &self.process {
            process.resume();
        }
    }

    /// The process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::pid)
    }

    /// The URL for clients; restarts do not change it.
    pub fn url(&self) -> String {
        self.options.url()
    }

    /// The options it was started with.
    pub fn options(&self) -> &ServerOptions {
        &self.options
    }
}
