//! Observes the outcome of raw events: malformed ones become dead letters, found by their trace; foreign ones
//! are only counted by the ingester.

use std::{sync::Arc, time::Duration};

use client::{AdminClient, ClientError, DeadLetterFilter, GatewayClient};
use contract::{
    api::LIST_LIMIT_MAX,
    signals::{EVENTS_DISCARDED, reason},
};
use tokio::time::{Instant, sleep};

use super::{LoadTarget, ledger::Ledger};

/// Shortest poll interval while events are sent.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Poll interval once all are sent.
const LAST_POLL_INTERVAL: Duration = Duration::from_millis(100);
/// At least this many times the duration of a poll passes before the next.
const REST_FACTOR: u32 = 4;
/// Most pages of dead letters in one poll.
const PAGES_MAX: usize = 400;

/// The state before the first event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Baseline {
    /// The newest dead letter.
    newest_dead_letter: u64,
    /// The ingester's count of events from unknown sources.
    discarded: Option<u64>,
}

impl Baseline {
    /// Fails when the gateway does not answer: then there is nothing to load.
    pub(super) async fn read(lab: &LoadTarget) -> anyhow::Result<Self> {
        let newest = lab.gateway.dead_letters(&dead_letters(1, None)).await?.dead_letters;
        let discarded = match &lab.ingester {
            Some(ingester) => discarded(ingester).await.ok(),
            None => None,
        };
        Ok(Self { newest_dead_letter: newest.first().map_or(0, |one| one.seq), discarded })
    }
}

/// Observes the outcome of events.
pub(super) struct EventObserver {
    gateway: GatewayClient,
    ingester: Option<AdminClient>,
    ledger: Arc<Ledger>,
    before: Baseline,
    /// Dead letters up to this one were seen.
    seen: u64,
}

impl EventObserver {
    pub(super) fn new(lab: &LoadTarget, ledger: Arc<Ledger>, before: Baseline) -> Self {
        let (gateway, ingester) = (lab.gateway.clone(), lab.ingester.clone());
        Self { gateway, ingester, ledger, before, seen: before.newest_dead_letter }
    }

    /// Polls forever, with long intervals.
    pub(super) async fn poll_forever(&mut self) {
        loop {
            let started_at = Instant::now();
            if self.ledger.events().0 > 0 {
                let _retried_later = self.poll().await;
            }
            sleep(POLL_INTERVAL.max(started_at.elapsed() * REST_FACTOR)).await;
        }
    }

    /// Polls until every event is accounted for.
    pub(super) async fn until_accounted(&mut self) {
        while self.ledger.events().0 > 0 {
            let _retried_later = self.poll().await;
            sleep(LAST_POLL_INTERVAL).await;
        }
        let (_, foreign) = self.ledger.events();
        while foreign > 0 && self.discarded().await.is_some_and(|discarded| discarded < foreign) {
            sleep(LAST_POLL_INTERVAL).await;
        }
    }

    /// The increase of the ingester's counter; `None` if it cannot be read or was reset.
    pub(super) async fn discarded(&self) -> Option<u64> {
        let now = discarded(self.ingester.as_ref()?).await.ok()?;
        now.checked_sub(self.before.discarded?)
    }

    /// Reads the dead letters that are new since the last poll.
    async fn poll(&mut self) -> Result<(), ClientError> {
        let (mut newest, mut cursor) = (self.seen, None);
        for _ in 0..PAGES_MAX {
            let page = self.gateway.dead_letters(&dead_letters(LIST_LIMIT_MAX, cursor)).await?;
            let fresh = page.dead_letters.iter().filter(|one| one.seq > self.seen);
            let mut all_seen = true;
            for dead_letter in fresh {
                all_seen = false;
                newest = newest.max(dead_letter.seq);
                if let Some(trace_id) = &dead_letter.trace_id {
                    self.ledger.rejected(trace_id);
                }
            }
            cursor = page.next_cursor;
            if all_seen || cursor.is_none() {
                break;
            }
        }
        self.seen = newest;
        Ok(())
    }
}

fn dead_letters(limit: usize, cursor: Option<String>) -> DeadLetterFilter {
    DeadLetterFilter { limit, cursor, ..DeadLetterFilter::default() }
}

async fn discarded(ingester: &AdminClient) -> Result<u64, ClientError> {
    ingester.counted(&EVENTS_DISCARDED, reason::UNKNOWN_SOURCE).await
}
