//! How long a part that died waits for its next start.

use std::time::Duration;

/// After the first death.
const FIRST_DELAY: Duration = Duration::from_millis(100);
/// However often it dies.
const DELAY_MAX: Duration = Duration::from_secs(5);
/// A part that lived this long starts over with the first wait.
const PROVEN: Duration = Duration::from_secs(10);

/// Doubles with every death in a row.
#[derive(Debug)]
pub(super) struct Backoff(Duration);

impl Backoff {
    pub(super) fn new() -> Self {
        Self(FIRST_DELAY)
    }

    /// The wait after a death that came `lived` after the start.
    pub(super) fn after(&mut self, lived: Duration) -> Duration {
        if lived >= PROVEN {
            self.0 = FIRST_DELAY;
        }
        let wait = self.0;
        self.0 = (wait * 2).min(DELAY_MAX);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deaths_in_a_row_wait_longer_and_a_proven_part_starts_over() {
        let mut backoff = Backoff::new();
        let waits: Vec<u128> = (0..8).map(|_| backoff.after(Duration::ZERO).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(backoff.after(PROVEN), FIRST_DELAY);
    }
}
