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
/// Most responses per second; further requests are ignored, and clients retry.
const ANSWERS_MAX: u32 = 1_000;
/// Delay after a socket error.
const FAILURE_DELAY: Duration = Duration::from_millis(100);
/// From the start of NTP's count, 1900, to that of Unix.
const UNIX_SINCE_1900: u64 = 2_208_988_800;

/// Mode of a question.
const CLIENT: u8 = 3;
/// Mode of an answer.
const SERVER: u8 = 4;
/// The versions whose packets have this form.
const VERSIONS: std::ops::RangeInclusive<u8> = 1..=4;
/// Not a primary source: it goes by this machine's clock, as chrony does here.
const STRATUM: u8 = 8;
/// The name of "this machine's clock" among the sources of servers.
const LOCAL_CLOCK: [u8; 4] = [127, 127, 1, 1];
/// The clock's resolution as a power of two: about a microsecond.
const PRECISION: u8 = 0xec;

/// A running time server. Dropping it ends it.
#[derive(Debug)]
pub struct LabTime {
    address: SocketAddr,
    _serving: AbortOnDropHandle<()>,
}

impl LabTime {
    /// Serves at `address`; port 0 picks a free one. Call it inside a tokio runtime.
    pub async fn start(address: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind(address).await?;
        let address = socket.local_addr()?;
        let serving = AbortOnDropHandle::new(tokio::spawn(serve(socket)));
        Ok(Self { address, _serving: serving })
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn serve(socket: UdpSocket) {
    let clock = Clock::new();
    let mut second = (Instant::now(), 0);
    loop {
        // What is longer is cut: extensions and signatures are nothing to this server.
        let mut question = [0; PACKET];
        let Ok((length, client)) = socket.recv_from(&mut question).await else {
            sleep(FAILURE_DELAY).await;
            continue;
        };
        let received = clock.true_now();
        if second.0.elapsed() >= Duration::from_secs(1) {
            second = (Instant::now(), 0);
        }
        if length < PACKET || second.1 >= ANSWERS_MAX {
            continue;
        }
        if let Some(answer) = answer(&question, received, || clock.true_now()) {
            second.1 += 1;
            // A client that is gone already, or a full buffer: it asks again.
            let _ = socket.try_send_to(&answer, client);
        }
    }
}

/// The answer to `question`, received at that time and sent `now`; `None` if it is no client's question.
fn answer(
    question: &[u8; PACKET],
    received: SystemTime,
    now: impl FnOnce() -> SystemTime,
) -> Option<[u8; PACKET]> {
    let (version, mode) = (question[0] >> 3 & 0b111, question[0] & 0b111);
    if mode != CLIENT || !VERSIONS.contains(&version) {
        return None;
    }
    let received = timestamp(received);
    let mut answer = [0; PACKET];
    answer[..4].copy_from_slice(&[version << 3 | SERVER, STRATUM, question[2], PRECISION]);
    answer[12..16].copy_from_slice(&LOCAL_CLOCK);
    answer[16..24].copy_from_slice(&received);
    // The question's own time comes back as it is: by that the client knows its answer.
    answer[24..32].copy_from_slice(&question[40..48]);
    answer[32..40].copy_from_slice(&received);
    answer[40..48].copy_from_slice(&timestamp(now()));
    Some(answer)
}

/// A time in NTP's format: seconds since 1900, modulo 136 years, and their fraction.
fn timestamp(time: SystemTime) -> [u8; 8] {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = since.as_secs().wrapping_add(UNIX_SINCE_1900);
    let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
    (seconds << 32 | fraction).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(first: u8) -> [u8; PACKET] {
        let mut question = [0; PACKET];
        question[0] = first;
        question[40..48].copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8]);
        question
    }

    fn answered(first: u8) -> Option<[u8; PACKET]> {
        let at = UNIX_EPOCH + Duration::from_millis(1_500);
        answer(&question(first), at, || at + Duration::from_millis(250))
    }

    #[test]
    fn a_clients_question_comes_back_with_the_time() {
        let answer = answered(0b00_100_011).unwrap();
        assert_eq!(answer[0], 0b00_100_100, "in step, same version, a server's");
        assert_eq!(answer[24..32], [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(answer[32..40], [0x83, 0xaa, 0x7e, 0x81, 0x80, 0, 0, 0]);
        assert_eq!(answer[40..48], [0x83, 0xaa, 0x7e, 0x81, 0xc0, 0, 0, 0]);
    }

    #[test]
    fn nothing_but_a_clients_question_is_answered() {
        for first in 0..=u8::MAX {
            let (version, mode) = (first >> 3 & 7, first & 7);
            let wanted = mode == 3 && (1..=4).contains(&version);
            assert_eq!(answered(first).is_some(), wanted, "{first:#010b}");
        }
    }

    #[test]
    fn times_beyond_the_count_of_ntp_wrap_around() {
        let in_2036 = UNIX_EPOCH + Duration::from_secs((1 << 32) - UNIX_SINCE_1900 + 3);
        assert_eq!(timestamp(in_2036), [0, 0, 0, 3, 0, 0, 0, 0]);
    }
}
