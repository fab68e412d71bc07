//! The register of telemetry names: every metric, label value, reason, span and attribute of the lab.
//!
//! Dashboards, rules, scenarios and docs may use only these names; a test checks them.
//!
//! - [`metric`]: the type of a metric, and its series that exist from the start
//! - this file: the metrics themselves
//! - [`reason`], [`attr`], [`span`]: label values, names of attributes, names of spans

pub mod attr;
pub mod metric;
pub mod reason;
pub mod span;

mod label;

pub use label::{
    FAULTS, NO_CONSUMER, OPERATION_OUTCOMES, SIGNALS, canary, notification, operation, signal,
};
pub use metric::{Label, Metric, MetricKind, ReportedBy};

use crate::Stage::{self, Gateway, Ingester, Notifier, Processor};
use MetricKind::{Counter, Gauge, Histogram};

/// The stages that consume a stream.
const CONSUMERS: ReportedBy = ReportedBy::Stages(&[Ingester, Processor, Notifier]);
/// The stages that can end a job.
const ENDERS: ReportedBy = ReportedBy::Stages(&[Gateway, Ingester, Processor]);
/// The stages of a job.
const STAGES: ReportedBy = only(&Stage::ALL);
const GATEWAY: ReportedBy = only(&[Gateway]);
const INGESTER: ReportedBy = only(&[Ingester]);
const PROCESSOR: ReportedBy = only(&[Processor]);
const NOTIFIER: ReportedBy = only(&[Notifier]);

const fn only(stages: &'static [Stage]) -> ReportedBy {
    ReportedBy::Stages(stages)
}

