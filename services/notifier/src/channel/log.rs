//! The log channel: one log event per notification.

use super::Notification;

/// Writes a log event with the outcome of the job.
pub fn write(notification: &Notification<'_>) {
    let done = notification.done;
    let reason = done.failure.as_ref().map(|failure| failure.reason.as_str());
    tracing::info!(
        name: "job.notice",
        job_id = %done.job.id,
        kind = done.job.spec.kind().name(),
        outcome = done.outcome.name(),
        round = done.job.round,
        run = done.run,
        reason,
        "job {:?} {}",
        done.job.spec.name,
        done.outcome,
    );
}
