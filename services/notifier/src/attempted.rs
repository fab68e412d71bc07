//! Messages that were postponed before any delivery attempt, so that their next delivery is not a repeat.

use lru::LruCache;
use parking_lot::Mutex;

/// Maximum number of messages kept: as many as the broker allows unsettled.
const UNSENT_MAX: usize = 50_000;

/// The messages by stream sequence. A message that was evicted, or postponed by another process, counts as a repeat,
/// because it may have been sent.
pub(crate) struct Attempted(Mutex<LruCache<u64, ()>>);

impl Default for Attempted {
    fn default() -> Self {
        Self(Mutex::new(LruCache::unbounded()))
    }
}

impl Attempted {
    /// Whether an earlier delivery may have sent the notification.
    pub(crate) fn may_be_repeat(&self, seq: u64, redelivered: bool) -> bool {
        redelivered && !self.is_unsent(seq)
    }

    /// Whether this process postponed the message before any delivery attempt.
    pub(crate) fn is_unsent(&self, seq: u64) -> bool {
        self.lock().contains(&seq)
    }

    /// Notes that no delivery attempt was made yet.
    pub(crate) fn add_unsent(&self, seq: u64) {
        let mut unsent = self.lock();
        unsent.put(seq, ());
        if unsent.len() > UNSENT_MAX {
            unsent.pop_lru();
        }
    }

    /// Removes it: the notification may have been sent.
    pub(crate) fn remove(&self, seq: u64) {
        self.lock().pop(&seq);
    }

    fn lock(&self) -> parking_lot::MutexGuard<'_, LruCache<u64, ()>> {
        self.0.lock()
    }
}

#[cfg(test)]
mod tests {
    use contract::topology::ACK_PENDING_MAX;

    use super::*;

    #[test]
    fn a_redelivery_is_a_repeat_unless_no_earlier_delivery_made_an_attempt() {
        let attempted = Attempted::default();
        assert!(!attempted.may_be_repeat(1, false));
        assert!(attempted.may_be_repeat(1, true), "another process may have sent it");
        attempted.add_unsent(2);
        assert!(!attempted.may_be_repeat(2, true));
        attempted.remove(2);
        assert!(attempted.may_be_repeat(2, true));
    }

    #[test]
    fn the_number_of_messages_is_limited_and_the_oldest_is_evicted() {
        let attempted = Attempted::default();
        assert_eq!(i64::try_from(UNSENT_MAX), Ok(ACK_PENDING_MAX));
        let seqs = 0..=UNSENT_MAX as u64;
        seqs.clone().for_each(|seq| attempted.add_unsent(seq));
        assert_eq!(attempted.lock().len(), UNSENT_MAX);
        assert!(attempted.may_be_repeat(0, true) && !attempted.may_be_repeat(*seqs.end(), true));
    }
}
