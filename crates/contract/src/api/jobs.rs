//! Jobs in the HTTP API.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{LeaseView, WaitView};
use crate::{
    JobId, JobSource, Stage,
    job::JobKind,
    operation::OperationKind,
    record::{JobFailure, JobRecord, Timestamps},
    result::OperationResult,
    rfc3339,
    state::JobState,
};

/// A job as a client sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobView {
    /// The job's id.
    pub id: JobId,
    /// The job's name.
    pub name: String,
    /// The job's kind.
    pub kind: JobKind,
    /// Who submitted it.
    #[serde(default)]
    pub source: JobSource,
    /// The job's state.
    pub state: JobState,
    /// 0 at first; one more with each redrive or retry.
    pub round: u32,
    /// The job's trace, as 32 hex digits.
    pub trace_id: String,
    /// Attempts used up or under way in this round.
    pub attempts: u32,
    /// Maximum number of attempts.
    pub attempts_max: u32,
    /// Runs that ended without a verdict in this round.
    pub interruptions: u32,
    /// Attempts used up and interruptions of this round, by stage; stages that had neither are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<StageCounts>,
    /// How many operations it has.
    pub operations: u32,
    /// Why it did not succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<JobFailure>,
    /// The job's progress, while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<ProgressView>,
    /// The worker that runs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// That worker's lease: when the run started, when the lease was last renewed, when another worker takes over.
    /// Only when a job is requested, not in the stream of its events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<LeaseView>,
    /// What it waits for, if it neither runs nor has ended. Only when a job is requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<WaitView>,
    /// A cancel was requested and accepted: the job ends as cancelled, whatever its run returns.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cancel_requested: bool,
    /// Sequence number of its dead letter, if it is dead and has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letter: Option<u64>,
    /// When it was accepted, RFC 3339.
    pub accepted_at: String,
    /// Displayed times, Unix milliseconds, and the latest queue wait.
    pub times: Timestamps,
    /// Results, in the order of the operations; only on the job itself, not in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub results: Option<Vec<OperationResult>>,
}

impl JobView {
    /// The view of `record`, with `results` if they were requested and exist.
    pub fn of(record: JobRecord, results: Option<Vec<OperationResult>>) -> Self {
        let spent = record.attempts.processor;
        let stages = StageCounts::of(&record);
        // `spent` excludes the running attempt and the one that ended the job with results; add it.
        let under_way = u32::from(record.lease.is_some() || record.run.is_some());
        Self {
            id: record.id,
            kind: record.kind,
            source: record.source,
            state: record.state,
            round: record.round,
            trace_id: record.trace_id,
            attempts: spent + under_way,
            attempts_max: record.attempts_max,
            interruptions: record.interruptions.total,
            stages,
            operations: record.operations,
            failure: record.failure,
            progress: record.progress.map(|at| ProgressView {
                operation: at.operation,
                kind: at.kind,
                part: at.part,
            }),
            worker: record.lease.map(|lease| lease.worker),
            lease: None,
            waiting: None,
            cancel_requested: record.cancel_requested,
            dead_letter: record.dead_letter,
            accepted_at: rfc3339(record.times.accepted_ms),
            times: record.times,
            name: record.name,
            results,
        }
    }
}

/// Attempts and interruptions of one stage in this round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StageCounts {
    /// The stage.
    pub stage: Stage,
    /// Attempts that failed.
    pub attempts: u32,
    /// How often its process was lost while it handled the job.
    pub interruptions: u32,
}

impl StageCounts {
    fn of(record: &JobRecord) -> Vec<Self> {
        let counts = Stage::ALL.map(|stage| Self {
            stage,
            attempts: record.attempts.of(stage),
            interruptions: record.interruptions.of(stage),
        });
        counts.into_iter().filter(|one| one.attempts + one.interruptions > 0).collect()
    }
}

/// How far a running job is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProgressView {
    /// Index of the running operation, from 0.
    pub operation: u32,
    /// The running operation's kind.
    pub kind: OperationKind,
    /// The completed part, 0 to 1.
    pub part: f32,
}

/// One server-sent event of the stream that follows a job.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes")]
pub struct JobEvent {
    /// The record's revision. A client that reconnects sends the last one as `Last-Event-ID`.
    #[schema(pattern = "^[0-9]+$")]
    id: String,
    /// What the event reports.
    event: JobEventName,
    /// A `JobView` for `state`, a `ProgressView` for `progress`, as JSON text.
    #[schema(content_media_type = "application/json")]
    data: String,
}

/// What an event of the stream reports.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "it only describes")]
enum JobEventName {
    /// The job, after each change of its state.
    State,
    /// The job's progress.
    Progress,
}

/// Which jobs a list contains, by submitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobSources {
    /// Jobs of clients; the default.
    Client,
    /// Jobs of the built-in trickle of small random jobs.
    Trickle,
    /// Jobs of the console's canary.
    Canary,
    /// All jobs.
    All,
}

/// A page of jobs, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobList {
    /// The jobs.
    pub jobs: Vec<JobView>,
    /// Pass it as `cursor` to get the next page; absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}
