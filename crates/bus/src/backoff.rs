//! How long to wait before the next attempt: doubling, with full jitter in the upper half.

use std::time::Duration;

/// Wait before the second attempt, before jitter.
pub const FIRST: Duration = Duration::from_millis(500);
/// Longest wait, before jitter.
pub const LONGEST: Duration = Duration::from_mins(1);

/// The wait after `attempts` used-up attempts (from 1). `jitter` is 0 to 1; the result lies between
/// half the step and the whole step, so that jobs that failed together do not come back together.
pub fn backoff(attempts: u32, jitter: f64) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    let step = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    step.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_wait_lies_within_its_step(attempts in 0u32.., jitter in 0.0..=1.0f64) {
            let wait = backoff(attempts, jitter);
            prop_assert!(wait >= FIRST / 2 && wait <= LONGEST);
        }

        #[test]
        fn waits_never_shrink_by_more_than_the_jitter(attempts in 1u32..40) {
            prop_assert!(backoff(attempts + 1, 0.0) >= backoff(attempts, 0.0));
            prop_assert!(backoff(attempts + 1, 0.0) >= backoff(attempts, 1.0).min(LONGEST / 2));
        }
    }
}
