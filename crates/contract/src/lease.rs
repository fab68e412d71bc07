//! Lease timing: when a lease is renewed, and when its holder counts as silent.
//!
//! All times are parts of the ack wait: once the record was not written for a whole ack wait, the broker redelivers the
//! message and another worker takes the job over.

use std::time::Duration;

/// Shortest delay of a renewal that is reported; a busy machine may be this late.
const SLACK_MIN: Duration = Duration::from_millis(500);

/// Time between two renewals of a lease.
pub fn renewal(ack_wait: Duration) -> Duration {
    ack_wait / 3
}

/// Time without a write after which the lease holder counts as silent, because it missed a renewal: 3.8 s for the
/// default ack wait of 10 s.
pub fn silent_after(ack_wait: Duration) -> Duration {
    let late = renewal(ack_wait) + SLACK_MIN.max(ack_wait / 20);
    // With an ack wait of a second or less the slack alone would last until the take-over.
    late.min(ack_wait * 3 / 4)
}

/// Time without a write after which an alert counts the lease as lost: half an ack wait, but at least
/// [`silent_after`].
pub fn alarming_after(ack_wait: Duration) -> Duration {
    silent_after(ack_wait).max(ack_wait / 2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_default_lease_is_silent_after_four_seconds_at_most() {
        let ack_wait = crate::topology::ACK_WAIT;
        assert!(silent_after(ack_wait) < Duration::from_secs(4));
        assert!(silent_after(ack_wait) > renewal(ack_wait));
        assert_eq!(alarming_after(ack_wait), Duration::from_secs(5));
    }

    proptest! {
        #[test]
        fn a_holder_counts_as_silent_after_its_renewal_and_before_its_take_over(ms in 3u64..10_000_000) {
            let ack_wait = Duration::from_millis(ms);
            prop_assert!(silent_after(ack_wait) > renewal(ack_wait));
            prop_assert!(silent_after(ack_wait) < ack_wait && alarming_after(ack_wait) < ack_wait);
        }
    }
}
