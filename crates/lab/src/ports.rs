//! The ports of a lab, as one block that can be moved, and the check that they are free.

use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
};

use tokio::net::TcpSocket;

/// Lowest port base: lower ports need root.
pub const PORT_BASE_MIN: u16 = 1_024;
/// Size of the port block of a moved lab.
pub const PORT_SPAN: u16 = 40;
/// Highest port base with room for the whole block.
pub const PORT_BASE_MAX: u16 = u16::MAX - PORT_SPAN + 1;

/// The port flags; flatten them into every command that connects to a lab.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct PortArgs {
    /// Move all ports of the lab together: gateway N, console N+10, OTLP N+17 and N+18, NTP N+19, NATS N+22
    #[arg(
        long,
        env = "WAYBILL_PORT_BASE",
        value_name = "N",
        value_parser = settings::whole(PORT_BASE_MIN..=PORT_BASE_MAX)
    )]
    pub port_base: Option<u16>,
}

impl PortArgs {
    /// The ports for these flags.
    pub fn ports(self) -> Ports {
        self.port_base.map_or_else(Ports::default, Ports::from_base)
    }
}

/// The ports of an embedded lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// The job API.
    pub gateway: u16,
    /// Health and metrics of the gateway.
    pub gateway_admin: u16,
    /// Health and metrics of the ingester.
    pub ingester_admin: u16,
    /// Health and metrics of the first processor.
    pub processor_admin: u16,
    /// Health and metrics of the second processor, where there are several; those of the others follow.
    pub processors_admin: u16,
    /// Health and metrics of the notifier.
    pub notifier_admin: u16,
    /// The web page and its API.
    pub console: u16,
    /// Health and metrics of the console.
    pub console_admin: u16,
    /// OTLP over gRPC.
    pub otlp_grpc: u16,
    /// OTLP over HTTP.
    pub otlp_http: u16,
    /// The time server (UDP).
    pub ntp: u16,
    /// NATS clients.
    pub nats: u16,
    /// The monitoring pages of nats-server.
    pub nats_monitor: u16,
}

impl Default for Ports {
    fn default() -> Self {
        Self {
            gateway: 8080,
            gateway_admin: 9101,
            ingester_admin: 9102,
            processor_admin: 9103,
            processors_admin: 9132,
            notifier_admin: 9104,
            console: 8090,
            console_admin: 9105,
            otlp_grpc: 4317,
            otlp_http: 4318,
            ntp: 9123,
            nats: 4222,
            nats_monitor: 8222,
        }
    }
}

impl Ports {
    /// The ports of a lab moved to `base`, which is limited to [`PORT_BASE_MAX`].
    pub fn from_base(base: u16) -> Self {
        let base = base.min(PORT_BASE_MAX);
        Self {
            gateway: base,
            gateway_admin: base + 1,
            ingester_admin: base + 2,
            processor_admin: base + 3,
            processors_admin: base + 24,
            notifier_admin: base + 4,
            console: base + 10,
            console_admin: base + 5,
            otlp_grpc: base + 17,
            otlp_http: base + 18,
            ntp: base + 19,
            nats: base + 22,
            nats_monitor: base + 23,
        }
    }

    /// Every port of a lab with this number of processors.
    pub fn all(self, processors: u16) -> impl Iterator<Item = u16> {
        let more = (2..=processors).map(move |n| self.processor_admin_of(n));
        self.listed().into_iter().map(|(_, port, _)| port).chain([self.ntp]).chain(more)
    }

    /// Health and metrics of processor `n`, counted from 1.
    pub fn processor_admin_of(self, n: u16) -> u16 {
        if n < 2 { self.processor_admin } else { self.processors_admin.saturating_add(n - 2) }
    }

    /// Checks that every port of a lab with one processor is free, before anything starts. `public` is the listen address of
    /// the gateway and the console; everything else listens on 127.0.0.1.
    pub fn check(self, public: IpAddr) -> Result<(), PortsTaken> {
        self.check_with(public, 1)
    }

    /// Like [`Self::check`], for a lab with more processors.
    pub fn check_with(self, public: IpAddr, processors: u16) -> Result<(), PortsTaken> {
        let more = (2..=processors).map(|n| ("processor admin", self.processor_admin_of(n), false));
        let taken: Vec<PortTaken> = self
            .listed()
            .into_iter()
            .chain(more)
            .filter_map(|(what, port, is_public)| {
                let ip = if is_public { public } else { Ipv4Addr::LOCALHOST.into() };
                let cause = can_listen(SocketAddr::new(ip, port)).err()?;
                Some(PortTaken { what, port, cause })
            })
            .chain(self.ntp_taken())
            .collect();
        if taken.is_empty() { Ok(()) } else { Err(PortsTaken(taken)) }
    }

    /// Checks the only UDP port.
    fn ntp_taken(self) -> Option<PortTaken> {
        let cause = UdpSocket::bind((Ipv4Addr::LOCALHOST, self.ntp)).err()?;
        Some(PortTaken { what: "NTP", port: self.ntp, cause })
    }

    /// The TCP ports: part, port, and whether it is one of the two on the public address.
    fn listed(self) -> [(&'static str, u16, bool); 11] {
        [
            ("gateway", self.gateway, true),
            ("gateway admin", self.gateway_admin, false),
            ("ingester admin", self.ingester_admin, false),
            ("processor admin", self.processor_admin, false),
            ("notifier admin", self.notifier_admin, false),
            ("console", self.console, true),
            ("console admin", self.console_admin, false),
            ("OTLP gRPC", self.otlp_grpc, false),
            ("OTLP HTTP", self.otlp_http, false),
            ("NATS", self.nats, false),
            ("NATS monitor", self.nats_monitor, false),
        ]
    }
}

/// Checks whether the address can be bound now. Binds without listening: a child forked in the meantime would inherit a
/// listener and keep the port busy.
pub fn can_listen(address: SocketAddr) -> io::Result<()> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)
}

/// One port that cannot be bound.
#[derive(Debug)]
pub struct PortTaken {
    /// The part that needs it.
    pub what: &'static str,
    /// Port number.
    pub port: u16,
    /// The system's error.
    pub cause: io::Error,
}

impl fmt::Display for PortTaken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, port, cause } = self;
        if cause.kind() == io::ErrorKind::AddrInUse {
            write!(out, "port {port} ({what}) is in use")
        } else {
            write!(out, "port {port} ({what}) cannot be opened: {cause}")
        }
    }
}

/// The ports that cannot be bound, one per line, and what to do.
#[derive(Debug)]
pub struct PortsTaken(pub Vec<PortTaken>);

impl fmt::Display for PortsTaken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for taken in &self.0 {
            writeln!(out, "{taken}")?;
        }
        write!(
            out,
            "stop what uses them, or move the whole lab: --port-base 20000 (or WAYBILL_PORT_BASE=20000)"
        )
    }
}

impl std::error::Error for PortsTaken {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moved_lab_keeps_its_block_and_shares_no_port() {
        for base in [PORT_BASE_MIN, 20_000, PORT_BASE_MAX] {
            let moved = Ports::from_base(base);
            let mut ports = moved.listed().map(|(_, port, _)| port).to_vec();
            ports.push(moved.ntp);
            ports
                .extend((2..=crate::embedded::PROCESSORS_MAX).map(|n| moved.processor_admin_of(n)));
            ports.sort_unstable();
            assert!(ports.windows(2).all(|pair| pair[0] < pair[1]), "{ports:?}");
            assert!(ports[0] == base && ports[ports.len() - 1] - base < PORT_SPAN, "{ports:?}");
        }
    }
}
