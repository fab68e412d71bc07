//! Who published a message: a stage, or the broker itself.
//!
//! The broker answers a direct get with a copy of a stored message, on whatever reply subject the asker names,
//! and checks no rights for that subject. A user who may write one bucket could so have any message put
//! into any queue. The copy carries headers that only the broker writes: a message with one of them is refused.

use async_nats::HeaderMap;

/// Headers of a direct get's answer.
const BROKER_HEADERS: [&str; 6] = [
    "Nats-Stream",
    "Nats-Sequence",
    "Nats-Subject",
    "Nats-Time-Stamp",
    "Nats-Num-Pending",
    "Nats-Last-Sequence",
];

/// Why a message is refused: the broker copied it from a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("header {0} is the broker's own: no stage published this message")]
pub(crate) struct BrokerCopy(&'static str);

/// An error for a message that the broker copied from a stream.
pub(crate) fn check(headers: &HeaderMap) -> Result<(), BrokerCopy> {
    let is_there = |own: &&str| {
        let same = |found: &str| found.eq_ignore_ascii_case(own);
        headers.iter().any(|(name, _)| same(name.as_ref()))
    };
    match BROKER_HEADERS.into_iter().find(is_there) {
        Some(own) => Err(BrokerCopy(own)),
        None => Ok(()),
    }
}

/// Whether a header of this name says that the broker copied the message: code that publishes the message again must keep it, or
/// the copy would pass for a stage's own.
pub fn marks_a_copy(name: &str) -> bool {
    BROKER_HEADERS.iter().any(|own| own.eq_ignore_ascii_case(name))
}

/// Whether a message that was read by a direct get was such a copy already when it was stored: the broker
/// adds its headers to those that are there.
pub fn was_copied(read: &HeaderMap) -> bool {
    BROKER_HEADERS.iter().any(|own| read.get_all(*own).count() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_with_a_header_of_the_broker_is_no_event_in_whatever_case_it_is_written() {
        for name in ["Nats-Stream", "nats-sequence", "NATS-SUBJECT", "Nats-Time-Stamp"] {
            let mut headers = HeaderMap::new();
            headers.insert("Nats-Msg-Id", "1");
            assert_eq!(check(&headers), Ok(()));
            headers.insert(name, "KV_JOBS");
            assert!(check(&headers).is_err(), "{name}");
        }
    }
}
