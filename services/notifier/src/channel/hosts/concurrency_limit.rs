//! The tries that are under way somewhere, and whether they move.

use std::time::Instant;

/// Tries under way.
pub(super) struct ConcurrencyLimit {
    tries: usize,
    /// When the last one ended, or the first one started.
    pub(super) moved: Instant,
}

impl ConcurrencyLimit {
    pub(super) const fn new(now: Instant) -> Self {
        Self { tries: 0, moved: now }
    }

    /// Whether as many are under way as may be; one always may.
    pub(super) fn is_full(&self, most: usize) -> bool {
        self.tries >= most.max(1)
    }

    pub(super) const fn start(&mut self, now: Instant) {
        if self.tries == 0 {
            self.moved = now;
        }
        self.tries += 1;
    }

    pub(super) const fn end(&mut self, now: Instant) {
        self.tries = self.tries.saturating_sub(1);
        self.moved = now;
    }
}
