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
/// Entries of a list if the request sets no limit.
pub const LIST_LIMIT_DEFAULT: usize = 50;
/// Most entries of a list.
pub const LIST_LIMIT_MAX: usize = 500;
/// Media type of errors (RFC 9457).
pub const PROBLEM_JSON: &str = "application/problem+json";
/// Request header that makes a submission repeatable.
pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// Response to a submitted job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobAccepted {
    /// The job's id.
    pub id: JobId,
    /// Its state: `accepted`, or a later one for a repeated submission.
    pub state: JobState,
    /// Its trace, as 32 hex digits.
    pub trace_id: String,
}

/// Response to a raw event: stored, not yet validated.
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
    /// Source of the event. Sources that begin with `/waybill/` are reserved for the lab.
    #[schema(min_length = 1, max_length = 512, pattern = "^(?!/waybill/)[!-~]([ -~]*[!-~])?$")]
    pub source: String,
    /// Event type.
    #[serde(rename = "type")]
    #[schema(min_length = 1, max_length = 512, pattern = "^[!-~]([ -~]*[!-~])?$")]
    pub kind: String,
    /// Subject of the event; must not be a job id.
    #[schema(min_length = 1, max_length = 512, pattern = "^[!-~]([ -~]*[!-~])?$")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Time of the event, RFC 3339.
    #[schema(format = DateTime, pattern = r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The job spec; the ingester validates it.
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
    /// Its state.
    pub state: JobState,
    /// 0 at first; one more with each redrive or retry.
    pub round: u32,
    /// Its trace, as 32 hex digits.
    pub trace_id: String,
    /// Attempts used up or under way in this round.
    pub attempts: u32,
    /// Most attempts it may use.
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
    /// Its progress, while it runs.
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
        // The attempt that runs, or that ended the job with results, is not in `spent` but counts.
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
    /// Its kind.
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
    /// Its progress.
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

/// The result of one operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OperationResult {
    /// The operation as it was submitted.
    pub operation: Operation,
    /// Its value or error; absent if the job ended before it.
    #[serde(flatten)]
    #[schema(value_type = OutcomeFields)]
    pub result: Option<OperationOutcome>,
    /// How long it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub milliseconds: Option<f64>,
}

/// An [`OperationOutcome`] in JSON: at most one of the fields is present.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes")]
struct OutcomeFields {
    /// A number, a text, or the description of a tile.
    value: Option<serde_json::Value>,
    /// Why the operation failed.
    error: Option<String>,
}

/// The value of an operation, or its error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationOutcome {
    /// A number, a text, or the description of a tile.
    Value(serde_json::Value),
    /// Why the operation failed.
    Error(String),
}

/// The data of a completion event: how a job ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobDone {
    /// The job as it was run.
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
    /// The data as JSON, unknown fields of the job included.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        self.job.unknown.write(self)
    }
}

/// An error response (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A stable URI for the kind of problem: `https://waybill.dev/problems/{name}`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Short summary of the kind of problem.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong with this request; names the wrong field.
    pub detail: String,
    /// The trace of the request, as 32 hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
}

/// Unix milliseconds as RFC 3339 in UTC; the epoch if the year is out of range.
pub fn rfc3339(unix_ms: i64) -> String {
    let time = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_ms) * 1_000_000)
        .unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    time.format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
}

/// The stage called `name`, so that names from outside never become labels.
pub fn known_stage(name: &str) -> Option<Stage> {
    Stage::ALL.into_iter().find(|stage| stage.name() == name)
}
