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
    Bus, Delivery, Failure, RecordSession, SessionError, cancel::Callable,
    claim::ISOLATED_DEATHS_MAX,
};

/// Redelivery delay of a job whose child process died.
const CHILD_LOST_PAUSE: Duration = Duration::from_millis(250);

/// A job that this worker runs.
pub struct Run {
    /// The record; only this run may change it.
    pub session: Arc<RecordSession>,
    /// The token of this run.
    pub lease: Lease,
    /// Ends when the client asked for a cancel.
    pub cancelled: CancellationToken,
    state: Arc<RunState>,
    _permit: Permit,
    _callable: Callable,
}

/// What the loop needs of a run to keep it alive.
pub(crate) struct RunState {
    pub(crate) number: u32,
    session: Arc<RecordSession>,
    progress: watch::Sender<Option<Progress>>,
    cancelled: CancellationToken,
}

/// A worker's capacity to run one more job.
pub(crate) enum Permit {
    /// Beside the others, in the worker's own process.
    Shared,
    /// Its operations run in a child process.
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
        callable: Callable,
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
        Self { session, lease, cancelled, state, _permit: permit, _callable: callable }
    }

    /// Notes how far the job is; written with the next renewal.
    pub fn progress(&self, progress: Progress) {
        self.state.progress.send_replace(Some(progress));
    }

    /// Writes how far the job is now, so that its span is known to whoever might take over.
    pub async fn announce(&self, progress: Progress) -> Result<(), SessionError> {
        self.progress(progress);
        self.state.renew().await
    }
}

impl Run {
    /// Notes that the child process in which an operation of this job ran has died: `how`, in words.
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
        Failure::Postpone { reason: reason::CHILD_LOST, cause, after: CHILD_LOST_PAUSE }
    }
}

impl RunState {
    /// A sign of life in the record. Fails with [`SessionError::Fenced`] when the job is another's.
    pub(crate) async fn renew(&self) -> Result<(), SessionError> {
        if self.session.record().await.state != JobState::Running {
            // This run has ended, or has put the job back into the queue; only the next hop or the broker does not know.
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