/// Queue waits: 1 ms to a minute.
const WAIT_BUCKETS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
/// One attempt or operation: 1 ms to an hour.
const WORK_BUCKETS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 300.0,
    3600.0,
];
/// Whole jobs: 5 ms to an hour.
const JOB_BUCKETS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0,
];
/// HTTP requests: the boundaries that the semantic conventions recommend.
const HTTP_BUCKETS: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Declares the metrics and lists them, so that none is missing in [`METRICS`].
macro_rules! metrics {
    ($($(#[$doc:meta])+ $id:ident = $kind:expr, $name:literal, $help:literal, [$($label:ident),*], $buckets:expr, $by:expr;)+) => {
        $(
            $(#[$doc])+
            pub static $id: Metric = Metric {
                name: $name,
                kind: $kind,
                help: $help,
                labels: &[$(label::$label),*],
                buckets: $buckets,
                reported_by: $by,
            };
        )+
        /// Every metric of the lab.
        pub static METRICS: &[&Metric] = &[$(&$id),+];
    };
}

metrics! {
    /// Jobs that the gateway accepted.
    JOBS_SUBMITTED = Counter, "waybill_jobs_submitted_total",
        "Jobs that the gateway accepted.", [KIND], &[], GATEWAY;
    /// Events that were not for this lab and were dropped.
    EVENTS_DISCARDED = Counter, "waybill_events_discarded_total",
        "Events that were dropped because they were not for this lab.", [DISCARD_REASON], &[], INGESTER;
    /// Jobs that ended, counted by the stage that ended them.
    JOBS_FINISHED = Counter, "waybill_jobs_finished_total",
        "Jobs that ended.", [KIND, OUTCOME], &[], ENDERS;
    /// Jobs by state, from the gateway's index, so that the count survives crashes.
    JOBS = Gauge, "waybill_jobs",
        "Jobs that the gateway's index knows, by state.", [STATE], &[], GATEWAY;
    /// Jobs that the gateway ended because their messages were gone.
    JOBS_LOST = Counter, "waybill_jobs_lost_total",
        "Jobs that were ended as dead after their deadline because their messages were gone.", [], &[], GATEWAY;
    /// Messages that are in the stream although their consumer counts them as acked.
    ORPHANED_MESSAGES = Counter, "waybill_orphaned_messages_total",
        "Messages in a stream that their consumer counted as acked; the gateway published them again.", [], &[], GATEWAY;
    /// Records in the bucket that this version cannot read.
    RECORDS_UNREADABLE = Gauge, "waybill_records_unreadable",
        "Job records that the gateway cannot read: damaged, or of a newer version.", [], &[], GATEWAY;
    /// Runs that ended without a verdict.
    INTERRUPTIONS = Counter, "waybill_interruptions_total",
        "Runs that ended without a verdict: killed or lost.", [STAGE], &[], CONSUMERS;
    /// Running jobs whose lease holder looks lost.
    LEASES_SILENT = Gauge, "waybill_leases_silent",
        "Running jobs whose lease was not renewed for half an ack wait: their worker is gone or hangs.", [], &[], GATEWAY;
    /// Attempts that found another lease holder.
    FENCED = Counter, "waybill_fenced_total",
        "Attempts that were not acked because another worker held the lease of the job.", [STAGE], &[], CONSUMERS;
    /// Negative queue waits: clocks disagree.
    QUEUE_WAIT_NEGATIVE = Counter, "waybill_queue_wait_negative_total",
        "Negative queue waits, which mean that clocks disagree.", [STAGE], &[], CONSUMERS;
    /// From acceptance to the end of the job.
    JOB_DURATION = Histogram, "waybill_job_duration_seconds",
        "Time from acceptance to the end of a job.", [KIND, OUTCOME], JOB_BUCKETS, ENDERS;
    /// One attempt of one stage.
    STAGE_DURATION = Histogram, "waybill_stage_duration_seconds",
        "Time that one attempt of a stage took.", [STAGE, VERDICT], WORK_BUCKETS, CONSUMERS;
    /// From the broker's timestamp, or from when the retry was due, to the attempt's start.
    QUEUE_WAIT = Histogram, "waybill_queue_wait_seconds",
        "Time that a message waited for its attempt.", [STAGE], WAIT_BUCKETS, CONSUMERS;
    /// Attempts by verdict.
    ATTEMPTS = Counter, "waybill_attempts_total",
        "Attempts, by verdict.", [STAGE, VERDICT], &[], CONSUMERS;
    /// Dead-lettered messages.
    DEAD_LETTERS = Counter, "waybill_dead_letters_total",
        "Messages that were dead-lettered.", [STAGE, DEAD_REASON], &[], CONSUMERS;
    /// Dead letters that the broker dropped: neither redriven nor deleted.
    DEAD_LETTERS_FORGOTTEN = Counter, "waybill_dead_letters_forgotten_total",
        "Dead letters that the broker dropped, because their stream was full or they were too old.", [], &[], GATEWAY;
    /// One operation of a job.
    OPERATION_DURATION = Histogram, "waybill_operation_duration_seconds",
        "Time that one operation took.", [OPERATION_KIND, OPERATION_OUTCOME], WORK_BUCKETS, PROCESSOR;
    /// Attempts in flight.
    IN_FLIGHT = Gauge, "waybill_in_flight",
        "Attempts in flight.", [STAGE], &[], CONSUMERS;
    /// Maximum number of attempts in flight.
    SLOTS = Gauge, "waybill_slots",
        "Maximum number of attempts in flight.", [STAGE], &[], CONSUMERS;
    /// Notifications by outcome.
    NOTIFICATIONS = Counter, "waybill_notifications_total",
        "Notifications, by outcome.", [CHANNEL, NOTIFICATION_OUTCOME], &[], NOTIFIER;
    /// Hosts of webhook receivers whose circuit breaker is open.
    WEBHOOK_BREAKERS_OPEN = Gauge, "waybill_webhook_breakers_open",
        "Webhook hosts that did not respond, so that their notifications wait.", [], &[], NOTIFIER;
    /// Messages not yet delivered to a consumer.
    QUEUE_DEPTH = Gauge, "waybill_queue_depth",
        "Messages that wait for a consumer.", [STREAM, CONSUMER], &[], GATEWAY;
    /// Messages delivered and not yet acked.
    QUEUE_ACK_PENDING = Gauge, "waybill_queue_ack_pending",
        "Messages delivered to a consumer and not yet acked.", [STREAM, CONSUMER], &[], GATEWAY;
    /// Unacked messages that were delivered more than once.
    QUEUE_REDELIVERED = Gauge, "waybill_queue_redelivered",
        "Unacked messages that were delivered more than once.", [STREAM, CONSUMER], &[], GATEWAY;
    /// Age of the oldest message in the stream.
    QUEUE_OLDEST_AGE = Gauge, "waybill_queue_oldest_age_seconds",
        "Age of the oldest message in the stream.", [STREAM, CONSUMER], &[], GATEWAY;
    /// Size of a stream or store at the broker.
    STREAM_BYTES = Gauge, "waybill_stream_bytes",
        "Size of a stream or store at the broker.", [STORE], &[], GATEWAY;
    /// Size limit of a stream or store.
    STREAM_BYTES_LIMIT = Gauge, "waybill_stream_bytes_limit",
        "Size limit of a stream or store at the broker.", [STORE], &[], GATEWAY;
    /// Messages received from a stream.
    MESSAGES_RECEIVED = Counter, "waybill_messages_received_total",
        "Messages received from a stream, redeliveries included.", [STREAM, CONSUMER], &[], CONSUMERS;
    /// Pulls that failed.
    POLL_ERRORS = Counter, "waybill_poll_errors_total",
        "Pulls that ended with an error.", [STREAM, CONSUMER], &[], CONSUMERS;
    /// Offset of the service's clock from the time server, before correction.
    CLOCK_OFFSET = Gauge, "waybill_clock_offset_seconds",
        "How far this service's clock is ahead of the time server, before correction; negative is behind.", [], &[], ReportedBy::Everyone;
    /// Whether a time server corrects timestamps.
    CLOCK_CORRECTED = Gauge, "waybill_clock_corrected",
        "1 while timestamps are corrected by the time server, 0 while they are not.", [], &[], ReportedBy::Everyone;
    /// Faults that fired.
    FAULTS_FIRED = Counter, "waybill_faults_fired_total",
        "Injected faults that fired in this service.", [FAULT], &[], STAGES;
    /// Telemetry that was dropped so that jobs are not blocked.
    TELEMETRY_DROPPED = Counter, "waybill_telemetry_dropped_total",
        "Spans and log records dropped because their target was slow or away.", [SIGNAL], &[], ReportedBy::Everyone;
    /// Checks of the canary by outcome.
    CANARY_CHECKS = Counter, "waybill_canary_checks_total",
        "Checks of the canary's jobs and their telemetry, by outcome.", [CANARY_CHECK, CANARY_OUTCOME], &[], ReportedBy::Console;
    /// How long a passed check took.
    CANARY_DURATION = Histogram, "waybill_canary_duration_seconds",
        "Time from the end of a canary's job until its telemetry was found; for the job, its own time.", [CANARY_CHECK], WAIT_BUCKETS, ReportedBy::Console;
    /// Requests to the public HTTP servers.
    HTTP_SERVER_REQUEST_DURATION = Histogram, "http_server_request_duration_seconds",
        "Time that one HTTP request took.", [HTTP_METHOD, HTTP_ROUTE, HTTP_STATUS], HTTP_BUCKETS, GATEWAY;
}

/// The metric called `name`.
pub fn metric_named(name: &str) -> Option<&'static Metric> {
    METRICS.iter().copied().find(|metric| metric.name == name)
}
