//! Retry delays: exponential back-off with jitter.

use std::time::Duration;

/// Delay before the second attempt, without jitter.
pub const FIRST_DELAY: Duration = Duration::from_millis(500);
/// Longest delay, without jitter.
pub const DELAY_MAX: Duration = Duration::from_mins(1);

/// The delay after `attempts` failed attempts (from 1). `jitter` is 0 to 1: it spreads the delay between half the
/// step and the whole step, so that jobs that failed together are not retried together.
pub fn backoff(attempts: u32, jitter: f64) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    let step = FIRST_DELAY.saturating_mul(1 << doublings).min(DELAY_MAX);
    step.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_delay_lies_within_its_step(attempts in 0u32.., jitter in 0.0..=1.0f64) {
            let delay = backoff(attempts, jitter);
            prop_assert!(delay >= FIRST_DELAY / 2 && delay <= DELAY_MAX);
        }

        #[test]
        fn delays_never_shrink_by_more_than_the_jitter(attempts in 1u32..40) {
            prop_assert!(backoff(attempts + 1, 0.0) >= backoff(attempts, 0.0));
            prop_assert!(backoff(attempts + 1, 0.0) >= backoff(attempts, 1.0).min(DELAY_MAX / 2));
        }
    }
}
