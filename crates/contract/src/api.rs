//! The bodies of the gateway's HTTP API.

mod dead;
mod operations;
mod queues;
mod waiting;

pub use dead::{
    DeadLetterDetail, DeadLetterList, DeadLetterReason, DeadLetterView, Header,
    REDRIVE_LIMIT_DEFAULT, REDRIVE_LIMIT_MAX, RedriveFailure, RedriveMany, Redriven, RedrivenMany,
    dead_header,
};
pub use operations::{OperationList, OperationState, OperationView};
pub use queues::{QueueList, QueueView, StoreView, WhenFull};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
pub use waiting::{LeaseView, WaitReason, WaitView};

use crate::{
    JobId, JobSource, Stage,
    job::{Job, JobKind},
    operation::{Operation, OperationKind},
    record::{JobFailure, JobRecord, Timestamps},
    state::{JobState, Outcome},
};

/// Largest request body, in bytes.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// Entries of a list that asks for no limit.
pub const LIST_LIMIT_DEFAULT: usize = 50;
/// Most entries of a list.
pub const LIST_LIMIT_MAX: usize = 500;
/// Media type of errors (RFC 9457).
pub const PROBLEM_JSON: &str = "application/problem+json";
/// Request header that makes a submission repeatable.
pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// Answer to a submitted job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobAccepted {
    /// The job's id.
    pub id: JobId,
    /// Where it is: `accepted`, or further for a repeated submission.
    pub state: JobState,
    /// Its trace, as 32 hex digits.
    pub trace_id: String,
}

/// Answer to a raw event: taken, not yet judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventAccepted {
    /// The event's own id.
    pub event_id: String,
    /// The event's own source.
    pub source: String,
    /// Its trace, as 32 hex digits.
    pub trace_id: String,
}

/// A raw event: a CloudEvent in structured JSON form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RawEvent {
    /// CloudEvents version; `1.0`.
    #[schema(pattern = r"^1\.0$")]
    pub specversion: String,
    /// Unique within its source. Printable ASCII, like all that follow.
    #[schema(min_length = 1, max_length = 512, pattern = "^[!-~]([ -~]*[!-~])?$")]
    pub id: String,
    /// Who made it. `/waybill/` at its start is the lab's own.
    #[schema(min_length = 1, max_length = 512, pattern = "^(?!/waybill/)[!-~]([ -~]*[!-~])?$")]
    pub source: String,
    /// What happened.
    #[serde(rename = "type")]
    #[schema(min_length = 1, max_length = 512, pattern = "^[!-~]([ -~]*[!-~])?$")]
    pub kind: String,
    /// What it is about; no job's id, because events do not speak for jobs.
    #[schema(min_length = 1, max_length = 512, pattern = "^[!-~]([ -~]*[!-~])?$")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// When, as RFC 3339.
    #[schema(format = DateTime, pattern = r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// What it says; the ingester judges it.
    #[serde(default)]
    pub data: serde_json::Value,
}

/// A job as a client sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobView {
    /// Its id.
    pub id: JobId,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: JobKind,
    /// Who submitted it.
    #[serde(default)]
    pub source: JobSource,
    /// Where it is.
    pub state: JobState,
    /// 0 at first; one more with each redrive or retry.
    pub round: u32,
    /// Its trace, as 32 hex digits.
    pub trace_id: String,
    /// Attempts used up or under way in this round.
    pub attempts: u32,
    /// How many it may use.
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
    /// How far it is, while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<ProgressView>,
    /// The worker that runs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// How that worker's lease stands: since when it runs, how long it has been silent, when another takes over.
    /// Only where a job is asked for, not in the stream of its events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<LeaseView>,
    /// What it waits for, if it neither runs nor has ended. Only where a job is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<WaitView>,
    /// Its cancel was asked for and taken: however its run ends, it ends as cancelled.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cancel_requested: bool,
    /// The place of its dead letter, if it is dead and has one.
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
    /// What a client sees of `record`; `results` when they were asked for and exist.
    pub fn of(record: JobRecord, results: Option<Vec<OperationResult>>) -> Self {
        let spent = record.attempts.processor;
        let stages = StageCounts::of(&record);
        // The attempt that runs, or that ended the job with results, spent nothing and counts all the same.
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

/// What one stage took of a job's attempts in this round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StageCounts {
    /// The stage.
    pub stage: Stage,
    /// Attempts that their own failure used up.
    pub attempts: u32,
    /// Timestamps that its process was lost while it had the job.
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
    /// The operation that runs, from 0.
    pub operation: u32,
    /// Its kind.
    pub kind: OperationKind,
    /// Its done part, 0 to 1.
    pub part: f32,
}

/// One event of the stream that follows a job; the stream is a row of these as server-sent events.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes")]
pub struct JobEvent {
    /// The record's revision. A client that comes back sends the last one as `Last-Event-ID`.
    #[schema(pattern = "^[0-9]+$")]
    id: String,
    /// What the event tells.
    event: JobEventName,
    /// A `JobView` for `state`, a `ProgressView` for `progress`, as JSON text.
    #[schema(content_media_type = "application/json")]
    data: String,
}

/// What an event of the stream tells.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "it only describes")]
enum JobEventName {
    /// The job, whenever it has moved.
    State,
    /// How far it is.
    Progress,
}

/// Whose jobs a list holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobSources {
    /// Those of clients: what a list holds unless asked.
    Client,
    /// Those of the trickle that keeps pages lively.
    Trickle,
    /// Those of the console's canary.
    Canary,
    /// All of them.
    All,
}

/// A page of jobs, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobList {
    /// The jobs.
    pub jobs: Vec<JobView>,
    /// Give it back as `cursor` for the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// What one operation came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OperationResult {
    /// The operation as it was asked for.
    pub operation: Operation,
    /// What came of it; absent when the job ended before it.
    #[serde(flatten)]
    #[schema(value_type = OutcomeFields)]
    pub result: Option<OperationOutcome>,
    /// How long it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub milliseconds: Option<f64>,
}

/// An [`OperationOutcome`] as it stands in JSON: one of both, or neither.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes")]
struct OutcomeFields {
    /// A number, a text, or the description of a tile.
    value: Option<serde_json::Value>,
    /// Why the operation failed.
    error: Option<String>,
}

/// A value or the operation's own error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationOutcome {
    /// A number, a text, or the description of a tile.
    Value(serde_json::Value),
    /// Why the operation failed.
    Error(String),
}

/// The data of a `done` message: how a job ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobDone {
    /// The job as it was done.
    #[serde(flatten)]
    pub job: Job,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, unless it succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<JobFailure>,
    /// When, Unix milliseconds by the displayed clock of the stage that ended it.
    pub finished_at_ms: i64,
    /// The run that won, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

impl JobDone {
    /// The data as they are sent, with what was unknown of the job when it was read.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        self.job.unknown.write(self)
    }
}

/// An error answer (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A stable URI for the kind of problem: `https://waybill.dev/problems/{name}`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem, for people.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong with this request; names the field.
    pub detail: String,
    /// The trace in which it happened, as 32 hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
}

/// Unix milliseconds as RFC 3339 in UTC; the epoch for times that no calendar has.
pub fn rfc3339(unix_ms: i64) -> String {
    let time = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_ms) * 1_000_000)
        .unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    time.format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
}

/// Every stage's name is fit for a label; what came from outside is not.
pub fn known_stage(name: &str) -> Option<Stage> {
    Stage::ALL.into_iter().find(|stage| stage.name() == name)
}
