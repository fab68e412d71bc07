//! The labels and their values, taken from the corresponding types.

use super::{Label, reason};
use crate::{
    Stage,
    job::JobKind,
    operation::OperationKind,
    state::{JobState, Outcome},
    topology,
    verdict::Verdict,
};

/// The names of every variant of a type, in the order of its `ALL`.
macro_rules! names {
    ($type:ty) => {{
        const NAMES: [&str; <$type>::ALL.len()] = {
            let mut names = [""; <$type>::ALL.len()];
            let mut at = 0;
            while at < names.len() {
                names[at] = <$type>::ALL[at].name();
                at += 1;
            }
            names
        };
        &NAMES
    }};
}

const OPERATION_KINDS: &[&str] = names!(OperationKind);

const JOB_KINDS: &[&str] = {
    const LEN: usize = OPERATION_KINDS.len();
    const NAMES: [&str; LEN + 3] = {
        let mut names = [""; LEN + 3];
        let mut at = 0;
        while at < LEN {
            names[at] = OPERATION_KINDS[at];
            at += 1;
        }
        names[LEN] = JobKind::MIXED.name();
        names[LEN + 1] = JobKind::EVENT.name();
        names[LEN + 2] = JobKind::UNKNOWN.name();
        names
    };
    &NAMES
};

/// The value of the label `consumer` for a stream without a consumer.
pub const NO_CONSUMER: &str = "none";

/// Outcomes of an operation.
pub mod operation {
    /// It has a value.
    pub const OK: &str = "ok";
    /// It has an error, such as a division by zero.
    pub const ERROR: &str = "error";
}

/// All outcomes of an operation.
pub const OPERATION_OUTCOMES: &[&str] = &[operation::OK, operation::ERROR];

/// Outcomes of a notification.
pub mod notification {
    /// The submitter has it.
    pub const DELIVERED: &str = "delivered";
    /// The submitter has it, perhaps not for the first time: the same `webhook-id`.
    pub const REPEATED: &str = "repeated";
    /// The submitter wants no notification of this outcome.
    pub const UNWANTED: &str = "unwanted";
    /// Delivery failed; it is retried.
    pub const FAILED: &str = "failed";
    /// The webhook receiver is away or busy: it is retried, and no attempt is spent.
    pub const POSTPONED: &str = "postponed";
    /// The webhook address is not allowed, or its receiver rejected the notification for good.
    pub const REFUSED: &str = "refused";
    /// All of them.
    pub const ALL: &[&str] = &[DELIVERED, REPEATED, UNWANTED, FAILED, POSTPONED, REFUSED];
}

/// The checks of the canary, and their outcomes.
pub mod canary {
    /// The job was accepted and succeeded.
    pub const JOB: &str = "job";
    /// Its trace is complete in the console.
    pub const TRACE: &str = "trace";
    /// Its log lines are in the console.
    pub const LOG: &str = "log";
    /// An exemplar in the console leads to a trace.
    pub const EXEMPLAR: &str = "exemplar";
    /// Its trace is complete in Tempo.
    pub const TEMPO: &str = "tempo";
    /// Its log lines are in Loki.
    pub const LOKI: &str = "loki";
    /// An exemplar in Prometheus leads to a trace.
    pub const PROMETHEUS: &str = "prometheus";
    /// All checks, in the order in which they are shown.
    pub const CHECKS: &[&str] = &[JOB, TRACE, LOG, EXEMPLAR, TEMPO, LOKI, PROMETHEUS];
    /// The telemetry was found in time.
    pub const PASSED: &str = "passed";
    /// The telemetry was not found in time.
    pub const FAILED: &str = "failed";
    /// There was nothing to check: the job's trace was not sampled.
    pub const SKIPPED: &str = "skipped";
    /// Outcomes of a check.
    pub const OUTCOMES: &[&str] = &[PASSED, FAILED, SKIPPED];
}

