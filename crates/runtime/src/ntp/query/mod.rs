//! One SNTP query. The response is checked as RFC 5905 requires: it must echo the request, come from a synchronized
//! server, and be plausible.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use sntpc::{KissOfDeathCode, NtpContext, NtpTimestampGenerator, NtpUdpSocket};
use time::Duration;
use tokio::{
    net::{UdpSocket, lookup_host},
    time::timeout,
};

use super::TimeServer;
use crate::clock::Clock;

/// Maximum number of exchanges per query; more than one, because packets may be lost or slow under load.
const EXCHANGES_MAX: usize = 3;
/// An exchange with at most this error is not repeated.
const ERROR_GOOD: Duration = Duration::milliseconds(1);
/// Maximum number of addresses of one name that are tried.
const ADDRESSES_MAX: usize = EXCHANGES_MAX;
/// A larger offset is not plausible: the lab's clocks are off by a day at most.
const AHEAD_MAX: Duration = Duration::days(2);
/// A clock that deviates from the monotonic one by more than this during an exchange was set meanwhile.
const STEP: std::time::Duration = std::time::Duration::from_millis(5);

/// One measurement of this clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sample {
    /// How far the uncorrected clock is ahead of the server; negative is behind.
    pub(super) ahead: Duration,
    /// The most by which `ahead` can be wrong: half of the round trip.
    pub(super) error: Duration,
}

/// Why a query failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum QueryError {
    #[error("cannot look up the server's name: {0}")]
    Name(std::io::Error),
    #[error("cannot open a socket: {0}")]
    Socket(std::io::Error),
    #[error("the server does not respond")]
    Silent,
    #[error("the server sent kiss-o'-death (code {0})")]
    Refused(String),
    #[error("the server is not synchronized")]
    Unsynchronised,
    #[error("invalid response: {0}")]
    Invalid(&'static str),
    #[error("implausible response: this clock would be off by more than {} days", AHEAD_MAX.whole_days())]
    Implausible,
    #[error("this clock was set during the query")]
    Stepped,
}

/// Queries `server` for the offset of `clock`, uncorrected. `limit` is the timeout of the name look-up and of each
/// exchange.
pub(super) async fn query(
    server: &TimeServer,
    clock: &Clock,
    limit: std::time::Duration,
) -> Result<Sample, QueryError> {
    let addresses = addresses(server, limit).await?;
    let mut best: Option<Sample> = None;
    let mut failure = QueryError::Silent;
    for address in addresses.iter().cycle().take(EXCHANGES_MAX) {
        match timeout(limit, exchange(*address, clock)).await {
            Ok(Ok(sample)) => {
                best = Some(best.filter(|best| best.error <= sample.error).unwrap_or(sample));
                if sample.error <= ERROR_GOOD {
                    break;
                }
            }
            Ok(Err(refused @ QueryError::Refused(_))) => return Err(refused),
            Ok(Err(error)) => failure = error,
            Err(_late) => failure = QueryError::Silent,
        }
    }
    best.ok_or(failure)
}

async fn addresses(
    server: &TimeServer,
    limit: std::time::Duration,
) -> Result<Vec<SocketAddr>, QueryError> {
    let looked_up = timeout(limit, lookup_host(server.as_str())).await;
    let looked_up = looked_up.unwrap_or_else(|late| Err(late.into())).map_err(QueryError::Name)?;
    Ok(looked_up.take(ADDRESSES_MAX).collect())
}

/// Sends one packet and receives one, on a new port, so that late responses to earlier queries do not arrive here.
async fn exchange(server: SocketAddr, clock: &Clock) -> Result<Sample, QueryError> {
    let any = match server {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let socket = UdpSocket::bind(any).await.map_err(QueryError::Socket)?;
    // Connected: only packets of this peer are received.
    socket.connect(server).await.map_err(QueryError::Socket)?;
    measure(&ConnectedSocket { socket, server }, server, clock).await
}

/// One exchange over `socket`.
async fn measure<L: NtpUdpSocket>(
    socket: &L,
    server: SocketAddr,
    clock: &Clock,
) -> Result<Sample, QueryError> {
    let (began, began_at) = (Instant::now(), clock.uncorrected());
    let context = NtpContext::new(Reading { clock, at: UNIX_EPOCH });
    let answer = sntpc::get_time(server, socket, context).await.map_err(query_error)?;
    let passed = Duration::try_from(began.elapsed()).unwrap_or(Duration::MAX);
    let now = clock.uncorrected().duration_since(began_at + began.elapsed());
    if now.unwrap_or_else(|behind| behind.duration()) > STEP {
        return Err(QueryError::Stepped);
    }
    let ahead = Duration::microseconds(-answer.offset());
    if ahead.abs() > AHEAD_MAX {
        return Err(QueryError::Implausible);
    }
    // The round trip cannot have taken longer than the exchange itself, whatever the packet says.
    let round_trip = i64::try_from(answer.roundtrip()).map_or(passed, Duration::microseconds);
    Ok(Sample { ahead, error: round_trip.min(passed) / 2 })
}

/// The uncorrected clock, read again for each timestamp.
#[derive(Debug, Clone, Copy)]
struct Reading<'a> {
    clock: &'a Clock,
    at: SystemTime,
}

impl NtpTimestampGenerator for Reading<'_> {
    fn init(&mut self) {
        self.at = self.clock.uncorrected();
    }

    fn timestamp_sec(&self) -> u64 {
        self.at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
    }

    fn timestamp_subsec_micros(&self) -> u32 {
        self.at.duration_since(UNIX_EPOCH).unwrap_or_default().subsec_micros()
    }
}

/// Adapter of a connected socket for the SNTP library.
struct ConnectedSocket {
    socket: UdpSocket,
    server: SocketAddr,
}

impl NtpUdpSocket for ConnectedSocket {
    async fn send_to(&self, packet: &[u8], _: SocketAddr) -> sntpc::Result<usize> {
        self.socket.send(packet).await.map_err(|_| sntpc::Error::Network)
    }

    async fn recv_from(&self, packet: &mut [u8]) -> sntpc::Result<(usize, SocketAddr)> {
        let length = self.socket.recv(packet).await.map_err(|_| sntpc::Error::Network)?;
        Ok((length, self.server))
    }
}

fn query_error(error: sntpc::Error) -> QueryError {
    use sntpc::Error as E;
    match error {
        // Most likely ICMP port unreachable: no server listens there.
        E::Network => QueryError::Silent,
        E::KissOfDeath(
            code @ (KissOfDeathCode::Deny | KissOfDeathCode::Rstr | KissOfDeathCode::Rate),
        ) => QueryError::Refused(code.as_str().to_owned()),
        // chrony sends stratum 0 without a kiss code while it is not synchronized.
        E::KissOfDeath(_)
        | E::UnsynchronizedClock
        | E::IncorrectStratumHeaders
        | E::ExcessiveRootDistance => QueryError::Unsynchronised,
        E::IncorrectOriginTimestamp => {
            QueryError::Invalid("the origin timestamp is that of another request")
        }
        E::IncorrectMode => QueryError::Invalid("the response is not in NTP server mode (mode 4)"),
        E::IncorrectPayload => QueryError::Invalid("the packet is too short"),
        _ => QueryError::Invalid("the timestamps are impossible"),
    }
}

#[cfg(test)]
mod tests;
