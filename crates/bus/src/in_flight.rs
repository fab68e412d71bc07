//! The messages in flight in this process. The redelivery of one of them only replaces its reply handle.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_nats::jetstream::{AckKind, message::Acker};
use parking_lot::Mutex;

/// The messages in flight, by stream sequence. Bounded by the number of slots.
#[derive(Clone, Default)]
pub(crate) struct InFlight(Arc<Mutex<HashMap<u64, Arc<ReplyHandle>>>>);

/// The reply subject of a delivery; replaced when the broker redelivers the message.
struct ReplyHandle(Mutex<Arc<Acker>>);

/// Settles one delivery. Its message is in flight until this is dropped.
pub(crate) struct AckGuard {
    in_flight: InFlight,
    seq: u64,
    handle: Arc<ReplyHandle>,
}

impl InFlight {
    /// Adds the message. `None` if it is in flight already: then only its reply handle is replaced.
    pub(crate) fn add(&self, seq: u64, acker: Acker) -> Option<AckGuard> {
        let mut messages = self.0.lock();
        if let Some(handle) = messages.get(&seq) {
            *handle.0.lock() = Arc::new(acker);
            return None;
        }
        let handle = Arc::new(ReplyHandle(Mutex::new(Arc::new(acker))));
        messages.insert(seq, handle.clone());
        Some(AckGuard { in_flight: self.clone(), seq, handle })
    }
}

impl AckGuard {
    /// Restarts the ack wait of the message.
    pub(crate) async fn progress(&self) -> Result<(), async_nats::Error> {
        self.acker().ack_with(AckKind::Progress).await
    }

    /// Asks for a redelivery after `delay`.
    pub(crate) async fn nak(&self, delay: Duration) -> Result<(), async_nats::Error> {
        self.acker().ack_with(AckKind::Nak(Some(delay))).await
    }

    /// Acks, and waits until the broker has confirmed it.
    pub(crate) async fn ack(&self) -> Result<(), async_nats::Error> {
        self.acker().double_ack().await
    }

    fn acker(&self) -> Arc<Acker> {
        self.handle.0.lock().clone()
    }
}

impl Drop for AckGuard {
    fn drop(&mut self) {
        self.in_flight.0.lock().remove(&self.seq);
    }
}
