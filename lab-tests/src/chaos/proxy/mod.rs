//! A TCP proxy between the services and their peers that can impair connections.
//!
//! - `name`: identifies connections to the broker by the client name in `CONNECT`
//! - `gate`: the current condition of connections
//! - this file: accepts connections and forwards bytes

mod gate;
mod name;
#[cfg(test)]
mod tests;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

pub use gate::Condition;
use gate::{Gate, Gates};

/// Size of the copy buffer.
const CHUNK_BYTES: usize = 16 * 1024;
/// Timeout for the start of a connection.
const OPENING_TIMEOUT: Duration = Duration::from_secs(5);

/// How a proxy names its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// By the name in the `CONNECT` line of the NATS protocol.
    Nats,
    /// All by the same name.
    Fixed(&'static str),
}

/// A running proxy. Ends when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    target: Arc<OnceLock<SocketAddr>>,
    shared: Arc<Shared>,
    _task: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    naming: Naming,
    gates: Gates,
    serial: AtomicU64,
}

impl Proxy {
    /// Listens on a free port of 127.0.0.1. Forwards nothing until it has a target.
    pub async fn start(naming: Naming) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a port is free");
        let address = listener.local_addr().expect("it was just bound");
        let target = Arc::<OnceLock<SocketAddr>>::default();
        let shared =
            Arc::new(Shared { naming, gates: Gates::default(), serial: AtomicU64::new(0) });
        let mut task = JoinSet::new();
        task.spawn(accept(listener, target.clone(), shared.clone()));
        Self { address, target, shared, _task: task }
    }

    /// The address for clients.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets the target, once.
    pub fn forward_to(&self, port: u16) {
        let _once = self.target.set((Ipv4Addr::LOCALHOST, port).into());
    }

    /// Sets the condition of connections of this name. Returns how many are open.
    pub fn set(&self, name: &str, condition: Condition) -> usize {
        self.shared.gates.set(name, condition, self.shared.serial.load(Relaxed))
    }
}

async fn accept(listener: TcpListener, target: Arc<OnceLock<SocketAddr>>, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((client, _)) = listener.accept() => {
                let (target, shared) = (target.get().copied(), shared.clone());
                connections.spawn(async move {
                    if let Some(target) = target {
                        forward(client, target, &shared).await;
                    }
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Forwards one connection, until either side closes it or it is reset.
async fn forward(mut client: TcpStream, target: SocketAddr, shared: &Shared) {
    let Ok(mut server) = TcpStream::connect(target).await else { return };
    let opening = name::opening(shared.naming, &mut client, &mut server);
    let Ok(Some(name)) = tokio::time::timeout(OPENING_TIMEOUT, opening).await else { return };
    let gate = shared.gates.enter(&name, shared.serial.fetch_add(1, Relaxed) + 1);
    let (_quick, _too) = (client.set_nodelay(true), server.set_nodelay(true));
    let is_reset = {
        let (client_reads, client_writes) = client.split();
        let (server_reads, server_writes) = server.split();
        tokio::select! {
            () = pump(client_reads, server_writes, gate.clone()) => false,
            () = pump(server_reads, client_writes, gate.clone()) => false,
            () = gate.reset() => true,
        }
    };
    if is_reset {
        let (_far, _near) = (server.set_zero_linger(), client.set_zero_linger());
    }
}

async fn pump(mut from: impl AsyncReadExt + Unpin, mut to: impl AsyncWriteExt + Unpin, gate: Gate) {
    let mut chunk = vec![0; CHUNK_BYTES];
    while let Ok(length @ 1..) = from.read(&mut chunk).await {
        gate.pass(length).await;
        if to.write_all(&chunk[..length]).await.is_err() {
            return;
        }
    }
}
