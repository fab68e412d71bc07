//! Since when a record has not been written, by the broker's time: what tells a lost worker from a live one.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::broker_time::BrokerTime;

/// When this process last got its connection to the broker back. Clones share it.
///
/// While the broker is away no worker can renew a lease. One that lives needs the time to do so before
/// another takes its job over.
#[derive(Clone, Default)]
pub(crate) struct Reconnected(Arc<Mutex<Link>>);

#[derive(Default)]
struct Link {
    was_lost: bool,
    since: Option<Instant>,
}

impl Reconnected {
    pub(crate) fn lost(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).was_lost = true;
    }

    /// The first connection is no reconnection: a worker that has just started has missed nothing.
    pub(crate) fn connected(&self) {
        let mut link = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut link.was_lost) {
            link.since = Some(Instant::now());
        }
    }

    fn elapsed(&self) -> Option<Duration> {
        let since = self.0.lock().unwrap_or_else(PoisonError::into_inner).since;
        since.map(|since| since.elapsed())
    }
}

/// How long a record that was written at `written_at_ns` (broker time, Unix nanoseconds) has not been written,
/// counted only while this process could have seen it.
pub(crate) fn unwritten_for(
    written_at_ns: i128,
    time: &BrokerTime,
    reconnected: &Reconnected,
) -> Duration {
    let unwritten_ns = (time.now_ns() - written_at_ns).max(0);
    let unwritten = Duration::from_nanos(u64::try_from(unwritten_ns).unwrap_or(u64::MAX));
    reconnected.elapsed().map_or(unwritten, |connected| unwritten.min(connected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_connection_that_was_lost_is_a_reconnection() {
        let reconnected = Reconnected::default();
        reconnected.connected();
        assert_eq!(reconnected.elapsed(), None);
        reconnected.lost();
        assert_eq!(reconnected.elapsed(), None);
        reconnected.connected();
        assert!(reconnected.elapsed().is_some());
    }

    #[test]
    fn a_record_counts_as_unwritten_only_since_the_broker_is_back() {
        let time = BrokerTime::fixed(Duration::from_secs(100));
        let written_at_ns = 60 * 1_000_000_000;
        let reconnected = Reconnected::default();
        let unwritten = unwritten_for(written_at_ns, &time, &reconnected);
        assert!((40..42).contains(&unwritten.as_secs()), "{unwritten:?}");
        reconnected.lost();
        reconnected.connected();
        assert!(unwritten_for(written_at_ns, &time, &reconnected) < Duration::from_secs(2));
        assert_eq!(unwritten_for(i128::MAX, &time, &Reconnected::default()), Duration::ZERO);
    }
}
