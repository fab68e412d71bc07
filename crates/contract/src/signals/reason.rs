//! Reasons: fixed words for labels, records and spans.

/// The data does not match its type, or exceeds a limit.
pub const MALFORMED: &str = "malformed";
/// The event's source is not on the list.
pub const UNKNOWN_SOURCE: &str = "unknown_source";
/// The lab does not handle events of this type.
pub const UNKNOWN_TYPE: &str = "unknown_type";
/// The event or job is already known.
pub const DUPLICATE: &str = "duplicate";
/// The message belongs to an earlier round of its job.
pub const STALE_ROUND: &str = "stale_round";
/// Every attempt that the job may use has failed.
pub const ATTEMPTS_USED_UP: &str = "attempts_used_up";
/// Its child process died too often, or too many of its workers were lost.
pub const INTERRUPTIONS_USED_UP: &str = "interruptions_used_up";
/// The message is about a job without a record.
pub const NO_RECORD: &str = "no_record";
/// The job's record, or the key of its event, cannot be read: redrive replaces it.
pub const RECORD_UNREADABLE: &str = "record_unreadable";
/// The job's record would be larger than a record may be.
pub const RECORD_TOO_LARGE: &str = "record_too_large";
/// A newer version wrote the job's record: the message waits for a service of that version; no attempt is spent.
pub const RECORD_NEWER: &str = "record_newer";
/// The job's message is gone, so the gateway ended the job after its deadline.
pub const LOST: &str = "lost";
/// An operation ended with an error.
pub const OPERATION_FAILED: &str = "operation_failed";
/// The job did not end before its deadline.
pub const DEADLINE_PASSED: &str = "deadline_passed";
/// The job's submitter cancelled it.
pub const CANCELLED: &str = "cancelled";
/// The webhook address is not allowed.
pub const ADDRESS_REFUSED: &str = "address_refused";
/// The webhook receiver refused the notification for good.
pub const NOTIFICATION_REFUSED: &str = "notification_refused";
/// The notification could not be delivered before it was too old.
pub const NOTICE_TOO_OLD: &str = "notice_too_old";
/// The work of the stage failed: an attempt is spent.
pub const WORK_FAILED: &str = "work_failed";
/// The broker or a store was away: retried, no attempt is spent.
pub const BROKER_AWAY: &str = "broker_away";
/// Another worker holds the lease: the message is redelivered later, no attempt is spent.
pub const OWNED_ELSEWHERE: &str = "owned_elsewhere";
/// The child process that ran the job died: the job runs again, no attempt is spent.
pub const CHILD_LOST: &str = "child_lost";
/// No child process is free for a job that must run isolated: it is redelivered, no attempt is spent.
pub const NO_CAPACITY: &str = "no_capacity";
/// The webhook receiver is away or busy: retried later, no attempt is spent.
pub const RECEIVER_NOT_READY: &str = "receiver_not_ready";
/// The service stops: the message is handed back, no attempt is spent.
pub const STOPPING: &str = "stopping";

/// Reasons to discard a message.
pub const DISCARDS: &[&str] = &[UNKNOWN_SOURCE, UNKNOWN_TYPE, DUPLICATE, STALE_ROUND];

/// Reasons to dead-letter a message.
pub const DEAD_LETTERS: &[&str] = &[
    MALFORMED,
    ATTEMPTS_USED_UP,
    INTERRUPTIONS_USED_UP,
    NO_RECORD,
    RECORD_UNREADABLE,
    RECORD_TOO_LARGE,
    ADDRESS_REFUSED,
    NOTIFICATION_REFUSED,
    NOTICE_TOO_OLD,
];
