//! The one register of names: every metric, label value, reason, span and attribute of the lab.
//!
//! What is not written here does not exist: dashboards, rules, scenarios and docs are checked against it.
//!
//! - [`metric`]: what a metric is, and which of its series are known from the start
//! - this file: the metrics themselves
//! - [`reason`], [`attr`], [`span`]: words in labels, names of attributes, names of spans

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

/// The stages that take messages from a stream.
const CONSUMERS: ReportedBy = ReportedBy::Stages(&[Ingester, Processor, Notifier]);
/// The stages that can end a job.
const ENDERS: ReportedBy = ReportedBy::Stages(&[Gateway, Ingester, Processor]);
const GATEWAY: ReportedBy = only(&[Gateway]);
const INGESTER: ReportedBy = only(&[Ingester]);
const PROCESSOR: ReportedBy = only(&[Processor]);
const NOTIFIER: ReportedBy = only(&[Notifier]);

const fn only(stages: &'static [Stage]) -> ReportedBy {
    ReportedBy::Stages(stages)
}

/// Waits in a queue: 1 ms to a minute.
const WAIT_BUCKETS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
/// Work of one attempt or operation: 1 ms to an hour.
const WORK_BUCKETS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 300.0,
    3600.0,
];
/// Whole jobs: 5 ms to an hour.
const JOB_BUCKETS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0,
];
/// HTTP requests: the boundaries that the semantic conventions advise.
const HTTP_BUCKETS: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Declares the metrics and lists them: a metric cannot exist outside [`METRICS`].
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
    /// Jobs that the gateway took.
    JOBS_SUBMITTED = Counter, "waybill_jobs_submitted_total",
        "Jobs that the gateway took.", [KIND], &[], GATEWAY;
    /// Events that were not for this lab: dropped and counted.
    EVENTS_DISCARDED = Counter, "waybill_events_discarded_total",
        "Events that were dropped because they were not for this lab.", [DISCARD_REASON], &[], INGESTER;
    /// Jobs that ended, as their stages saw it.
    JOBS_FINISHED = Counter, "waybill_jobs_finished_total",
        "Jobs that ended.", [KIND, OUTCOME], &[], ENDERS;
    /// Jobs by state, from the gateway's index: the count that survives crashes.
    JOBS = Gauge, "waybill_jobs",
        "Jobs that the gateway's index knows, by state.", [STATE], &[], GATEWAY;
    /// Jobs that the gateway ended because their messages were gone.
    JOBS_LOST = Counter, "waybill_jobs_lost_total",
        "Jobs that were ended as dead after their deadline because their messages were gone.", [], &[], GATEWAY;
    /// Messages that their consumer took for acked though they were there.
    ORPHANED_MESSAGES = Counter, "waybill_orphaned_messages_total",
        "Messages that their consumer had forgotten, and that were sent again.", [], &[], GATEWAY;
    /// Records in the bucket that this version cannot read.
    RECORDS_UNREADABLE = Gauge, "waybill_records_unreadable",
        "Job records that the gateway cannot read: damaged, or of a newer version.", [], &[], GATEWAY;
    /// Runs that ended without a verdict.
    INTERRUPTIONS = Counter, "waybill_interruptions_total",
        "Runs that ended without a verdict: killed or lost.", [STAGE], &[], CONSUMERS;
    /// Running jobs whose lease holder looks lost.
    LEASES_SILENT = Gauge, "waybill_leases_silent",
        "Running jobs whose lease was not renewed for half an ack wait: their worker is gone or hangs.", [], &[], GATEWAY;
    /// Attempts that found another owner.
    FENCED = Counter, "waybill_fenced_total",
        "Attempts that ended in silence because another worker owned the job.", [STAGE], &[], CONSUMERS;
    /// Waits below zero: clocks disagree.
    QUEUE_WAIT_NEGATIVE = Counter, "waybill_queue_wait_negative_total",
        "Queue waits below zero, which only clocks that disagree can make.", [STAGE], &[], CONSUMERS;
    /// Accepted to terminal.
    JOB_DURATION = Histogram, "waybill_job_duration_seconds",
        "Time from acceptance to the end of a job.", [KIND, OUTCOME], JOB_BUCKETS, ENDERS;
    /// One attempt of one stage.
    STAGE_DURATION = Histogram, "waybill_stage_duration_seconds",
        "Time that one attempt of a stage took.", [STAGE, VERDICT], WORK_BUCKETS, CONSUMERS;
    /// From the broker's timestamp, or from when the retry was due, to the attempt's start.
    QUEUE_WAIT = Histogram, "waybill_queue_wait_seconds",
        "Time that a message waited for its attempt.", [STAGE], WAIT_BUCKETS, CONSUMERS;
    /// Attempts by what came of them.
    ATTEMPTS = Counter, "waybill_attempts_total",
        "Attempts, by what came of them.", [STAGE, VERDICT], &[], CONSUMERS;
    /// Messages that could not be handled.
    DEAD_LETTERS = Counter, "waybill_dead_letters_total",
        "Messages that were put into the dead letters.", [STAGE, DEAD_REASON], &[], CONSUMERS;
    /// Dead letters that left their store though nobody took them away.
    DEAD_LETTERS_FORGOTTEN = Counter, "waybill_dead_letters_forgotten_total",
        "Dead letters that the broker forgot, because their store was full or they were too old.", [], &[], GATEWAY;
    /// One operation of a job.
    OPERATION_DURATION = Histogram, "waybill_operation_duration_seconds",
        "Time that one operation took.", [OPERATION_KIND, OPERATION_OUTCOME], WORK_BUCKETS, PROCESSOR;
    /// Attempts under way.
    IN_FLIGHT = Gauge, "waybill_in_flight",
        "Attempts under way.", [STAGE], &[], CONSUMERS;
    /// Attempts that may be under way at once.
    SLOTS = Gauge, "waybill_slots",
        "Attempts that may be under way at once.", [STAGE], &[], CONSUMERS;
    /// Notifications by what came of them.
    NOTIFICATIONS = Counter, "waybill_notifications_total",
        "Notifications, by what came of them.", [CHANNEL, NOTIFICATION_OUTCOME], &[], NOTIFIER;
    /// Receivers of webhooks that are taken for away.
    WEBHOOK_BREAKERS_OPEN = Gauge, "waybill_webhook_breakers_open",
        "Hosts that webhooks wait for because they did not answer.", [], &[], NOTIFIER;
    /// Messages in a stream that a consumer has not been given.
    QUEUE_DEPTH = Gauge, "waybill_queue_depth",
        "Messages that wait for a consumer.", [STREAM, CONSUMER], &[], GATEWAY;
    /// Messages given and not yet acked.
    QUEUE_ACK_PENDING = Gauge, "waybill_queue_ack_pending",
        "Messages that a consumer was given and has not acked.", [STREAM, CONSUMER], &[], GATEWAY;
    /// Messages among those that were given more than once.
    QUEUE_REDELIVERED = Gauge, "waybill_queue_redelivered",
        "Unacked messages that were given more than once.", [STREAM, CONSUMER], &[], GATEWAY;
    /// Age of the oldest message in the stream.
    QUEUE_OLDEST_AGE = Gauge, "waybill_queue_oldest_age_seconds",
        "Age of the oldest message in the stream.", [STREAM, CONSUMER], &[], GATEWAY;
    /// Size of a stream or store at the broker.
    STREAM_BYTES = Gauge, "waybill_stream_bytes",
        "Size of a stream or store at the broker.", [STORE], &[], GATEWAY;
    /// How large it may get.
    STREAM_BYTES_LIMIT = Gauge, "waybill_stream_bytes_limit",
        "How large a stream or store at the broker may get.", [STORE], &[], GATEWAY;
    /// Messages taken from a stream.
    MESSAGES_RECEIVED = Counter, "waybill_messages_received_total",
        "Messages taken from a stream, repeats included.", [STREAM, CONSUMER], &[], CONSUMERS;
    /// Pulls that failed.
    POLL_ERRORS = Counter, "waybill_poll_errors_total",
        "Pulls that ended with an error.", [STREAM, CONSUMER], &[], CONSUMERS;
    /// How far the service's own clock is ahead of the time server, before any correction.
    CLOCK_OFFSET = Gauge, "waybill_clock_offset_seconds",
        "How far this service's clock is ahead of the time server, before correction; negative is behind.", [], &[], ReportedBy::Everyone;
    /// Whether a time server corrects what is stamped.
    CLOCK_CORRECTED = Gauge, "waybill_clock_corrected",
        "1 while stamped times are corrected by the time server, 0 while they are this clock's own.", [], &[], ReportedBy::Everyone;
    /// Faults that are set.
    FAULT_ACTIVE = Gauge, "waybill_fault_active",
        "1 while a global fault is set in this service.", [FAULT], &[], ReportedBy::Everyone;
    /// Faults that fired.
    FAULTS_FIRED = Counter, "waybill_faults_fired_total",
        "Faults that fired in this service.", [FAULT], &[], ReportedBy::Everyone;
    /// Telemetry that was given up so that jobs go on.
    TELEMETRY_DROPPED = Counter, "waybill_telemetry_dropped_total",
        "Spans and log records given up because their target was slow or away.", [SIGNAL], &[], ReportedBy::Everyone;
    /// Checks of the canary by what came of them.
    CANARY_CHECKS = Counter, "waybill_canary_checks_total",
        "Checks of the canary's jobs and their telemetry, by what came of them.", [CANARY_CHECK, CANARY_OUTCOME], &[], ReportedBy::Console;
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
