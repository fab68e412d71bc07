//! The runs of a job: lease, progress, attempts and interruptions.

use serde::{Deserialize, Serialize};

use crate::{Stage, operation::OperationKind, propagation::TraceParent};

/// The lease of a running job, which proves that its holder may run it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The round.
    pub round: u32,
    /// The attempt, from 1.
    pub attempt: u32,
    /// Interruptions before this run, which distinguish two runs of one attempt by one worker.
    pub run: u32,
    /// The lease holder: the process that runs the job.
    pub worker: String,
    /// Stream sequence of the job's message.
    pub stream_seq: u64,
    /// The span of the run, so that a worker that takes over can export it as lost.
    pub span: TraceParent,
    /// The span's parent, for the same reason.
    pub parent: TraceParent,
    /// When the run started, by the worker's displayed clock; Unix nanoseconds.
    pub started_at_ns: i64,
    /// Whether its operations run in a child process of the worker.
    #[serde(default)]
    pub isolated: bool,
}

impl Lease {
    /// Whether both leases are of the same run.
    pub fn is_same_run(&self, other: &Self) -> bool {
        (self.round, self.attempt, self.run, self.stream_seq)
            == (other.round, other.attempt, other.run, other.stream_seq)
            && self.worker == other.worker
            && self.span == other.span
    }

    /// The run's name in names of results and objects: `{round}.{attempt}.{run}`.
    pub fn run_name(&self) -> String {
        format!("{}.{}.{}", self.round, self.attempt, self.run)
    }
}

/// How far a running job is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Index of the running operation, from 0.
    pub operation: u32,
    /// The running operation's kind.
    pub kind: OperationKind,
    /// The completed part, 0 to 1.
    pub part: f32,
    /// The running operation's span, so that a worker that takes over can export it as lost.
    pub span: TraceParent,
    /// When it started, by the worker's displayed clock; Unix nanoseconds.
    pub started_at_ns: i64,
    /// When its latest child span ended, by the same clock; a lost span does not end before it.
    #[serde(default)]
    pub child_at_ns: i64,
}

/// Attempts used up, by stage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempts {
    /// By the ingester.
    #[serde(default)]
    pub ingester: u32,
    /// By the processor: the attempts that a client sees.
    #[serde(default)]
    pub processor: u32,
    /// By the notifier.
    #[serde(default)]
    pub notifier: u32,
}

impl Attempts {
    /// The attempts `stage` has used up.
    pub const fn of(&self, stage: Stage) -> u32 {
        match stage {
            Stage::Gateway => 0,
            Stage::Ingester => self.ingester,
            Stage::Processor => self.processor,
            Stage::Notifier => self.notifier,
        }
    }

    /// Sets the attempts that `stage` has used up.
    pub const fn set(&mut self, stage: Stage, attempts: u32) {
        match stage {
            Stage::Gateway => {}
            Stage::Ingester => self.ingester = attempts,
            Stage::Processor => self.processor = attempts,
            Stage::Notifier => self.notifier = attempts,
        }
    }
}

/// Runs that ended without a verdict, in this round. They spend no attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interruptions {
    /// Runs in the processor whose worker or child process was lost.
    pub total: u32,
    /// Child processes that died while they ran only this job.
    #[serde(default)]
    pub isolated: u32,
    /// Deliveries to an ingester that was lost. The first is not counted, see [`Handling`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub ingester: u32,
    /// Deliveries to a notifier that was lost. The first is not counted, see [`Handling`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub notifier: u32,
}

impl Interruptions {
    /// The interruptions in `stage`.
    pub const fn of(&self, stage: Stage) -> u32 {
        match stage {
            Stage::Gateway => 0,
            Stage::Ingester => self.ingester,
            Stage::Processor => self.total,
            Stage::Notifier => self.notifier,
        }
    }

    /// Sets the interruptions in `stage`.
    pub const fn set(&mut self, stage: Stage, interruptions: u32) {
        match stage {
            Stage::Gateway => {}
            Stage::Ingester => self.ingester = interruptions,
            Stage::Processor => self.total = interruptions,
            Stage::Notifier => self.notifier = interruptions,
        }
    }
}

/// The process that handles a redelivered message in a stage without leases. If another process finds it in the record
/// at the next redelivery, the first process was lost while it handled the message.
///
/// A first delivery is not recorded, because the write would cost every job a round trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handling {
    /// The stage.
    pub stage: Stage,
    /// A random number that identifies the process.
    pub process: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde takes")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}
