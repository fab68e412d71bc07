//! Binds a port, with an error that says what to do.

use std::{io, net::SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

/// Connections that wait to be accepted; the system may allow fewer.
const BACKLOG: u32 = 1_024;
/// Socket buffer in each direction, in bytes (the kernel doubles it). Without a limit, each client that does not read
/// takes megabytes.
const KERNEL_BUFFER_BYTES: u32 = 128 * 1024;

/// Why an address cannot be bound.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The port is in use.
    #[error(
        "port {port} is in use: stop what listens there, or choose another with {flag}; port 0 takes any free one"
    )]
    InUse {
        /// The port.
        port: u16,
        /// The flag that sets it.
        flag: &'static str,
    },
    /// The address cannot be bound at all.
    #[error("cannot listen on {address}: check {flag}")]
    Refused {
        /// The address.
        address: SocketAddr,
        /// The flag that sets it.
        flag: &'static str,
        /// The operating system's error.
        source: io::Error,
    },
}

/// Listens on `address`, which was set by `flag`, such as `--bind (WAYBILL_BIND)`.
pub fn bind(address: SocketAddr, flag: &'static str) -> Result<TcpListener, ListenError> {
    try_bind(address).map_err(|source| {
        if source.kind() == io::ErrorKind::AddrInUse {
            let port = address.port();
            ListenError::InUse { port, flag }
        } else {
            ListenError::Refused { address, flag, source }
        }
    })
}

fn try_bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    // Connections inherit these.
    socket.set_send_buffer_size(KERNEL_BUFFER_BYTES)?;
    socket.set_recv_buffer_size(KERNEL_BUFFER_BYTES)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
