//! Back-off: delays that double up to a limit.

use std::time::Duration;

/// Step of [`retry_delay`] after the first failed attempt.
pub const RETRY_DELAY_FIRST: Duration = Duration::from_millis(500);
/// Longest step of [`retry_delay`].
pub const RETRY_DELAY_MAX: Duration = Duration::from_mins(1);

/// A delay that doubles with each use, up to a limit.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    /// A back-off that starts with the delay `first` and never exceeds `longest`.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next: first }
    }

    /// Returns the current delay; the next call returns twice as much.
    pub fn next_delay(&mut self) -> Duration {
        let delay = self.next;
        self.next = delay.saturating_mul(2).min(self.longest);
        delay
    }

    /// Starts over with the first delay.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

/// The delay after `attempts` failed attempts (from 1). `jitter` is 0 to 1: it spreads the delay between half the
/// step and the whole step, so that jobs that failed together are not retried together.
pub fn retry_delay(attempts: u32, jitter: f64) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    let step = RETRY_DELAY_FIRST.saturating_mul(1 << doublings).min(RETRY_DELAY_MAX);
    step.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn delays_double_up_to_the_limit_and_start_over_after_a_reset() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
        let delays: Vec<u128> = (0..8).map(|_| backoff.next_delay().as_millis()).collect();
        assert_eq!(delays, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        backoff.reset();
        assert_eq!(backoff.next_delay(), Duration::from_millis(100));
    }

    proptest! {
        #[test]
        fn every_delay_lies_within_its_step(attempts in 0u32.., jitter in 0.0..=1.0f64) {
            let delay = retry_delay(attempts, jitter);
            prop_assert!(delay >= RETRY_DELAY_FIRST / 2 && delay <= RETRY_DELAY_MAX);
        }

        #[test]
        fn delays_never_shrink_by_more_than_the_jitter(attempts in 1u32..40) {
            prop_assert!(retry_delay(attempts + 1, 0.0) >= retry_delay(attempts, 0.0));
            prop_assert!(
                retry_delay(attempts + 1, 0.0) >= retry_delay(attempts, 1.0).min(RETRY_DELAY_MAX / 2)
            );
        }
    }
}
