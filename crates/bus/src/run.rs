//! A job that this worker runs: its record, its signs of life, and its place in the worker.

use std::sync::Arc;

use contract::record::{Owner, Progress};
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, watch};
use tokio_util::sync::CancellationToken;

use crate::{Case, CaseError, Delivery, cancel::Callable};

/// A job that this worker runs.
pub struct Run {
    /// The record; only this run may change it.
    pub case: Arc<Case>,
    /// The token of this run.
    pub owner: Owner,
    /// Ends when the client asked for a cancel.
    pub cancelled: CancellationToken,
    state: Arc<RunState>,
    _place: Place,
    _callable: Callable,
}

/// What the loop needs of a run to keep it alive.
pub(crate) struct RunState {
    pub(crate) number: u32,
    case: Arc<Case>,
    progress: watch::Sender<Option<Progress>>,
    cancelled: CancellationToken,
}

/// Jobs share a worker; one that was interrupted before has it to itself.
pub(crate) enum Place {
    Shared { _guard: OwnedRwLockReadGuard<()> },
    Alone { _guard: OwnedRwLockWriteGuard<()> },
}

impl Place {
    /// Waits for a place: with others, or without.
    pub(crate) async fn wait(gate: &Arc<RwLock<()>>, alone: bool) -> Self {
        if alone {
            Self::Alone { _guard: gate.clone().write_owned().await }
        } else {
            Self::Shared { _guard: gate.clone().read_owned().await }
        }
    }

    pub(crate) const fn is_alone(&self) -> bool {
        matches!(self, Self::Alone { .. })
    }
}

impl Run {
    pub(crate) fn start(
        delivery: &Delivery,
        case: Arc<Case>,
        owner: Owner,
        place: Place,
        callable: Callable,
    ) -> Self {
        let cancelled = CancellationToken::new();
        let state = Arc::new(RunState {
            number: owner.attempt + owner.run,
            case: case.clone(),
            progress: watch::Sender::new(None),
            cancelled: cancelled.clone(),
        });
        delivery.open(case.clone());
        let _ = delivery.run.set(state.clone());
        Self { case, owner, cancelled, state, _place: place, _callable: callable }
    }

    /// Notes how far the job is; written with the next renewal.
    pub fn progress(&self, progress: Progress) {
        self.state.progress.send_replace(Some(progress));
    }

    /// Writes how far the job is now, so that its span is known to whoever might take over.
    pub async fn announce(&self, progress: Progress) -> Result<(), CaseError> {
        self.progress(progress);
        self.state.renew().await
    }
}

impl RunState {
    /// A sign of life in the record. Fails with [`CaseError::Fenced`] when the job is another's.
    pub(crate) async fn renew(&self) -> Result<(), CaseError> {
        if self.case.record().await.state.is_terminal() {
            // This run has ended the job; only the news is still on its way.
            return Ok(());
        }
        let progress = *self.progress.borrow();
        let renewed =
            self.case.renew(|record| record.progress = progress.or(record.progress)).await?;
        if renewed.cancel_requested {
            self.cancelled.cancel();
        }
        Ok(())
    }
}
