//! Names of streams, subjects, consumers and buckets: defined only here.

use std::{ops::RangeInclusive, time::Duration};

use crate::{JobId, Stage, job::JobKind, state::Outcome};

/// A stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream {
    /// The stream's name.
    pub name: &'static str,
    /// The wildcard of its subjects.
    pub subjects: &'static str,
    /// The stream's description at the broker.
    pub description: &'static str,
}

/// Submitted jobs.
pub const SUBMITTED: Stream = Stream {
    name: "SUBMITTED",
    subjects: "jobs.submitted.>",
    description: "Jobs and raw events as submitted, until the ingester has queued or refused them",
};
/// Queued jobs.
pub const TODO: Stream = Stream {
    name: "TODO",
    subjects: "jobs.todo.>",
    description: "Jobs that wait for a processor, or run in one",
};
/// Completion events.
pub const DONE: Stream = Stream {
    name: "DONE",
    subjects: "jobs.done.>",
    description: "Jobs that ended, until the notifier has notified their submitters",
};
/// Dead letters.
pub const DEAD: Stream = Stream {
    name: "DEAD",
    subjects: "jobs.dead.>",
    description: "Dead letters of every stage, until they are redriven or deleted; the oldest are dropped after a week",
};
/// The latest payload of each job, for services that hold no message of the job.
pub const PAYLOADS: Stream = Stream {
    name: "PAYLOADS",
    subjects: "jobs.payload.*",
    description: "The latest payload of each job, for cancels and retries",
};
/// Subjects of cancel signals to workers, without a stream: the record is authoritative.
pub const CANCELS: &str = "jobs.cancel.*";

/// The work queues, in the order in which a job passes them.
pub const WORK_QUEUES: [Stream; 3] = [SUBMITTED, TODO, DONE];

/// A stage's durable consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consumer {
    /// The stage that reads; its name is also that of the consumer.
    pub stage: Stage,
    /// The stream that it reads.
    pub stream: Stream,
    /// The subject of its spans, without the variable part.
    pub destination: &'static str,
    /// The consumer's description at the broker.
    pub description: &'static str,
}

/// Reads submitted jobs.
pub const INGESTER: Consumer = Consumer {
    stage: Stage::Ingester,
    stream: SUBMITTED,
    destination: "jobs.submitted",
    description: "All ingesters: validate what was submitted and queue it",
};
/// Reads queued jobs.
pub const PROCESSOR: Consumer = Consumer {
    stage: Stage::Processor,
    stream: TODO,
    destination: "jobs.todo",
    description: "All processors: run the operations of queued jobs",
};
/// Reads completion events.
pub const NOTIFIER: Consumer = Consumer {
    stage: Stage::Notifier,
    stream: DONE,
    destination: "jobs.done",
    description: "All notifiers: notify the submitters of ended jobs",
};

/// All consumers, in the order in which a job passes them.
pub const CONSUMERS: [Consumer; 3] = [INGESTER, PROCESSOR, NOTIFIER];

/// Default ack wait: the broker redelivers a message that was not settled for so long.
pub const ACK_WAIT: Duration = Duration::from_secs(10);
/// Allowed ack waits. A lease is renewed three times within one, and a lost worker is replaced after one.
pub const ACK_WAITS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_mins(5);
/// High, so that jobs that wait for a retry do not block new ones; concurrency is limited by slots.
pub const ACK_PENDING_MAX: i64 = 50_000;
/// The window in which the broker drops a repeated message id.
pub const DUPLICATE_WINDOW: Duration = Duration::from_mins(1);
/// How long dead letters are kept.
pub const DEAD_AGE_MAX: Duration = Duration::from_hours(7 * 24);
/// How long records of ended jobs, results and tiles are kept.
pub const TERMINAL_AGE_MAX: Duration = Duration::from_hours(24);
/// How long payloads are kept: the longest deadline plus the retention of an ended job's record.
pub const PAYLOAD_AGE_MAX: Duration = Duration::from_hours(48);
/// Largest message of the work queues, in bytes: the gateway's body limit plus headers.
pub const MESSAGE_BYTES_MAX: i32 = 320 * 1024;
/// Largest work queue, in bytes.
pub const QUEUE_BYTES_MAX: i64 = 1 << 30;
/// Largest dead-letter stream, in bytes.
pub const DEAD_BYTES_MAX: i64 = 256 << 20;
/// Largest bucket of job records, in bytes.
pub const JOBS_BYTES_MAX: i64 = 1 << 30;
/// Largest message in the bucket of job records, in bytes: the largest record plus headers.
pub const JOBS_MESSAGE_BYTES_MAX: i32 = 4_096;
/// Largest of the other buckets, in bytes.
pub const BUCKET_BYTES_MAX: i64 = 512 << 20;

/// Bucket of job records, keyed by job id.
pub const JOBS_BUCKET: &str = "JOBS";
/// Bucket of results, keyed by job and run.
pub const RESULTS_BUCKET: &str = "RESULTS";
/// Bucket of idempotency keys and of raw events that became jobs.
pub const KEYS_BUCKET: &str = "KEYS";
/// Bucket of global faults.
pub const FAULTS_BUCKET: &str = "FAULTS";
/// Object store of rendered tiles.
pub const TILES_STORE: &str = "TILES";

