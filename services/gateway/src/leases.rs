//! Whether lease holders renew their leases, and what waiting jobs wait for.

use std::time::{Duration, Instant};

use bus::Bus;
use contract::{
    api::{JobView, LeaseView, WaitReason, WaitView},
    lease, signals,
    topology::PROCESSOR,
};
use jobs::records::Entry;
use nats::streams::StreamStates;
use parking_lot::Mutex;

use crate::index::Index;

/// Time without a pull request after which there is no idle worker. An idle worker has none open between two pulls, and
/// polls see only the current ones.
const PULLED_WITHIN: Duration = Duration::from_millis(2_500);

/// The last poll of the processors' consumer.
#[derive(Debug, Default)]
pub(crate) struct Leases(Mutex<Option<Poll>>);

#[derive(Debug, Clone, Copy)]
struct Poll {
    ack_wait: Duration,
    /// When a processor last had a pull request open; at first, the start of this gateway.
    pulled: Instant,
}

impl Leases {
    /// Adds the state of the lease, or what the job waits for, to the view of `entry`. Adds nothing before the first
    /// poll.
    pub(crate) fn describe(&self, view: &mut JobView, entry: &Entry, bus: &Bus, index: &Index) {
        let Some(poll) = self.last() else { return };
        let (record, now_ns) = (&entry.record, bus.nats.time.now_ns());
        let silent = bus.nats.unwritten_for(entry.written_at_ns);
        view.lease = LeaseView::of(record, entry.written_at_ns, silent, poll.ack_wait);
        let has_worker = poll.pulled.elapsed() < PULLED_WITHIN
            || index.renewed_within(lease::silent_after(poll.ack_wait), now_ns) > 0;
        view.waiting = WaitView::of(record, bus.service.clock.stamp_ms(), has_worker);
    }

    fn last(&self) -> Option<Poll> {
        *self.0.lock()
    }

    /// Notes the state of the processors' consumer and sets the gauge of silent leases. If the consumer could not be
    /// read, its last state stays.
    pub(crate) fn note(&self, states: &StreamStates, index: &Index, bus: &Bus) {
        if let Some(info) = states.consumer(PROCESSOR) {
            self.note_poll(info.config.ack_wait, info.num_waiting > 0);
        }
        if let Some(poll) = self.last() {
            export(index, bus, poll.ack_wait);
        }
    }

    fn note_poll(&self, ack_wait: Duration, has_pull: bool) {
        let mut last = self.0.lock();
        let before = last.filter(|_| !has_pull).map(|poll| poll.pulled);
        *last = Some(Poll { ack_wait, pulled: before.unwrap_or_else(Instant::now) });
    }
}

/// Adds how many older jobs wait for the same. Too expensive for every job of a list.
pub(crate) fn add_older(view: &mut JobView, index: &Index) {
    let state = view.state;
    if let Some(wait) = view.waiting.as_mut().filter(|wait| is_queued(wait)) {
        wait.behind = index.older(view.id, state);
    }
}

/// Whether older jobs go first.
fn is_queued(wait: &WaitView) -> bool {
    matches!(wait.reason, WaitReason::Ingester | WaitReason::Slot | WaitReason::NoWorker)
}

/// Sets the gauge of silent leases.
fn export(index: &Index, bus: &Bus, ack_wait: Duration) {
    let now_ns = bus.nats.time.now_ns();
    let renewed = index.renewed_within(lease::alarming_after(ack_wait), now_ns);
    let silent = index.running().saturating_sub(renewed);
    bus.service.metrics.set(&signals::LEASES_SILENT, &[], silent as f64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_pull_is_remembered_until_the_next_one() {
        let leases = Leases::default();
        let pulled = |has_pull| {
            leases.note_poll(Duration::from_secs(2), has_pull);
            leases.last().unwrap().pulled
        };
        let first = pulled(false);
        let second = pulled(true);
        assert!(second > first);
        assert_eq!(pulled(false), second);
        assert!(pulled(true) > second);
    }
}
