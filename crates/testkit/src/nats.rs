//! A real nats-server per test.

use std::{path::PathBuf, time::Duration};

use lab::nats::{Monitor, Server, ServerError, ServerOptions};
use tempfile::TempDir;
use tokio::{process::Command, sync::OnceCell};

use crate::{PortBlock, settings::TestSettings};

/// Maximum number of port blocks tried if another process uses one of the ports.
const ATTEMPTS_MAX: u32 = 5;
/// Grace period of a graceful stop.
const GRACE: Duration = Duration::from_secs(10);

/// A nats-server with its own store and ports. Dropping it kills it and deletes its store. Start one per test.
#[derive(Debug)]
pub struct NatsServer {
    server: Server,
    ports: PortBlock,
    _folder: TempDir,
}

impl NatsServer {
    /// Starts a server and waits until it is ready, including JetStream.
    pub async fn start() -> Self {
        let mut refusal = String::new();
        for _ in 0..ATTEMPTS_MAX {
            match Self::try_start().await {
                Ok(server) => return server,
                Err(error @ ServerError::Ended { .. }) => refusal = error.to_string(),
                Err(error) => panic!("{error}"),
            }
        }
        panic!("{refusal}");
    }

    async fn try_start() -> Result<Self, ServerError> {
        let ports = PortBlock::claim();
        let folder = tempfile::tempdir().expect("the folder for temporary files can be written");
        let options = ServerOptions {
            port: ports.base(),
            monitor: Monitor::hidden_on(ports.base() + 1),
            folder: folder.path().to_owned(),
            log: folder.path().join("nats.log"),
            prefix: kill_with_parent().await.iter().map(Into::into).collect(),
        };
        let server = Server::start(binary().await, options).await?;
        Ok(Self { server, ports, _folder: folder })
    }

    /// The URL for clients; restarts do not change it.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Base URL of the monitoring pages, such as `{monitor_url}/jsz`.
    pub fn monitor_url(&self) -> String {
        self.server.options().monitor_url()
    }

    /// URL of the health page, which includes storage.
    pub fn health_url(&self) -> String {
        self.server.options().health_url()
    }

    /// Free ports for the test, other than the two of the server.
    pub fn spare_ports(&self) -> impl Iterator<Item = u16> + use<> {
        self.ports.base() + 2..self.ports.base() + lab::PORT_SPAN
    }

    /// The process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.server.pid()
    }

    /// Kills it as a crash would; store and ports are kept for [`NatsServer::restart`].
    pub async fn kill(&mut self) {
        self.server.kill().await;
    }

    /// Stops it as an operator would; store and ports are kept.
    pub async fn stop_gracefully(&mut self) {
        self.server.stop(GRACE).await;
    }

    /// Restarts it on the same store and ports; a running process is killed first.
    pub async fn restart(&mut self) {
        let started = self.server.restart().await;
        started.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Pauses it (SIGSTOP): connections stay open without responses.
    pub async fn pause(&self) {
        self.server.pause().await;
    }

    /// Resumes it (SIGCONT).
    pub fn resume(&self) {
        self.server.resume();
    }
}

/// The path of nats-server, for tests that write its configuration themselves. Found or fetched once per test program.
pub async fn nats_server_binary() -> PathBuf {
    binary().await.clone()
}

async fn binary() -> &'static PathBuf {
    static BINARY: OnceCell<PathBuf> = OnceCell::const_new();
    let find = async || {
        let found = TestSettings::read().finder.find(&lab::silent()).await;
        found.unwrap_or_else(|error| panic!("{error}")).path
    };
    BINARY.get_or_init(find).await
}

/// The command prefix that ends a server with its test program, even if the program is killed. Empty if `setpriv` is not
/// installed.
async fn kill_with_parent() -> &'static [&'static str] {
    static PREFIX: OnceCell<&[&str]> = OnceCell::const_new();
    const SETPRIV: [&str; 4] = ["setpriv", "--pdeathsig", "KILL", "--"];
    let probe = async || {
        let mut probe = Command::new(SETPRIV[0]);
        let works = probe.args(&SETPRIV[1..]).arg("true").status().await;
        match works {
            Ok(status) if status.success() => &SETPRIV[..],
            _ => &[],
        }
    };
    PREFIX.get_or_init(probe).await
}
