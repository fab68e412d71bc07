//! When the lease of a running job is renewed, and from when on its holder counts as silent.
//!
//! All in ack waits: the broker delivers the message again, and another worker takes the job over, once the
//! record was not written for a whole one.

use std::time::Duration;

/// Least time that a renewal may be late, on a busy machine, before anybody hears of it.
const SLACK_MIN: Duration = Duration::from_millis(500);

/// Time between two renewals of a lease.
pub fn renewal(ack_wait: Duration) -> Duration {
    ack_wait / 3
}

/// Time without a write to the record after which the lease holder counts as silent: it missed a renewal. For
/// the default ack wait of 10 s these are 3.8 s.
pub fn silent_after(ack_wait: Duration) -> Duration {
    let late = renewal(ack_wait) + SLACK_MIN.max(ack_wait / 20);
    // With an ack wait of a second or less the slack alone would take as long as the take-over.
    late.min(ack_wait * 3 / 4)
}

/// Time without a write after which the lease is lost as far as an alert cares: half an ack wait, and never
/// before [`silent_after`].
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
        fn a_silent_holder_is_told_after_its_renewal_and_before_its_take_over(ms in 3u64..10_000_000) {
            let ack_wait = Duration::from_millis(ms);
            prop_assert!(silent_after(ack_wait) > renewal(ack_wait));
            prop_assert!(silent_after(ack_wait) < ack_wait && alarming_after(ack_wait) < ack_wait);
        }
    }
}
