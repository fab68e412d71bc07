//! Why a job makes no progress: a silent worker, a queue, or a retry that is not yet due.

use contract::{
    api::{JobView, LeaseView, WaitReason, WaitView},
    state::JobState,
};

use crate::terminal::clean;

/// Why the job makes no progress; `None` while a worker renews its lease, and after the job has ended.
pub(super) fn reason(job: &JobView) -> Option<String> {
    let silent = job.lease.as_ref().filter(|lease| lease.is_silent()).map(lease_text);
    silent.or_else(|| job.waiting.as_ref().map(WaitView::to_string))
}

/// A shorter reason, for display beside the state.
pub(super) fn short_reason(job: &JobView) -> Option<String> {
    if let Some(lease) = job.lease.as_ref().filter(|lease| lease.is_silent()) {
        return Some(lease.status());
    }
    // Waiting for the ingester takes milliseconds, and the state shows it already.
    job.waiting.as_ref().filter(|wait| wait.reason != WaitReason::Ingester).map(WaitView::to_string)
}

/// The lease holder, and whether it is silent.
pub(crate) fn lease_text(lease: &LeaseView) -> String {
    clean(&lease.to_string()).into_owned()
}

/// Detects when the worker of a job falls silent, and when another one has taken over.
#[derive(Debug, Default)]
pub(super) struct LeaseWatch {
    is_silent: bool,
    /// Round and interruptions of the previous call.
    interruptions: Option<(u32, u32)>,
}

impl LeaseWatch {
    /// The change since the previous call, if any, as text.
    pub(super) fn change(&mut self, job: &JobView) -> Option<String> {
        let now = (job.round, job.interruptions);
        let before = self.interruptions.replace(now);
        let was_silent = self.is_silent;
        // Events of a running job have no lease: then nothing has changed.
        if job.lease.is_some() || job.state != JobState::Running {
            self.is_silent = job.lease.as_ref().is_some_and(LeaseView::is_silent);
        }
        if before.is_some_and(|(round, count)| round == now.0 && count < now.1) {
            self.is_silent = false;
            let by = job.worker.as_ref().map(|worker| format!(" by {}", clean(worker)));
            let by = by.unwrap_or_default();
            return Some(format!("taken over{by} (interruption {})", now.1));
        }
        match &job.lease {
            Some(lease) if self.is_silent && !was_silent => Some(lease_text(lease)),
            Some(lease) if was_silent && !self.is_silent => {
                Some(format!("worker {} is back", clean(&lease.worker)))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
