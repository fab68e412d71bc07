//! The record of a job: the only authority on its state, changed by compare-and-set.
//!
//! It stays small: large payloads and results have their own stores.

mod failure;
mod inline;
mod run;
mod stored;

pub use failure::{DETAIL_BYTES_MAX, JobFailure, Timestamps};
pub use inline::{INLINE_BYTES_MAX, InlineSpec, is_small};
pub use run::{Attempts, Handling, Interruptions, Lease, Progress};
use serde::{Deserialize, Serialize};
pub use stored::{RECORD_BYTES_MAX, RECORD_END_ROOM, RECORD_VERSION, Unreadable};

use crate::{
    JobId, JobSource,
    job::{DEADLINE_SECONDS_MAX, Job, JobKind},
    propagation::TraceParent,
    result::OperationResult,
    state::{JobState, Outcome},
    unknown_fields::UnknownFields,
};

/// The record of one job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobRecord {
    /// The job's id.
    pub id: JobId,
    /// Schema version; a service must know it to use the record.
    #[serde(default = "stored::first_version")]
    pub version: u32,
    /// The job's name, for people.
    pub name: String,
    /// The job's kind.
    pub kind: JobKind,
    /// Who submitted it.
    #[serde(default, skip_serializing_if = "JobSource::is_client")]
    pub source: JobSource,
    /// The job's state.
    pub state: JobState,
    /// 0 at first; one more with each redrive or retry.
    pub round: u32,
    /// The job's trace, as 32 hex digits; the same in every round.
    pub trace_id: String,
    /// How many operations it has.
    pub operations: u32,
    /// Failed attempts of this round, by stage.
    #[serde(default)]
    pub attempts: Attempts,
    /// How many attempts the processor may use.
    pub attempts_max: u32,
    /// Runs that ended without a verdict in this round.
    #[serde(default)]
    pub interruptions: Interruptions,
    /// The redelivery that the ingester or the notifier handles now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handling: Option<Handling>,
    /// The lease of the worker that runs it.
    #[serde(rename = "owner", default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    /// Span of the attempt before the current one, for the link between them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<TraceParent>,
    /// The winning run, such as `0.1.0`; only its results and tiles are valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Results of the winning run, if they are small; else they are in the bucket of results.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub results: Option<Vec<OperationResult>>,
    /// The job's spec, if that is small; else it is in the stream of payloads once the job is queued.
    #[serde(rename = "asked", default, skip_serializing_if = "Option::is_none")]
    pub inline_spec: Option<InlineSpec>,
    /// Why it failed, is dead, or is retried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<JobFailure>,
    /// Progress of the running operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// A cancel was accepted: the job ends as cancelled, whatever its run returns.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cancel_requested: bool,
    /// The completion event is stored for the notifier and need not be published again.
    #[serde(rename = "told", default, skip_serializing_if = "std::ops::Not::not")]
    pub completion_published: bool,
    /// Deadline of the round, in broker time; Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_at_ms: Option<i64>,
    /// Sequence number of its dead letter, if this round ended in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letter: Option<u64>,
    /// Displayed times of its state changes.
    pub times: Timestamps,
    /// Fields that this version does not know.
    #[serde(skip)]
    pub unknown: UnknownFields,
}

/// The move between these states is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a job that is {from} cannot become {to}")]
pub struct MoveForbidden {
    /// The job's state.
    pub from: JobState,
    /// The requested state.
    pub to: JobState,
}

impl JobRecord {
    /// The record of a job that was just accepted.
    pub fn accepted(job: &Job, trace_id: String) -> Self {
        Self {
            id: job.id,
            version: RECORD_VERSION,
            name: job.spec.name.clone(),
            kind: job.spec.kind(),
            source: job.source,
            state: JobState::Accepted,
            round: job.round,
            trace_id,
            operations: u32::try_from(job.spec.operations.len()).unwrap_or(u32::MAX),
            attempts: Attempts::default(),
            attempts_max: job.spec.attempts_max.unwrap_or(crate::job::ATTEMPTS_DEFAULT),
            interruptions: Interruptions::default(),
            handling: None,
            lease: None,
            previous: None,
            run: None,
            results: None,
            inline_spec: None,
            failure: None,
            progress: None,
            cancel_requested: false,
            completion_published: false,
            deadline_at_ms: job.deadline_at_ms,
            dead_letter: None,
            times: Timestamps { accepted_ms: job.accepted_at_ms, ..Timestamps::default() },
            unknown: UnknownFields::default(),
        }
    }

    /// Moves the job to `next`, if that is allowed. Leaving `running` clears lease and progress and keeps the span of
    /// the attempt in `previous`.
    pub fn move_to(&mut self, next: JobState) -> Result<(), MoveForbidden> {
        if !self.state.may_become(next) {
            return Err(MoveForbidden { from: self.state, to: next });
        }
        if next != JobState::Running {
            self.previous = self.lease.take().map(|lease| lease.span).or(self.previous);
            self.progress = None;
        }
        self.state = next;
        Ok(())
    }

    /// Starts the next round of an ended job: queued at `queued_ms`, all counts at zero, in the same trace.
    pub fn start_again(&mut self, queued_ms: i64) -> Result<(), MoveForbidden> {
        if !self.state.may_start_again() {
            return Err(MoveForbidden { from: self.state, to: JobState::Queued });
        }
        self.state = JobState::Queued;
        self.round += 1;
        self.attempts = Attempts::default();
        self.interruptions = Interruptions::default();
        (self.lease, self.run, self.failure, self.progress) = (None, None, None, None);
        self.handling = None;
        self.results = None;
        (self.cancel_requested, self.completion_published, self.dead_letter) = (false, false, None);
        let accepted_ms = self.times.accepted_ms;
        self.times =
            Timestamps { accepted_ms, queued_ms: Some(queued_ms), ..Timestamps::default() };
        Ok(())
    }

