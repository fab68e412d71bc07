//! The embedded lab's time server, in place of the full lab's chrony: an SNTP server (RFC 5905) on this machine that
//! serves the machine's time and sets no clock.
//!
//! It responds only to client requests, with one packet that is no longer, so it cannot be abused to flood others.

use std::{
    io,
    net::SocketAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use runtime::clock::Clock;
use tokio::{
    net::UdpSocket,
    time::{Instant, sleep},
};
use tokio_util::task::AbortOnDropHandle;

/// Length of a packet without extensions.
const PACKET: usize = 48;
/// Maximum number of responses per second; further requests are ignored, and clients retry.
const RESPONSES_MAX: u32 = 1_000;
/// Delay after a socket error.
const FAILURE_DELAY: Duration = Duration::from_millis(100);
/// Seconds from NTP's epoch, 1900, to the Unix epoch.
const UNIX_SINCE_1900: u64 = 2_208_988_800;

/// Mode of a request.
const CLIENT: u8 = 3;
/// Mode of a response.
const SERVER: u8 = 4;
/// The NTP versions with this packet format.
const VERSIONS: std::ops::RangeInclusive<u8> = 1..=4;
/// Not a primary source: it uses this machine's clock, like chrony in the full lab.
const STRATUM: u8 = 8;
/// Reference id of the local clock.
const LOCAL_CLOCK: [u8; 4] = [127, 127, 1, 1];
/// The clock's resolution as a power of two: about a microsecond.
const PRECISION: u8 = 0xec;

/// A running time server. Dropping it stops it.
#[derive(Debug)]
pub struct LabTimeServer {
    address: SocketAddr,
    _serving: AbortOnDropHandle<()>,
}

impl LabTimeServer {
    /// Serves at `address`; port 0 picks a free one. Call it inside a tokio runtime.
    pub async fn start(address: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind(address).await?;
        let address = socket.local_addr()?;
        let serving = AbortOnDropHandle::new(tokio::spawn(serve(socket)));
        Ok(Self { address, _serving: serving })
    }

    /// The address on which it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn serve(socket: UdpSocket) {
    let clock = Clock::new();
    let mut second = (Instant::now(), 0);
    loop {
        // Longer packets are truncated: extensions and signatures are ignored.
        let mut request = [0; PACKET];
        let Ok((length, client)) = socket.recv_from(&mut request).await else {
            sleep(FAILURE_DELAY).await;
            continue;
        };
        let received = clock.true_now();
        if second.0.elapsed() >= Duration::from_secs(1) {
            second = (Instant::now(), 0);
        }
        if length < PACKET || second.1 >= RESPONSES_MAX {
            continue;
        }
        if let Some(response) = response(&request, received, || clock.true_now()) {
            second.1 += 1;
            // If the client is gone or the buffer is full, the client retries.
            let _ = socket.try_send_to(&response, client);
        }
    }
}

/// The response to `request`, received at `received` and sent at `now`; `None` if it is not a client's request.
fn response(
    request: &[u8; PACKET],
    received: SystemTime,
    now: impl FnOnce() -> SystemTime,
) -> Option<[u8; PACKET]> {
    let (version, mode) = (request[0] >> 3 & 0b111, request[0] & 0b111);
    if mode != CLIENT || !VERSIONS.contains(&version) {
        return None;
    }
    let received = timestamp(received);
    let mut response = [0; PACKET];
    response[..4].copy_from_slice(&[version << 3 | SERVER, STRATUM, request[2], PRECISION]);
    response[12..16].copy_from_slice(&LOCAL_CLOCK);
    response[16..24].copy_from_slice(&received);
    // The request's own timestamp is echoed: the client matches the response by it.
    response[24..32].copy_from_slice(&request[40..48]);
    response[32..40].copy_from_slice(&received);
    response[40..48].copy_from_slice(&timestamp(now()));
    Some(response)
}

/// A time in NTP's format: seconds since 1900 modulo 2^32, and their fraction.
fn timestamp(time: SystemTime) -> [u8; 8] {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = since.as_secs().wrapping_add(UNIX_SINCE_1900);
    let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
    (seconds << 32 | fraction).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(first: u8) -> [u8; PACKET] {
        let mut request = [0; PACKET];
        request[0] = first;
        request[40..48].copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8]);
        request
    }

    fn response_to(first: u8) -> Option<[u8; PACKET]> {
        let at = UNIX_EPOCH + Duration::from_millis(1_500);
        response(&request(first), at, || at + Duration::from_millis(250))
    }

    #[test]
    fn a_clients_request_gets_a_response_with_the_time() {
        let response = response_to(0b00_100_011).unwrap();
        assert_eq!(response[0], 0b00_100_100, "synchronized, same version, server mode");
        assert_eq!(response[24..32], [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(response[32..40], [0x83, 0xaa, 0x7e, 0x81, 0x80, 0, 0, 0]);
        assert_eq!(response[40..48], [0x83, 0xaa, 0x7e, 0x81, 0xc0, 0, 0, 0]);
    }

    #[test]
    fn only_client_requests_get_a_response() {
        for first in 0..=u8::MAX {
            let (version, mode) = (first >> 3 & 7, first & 7);
            let wanted = mode == 3 && (1..=4).contains(&version);
            assert_eq!(response_to(first).is_some(), wanted, "{first:#010b}");
        }
    }

    #[test]
    fn times_beyond_the_ntp_era_wrap_around() {
        let in_2036 = UNIX_EPOCH + Duration::from_secs((1 << 32) - UNIX_SINCE_1900 + 3);
        assert_eq!(timestamp(in_2036), [0, 0, 0, 3, 0, 0, 0, 0]);
    }
}
