//! A job that this worker runs: its record, the renewals of its lease, and its permit.

use std::{sync::Arc, time::Duration};

use contract::{
    record::{Lease, Progress},
    signals::{self, reason},
    state::JobState,
};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    Bus, Delivery, Failure, RecordSession, SessionError, cancel::CancelRegistration,
    claim::ISOLATED_DEATHS_MAX,
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
    state: Arc<RunState>,
    _permit: Permit,
    _callable: CancelRegistration,
}

/// What the work loop needs to renew the lease.
pub(crate) struct RunState {
    pub(crate) number: u32,
    session: Arc<RecordSession>,
    progress: watch::Sender<Option<Progress>>,
    cancelled: CancellationToken,
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
        delivery: &Delivery,
        session: Arc<RecordSession>,
        lease: Lease,
        permit: Permit,
        registration: CancelRegistration,
    ) -> Self {
        let cancelled = CancellationToken::new();
        let state = Arc::new(RunState {
            number: lease.attempt + lease.run,
            session: session.clone(),
            progress: watch::Sender::new(None),
            cancelled: cancelled.clone(),
        });
        delivery.open(session.clone());
        let _ = delivery.run.set(state.clone());
        Self { session, lease, cancelled, state, _permit: permit, _callable: registration }
    }

    /// Sets the job's progress; it is written with the next renewal.
    pub fn progress(&self, progress: Progress) {
        self.state.progress.send_replace(Some(progress));
    }

    /// Writes the job's progress now, so that a worker that takes over knows the operation's span.
    pub async fn announce(&self, progress: Progress) -> Result<(), SessionError> {
        self.progress(progress);
        self.state.renew().await
    }
}

impl Run {
    /// Records that the child process of this job has died; `how` is a text for people.
    ///
    /// The job runs again, until [`ISOLATED_DEATHS_MAX`] such deaths have made it a dead letter.
    pub async fn child_lost(&self, bus: &Bus, how: &str) -> Failure {
        let mut interruptions = self.session.record().await.interruptions;
        interruptions.total = interruptions.total.saturating_add(1);
        interruptions.isolated = interruptions.isolated.saturating_add(1);
        if let Err(error) = self.session.renew(|record| record.interruptions = interruptions).await
        {
            return error.into();
        }
        bus.service.metrics.count(&signals::INTERRUPTIONS, &[bus.stage.name()]);
        let why = format!("child process {} of this job died: {how}", interruptions.isolated);
        if interruptions.isolated >= ISOLATED_DEATHS_MAX {
            return Failure::interruptions_used_up(why);
        }
        let cause = anyhow::Error::msg(why);
        Failure::Postpone { reason: reason::CHILD_LOST, cause, after: CHILD_LOST_DELAY }
    }
}

impl RunState {
    /// Renews the lease. Fails with [`SessionError::Fenced`] if another worker holds it.
    pub(crate) async fn renew(&self) -> Result<(), SessionError> {
        if self.session.record().await.state != JobState::Running {
            // This run has ended or requeued the job; only the publish or the broker's reply is outstanding.
            return Ok(());
        }
        let progress = *self.progress.borrow();
        let renewed =
            self.session.renew(|record| record.progress = progress.or(record.progress)).await?;
        if renewed.cancel_requested {
            self.cancelled.cancel();
        }
        Ok(())
    }
}
