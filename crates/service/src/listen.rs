//! Binding a port, with an error that says what to do.

use std::{io, net::SocketAddr};

use tokio::net::TcpListener;

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Someone else has the port.
    #[error(
        "port {port} is in use: stop what listens there, or choose another with {flag}; port 0 takes any free one"
    )]
    InUse {
        /// The port.
        port: u16,
        /// The flag that names it.
        flag: &'static str,
    },
    /// The address cannot be bound at all.
    #[error("cannot listen on {address}: check {flag}")]
    Refused {
        /// The address.
        address: SocketAddr,
        /// The flag that names it.
        flag: &'static str,
        /// What the system says.
        source: io::Error,
    },
}

/// Listens on `address`, which was set by `flag`, such as `--bind (WAYBILL_BIND)`.
pub async fn bind(address: SocketAddr, flag: &'static str) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|source| {
        if source.kind() == io::ErrorKind::AddrInUse {
            let port = address.port();
            ListenError::InUse { port, flag }
        } else {
            ListenError::Refused { address, flag, source }
        }
    })
}
