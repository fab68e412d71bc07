//! Whether lease holders renew their leases, and what waiting jobs wait for.

use std::time::{Duration, Instant};

use bus::Bus;
use contract::{
    api::{JobView, LeaseView, WaitReason, WaitView},
    lease, signals,
    topology::PROCESSOR,
};
use jobs::records::Entry;
use parking_lot::Mutex;
use runtime::stop::Stop;
use tokio::time::sleep;

use crate::{app::App, index::Index};

/// Time between two polls of the processors' consumer.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
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

    fn note(&self, ack_wait: Duration, has_pull: bool) {
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

/// Polls the consumer and the leases until the stop. If a poll fails, the result of the last one stays.
pub(crate) async fn watch(app: &App, bus: &Bus, stop: &Stop) {
    let polls = async {
        loop {
            match bus.nats.consumer(PROCESSOR).await {
                Ok(queue) => {
                    let info = queue.cached_info();
                    app.leases.note(info.config.ack_wait, info.num_waiting > 0);
                }
                Err(error) => tracing::debug!(%error, "cannot read the processors' consumer"),
            }
            if let Some(poll) = app.leases.last() {
                export(app, bus, poll.ack_wait);
            }
            sleep(POLL_INTERVAL).await;
        }
    };
    stop.soft.run_until_cancelled(polls).await;
}

/// Sets the gauge of silent leases.
fn export(app: &App, bus: &Bus, ack_wait: Duration) {
    let now_ns = bus.nats.time.now_ns();
    let renewed = app.index.renewed_within(lease::alarming_after(ack_wait), now_ns);
    let silent = app.index.running().saturating_sub(renewed);
    bus.service.metrics.set(&signals::LEASES_SILENT, &[], silent as f64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_pull_is_remembered_until_the_next_one() {
        let leases = Leases::default();
        let pulled = |has_pull| {
            leases.note(Duration::from_secs(2), has_pull);
            leases.last().unwrap().pulled
        };
        let first = pulled(false);
        let second = pulled(true);
        assert!(second > first);
        assert_eq!(pulled(false), second);
        assert!(pulled(true) > second);
    }
}