    /// The record's deadline, in broker time. Without one, `written_ms` plus the maximum deadline.
    pub fn latest_deadline_ms(&self, written_ms: i64) -> i64 {
        let longest_ms = i64::from(DEADLINE_SECONDS_MAX) * 1_000;
        self.deadline_at_ms.unwrap_or_else(|| written_ms.saturating_add(longest_ms))
    }

    /// How the job ended, if it did.
    pub fn outcome(&self) -> Option<Outcome> {
        self.state.outcome()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        job::JobSpec,
        operation::{Add, Operation, OperationKind, Wait},
        result::OperationOutcome,
    };

    fn largest() -> JobRecord {
        let spec = JobSpec {
            name: "\u{1F9FE}".repeat(crate::job::NAME_CHARS_MAX),
            operations: vec![Wait { seconds: 0.0 }.into(); 100],
            notify: None,
            deadline_seconds: None,
            attempts_max: Some(20),
        };
        let id = JobId::at(Duration::from_millis(u64::MAX >> 16), [255; 10]);
        let span = TraceParent { trace_id: u128::MAX, span_id: u64::MAX, sampled: true };
        let job = Job {
            id,
            round: u32::MAX,
            spec,
            accepted_at_ms: i64::MAX,
            source: JobSource::Trickle,
            deadline_at_ms: None,
            unknown: UnknownFields::default(),
        };
        let mut record = JobRecord::accepted(&job, span.trace_hex());
        record.state = JobState::Running;
        record.attempts = Attempts { ingester: 20, processor: 20, notifier: 20 };
        record.lease = Some(Lease {
            round: u32::MAX,
            attempt: 20,
            run: 99,
            worker: "w".repeat(64),
            stream_seq: u64::MAX,
            span,
            parent: span,
            started_at_ns: i64::MAX,
            isolated: true,
        });
        record.interruptions = Interruptions { total: 99, isolated: 9, ingester: 9, notifier: 9 };
        record.handling = Some(Handling { stage: crate::Stage::Notifier, process: u32::MAX });
        record.previous = Some(span);
        record.run = Some("r".repeat(40));
        record.failure = Some(JobFailure::new("attempts_used_up", &"\"".repeat(1_000)));
        (record.cancel_requested, record.completion_published, record.dead_letter) =
            (true, true, Some(u64::MAX));
        record.deadline_at_ms = Some(i64::MIN);
        record.progress = Some(Progress {
            operation: 99,
            kind: OperationKind::Multiply,
            part: 0.123_456_78,
            span,
            started_at_ns: i64::MAX,
            child_at_ns: i64::MAX,
        });
        let ms = Some(i64::MIN);
        record.times = Timestamps {
            accepted_ms: i64::MIN,
            queued_ms: ms,
            started_ms: ms,
            retry_ms: ms,
            finished_ms: ms,
            queue_wait_ms: ms,
        };
        record
    }

    #[test]
    fn the_largest_record_fits_its_limit() {
        let bytes = serde_json::to_vec(&largest()).unwrap().len();
        assert!(bytes <= RECORD_BYTES_MAX - RECORD_END_ROOM, "{bytes}");
    }

    #[test]
    fn the_largest_record_with_the_largest_documents_fits_its_limit() {
        let mut record = largest();
        let spec = JobSpec {
            name: "n".repeat(300),
            operations: vec![Add { inputs: vec![0.1, 0.2] }.into(); 3],
            notify: None,
            deadline_seconds: None,
            attempts_max: None,
        };
        record.name.clone_from(&spec.name);
        let inline_spec = InlineSpec { spec, deadline_at_ms: Some(i64::MIN), context: Vec::new() };
        assert!(is_small(&inline_spec) && !is_small(&(&inline_spec, &inline_spec)));
        record.inline_spec = Some(inline_spec);
        let running = serde_json::to_vec(&record).unwrap().len();
        assert!(running <= record.bytes_max(), "{running}");
        record.move_to(JobState::Succeeded).unwrap();
        let error = OperationOutcome::Error("e".repeat(INLINE_BYTES_MAX - 90));
        let operation = Operation::from(Wait { seconds: 1.0 });
        let results = vec![OperationResult { operation, result: Some(error), milliseconds: None }];
        assert!(is_small(&results));
        record.results = Some(results);
        let ended = serde_json::to_vec(&record).unwrap().len();
        assert!(ended <= RECORD_BYTES_MAX - RECORD_END_ROOM, "{ended}");
    }

    #[test]
    fn an_ended_job_is_queued_again_only_in_a_new_round() {
        let mut record = largest();
        let ran = record.lease.as_ref().map(|lease| lease.span);
        assert!(record.start_again(1).is_err());
        record.move_to(JobState::Dead).unwrap();
        assert!(record.move_to(JobState::Queued).is_err() && record.lease.is_none());
        record.round = 3;
        record.start_again(1).unwrap();
        assert_eq!(
            (record.previous, record.dead_letter, record.completion_published),
            (ran, None, false)
        );
        assert_eq!(
            (record.state, record.round, record.attempts),
            (JobState::Queued, 4, Attempts::default())
        );
    }
}
