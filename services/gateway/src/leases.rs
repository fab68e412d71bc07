//! The leases of running jobs as they look from outside: whether their holders renew them, and what the jobs that
//! do not run wait for.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use bus::{Bus, records::Entry, work};
use contract::{
    api::{JobView, LeaseView, WaitReason, WaitView},
    lease, signals,
    topology::PROCESSOR,
};
use runtime::stop::Stop;
use tokio::time::sleep;

use crate::{app::App, index::Index};

/// Time between two looks at the processors' consumer.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long nobody may ask for jobs before there is no worker: between two pulls, and between two looks, an idle
/// worker does not ask either.
const ASKED_WITHIN: Duration = Duration::from_millis(2_500);

/// What the broker last said about the processors' consumer.
#[derive(Debug, Default)]
pub(crate) struct Leases(Mutex<Option<Look>>);

#[derive(Debug, Clone, Copy)]
struct Look {
    ack_wait: Duration,
    /// When a processor was last seen to ask for jobs; at first, when this gateway began to look.
    asked: Instant,
}

impl Leases {
    /// Adds to `view` of `entry` how its lease stands, or what it waits for. What it takes to know that is
    /// missing only in the first moment of a gateway.
    pub(crate) fn describe(&self, view: &mut JobView, entry: &Entry, bus: &Bus, index: &Index) {
        let Some(look) = self.last() else { return };
        let (record, now_ns) = (&entry.record, bus.time.now_ns());
        let silent = bus.unwritten_for(entry.written_at_ns);
        view.lease = LeaseView::of(record, entry.written_at_ns, silent, look.ack_wait);
        let has_worker = look.asked.elapsed() < ASKED_WITHIN
            || index.renewed_within(lease::silent_after(look.ack_wait), now_ns) > 0;
        view.waiting = WaitView::of(record, bus.service.clock.stamp_ms(), has_worker);
    }

    fn last(&self) -> Option<Look> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, ack_wait: Duration, is_asked: bool) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = last.filter(|_| !is_asked).map(|look| look.asked);
        *last = Some(Look { ack_wait, asked: before.unwrap_or_else(Instant::now) });
    }
}

/// Adds how many older jobs wait for the same: too much work for every job of a list.
pub(crate) fn add_place(view: &mut JobView, index: &Index) {
    let state = view.state;
    if let Some(wait) = view.waiting.as_mut().filter(|wait| is_in_line(wait)) {
        wait.behind = index.older(view.id, state);
    }
}

/// Whether it is others that the job waits for.
fn is_in_line(wait: &WaitView) -> bool {
    matches!(wait.reason, WaitReason::Ingester | WaitReason::Slot | WaitReason::NoWorker)
}

/// Looks at the consumer and the leases until the stop. While the broker cannot be asked, its last word holds.
pub(crate) async fn watch(app: &App, bus: &Bus, stop: &Stop) {
    let look = async {
        loop {
            match work::open(bus, PROCESSOR).await {
                Ok(queue) => {
                    let info = queue.cached_info();
                    app.leases.note(info.config.ack_wait, info.num_waiting > 0);
                }
                Err(error) => tracing::debug!(%error, "the processors' consumer is not to be seen"),
            }
            if let Some(look) = app.leases.last() {
                show(app, bus, look.ack_wait);
            }
            sleep(LOOK_EVERY).await;
        }
    };
    stop.soft.run_until_cancelled(look).await;
}

/// Counts the leases that look lost.
fn show(app: &App, bus: &Bus, ack_wait: Duration) {
    let now_ns = bus.time.now_ns();
    let renewed = app.index.renewed_within(lease::alarming_after(ack_wait), now_ns);
    let silent = app.index.running().saturating_sub(renewed);
    bus.service.metrics.set(&signals::LEASES_SILENT, &[], silent as f64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asked_is_remembered_until_somebody_asks_again() {
        let leases = Leases::default();
        let asked = |is_asked| {
            leases.note(Duration::from_secs(2), is_asked);
            leases.last().unwrap().asked
        };
        let first = asked(false);
        let second = asked(true);
        assert!(second > first);
        assert_eq!(asked(false), second);
        assert!(asked(true) > second);
    }
}
