//! A job that this worker runs: its record, its signs of life, and its place in the worker.

use std::{sync::Arc, time::Duration};

use contract::record::{Owner, Progress};
use tokio::{
    sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, watch},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::{Case, CaseError, Delivery, cancel::Callable};

/// How long a job waits for its place before its message is handed back.
const PLACE_WAIT_MAX: Duration = Duration::from_secs(2);

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
    /// A place with others, or without, if there is one now. Nobody overtakes who waits.
    pub(crate) fn free(gate: &Arc<RwLock<()>>, alone: bool) -> Option<Self> {
        if alone {
            gate.clone().try_write_owned().ok().map(|guard| Self::Alone { _guard: guard })
        } else {
            gate.clone().try_read_owned().ok().map(|guard| Self::Shared { _guard: guard })
        }
    }

    /// Waits for a place, a bounded time: behind a long job, another worker is the better place.
    pub(crate) async fn wait(gate: &Arc<RwLock<()>>, alone: bool) -> Option<Self> {
        let wait = async {
            if alone {
                Self::Alone { _guard: gate.clone().write_owned().await }
            } else {
                Self::Shared { _guard: gate.clone().read_owned().await }
            }
        };
        timeout(PLACE_WAIT_MAX, wait).await.ok()
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
