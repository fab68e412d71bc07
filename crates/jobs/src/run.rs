//! A job that this worker runs: its record, the renewals of its lease, and its permit.

use std::{sync::Arc, time::Duration};

use bus::{Failure, Renewal};
use contract::{
    record::{Lease, Progress},
    signals::{self, reason},
    state::JobState,
};
use tokio::sync::{Notify, OwnedSemaphorePermit, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    Jobs, RecordSession, SessionError, cancel::CancelRegistration, claim::ISOLATED_DEATHS_MAX,
    records::RecordError,
};

/// Redelivery delay of a job whose child process died.
const CHILD_LOST_DELAY: Duration = Duration::from_millis(250);

/// A job that this worker runs.
pub struct Run {
    /// The record; only this run can change it.
    pub session: Arc<RecordSession>,
    /// The lease of this run.
    pub lease: Lease,
    /// Cancelled when a client requests it.
    pub cancelled: CancellationToken,
    pub(crate) renewals: RunLease,
    _permit: Permit,
    _registration: CancelRegistration,
}

/// Renews the lease of a run. Clones share it.
#[derive(Clone)]
pub struct RunLease(Arc<Renewals>);

struct Renewals {
    session: Arc<RecordSession>,
    progress: watch::Sender<Option<Progress>>,
    cancelled: CancellationToken,
    /// Wakes the keep-alive, so that an accepted cancel is seen immediately.
    due: Arc<Notify>,
}

/// A worker's capacity to run one more job.
pub(crate) enum Permit {
    /// The job runs in the worker's process, beside others.
    Shared,
    /// The job's operations run in a child process.
    Isolated { _child: OwnedSemaphorePermit },
}

impl Permit {
    pub(crate) const fn is_isolated(&self) -> bool {
        matches!(self, Self::Isolated { .. })
    }
}

impl Run {
    pub(crate) fn start(
        session: Arc<RecordSession>,
        lease: Lease,
        permit: Permit,
        due: Arc<Notify>,
        registration: CancelRegistration,
    ) -> Self {
        let cancelled = CancellationToken::new();
        let renewals = RunLease(Arc::new(Renewals {
            session: session.clone(),
            progress: watch::Sender::new(None),
            cancelled: cancelled.clone(),
            due,
        }));
        Self { session, lease, cancelled, renewals, _permit: permit, _registration: registration }
    }

    /// Sets the job's progress; it is written with the next renewal.
    pub fn set_progress(&self, progress: Progress) {
        self.renewals.0.progress.send_replace(Some(progress));
    }

    /// Writes the job's progress now, so that a worker that takes over knows the operation's span.
    pub async fn write_progress(&self, progress: Progress) -> Result<(), SessionError> {
        self.set_progress(progress);
        self.renewals.renew_record().await
    }

    /// Records that the child process of this job has died; `how` is a message for people.
    ///
    /// The job runs again, until [`ISOLATED_DEATHS_MAX`] such deaths have made it a dead letter.
    pub async fn child_lost(&self, jobs: &Jobs, how: &str) -> Failure {
        let mut interruptions = self.session.record().await.interruptions;
        interruptions.total = interruptions.total.saturating_add(1);
        interruptions.isolated = interruptions.isolated.saturating_add(1);
        if let Err(error) = self.session.renew(|record| record.interruptions = interruptions).await
        {
            return error.into();
        }
        jobs.bus.service.metrics.count(&signals::INTERRUPTIONS, &[jobs.bus.stage.name()]);
        let why = format!("child process {} of this job died: {how}", interruptions.isolated);
        if interruptions.isolated >= ISOLATED_DEATHS_MAX {
            return Failure::interruptions_used_up(why);
        }
        let cause = anyhow::Error::msg(why);
        Failure::Postpone { reason: reason::CHILD_LOST, cause, after: CHILD_LOST_DELAY }
    }
}

impl RunLease {
    /// Writes the record, which renews the lease in it. Fails with [`SessionError::Fenced`] if another worker holds it.
    async fn renew_record(&self) -> Result<(), SessionError> {
        let Renewals { session, progress, cancelled, .. } = &*self.0;
        if session.record().await.state != JobState::Running {
            // This run has ended or requeued the job; only the publish or the broker's reply is outstanding.
            return Ok(());
        }
        let progress = *progress.borrow();
        let renewed =
            session.renew(|record| record.progress = progress.or(record.progress)).await?;
        if renewed.cancel_requested {
            cancelled.cancel();
        }
        Ok(())
    }
}

impl bus::Renew for RunLease {
    async fn renew(&self) -> Renewal {
        match self.renew_record().await {
            Ok(()) => Renewal::Renewed,
            Err(SessionError::Fenced) => Renewal::Lost(Failure::Fenced),
            Err(error @ SessionError::Record(RecordError::Unreadable { .. })) => {
                Renewal::Lost(error.into())
            }
            // The broker is away, so no other worker can change the record either.
            Err(error) => {
                tracing::debug!(%error, "renew lease failed");
                Renewal::Unreachable
            }
        }
    }

    async fn due(&self) {
        self.0.due.notified().await;
    }
}
