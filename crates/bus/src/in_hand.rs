//! The messages that this process holds, so that a redelivery of one is adopted and not done twice.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_nats::jetstream::{AckKind, message::Acker};

/// The messages in hand, by their place in the stream. Bounded by the number of slots.
#[derive(Clone, Default)]
pub(crate) struct InHand(Arc<Mutex<HashMap<u64, Arc<AckHandle>>>>);

/// The way to answer for a message; replaced when the broker delivers it again.
pub(crate) struct AckHandle(Mutex<Arc<Acker>>);

/// Keeps a message in hand until it is dropped.
pub(crate) struct Hold {
    in_hand: InHand,
    seq: u64,
    pub(crate) handle: Arc<AckHandle>,
}

impl InHand {
    /// Takes the message into hand. `None` when it is there already: then its new handle was adopted.
    pub(crate) fn take(&self, seq: u64, acker: Acker) -> Option<Hold> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = held.get(&seq) {
            *handle.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(acker);
            return None;
        }
        let handle = Arc::new(AckHandle(Mutex::new(Arc::new(acker))));
        held.insert(seq, handle.clone());
        Some(Hold { in_hand: self.clone(), seq, handle })
    }
}

impl AckHandle {
    fn current(&self) -> Arc<Acker> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells the broker that the work goes on, which restarts its ack wait.
    pub(crate) async fn progress(&self) -> Result<(), async_nats::Error> {
        self.current().ack_with(AckKind::Progress).await
    }

    /// Lets the message come again after `after`.
    pub(crate) async fn again(&self, after: std::time::Duration) -> Result<(), async_nats::Error> {
        self.current().ack_with(AckKind::Nak(Some(after))).await
    }

    /// Acks and waits until the broker has confirmed it.
    pub(crate) async fn done(&self) -> Result<(), async_nats::Error> {
        self.current().double_ack().await
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.in_hand.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.seq);
    }
}
