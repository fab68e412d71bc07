//! A real nats-server per test.

use std::{path::PathBuf, time::Duration};

use lab::nats::{Monitor, Server, ServerError, ServerOptions};
use tempfile::TempDir;
use tokio::{process::Command, sync::OnceCell};

use crate::{PortBlock, settings::Settings};

/// How often another block of ports is tried when somebody took one of ours.
const ATTEMPTS_MAX: u32 = 5;
/// How long a graceful stop may take.
const GRACE: Duration = Duration::from_secs(10);

/// A nats-server with a store and ports of its own. Dropped: killed, and its store deleted.
/// Start one in each test, not one for all: it lives at most as long as its test.
#[derive(Debug)]
pub struct NatsServer {
    server: Server,
    ports: PortBlock,
    _folder: TempDir,
}

impl NatsServer {
    /// Starts one and waits until it is ready, JetStream included.
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
            prefix: leash().await.iter().map(Into::into).collect(),
        };
        let server = Server::start(binary().await, options).await?;
        Ok(Self { server, ports, _folder: folder })
    }

    /// What clients connect to; the same over restarts.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Its monitoring pages, such as `{monitor_url}/jsz`.
    pub fn monitor_url(&self) -> String {
        self.server.options().monitor_url()
    }

    /// What it says of its own health, storage included.
    pub fn health_url(&self) -> String {
        self.server.options().health_url()
    }

    /// Ports that are free for the test's own use, other than the two of the server.
    pub fn spare_ports(&self) -> impl Iterator<Item = u16> + use<> {
        self.ports.base() + 2..self.ports.base() + lab::PORT_SPAN
    }

    /// Its process id while it runs.
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

    /// Starts it again on the same store and ports; one that runs is killed first.
    pub async fn restart(&mut self) {
        let started = self.server.restart().await;
        started.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Holds it still: connections stay open and nothing is answered.
    pub async fn pause(&self) {
        self.server.pause().await;
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.server.resume();
    }
}

/// The nats-server of the tests, for those that write its configuration themselves. Found, or
/// fetched, once per test program.
pub async fn nats_server_binary() -> PathBuf {
    binary().await.clone()
}

async fn binary() -> &'static PathBuf {
    static BINARY: OnceCell<PathBuf> = OnceCell::const_new();
    let find = async || {
        let found = Settings::read().finder.find(&lab::silent()).await;
        found.unwrap_or_else(|error| panic!("{error}")).path
    };
    BINARY.get_or_init(find).await
}

/// What ends a server with a test program that is killed and so drops nothing; where there is no
/// such tool, such a server stays behind.
async fn leash() -> &'static [&'static str] {
    static LEASH: OnceCell<&[&str]> = OnceCell::const_new();
    const SETPRIV: [&str; 4] = ["setpriv", "--pdeathsig", "KILL", "--"];
    let probe = async || {
        let mut probe = Command::new(SETPRIV[0]);
        let works = probe.args(&SETPRIV[1..]).arg("true").status().await;
        match works {
            Ok(status) if status.success() => &SETPRIV[..],
            _ => &[],
        }
    };
    LEASH.get_or_init(probe).await
}