/// The streams of records, results, keys and tiles. If one is full, jobs cannot end or cannot start.
pub const LIMITED_STORES: [&str; 4] = ["KV_JOBS", "KV_RESULTS", "KV_KEYS", "OBJ_TILES"];

/// The streams that must exist before a service starts its work; every service may read them.
pub const REQUIRED_STREAMS: [&str; 7] =
    [SUBMITTED.name, TODO.name, DONE.name, DEAD.name, "KV_JOBS", "KV_RESULTS", "OBJ_TILES"];

/// The streams of all stores besides the queues.
pub const STORES: [&str; 5] = ["KV_JOBS", "KV_RESULTS", "KV_KEYS", "OBJ_TILES", PAYLOADS.name];

/// Subject of a submitted job.
pub fn submitted(kind: JobKind) -> String {
    format!("jobs.submitted.{}", kind.name())
}

/// Subject of a queued job.
pub fn todo(kind: JobKind) -> String {
    format!("jobs.todo.{}", kind.name())
}

/// Subject of a completion event.
pub fn done(outcome: Outcome) -> String {
    format!("jobs.done.{}", outcome.name())
}

/// Subject of a stage's dead letters.
pub fn dead(stage: Stage) -> String {
    format!("jobs.dead.{}", stage.name())
}

/// Subject of a job's payload.
pub fn payload(job: JobId) -> String {
    format!("jobs.payload.{job}")
}

/// Subject of the cancel signal of a running job.
pub fn cancel(job: JobId) -> String {
    format!("jobs.cancel.{job}")
}

/// The original subject of a dead letter of `stage`: `subject`, if that stage reads it.
pub fn origin_of(stage: Stage, subject: &str) -> Option<String> {
    let token = subject.rsplit('.').next().unwrap_or_default();
    let kind = JobKind::all().find(|kind| kind.name() == token);
    let outcome = Outcome::ALL.into_iter().find(|outcome| outcome.name() == token);
    let made = match stage {
        Stage::Gateway => None,
        Stage::Ingester => kind.map(submitted),
        Stage::Processor => kind.map(todo),
        Stage::Notifier => outcome.map(done),
    };
    made.filter(|made| made == subject)
}

/// The target of a published job, as part of the message id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hop {
    /// To the ingester.
    Submitted,
    /// To the processor.
    Todo,
    /// To the notifier.
    Done,
    /// To the dead letters of a stage.
    Dead(Stage),
}

/// The message id `{job}:{round}:{hop}`. The broker drops duplicates within its window; beyond that the record detects
/// them (a work queue forgets ids over a broker restart).
pub fn message_id(job: JobId, round: u32, hop: Hop) -> String {
    match hop {
        Hop::Submitted => format!("{job}:{round}:submitted"),
        Hop::Todo => format!("{job}:{round}:todo"),
        Hop::Done => format!("{job}:{round}:done"),
        Hop::Dead(stage) => format!("{job}:{round}:dead-{stage}"),
    }
}

/// The message id of a redriven dead letter that starts no new round: the same for each redrive of it.
pub fn redrive_id(seq: u64) -> String {
    format!("dead-{seq}:redrive")
}

/// The key of a run's results in [`RESULTS_BUCKET`].
pub fn results_key(job: JobId, run: &str) -> String {
    format!("{job}/{run}")
}

/// The name of operation `n`'s tile in [`TILES_STORE`].
pub fn tile_name(job: JobId, run: &str, n: usize) -> String {
    format!("{job}/{run}/{n}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_letter_returns_only_to_a_subject_that_its_stage_reads() {
        let back = |stage, subject| origin_of(stage, subject).is_some();
        assert!(back(Stage::Ingester, "jobs.submitted.event"));
        assert!(back(Stage::Processor, "jobs.todo.mixed"));
        assert!(back(Stage::Notifier, "jobs.done.cancelled"));
        for (stage, subject) in [
            (Stage::Processor, "jobs.done.failed"),
            (Stage::Processor, "jobs.todo.>"),
            (Stage::Processor, "jobs.todo.x.add"),
            (Stage::Notifier, "jobs.done.add"),
            (Stage::Gateway, "jobs.submitted.add"),
        ] {
            assert!(!back(stage, subject), "{subject}");
        }
    }

    #[test]
    fn every_subject_belongs_to_its_stream() {
        let cases = [
            (SUBMITTED, JobKind::all().map(submitted).collect::<Vec<_>>()),
            (TODO, JobKind::all().map(todo).collect()),
            (DONE, Outcome::ALL.map(done).to_vec()),
            (DEAD, Stage::ALL.map(dead).to_vec()),
        ];
        for (stream, subjects) in cases {
            let prefix = stream.subjects.trim_end_matches('>');
            for subject in subjects {
                assert!(
                    subject.starts_with(prefix) && !subject.contains(['*', '>', ' ']),
                    "{subject}"
                );
            }
        }
    }
}
