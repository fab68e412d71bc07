//! The runs of a job: how many there were, who runs it now, how far that is.

use serde::{Deserialize, Serialize};

use crate::{Stage, operation::OperationKind, waybill::SpanRef};

/// The token of a running job: who may speak for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The round it runs in.
    pub round: u32,
    /// The attempt it is, from 1.
    pub attempt: u32,
    /// Interruptions before this run: two runs of one attempt by one worker differ in it.
    pub run: u32,
    /// The process that runs it.
    pub worker: String,
    /// The message it was taken from.
    pub stream_seq: u64,
    /// The span of the run, so that whoever takes over can export it as lost.
    pub span: SpanRef,
    /// The span's parent, for the same reason.
    pub parent: SpanRef,
    /// When the run started, by the worker's displayed clock; Unix nanoseconds.
    pub started_at_ns: i64,
    /// Whether the job has the worker to itself.
    #[serde(default)]
    pub alone: bool,
}

impl Owner {
    /// Whether both tokens are of the same run.
    pub fn is_same_run(&self, other: &Self) -> bool {
        (self.round, self.attempt, self.run, self.stream_seq)
            == (other.round, other.attempt, other.run, other.stream_seq)
            && self.worker == other.worker
            && self.span == other.span
    }

    /// The run as it stands in names of results and objects: `{round}.{attempt}.{run}`.
    pub fn run_name(&self) -> String {
        format!("{}.{}.{}", self.round, self.attempt, self.run)
    }
}

/// How far a running job is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The operation that runs, from 0.
    pub operation: u32,
    /// Its kind.
    pub kind: OperationKind,
    /// Its done part, 0 to 1.
    pub part: f32,
    /// Its span, so that whoever takes over can export it as lost.
    pub span: SpanRef,
    /// When it started, by the worker's displayed clock; Unix nanoseconds.
    pub started_at_ns: i64,
}

/// Attempts used up, by the stage that used them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempts {
    /// By the ingester.
    #[serde(default)]
    pub ingester: u32,
    /// By the processor: the ones a client sees.
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

    /// Notes that `stage` has used up `attempts`.
    pub const fn set(&mut self, stage: Stage, attempts: u32) {
        match stage {
            Stage::Gateway => {}
            Stage::Ingester => self.ingester = attempts,
            Stage::Processor => self.processor = attempts,
            Stage::Notifier => self.notifier = attempts,
        }
    }
}

/// Runs without a verdict. Only those of a job that ran alone count to the limit, so that a poison
/// job does not convict its neighbours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interruptions {
    /// All of them.
    pub total: u32,
    /// Those while the job ran alone in its worker.
    pub alone: u32,
}
