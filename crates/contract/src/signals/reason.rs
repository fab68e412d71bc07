//! Why something was discarded, failed or is dead: fixed words, fit for labels, records and spans.

/// The data is not what its type says, or breaks a limit.
pub const MALFORMED: &str = "malformed";
/// The event's source is not on the list.
pub const UNKNOWN_SOURCE: &str = "unknown_source";
/// The event's type is none that the lab handles.
pub const UNKNOWN_TYPE: &str = "unknown_type";
/// The event or job is known already.
pub const DUPLICATE: &str = "duplicate";
/// The message belongs to an earlier round of its job.
pub const STALE_ROUND: &str = "stale_round";
/// The job ended while its message was on the way.
pub const ALREADY_ENDED: &str = "already_ended";
/// Every attempt that the job may use has failed.
pub const ATTEMPTS_USED_UP: &str = "attempts_used_up";
/// Its child process died too often, or too many of its workers were lost.
pub const INTERRUPTIONS_USED_UP: &str = "interruptions_used_up";
/// The message speaks of a job that has no record.
pub const NO_RECORD: &str = "no_record";
/// The job's record, or the key of its event, cannot be read: redrive replaces it.
pub const RECORD_UNREADABLE: &str = "record_unreadable";
/// The job's record would be larger than a record may be.
pub const RECORD_TOO_LARGE: &str = "record_too_large";
/// A newer version wrote the job's record: the message waits for a service of that version, nothing is spent.
pub const RECORD_NEWER: &str = "record_newer";
/// The job's message is gone, so nothing would ever end the job: the gateway did, after its deadline.
pub const LOST: &str = "lost";
/// An operation ended with an error of its own.
pub const OPERATION_FAILED: &str = "operation_failed";
/// The job was not done before its deadline.
pub const DEADLINE_PASSED: &str = "deadline_passed";
/// The job's owner stopped it.
pub const CANCELLED: &str = "cancelled";
/// The owner's address may not be called.
pub const ADDRESS_REFUSED: &str = "address_refused";
/// The owner's server refused the notification for good.
pub const NOTIFICATION_REFUSED: &str = "notification_refused";
/// The owner could not be told for so long that nobody waits for it any more.
pub const NOTICE_TOO_OLD: &str = "notice_too_old";
/// The stage's own work failed: try again.
pub const WORK_FAILED: &str = "work_failed";
/// The broker or a store was away: try again, nothing is spent.
pub const BROKER_AWAY: &str = "broker_away";
/// Another worker has the job: the message comes again later, nothing is spent.
pub const OWNED_ELSEWHERE: &str = "owned_elsewhere";
/// The child process in which its operation ran died: it runs again, nothing is spent.
pub const CHILD_LOST: &str = "child_lost";
/// No child process is free for a job that runs isolated: it is redelivered, nothing is spent.
pub const NO_CAPACITY: &str = "no_capacity";
/// The owner's server is away or busy: try again later, nothing is spent.
pub const RECEIVER_NOT_READY: &str = "receiver_not_ready";
/// The service stops: the message goes back, nothing is spent.
pub const STOPPING: &str = "stopping";

/// Why the ingester discards events, and stages repeats.
pub const DISCARDS: &[&str] =
    &[UNKNOWN_SOURCE, UNKNOWN_TYPE, DUPLICATE, STALE_ROUND, ALREADY_ENDED];

/// Why messages become dead letters.
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