/// The kinds of telemetry that can be dropped.
pub mod signal {
    /// Spans, over OTLP.
    pub const SPANS: &str = "spans";
    /// Log records, over OTLP.
    pub const LOGS: &str = "logs";
    /// Log lines, pushed directly to Loki.
    pub const LOKI: &str = "loki";
    /// Log lines on standard output.
    pub const STDOUT: &str = "stdout";
}

/// All kinds of telemetry that can be dropped.
pub const SIGNALS: &[&str] = &[signal::SPANS, signal::LOGS, signal::LOKI, signal::STDOUT];

/// The kinds of fault, as written in headers and labels.
pub const FAULTS: &[&str] = &["error", "latency", "hang", "panic", "crash"];

const STREAMS: &[&str] =
    &[topology::SUBMITTED.name, topology::TODO.name, topology::DONE.name, topology::DEAD.name];
/// The queues, then the stores.
const EVERY_STREAM: &[&str] = &[
    STREAMS[0],
    STREAMS[1],
    STREAMS[2],
    STREAMS[3],
    topology::STORES[0],
    topology::STORES[1],
    topology::STORES[2],
    topology::STORES[3],
    topology::STORES[4],
];
const CONSUMERS: &[&str] = &[
    topology::INGESTER.stage.name(),
    topology::PROCESSOR.stage.name(),
    topology::NOTIFIER.stage.name(),
    NO_CONSUMER,
];

const fn label(name: &'static str, values: &'static [&'static str]) -> Label {
    Label { name, values }
}

pub(super) const KIND: Label = label("kind", JOB_KINDS);
pub(super) const OPERATION_KIND: Label = label("kind", OPERATION_KINDS);
pub(super) const OPERATION_OUTCOME: Label = label("outcome", OPERATION_OUTCOMES);
pub(super) const OUTCOME: Label = label("outcome", names!(Outcome));
pub(super) const STATE: Label = label("state", names!(JobState));
pub(super) const STAGE: Label = label("stage", names!(Stage));
pub(super) const VERDICT: Label = label("verdict", names!(Verdict));
pub(super) const DISCARD_REASON: Label = label("reason", reason::DISCARDS);
pub(super) const DEAD_REASON: Label = label("reason", reason::DEAD_LETTERS);
pub(super) const CHANNEL: Label = label("channel", &["log", "webhook"]);
pub(super) const NOTIFICATION_OUTCOME: Label = label("outcome", notification::ALL);
pub(super) const STREAM: Label = label("stream", STREAMS);
pub(super) const STORE: Label = label("stream", EVERY_STREAM);
pub(super) const CONSUMER: Label = label("consumer", CONSUMERS);
pub(super) const CANARY_CHECK: Label = label("check", canary::CHECKS);
pub(super) const CANARY_OUTCOME: Label = label("outcome", canary::OUTCOMES);
pub(super) const FAULT: Label = label("fault", FAULTS);
pub(super) const SIGNAL: Label = label("signal", SIGNALS);
pub(super) const HTTP_METHOD: Label = label("http_request_method", &[]);
pub(super) const HTTP_ROUTE: Label = label("http_route", &[]);
pub(super) const HTTP_STATUS: Label = label("http_response_status_code", &[]);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Notify;

    #[test]
    fn label_values_are_the_words_of_the_types() {
        assert!(JobKind::all().map(JobKind::name).eq(JOB_KINDS.iter().copied()));
        let url = String::new();
        let channels = [Notify::Log, Notify::Webhook { url, on: None }];
        assert!(channels.iter().map(Notify::channel).eq(CHANNEL.values.iter().copied()));
        assert_eq!(STAGE.values, Stage::ALL.map(Stage::name));
        assert_eq!(VERDICT.values, Verdict::ALL.map(Verdict::name));
        assert_eq!(STATE.values, JobState::ALL.map(JobState::name));
        assert_eq!(OUTCOME.values, Outcome::ALL.map(Outcome::name));
        assert!(STREAMS[..3].iter().eq(topology::WORK_QUEUES.iter().map(|stream| &stream.name)));
    }
}
