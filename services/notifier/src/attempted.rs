//! Which messages were put off before anybody was told, so that their next delivery is no repeat.

use std::sync::{Mutex, PoisonError};

use lru::LruCache;

/// Most messages remembered: as many as the broker lets wait at once.
const KEPT_MAX: usize = 50_000;

/// The messages, by their place in the stream. One that was forgotten, or put off by another process,
/// counts as a repeat: nobody can tell.
pub(crate) struct Attempted(Mutex<LruCache<u64, ()>>);

impl Default for Attempted {
    fn default() -> Self {
        Self(Mutex::new(LruCache::unbounded()))
    }
}

impl Attempted {
    /// Whether the owner may have been told of this message by an earlier delivery.
    pub(crate) fn may_be_repeat(&self, seq: u64, redelivered: bool) -> bool {
        redelivered && !self.is_kept(seq)
    }

    /// Whether this process put the message off before anything was sent.
    pub(crate) fn is_kept(&self, seq: u64) -> bool {
        self.lock().contains(&seq)
    }

    /// Remembers that nobody was told of it yet.
    pub(crate) fn keep(&self, seq: u64) {
        let mut kept = self.lock();
        kept.put(seq, ());
        if kept.len() > KEPT_MAX {
            kept.pop_lru();
        }
    }

    /// Forgets it: somebody may have been told.
    pub(crate) fn forget(&self, seq: u64) {
        self.lock().pop(&seq);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, LruCache<u64, ()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use contract::topology::ACK_PENDING_MAX;

    use super::*;

    #[test]
    fn a_message_is_a_repeat_unless_all_its_earlier_deliveries_told_nobody() {
        let attempted = Attempted::default();
        assert!(!attempted.may_be_repeat(1, false));
        assert!(attempted.may_be_repeat(1, true), "another process may have told");
        attempted.keep(2);
        assert!(!attempted.may_be_repeat(2, true));
        attempted.forget(2);
        assert!(attempted.may_be_repeat(2, true));
    }

    #[test]
    fn the_memory_has_a_limit_and_forgets_the_oldest() {
        let attempted = Attempted::default();
        assert_eq!(i64::try_from(KEPT_MAX), Ok(ACK_PENDING_MAX));
        let seqs = 0..=KEPT_MAX as u64;
        seqs.clone().for_each(|seq| attempted.keep(seq));
        assert_eq!(attempted.lock().len(), KEPT_MAX);
        assert!(attempted.may_be_repeat(0, true) && !attempted.may_be_repeat(*seqs.end(), true));
    }
}
