//! What keeps a job from going on, in words: a silent worker, a queue, a retry that is not yet due.

use contract::{
    api::{JobView, LeaseView, WaitReason, WaitView},
    state::JobState,
};

use crate::terminal::clean;

/// What keeps the job from going on now; nothing while a worker renews its lease, and after its end.
pub(super) fn standing(job: &JobView) -> Option<String> {
    let silent = job.lease.as_ref().filter(|lease| lease.is_silent()).map(held);
    silent.or_else(|| job.waiting.as_ref().map(WaitView::to_string))
}

/// The same in a few words, beside the state.
pub(super) fn in_short(job: &JobView) -> Option<String> {
    if let Some(lease) = job.lease.as_ref().filter(|lease| lease.is_silent()) {
        return Some(lease.silence());
    }
    // It takes milliseconds, and the state says it already.
    job.waiting.as_ref().filter(|wait| wait.reason != WaitReason::Ingester).map(WaitView::to_string)
}

/// Who holds the lease, and whether anything is heard of it.
pub(crate) fn held(lease: &LeaseView) -> String {
    clean(&lease.to_string()).into_owned()
}

/// Notices when the worker of a job falls silent, and when another one has taken over.
#[derive(Debug, Default)]
pub(super) struct Watchman {
    is_silent: bool,
    /// Round and interruptions at the look before.
    interruptions: Option<(u32, u32)>,
}

impl Watchman {
    /// What has changed since the look before, in words.
    pub(super) fn notices(&mut self, job: &JobView) -> Option<String> {
        let now = (job.round, job.interruptions);
        let before = self.interruptions.replace(now);
        let was_silent = self.is_silent;
        // An event of a job that runs does not say how its lease stands: then it stands as before.
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
            Some(lease) if self.is_silent && !was_silent => Some(held(lease)),
            Some(lease) if was_silent && !self.is_silent => {
                Some(format!("worker {} is back", clean(&lease.worker)))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
