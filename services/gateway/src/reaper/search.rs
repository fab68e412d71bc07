//! Searches the messages of jobs: reads `SUBMITTED`, then `TODO`, a bounded number of messages at a time.
//!
//! A job moves from the first queue to the second, never back, and its stage stores the second message before it acks
//! the first. So a job with a message at the start of the search is found: in `SUBMITTED`, or afterwards in `TODO`.
//! Only messages stored before the scan of a queue began are read; later ones belong to jobs that have changed since.

use std::collections::HashSet;

use async_nats::jetstream::{message::StreamMessage, stream::LastRawMessageErrorKind};
use bus::Bus;
use contract::{
    JobId,
    event::CE_SUBJECT,
    topology::{SUBMITTED, Stream, TODO},
};

use crate::index::overdue::Seen;

/// Messages read in one pass.
const READS_MAX: usize = 1_000;
/// Possible error of the estimated broker time, in nanoseconds.
const TIME_MARGIN_NS: i128 = 1_000_000_000;

/// A search, which may take several passes.
pub(super) struct Search {
    wanted: Vec<Seen>,
    found: HashSet<JobId>,
    /// When the oldest message without a job id was stored.
    oldest_without_id_ns: Option<i128>,
    scan: Scan,
}

/// The scan of one queue.
struct Scan {
    queue: Stream,
    next: u64,
    until_ns: i128,
}

/// Progress of a search.
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
        let scan = Scan::of(SUBMITTED, bus);
        Self { wanted, found: HashSet::new(), oldest_without_id_ns: None, scan }
    }

    /// Reads up to [`READS_MAX`] messages.
    pub(super) async fn advance(&mut self, bus: &Bus) -> anyhow::Result<Searched> {
        for _ in 0..READS_MAX {
            let message = match self.scan.read(bus).await? {
                Some(message) => message,
                None if self.scan.queue == SUBMITTED => {
                    self.scan = Scan::of(TODO, bus);
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
            self.found.insert(job);
        } else {
            // A raw event. It may already have become a job, but not one whose record is older than the event.
            let oldest = self.oldest_without_id_ns.unwrap_or(stored_ns);
            self.oldest_without_id_ns = Some(oldest.min(stored_ns));
        }
    }

    fn without_message(&self) -> Vec<JobId> {
        let may_be_raw_event = |seen: &Seen| {
            let written_ns = i128::from(seen.moved_s) * 1_000_000_000 + TIME_MARGIN_NS;
            self.oldest_without_id_ns.is_some_and(|oldest_ns| oldest_ns <= written_ns)
        };
        let lost = self.wanted.iter().filter(|seen| !self.found.contains(&seen.job));
        lost.filter(|seen| !may_be_raw_event(seen)).map(|seen| seen.job).collect()
    }
}

impl Scan {
    fn of(queue: Stream, bus: &Bus) -> Self {
        Self { queue, next: 1, until_ns: bus.nats.time.now_ns() + TIME_MARGIN_NS }
    }

    /// The next message that was stored before this scan began.
    async fn read(&mut self, bus: &Bus) -> anyhow::Result<Option<StreamMessage>> {
        let stream = bus.nats.jetstream.get_stream_no_info(self.queue.name).await?;
        let read = stream.get_first_raw_message_by_subject(self.queue.subjects, self.next).await;
        let message = match read {
            Ok(message) => message,
            Err(error) if matches!(error.kind(), LastRawMessageErrorKind::NoMessageFound) => {
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        self.next = message.sequence + 1;
        let is_in_scan = message.time.unix_timestamp_nanos() <= self.until_ns;
        Ok(is_in_scan.then_some(message))
    }
}
