//! The current condition of each connection, and its effect on forwarded bytes.

use std::{
    collections::HashMap,
    future::pending,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::sleep};

/// The condition of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Condition {
    /// No fault.
    #[default]
    Normal,
    /// Added latency.
    Delay(Duration),
    /// Bytes per second, in each direction.
    Throttle(u32),
    /// Open connections are reset.
    Reset,
    /// Open connections forward no more bytes and are not closed.
    Silent,
}

/// The condition of all connections of one name, and the last connection it applies to.
#[derive(Debug, Clone, Copy, Default)]
struct CurrentCondition {
    condition: Condition,
    up_to: u64,
}

/// The gates of all names.
#[derive(Debug, Default)]
pub(super) struct Gates(Mutex<HashMap<String, watch::Sender<CurrentCondition>>>);

/// The gate of one connection.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    serial: u64,
    now: watch::Receiver<CurrentCondition>,
}

impl Gates {
    pub(super) fn set(&self, name: &str, condition: Condition, up_to: u64) -> usize {
        let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let gate = gates.entry(name.to_owned()).or_default();
        gate.send_replace(CurrentCondition { condition, up_to });
        // Each connection holds four: its own, one per direction, and one for resets.
        gate.receiver_count() / 4
    }

    pub(super) fn enter(&self, name: &str, serial: u64) -> Gate {
        let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = gates.entry(name.to_owned()).or_default().subscribe();
        Gate { serial, now }
    }
}

impl Gate {
    /// Delays these bytes according to the current condition.
    pub(super) async fn pass(&self, bytes: usize) {
        let now = *self.now.borrow();
        match now.condition {
            Condition::Delay(by) => sleep(by).await,
            Condition::Throttle(bytes_per_second) => {
                sleep(Duration::from_secs_f64(bytes as f64 / f64::from(bytes_per_second))).await;
            }
            // A silent connection stays silent: both peers must detect that by timeout.
            Condition::Silent if self.serial <= now.up_to => pending().await,
            Condition::Normal | Condition::Reset | Condition::Silent => {}
        }
    }

    /// Resolves when this connection is to be reset.
    pub(super) async fn reset(&self) {
        let mut now = self.now.clone();
        let is_reset =
            |now: &CurrentCondition| now.condition == Condition::Reset && self.serial <= now.up_to;
        if now.wait_for(is_reset).await.is_err() {
            pending::<()>().await;
        }
    }
}
