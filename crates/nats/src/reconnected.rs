//! When this process last lost its connection to the broker and got it back.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use crate::BrokerTime;

/// When this process last got its connection to the broker back. Clones share it.
///
/// While the broker is away no worker can renew a lease. After a reconnect a live worker needs time to do so before
/// another one takes its job over.
#[derive(Clone, Default)]
pub(crate) struct Reconnected(Arc<Mutex<Link>>);

#[derive(Default)]
struct Link {
    was_lost: bool,
    since: Option<Instant>,
}

impl Reconnected {
    pub(crate) fn lost(&self) {
        self.0.lock().was_lost = true;
    }

    /// The first connection is not a reconnect: a worker that has just started has missed no renewal.
    pub(crate) fn connected(&self) {
        let mut link = self.0.lock();
        if std::mem::take(&mut link.was_lost) {
            link.since = Some(Instant::now());
        }
    }

    fn elapsed(&self) -> Option<Duration> {
        let since = self.0.lock().since;
        since.map(|since| since.elapsed())
    }
}

/// Time since a record was written at `written_at_ns` (broker time, Unix nanoseconds), counted only since the last
/// reconnect of this process.
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
    fn only_a_lost_connection_can_be_a_reconnect() {
        let reconnected = Reconnected::default();
        reconnected.connected();
        assert_eq!(reconnected.elapsed(), None);
        reconnected.lost();
        assert_eq!(reconnected.elapsed(), None);
        reconnected.connected();
        assert!(reconnected.elapsed().is_some());
    }

    #[test]
    fn a_record_is_stale_only_since_the_reconnect() {
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
