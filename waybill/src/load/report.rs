//! The result of a load, in numbers that add up.

use std::{collections::BTreeMap, time::Duration};

use contract::JobId;
use serde::Serialize;

pub use super::latency_histogram::Percentiles;
use super::pace::Pace;

/// The clock of the end-to-end times.
pub const END_TO_END_CLOCK: &str = "the lab's displayed times";

/// The result of a run.
#[derive(Debug, Clone, Serialize)]
pub struct LoadReport {
    /// The seed, which repeats the run.
    pub seed: u64,
    /// When items were sent.
    pub pace: Pace,
    /// Whether the run was interrupted.
    pub broken_off: bool,
    /// How long the sending took.
    pub seconds: f64,
    /// The jobs.
    pub jobs: JobCounts,
    /// The raw events.
    pub events: EventCounts,
    /// Everything that was refused, by status.
    pub refused: BTreeMap<u16, u64>,
    /// Submissions that were retried because they had no definite response.
    pub repeated: u64,
    /// Items that were due but not sent: too many were waiting.
    pub left_out: u64,
    /// Job records that the gateway read for the observer: the cost of observation.
    pub records_read: u64,
    /// From the moment a job was due until its 202; closed loop: from its sending.
    pub accept_ms: Percentiles,
    /// From accepted to ended, by [`END_TO_END_CLOCK`].
    pub end_to_end_ms: Percentiles,
    /// The clock of `end_to_end_ms`.
    pub end_to_end_clock: &'static str,
    /// Jobs that ended before they were accepted, by clocks that disagree; not in `end_to_end_ms`.
    pub clocks_disagree: u64,
    /// Jobs accepted per second of sending.
    pub accepted_per_second: f64,
    /// Jobs ended per second, from the first accepted to the last ended, by the lab's displayed times.
    pub ended_per_second: f64,
}

/// Outcomes of the jobs. `accepted` is the sum of all outcomes, `unfinished` and `repeated_ids`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct JobCounts {
    /// Sent, and the responses.
    #[serde(flatten)]
    pub responses: ResponseCounts,
    /// Ended with results.
    pub succeeded: u64,
    /// Failed as specified.
    pub failed: u64,
    /// Dead-lettered.
    pub dead: u64,
    /// Cancelled by their submitter.
    pub cancelled: u64,
    /// Accepted, but not ended within the limit.
    pub unfinished: u64,
    /// Of these, jobs that the gateway does not know: lost.
    pub missing: u64,
    /// Accepted under the id of another job of the run that had not ended.
    pub repeated_ids: u64,
    /// The oldest of the unfinished, at most [`JobCounts::IDS_MAX`].
    pub unfinished_ids: Vec<JobId>,
}

/// Outcomes of the raw events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct EventCounts {
    /// From an allowed source, with data that is not a valid job.
    pub malformed: ResponseCounts,
    /// Malformed events that were found in the dead letters.
    pub rejected: u64,
    /// From a source that is not allowed.
    pub foreign: ResponseCounts,
    /// Increase of the ingester's counter of events from unknown sources, from any client; absent if it
    /// cannot be read or was reset.
    pub discarded: Option<u64>,
}

/// Responses of the gateway. `sent` is the sum of the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ResponseCounts {
    /// Requests sent.
    pub sent: u64,
    /// Answered with 202.
    pub accepted: u64,
    /// Answered with another status.
    pub refused: u64,
    /// No response: the result is unknown.
    pub unanswered: u64,
}

/// Progress of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LoadProgress {
    /// Since the beginning.
    pub elapsed: Duration,
    /// Everything has been sent.
    pub all_sent: bool,
    /// Jobs and events sent.
    pub sent: u64,
    /// Refused, or not answered.
    pub refused: u64,
    /// Jobs accepted.
    pub accepted: u64,
    /// Jobs seen to end.
    pub ended: u64,
}

impl JobCounts {
    /// Most ids in a report.
    pub const IDS_MAX: usize = 100;

    /// Jobs that ended, with any outcome.
    pub fn ended(&self) -> u64 {
        self.succeeded + self.failed + self.dead + self.cancelled
    }
}

impl EventCounts {
    /// Events that were accepted and are not accounted for.
    pub fn open(&self) -> u64 {
        let discarded = self.discarded.unwrap_or(self.foreign.accepted);
        self.malformed.accepted.saturating_sub(self.rejected)
            + self.foreign.accepted.saturating_sub(discarded)
    }
}

impl LoadReport {
    /// Everything that was accepted is accounted for: jobs have ended, events were rejected or discarded.
    pub fn is_complete(&self) -> bool {
        self.jobs.unfinished + self.jobs.repeated_ids + self.events.open() == 0
    }

    /// Nothing at all was accepted, though something was sent.
    pub fn is_empty(&self) -> bool {
        let all = [self.jobs.responses, self.events.malformed, self.events.foreign];
        all.iter().all(|responses| responses.accepted == 0)
            && all.iter().any(|responses| responses.sent > 0)
    }
}
