//! Counts lost dead letters: the stream removes its oldest when it is full, and each one after seven days.

use async_nats::jetstream::stream::State;
use contract::signals::DEAD_LETTERS_FORGOTTEN;
use parking_lot::Mutex;
use telemetry::Metrics;

/// Distinguishes deleted dead letters from lost ones.
///
/// Losses before the gateway started are not counted. With several gateways, each one counts the deletes of the
/// others as losses. A delete that the broker did not confirm is counted as a loss, too.
#[derive(Default)]
pub(crate) struct LossCounter(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    deletes: Deletes,
    /// Dead letters removed from the stream since it was created, less the deleted ones, as of the last reading.
    lost: Option<u64>,
}

/// The deletes of this gateway so far.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deletes {
    started: u64,
    ended: u64,
    /// Those that deleted a dead letter.
    done: u64,
}

impl LossCounter {
    /// Awaits `delete`, which returns whether it deleted a dead letter.
    pub(super) async fn count_delete<E>(
        &self,
        delete: impl Future<Output = Result<bool, E>>,
    ) -> Result<bool, E> {
        self.0.lock().deletes.started += 1;
        // Dropped with the request, too: a delete that was cut off has ended.
        let mut running = Running { counter: self, done: false };
        let deleted = delete.await?;
        running.done = deleted;
        Ok(deleted)
    }

    /// The deletes so far, taken before the stream is read.
    pub(crate) fn deletes(&self) -> Deletes {
        self.0.lock().deletes
    }

    /// Dead letters lost since the last call, by the state of the stream, which was read after `before`. `None` if a
    /// delete ran meanwhile: then the reading says nothing about losses, and the next one counts them.
    pub(crate) fn lost(&self, before: Deletes, state: &State) -> Option<u64> {
        let mut counts = self.0.lock();
        if counts.deletes != before || before.started != before.ended {
            return None;
        }
        let gone = state.last_sequence.saturating_sub(state.messages);
        let lost = gone.saturating_sub(before.done);
        let known = counts.lost.replace(lost).unwrap_or(lost);
        Some(lost.saturating_sub(known))
    }

    /// Counts what was lost, see [`Self::lost`].
    pub(crate) fn note(&self, before: Deletes, state: &State, metrics: &Metrics) {
        if let Some(lost @ 1..) = self.lost(before, state) {
            metrics.add(&DEAD_LETTERS_FORGOTTEN, &[], lost);
            tracing::warn!(
                lost,
                "lose dead letters: the stream is full, or they are older than seven days"
            );
        }
    }
}

/// A delete that has started.
struct Running<'a> {
    counter: &'a LossCounter,
    done: bool,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let deletes = &mut self.counter.0.lock().deletes;
        deletes.ended += 1;
        deletes.done += u64::from(self.done);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The state of a stream that held this many dead letters and holds this many.
    fn state(last_sequence: u64, messages: u64) -> State {
        let json = serde_json::json!({
            "messages": messages, "bytes": 0, "first_seq": 0, "last_seq": last_sequence,
            "first_ts": "2026-01-01T00:00:00Z", "last_ts": "2026-01-01T00:00:00Z",
            "consumer_count": 0,
        });
        serde_json::from_value(json).expect("the state of a stream")
    }

    #[tokio::test]
    async fn dead_letters_that_were_not_deleted_are_lost() {
        let counter = LossCounter::default();
        let lost = |last, left| counter.lost(counter.deletes(), &state(last, left));
        assert_eq!(lost(10, 8), Some(0), "what was gone before the start is not counted");
        for deleted in [true, false] {
            let delete = async move { Ok::<_, ()>(deleted) };
            assert_eq!(counter.count_delete(delete).await, Ok(deleted));
        }
        assert_eq!(lost(10, 7), Some(0), "one was deleted");
        assert_eq!(lost(12, 6), Some(3));
        assert_eq!(lost(12, 6), Some(0));
    }

    #[tokio::test]
    async fn a_reading_during_a_delete_says_nothing_and_the_next_one_counts() {
        let counter = LossCounter::default();
        assert_eq!(counter.lost(counter.deletes(), &state(5, 5)), Some(0));
        let before = counter.deletes();
        counter.count_delete(async { Ok::<_, ()>(true) }).await.expect("it is deleted");
        assert_eq!(counter.lost(before, &state(5, 3)), None);
        assert_eq!(counter.lost(counter.deletes(), &state(5, 3)), Some(1));
        let hanging = counter.count_delete(std::future::pending::<Result<bool, ()>>());
        tokio::select! {
            biased;
            _ = hanging => {}
            () = async { assert_eq!(counter.lost(counter.deletes(), &state(5, 2)), None) } => {}
        }
        assert_eq!(counter.lost(counter.deletes(), &state(5, 2)), Some(1), "it was cut off");
    }
}
