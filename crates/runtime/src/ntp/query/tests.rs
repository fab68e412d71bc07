use std::sync::Mutex;

use proptest::prelude::*;

use super::*;

const SERVER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 123);

/// A server that computes its response from the request, without a network.
struct Wire<F> {
    answer: F,
    request: Mutex<Vec<u8>>,
}

impl<F: Fn(&[u8]) -> Vec<u8>> NtpUdpSocket for Wire<F> {
    async fn send_to(&self, packet: &[u8], _: SocketAddr) -> sntpc::Result<usize> {
        *self.request.lock().unwrap() = packet.to_vec();
        Ok(packet.len())
    }

    async fn recv_from(&self, packet: &mut [u8]) -> sntpc::Result<(usize, SocketAddr)> {
        let answer = (self.answer)(&self.request.lock().unwrap());
        let length = answer.len().min(packet.len());
        packet[..length].copy_from_slice(&answer[..length]);
        Ok((length, SERVER))
    }
}

fn measured(clock: &Clock, answer: impl Fn(&[u8]) -> Vec<u8>) -> Result<Sample, QueryError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let wire = Wire { answer, request: Mutex::default() };
    runtime.block_on(measure(&wire, SERVER, clock))
}

/// A valid response: the request's own time, from a server of stratum 8.
fn answer_to(question: &[u8]) -> Vec<u8> {
    let sent = &question[40..48];
    let mut answer = vec![0b00_100_100, 8, 0, 0xec, 0, 0, 0, 0, 0, 0, 0, 0, 127, 127, 1, 1];
    for timestamp in [sent; 4] {
        answer.extend_from_slice(timestamp);
    }
    answer
}

#[test]
fn a_valid_response_measures_the_clock() {
    let sample = measured(&Clock::new(), answer_to).unwrap();
    assert!(sample.ahead.abs() < Duration::seconds(1) && sample.error < Duration::seconds(1));
}

#[test]
fn an_unsynchronized_server_is_rejected() {
    for (stratum, leap) in [(0, 0), (16, 0), (255, 0), (8, 0b11_000_000), (0, 0b11_000_000)] {
        let answer = measured(&Clock::new(), |question| {
            let mut answer = answer_to(question);
            answer[0] |= leap;
            answer[1] = stratum;
            answer
        });
        assert!(matches!(answer, Err(QueryError::Unsynchronised)), "{stratum} {leap}: {answer:?}");
    }
}

#[test]
fn kiss_o_death_is_distinguished_from_an_unsynchronized_server() {
    for code in ["DENY", "RSTR", "RATE"] {
        let answer = measured(&Clock::new(), |question| {
            let mut answer = answer_to(question);
            answer[1] = 0;
            answer[12..16].copy_from_slice(code.as_bytes());
            answer
        });
        assert!(
            matches!(&answer, Err(QueryError::Refused(code_received)) if code_received == code),
            "{answer:?}"
        );
    }
}

#[test]
fn a_response_to_another_request_is_rejected() {
    let answer = measured(&Clock::new(), |question| {
        let mut answer = answer_to(question);
        answer[31] ^= 1;
        answer
    });
    assert!(matches!(answer, Err(QueryError::Invalid(_))), "{answer:?}");
    let own = measured(&Clock::new(), <[u8]>::to_vec);
    assert!(own.is_err(), "an echoed request is not a response");
}

#[test]
fn a_response_that_is_years_off_is_rejected() {
    let answer = measured(&Clock::new(), |question| {
        let mut answer = answer_to(question);
        answer[32] ^= 0x01;
        answer[40] ^= 0x01;
        answer
    });
    assert!(matches!(answer, Err(QueryError::Implausible)), "{answer:?}");
}

#[test]
fn a_clock_that_is_set_during_the_exchange_is_not_measured() {
    let clock = Clock::new();
    let answer = measured(&clock, |question| {
        clock.skew(Duration::seconds(-5));
        answer_to(question)
    });
    assert!(matches!(answer, Err(QueryError::Stepped)), "{answer:?}");
}

proptest! {
    #[test]
    fn no_response_breaks_the_client_or_exceeds_the_limit(
        bytes in prop::collection::vec(any::<u8>(), 0..80),
        echoes in any::<bool>(),
    ) {
        let answer = measured(&Clock::new(), |question| {
            let mut answer = bytes.clone();
            // Nearly all noise fails at the echo: let half of it pass.
            if echoes && answer.len() >= 48 {
                answer[0] = 0b00_100_100;
                answer[1] = answer[1] % 15 + 1;
                answer[4..12].fill(0);
                answer[16..24].fill(0);
                answer[24..32].copy_from_slice(&question[40..48]);
            }
            answer
        });
        if let Ok(sample) = answer {
            prop_assert!(echoes && sample.ahead.abs() <= AHEAD_MAX, "{sample:?}");
            prop_assert!(!sample.error.is_negative(), "{sample:?}");
        }
    }
}
