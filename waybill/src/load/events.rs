//! Learns what became of the raw events: malformed ones are in the dead letters, by their trace; of foreign
//! ones nothing is left but a count.

use std::{sync::Arc, time::Duration};

use contract::{
    api::LIST_LIMIT_MAX,
    signals::{EVENTS_DISCARDED, reason},
};
use tokio::time::{Instant, sleep};

use super::{Target, ledger::Ledger};
use crate::client::{Admin, ClientError, Gateway, LetterFilter};

/// Shortest time between two looks while events are sent.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The same once all are sent.
const LAST_LOOKS_EVERY: Duration = Duration::from_millis(100);
/// Looking may take one part of the time in so many.
const REST_FACTOR: u32 = 4;
/// Most pages of dead letters in one look.
const PAGES_MAX: usize = 400;

/// How things stood before the first event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before {
    /// The newest dead letter.
    letter: u64,
    /// The ingester's count of events from unknown sources.
    discarded: Option<u64>,
}

impl Before {
    /// Fails when the gateway does not answer: then there is nothing to load.
    pub(super) async fn read(lab: &Target) -> anyhow::Result<Self> {
        let newest = lab.gateway.dead_letters(&letters(1, None)).await?.dead_letters;
        let discarded = match &lab.ingester {
            Some(ingester) => discarded(ingester).await.ok(),
            None => None,
        };
        Ok(Self { letter: newest.first().map_or(0, |letter| letter.seq), discarded })
    }
}

/// Watches what becomes of events.
pub(super) struct Watch {
    gateway: Gateway,
    ingester: Option<Admin>,
    ledger: Arc<Ledger>,
    before: Before,
    /// Dead letters up to this one were seen.
    seen: u64,
}

impl Watch {
    pub(super) fn new(lab: &Target, ledger: Arc<Ledger>, before: Before) -> Self {
        let (gateway, ingester) = (lab.gateway.clone(), lab.ingester.clone());
        Self { gateway, ingester, ledger, before, seen: before.letter }
    }

    /// Looks again and again, with long pauses.
    pub(super) async fn keep(&mut self) {
        loop {
            let began = Instant::now();
            if self.ledger.events().0 > 0 {
                let _again_later = self.look().await;
            }
            sleep(LOOK_EVERY.max(began.elapsed() * REST_FACTOR)).await;
        }
    }

    /// Looks until every event is accounted for.
    pub(super) async fn until_judged(&mut self) {
        while self.ledger.events().0 > 0 {
            let _again_later = self.look().await;
            sleep(LAST_LOOKS_EVERY).await;
        }
        let (_, foreign) = self.ledger.events();
        while foreign > 0 && self.discarded().await.is_some_and(|discarded| discarded < foreign) {
            sleep(LAST_LOOKS_EVERY).await;
        }
    }

    /// By how much the ingester's count rose; none if it cannot be read or began anew.
    pub(super) async fn discarded(&self) -> Option<u64> {
        let now = discarded(self.ingester.as_ref()?).await.ok()?;
        now.checked_sub(self.before.discarded?)
    }

    /// Reads the dead letters that are new since the last look.
    async fn look(&mut self) -> Result<(), ClientError> {
        let (mut newest, mut cursor) = (self.seen, None);
        for _ in 0..PAGES_MAX {
            let page = self.gateway.dead_letters(&letters(LIST_LIMIT_MAX, cursor)).await?;
            let fresh = page.dead_letters.iter().filter(|letter| letter.seq > self.seen);
            let mut all_seen = true;
            for letter in fresh {
                all_seen = false;
                newest = newest.max(letter.seq);
                if let Some(trace_id) = &letter.trace_id {
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

fn letters(limit: usize, cursor: Option<String>) -> LetterFilter {
    LetterFilter { limit, cursor, ..LetterFilter::default() }
}

async fn discarded(ingester: &Admin) -> Result<u64, ClientError> {
    ingester.counted(&EVENTS_DISCARDED, reason::UNKNOWN_SOURCE).await
}
