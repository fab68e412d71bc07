//! One nats-server as a value: started, asked, killed, started again on the same store and ports.

use std::{
    io,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};

use tokio::time::timeout;

use super::{ServerOptions, config};
use crate::{Launch, Process, Stopped, log_file};

/// How long a nats-server may take to be ready: it reads its store first.
const READY_LIMIT: Duration = Duration::from_secs(20);

/// A nats-server that was started here. Dropping it kills it and leaves its store.
#[derive(Debug)]
pub struct Server {
    binary: PathBuf,
    options: ServerOptions,
    process: Option<Process>,
}

/// Why a nats-server does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Its folder or configuration cannot be written.
    #[error("cannot write the configuration of nats-server in {}: {cause}", folder.display())]
    Files {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        cause: io::Error,
    },
    /// It cannot be run at all.
    #[error("cannot run nats-server: {0}")]
    Spawn(#[from] io::Error),
    /// It ended before it was ready, for instance because a port is taken.
    #[error("nats-server ended before it was ready ({status}):\n{said}")]
    Ended {
        /// How.
        status: ExitStatus,
        /// The end of its log.
        said: String,
    },
    /// It runs and does not get ready.
    #[error("nats-server was not ready within {} s:\n{said}", limit.as_secs())]
    Late {
        /// How long it was waited for.
        limit: Duration,
        /// The end of its log.
        said: String,
    },
}

impl Server {
    /// Starts `binary` and waits until it is ready.
    pub async fn start(binary: &Path, options: ServerOptions) -> Result<Self, ServerError> {
        let mut server = Self { binary: binary.to_owned(), options, process: None };
        server.restart().await?;
        Ok(server)
    }

    /// Starts it again on the same store and ports; one that still runs is killed first.
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
        let said = || log_file::tail(&self.options.log);
        let ready = self.options.ready();
        tokio::select! {
            // First: an answer may come from another server that has our port.
            biased;
            status = process.ended() => {
                let status = status?;
                Err(ServerError::Ended { status, said: said() })
            }
            in_time = timeout(READY_LIMIT, ready.reached()) => {
                in_time.map_err(|_| ServerError::Late { limit: READY_LIMIT, said: said() })
            }
        }
    }

    /// Asks it to stop and kills it after `grace`. Not running is fine.
    pub async fn stop(&mut self, grace: Duration) -> Stopped {
        match self.process.take() {
            Some(mut process) => process.stop(grace).await,
            None => Stopped::Drained,
        }
    }

    /// Kills it as a crash would. Not running is fine.
    pub async fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().await;
        }
    }

    /// Holds it still: connections stay open and nothing is answered.
    pub async fn pause(&self) {
        if let Some(process) = &self.process {
            process.pause().await;
        }
    }

    /// Lets it go on.
    pub fn resume(&self) {
        if let Some(process) = &self.process {
            process.resume();
        }
    }

    /// Its process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::pid)
    }

    /// What clients connect to; the same over restarts.
    pub fn url(&self) -> String {
        self.options.url()
    }

    /// Where it listens and keeps its things.
    pub fn options(&self) -> &ServerOptions {
        &self.options
    }
}
