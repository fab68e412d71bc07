//! Looks for the messages of jobs: reads `SUBMITTED`, then `TODO`, a bounded number of messages at a time.
//!
//! A job moves from the first queue to the second, never back, and its stage stores the second message before it acks the
//! first. So a job with a message when the search begins is met: in `SUBMITTED`, or afterwards in `TODO`. Only messages
//! stored before a queue's turn began are read; what came later belongs to jobs that have moved.

use std::collections::HashSet;

use async_nats::jetstream::{message::StreamMessage, stream::LastRawMessageErrorKind};
use bus::Bus;
use contract::{
    JobId,
    event::CE_SUBJECT,
    topology::{SUBMITTED, Stream, TODO},
};

use crate::index::overdue::Seen;

/// Messages that one pass reads.
const READS_MAX: usize = 1_000;
/// What the broker's time may differ from the last reading of it, in nanoseconds.
const TIME_MARGIN_NS: i128 = 1_000_000_000;

/// One search, over as many passes as it takes.
pub(super) struct Search {
    wanted: Vec<Seen>,
    met: HashSet<JobId>,
    /// When the oldest message was stored that does not say which job it is about.
    oldest_nameless_ns: Option<i128>,
    turn: Turn,
}

/// The queue that is read.
struct Turn {
    queue: Stream,
    next: u64,
    until_ns: i128,
}

/// How far a search is.
pub(super) enum Searched {
    /// Some messages are not read yet.
    NotDone,
    /// Both queues are read.
    Done {
        /// The jobs without a message, the oldest first.
        without_message: Vec<JobId>,
    },
}

impl Search {
    pub(super) fn new(bus: &Bus, wanted: Vec<Seen>) -> Self {
        let turn = Turn::of(SUBMITTED, bus);
        Self { wanted, met: HashSet::new(), oldest_nameless_ns: None, turn }
    }

    /// Reads on, [`READS_MAX`] messages at most.
    pub(super) async fn go_on(&mut self, bus: &Bus) -> anyhow::Result<Searched> {
        for _ in 0..READS_MAX {
            let message = match self.turn.read(bus).await? {
                Some(message) => message,
                None if self.turn.queue == SUBMITTED => {
                    self.turn = Turn::of(TODO, bus);
                    continue;
                }
                None => return Ok(Searched::Done { without_message: self.without_message() }),
            };
            self.note(&message);
        }
        Ok(Searched::NotDone)
    }

    fn note(&mut self, message: &StreamMessage) {
        let job = message.headers.get(CE_SUBJECT).and_then(|job| job.as_str().parse().ok());
        let stored_ns = message.time.unix_timestamp_nanos();
        if let Some(job) = job {
            self.met.insert(job);
        } else {
            // A raw event. It may have become a job already, but none that was written before it was stored.
            let oldest = self.oldest_nameless_ns.unwrap_or(stored_ns);
            self.oldest_nameless_ns = Some(oldest.min(stored_ns));
        }
    }

    fn without_message(&self) -> Vec<JobId> {
        let may_be_nameless = |seen: &Seen| {
            let written_ns = i128::from(seen.moved_s) * 1_000_000_000 + TIME_MARGIN_NS;
            self.oldest_nameless_ns.is_some_and(|oldest_ns| oldest_ns <= written_ns)
        };
        let lost = self.wanted.iter().filter(|seen| !self.met.contains(&seen.job));
        lost.filter(|seen| !may_be_nameless(seen)).map(|seen| seen.job).collect()
    }
}

impl Turn {
    fn of(queue: Stream, bus: &Bus) -> Self {
        Self { queue, next: 1, until_ns: bus.time.now_ns() + TIME_MARGIN_NS }
    }

    /// The next message that was stored before this turn began.
    async fn read(&mut self, bus: &Bus) -> anyhow::Result<Option<StreamMessage>> {
        let stream = bus.jetstream.get_stream_no_info(self.queue.name).await?;
        let read = stream.get_first_raw_message_by_subject(self.queue.subjects, self.next).await;
        let message = match read {
            Ok(message) => message,
            Err(error) if matches!(error.kind(), LastRawMessageErrorKind::NoMessageFound) => {
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        self.next = message.sequence + 1;
        let is_of_this_turn = message.time.unix_timestamp_nanos() <= self.until_ns;
        Ok(is_of_this_turn.then_some(message))
    }
}
