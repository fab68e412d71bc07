//! The handle of a part's task: sends orders, reads its status.

use std::{process::ExitStatus, sync::Arc, time::Duration};

use tokio::sync::{mpsc, oneshot, watch};

use super::{PartSpec, PartStatus, StartError};
use crate::Stopped;

/// An order to a part, confirmed when it is done.
pub(super) enum Order {
    Start(oneshot::Sender<Result<u32, StartError>>),
    Stop { grace: Duration, done: oneshot::Sender<Stopped> },
    Restart { why: &'static str, grace: Duration, done: oneshot::Sender<()> },
    Kill(oneshot::Sender<()>),
    Pause(oneshot::Sender<()>),
    Resume(oneshot::Sender<()>),
}

/// A handle of a part's task. Clones share the task.
#[derive(Clone)]
pub(super) struct Handle {
    spec: Arc<PartSpec>,
    orders: mpsc::Sender<Order>,
    status: watch::Receiver<PartStatus>,
}

impl Handle {
    pub(super) fn new(
        spec: Arc<PartSpec>,
        orders: mpsc::Sender<Order>,
        status: watch::Receiver<PartStatus>,
    ) -> Self {
        Self { spec, orders, status }
    }

    pub(super) fn spec(&self) -> &PartSpec {
        &self.spec
    }

    pub(super) fn status(&self) -> PartStatus {
        *self.status.borrow()
    }

    /// Sends an order and waits for its result. Fails if the task has ended with the lab.
    pub(super) async fn order<T>(
        &self,
        order: impl FnOnce(oneshot::Sender<T>) -> Order,
    ) -> Result<T, StartError> {
        let (done, answer) = oneshot::channel();
        let sent = self.orders.send(order(done)).await;
        sent.map_err(|_| StartError::Stopping)?;
        answer.await.map_err(|_| StartError::Stopping)
    }

    /// Waits for the end of this process.
    pub(super) async fn exit_of(&self, pid: u32) -> ExitStatus {
        let mut status = self.status.clone();
        loop {
            match status.borrow_and_update().last_end {
                Some((ended, how)) if ended == pid => return how,
                _ => {}
            }
            if status.changed().await.is_err() {
                // The task is gone; this future is about to be dropped too.
                std::future::pending::<()>().await;
            }
        }
    }
}
