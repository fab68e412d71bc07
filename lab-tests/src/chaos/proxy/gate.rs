//! What is wrong with a way now, and what that does to bytes.

use std::{
    collections::HashMap,
    future::pending,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::sleep};

/// What a way is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Weather {
    /// Nothing is wrong.
    #[default]
    Fair,
    /// Bytes take longer.
    Delay(Duration),
    /// So many bytes a second, each way.
    Throttle(u32),
    /// Connections that are open now are reset.
    Reset,
    /// Connections that are open now carry nothing any more, and are not closed.
    Silent,
}

/// The weather of every name, and the last connection that it was meant for.
#[derive(Debug, Clone, Copy, Default)]
struct Now {
    weather: Weather,
    up_to: u64,
}

/// The gates of all names.
#[derive(Debug, Default)]
pub(super) struct Gates(Mutex<HashMap<String, watch::Sender<Now>>>);

/// The gate of one connection.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    serial: u64,
    now: watch::Receiver<Now>,
}

impl Gates {
    pub(super) fn set(&self, name: &str, weather: Weather, up_to: u64) -> usize {
        let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let gate = gates.entry(name.to_owned()).or_default();
        gate.send_replace(Now { weather, up_to });
        // Each connection holds four: its own, one a direction, and one to hear of a reset.
        gate.receiver_count() / 4
    }

    pub(super) fn enter(&self, name: &str, serial: u64) -> Gate {
        let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = gates.entry(name.to_owned()).or_default().subscribe();
        Gate { serial, now }
    }
}

impl Gate {
    /// Waits as long as so many bytes take now.
    pub(super) async fn pass(&self, bytes: usize) {
        let now = *self.now.borrow();
        match now.weather {
            Weather::Delay(by) => sleep(by).await,
            Weather::Throttle(bytes_a_second) => {
                sleep(Duration::from_secs_f64(bytes as f64 / f64::from(bytes_a_second))).await;
            }
            // What was silent once stays so: whoever waits has to notice by himself.
            Weather::Silent if self.serial <= now.up_to => pending().await,
            Weather::Fair | Weather::Reset | Weather::Silent => {}
        }
    }

    /// Resolves when this connection is to be reset.
    pub(super) async fn reset(&self) {
        let mut now = self.now.clone();
        let hit = |now: &Now| now.weather == Weather::Reset && self.serial <= now.up_to;
        if now.wait_for(hit).await.is_err() {
            pending::<()>().await;
        }
    }
}
