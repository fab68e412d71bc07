//! Counts the attempts in progress, and when the last one ended.

use std::time::Instant;

/// Attempts in progress at one host, or at all unproven hosts.
pub(super) struct ConcurrencyLimit {
    attempts: usize,
    /// When the last one ended, or the first one started.
    pub(super) moved: Instant,
}

impl ConcurrencyLimit {
    pub(super) const fn new(now: Instant) -> Self {
        Self { attempts: 0, moved: now }
    }

    /// Whether `max` attempts are in progress; at least one is always allowed.
    pub(super) fn is_full(&self, max: usize) -> bool {
        self.attempts >= max.max(1)
    }

    pub(super) const fn start(&mut self, now: Instant) {
        if self.attempts == 0 {
            self.moved = now;
        }
        self.attempts += 1;
    }

    pub(super) const fn end(&mut self, now: Instant) {
        self.attempts = self.attempts.saturating_sub(1);
        self.moved = now;
    }
}
