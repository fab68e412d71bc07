//! The log as a channel: one event a notice.

use super::Notice;

/// Writes one log event that says how the job ended.
pub fn tell(notice: &Notice<'_>) {
    let done = notice.done;
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
