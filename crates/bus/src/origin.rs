//! Whether a stage published a message, or the broker itself.
//!
//! The broker replies to a direct get with a copy of a stored message, on any reply subject that the request names, and
//! does not check permissions for that subject. A user who may write one bucket could thus put any message into any
//! queue. The copy carries headers that only the broker writes; a message with one of them is rejected.

use async_nats::HeaderMap;

/// Headers of the reply to a direct get.
const BROKER_HEADERS: [&str; 6] = [
    "Nats-Stream",
    "Nats-Sequence",
    "Nats-Subject",
    "Nats-Time-Stamp",
    "Nats-Num-Pending",
    "Nats-Last-Sequence",
];

/// Why a message is rejected: the broker copied it from a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("header {0} is written only by the broker: no stage published this message")]
pub(crate) struct BrokerCopy(&'static str);

/// Fails for a message that the broker copied from a stream.
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

/// Whether only the broker writes this header. Code that republishes a message must keep it, or a copy would pass for a
/// message of a stage.
pub fn is_broker_header(name: &str) -> bool {
    BROKER_HEADERS.iter().any(|own| own.eq_ignore_ascii_case(name))
}

/// Whether a message that was read by a direct get was already a copy when it was stored: then the broker's headers
/// are in it twice.
pub fn was_copied(read: &HeaderMap) -> bool {
    BROKER_HEADERS.iter().any(|own| read.get_all(*own).count() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_with_a_broker_header_is_rejected_in_any_case() {
        for name in ["Nats-Stream", "nats-sequence", "NATS-SUBJECT", "Nats-Time-Stamp"] {
            let mut headers = HeaderMap::new();
            headers.insert("Nats-Msg-Id", "1");
            assert_eq!(check(&headers), Ok(()));
            headers.insert(name, "KV_JOBS");
            assert!(check(&headers).is_err(), "{name}");
        }
    }
}
