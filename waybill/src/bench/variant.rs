//! The variants of a measurement.

use std::fmt;

use lab::embedded::EmbeddedOptions;
use serde::Serialize;
use tokio::{net::TcpListener, task::JoinHandle};

/// One way to run the same jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Variant {
    /// Message delivery only, on the broker of an idle lab.
    Relay,
    /// The whole pipeline over HTTP, with traces in the console.
    On,
    /// The same without spans and logs.
    Off,
    /// Spans and logs are sent to a closed port.
    Down,
    /// Spans and logs are sent to a server that accepts connections and never responds.
    Hanging,
}

impl Variant {
    /// All variants, in display order.
    pub(crate) const ALL: [Self; 5] = [Self::Relay, Self::On, Self::Off, Self::Down, Self::Hanging];
}

impl fmt::Display for Variant {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Relay => "bare relay",
            Self::On => "everything on",
            Self::Off => "telemetry off",
            Self::Down => "target down",
            Self::Hanging => "target hanging",
        })
    }
}

/// The order of a round: rotated, so that no variant is always first or always after the same one.
pub(super) fn order(round: u32) -> [Variant; 5] {
    let mut order = Variant::ALL;
    let first = round as usize % order.len();
    order.rotate_left(first);
    order
}

/// The telemetry target; kept while the lab runs.
pub(super) struct TelemetryTarget {
    hanging: Option<JoinHandle<()>>,
}

impl TelemetryTarget {
    /// Sets up the target of `variant` and configures the lab.
    pub(super) async fn prepare(
        variant: Variant,
        options: &mut EmbeddedOptions,
    ) -> anyhow::Result<Self> {
        let mut target = Self { hanging: None };
        match variant {
            Variant::On => {}
            Variant::Off | Variant::Relay => {
                options.env.push(("WAYBILL_TELEMETRY".to_owned(), "off".to_owned()));
            }
            Variant::Down => {
                let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
                // Closed at once: nothing listens there, and the system will not reuse the port soon.
                options.otlp_endpoint = Some(format!("http://{}", listener.local_addr()?));
            }
            Variant::Hanging => {
                let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
                options.otlp_endpoint = Some(format!("http://{}", listener.local_addr()?));
                target.hanging = Some(tokio::spawn(accept_and_wait(listener)));
            }
        }
        Ok(target)
    }
}

impl Drop for TelemetryTarget {
    fn drop(&mut self) {
        if let Some(hanging) = &self.hanging {
            hanging.abort();
        }
    }
}

/// Most connections held open; the services open a handful.
const HELD_MAX: usize = 256;

/// Accepts connections and never responds.
async fn accept_and_wait(listener: TcpListener) {
    let mut held = Vec::new();
    while held.len() < HELD_MAX {
        if let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    }
    std::future::pending::<()>().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_round_has_every_variant_and_begins_with_another() {
        let mut first = Vec::new();
        for round in 0..5 {
            let order = order(round);
            assert!(Variant::ALL.iter().all(|one| order.contains(one)));
            first.push(order[0]);
        }
        assert!(Variant::ALL.iter().all(|one| first.contains(one)));
    }
}
